//! What a run would cost, by language, country and category, with the prices in force on its day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::domain::contact::Contact;
use crate::domain::country::CountryCode;
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::{Charge, PriceCategory, Sale, Source, Tariff};
use crate::http::Cost;

/// Rows of the table; the rest is one row.
const SHOWN_MAX: usize = 12;

/// The costs of the recipients so far.
pub(super) struct PlanCosts<'a> {
    tariff: &'a Tariff,
    on: Date,
    category: PriceCategory,
    flat_micros: i64,
    /// Charged messages of the month by market, those of the plan included.
    charged: BTreeMap<String, u64>,
    parts: BTreeMap<(Language, Option<CountryCode>), Part>,
}

#[derive(Default, Clone, Copy)]
struct Part {
    recipients: u64,
    micros: i64,
    flat: u64,
    free: u64,
}

/// One row, to be shown.
#[derive(Debug, Serialize)]
pub(super) struct ShownCost {
    pub(super) language: &'static str,
    /// `null` where the number belongs to no country.
    pub(super) country: Option<String>,
    /// The market of the rate card.
    pub(super) market: Option<String>,
    pub(super) category: &'static str,
    pub(super) recipients: u64,
    /// How many of them no card prices.
    pub(super) at_flat_price: u64,
    pub(super) free: u64,
    pub(super) cost: Cost,
}

impl<'a> PlanCosts<'a> {
    /// Of templates of that category on that day; `charged` were charged in its month already.
    pub(super) fn new(
        tariff: &'a Tariff,
        on: Date,
        category: PriceCategory,
        flat_micros: i64,
        charged: BTreeMap<(String, PriceCategory), u64>,
    ) -> Self {
        let own = charged.into_iter().filter(|((_, of), _)| *of == category);
        let charged = own.map(|((market, _), n)| (market, n)).collect();
        Self { tariff, on, category, flat_micros, charged, parts: BTreeMap::new() }
    }

    /// Adds a recipient, who is charged behind those before.
    pub(super) fn add(&mut self, contact: &Contact) {
        let country = CountryCode::of_person(contact.phone.as_ref().map(PhoneNumber::e164), contact.bsuid.as_deref());
        let market = self.tariff.markets.of(country, self.on);
        let sale = Sale {
            category: self.category,
            country,
            on: self.on,
            // Nobody knows today who will have written to us by then.
            in_window: false,
            in_entry_point: false,
            charged_before: market.and_then(|market| self.charged.get(&**market)).copied().unwrap_or(0),
            sent_before: 0,
            flat_micros: self.flat_micros,
        };
        let charge = self.tariff.charge(&sale);
        let part = self.parts.entry((contact.language, country)).or_default();
        part.recipients += 1;
        part.micros += charge.micros();
        match charge {
            Charge::Free(_) => part.free += 1,
            Charge::Paid { source, .. } => {
                part.flat += u64::from(source == Source::Flat);
                if let Some(market) = market {
                    *self.charged.entry(market.to_string()).or_default() += 1;
                }
            }
        }
    }

    /// All of it together, in micro-units.
    pub(super) fn micros(&self) -> i64 {
        self.parts.values().map(|part| part.micros).sum()
    }

    /// How many recipients no card prices, although there is one.
    pub(super) fn missed(&self) -> u64 {
        if self.tariff.card.is_empty() { 0 } else { self.parts.values().map(|part| part.flat).sum() }
    }

    /// From where the prices are.
    pub(super) fn sources(&self) -> Vec<String> {
        match self.tariff.card.sources() {
            [] => vec!["flat prices of `[pricing]`; no rate card is loaded".to_owned()],
            sources => sources.to_vec(),
        }
    }

    /// The rows, the dearest first.
    pub(super) fn shown(&self) -> Vec<ShownCost> {
        let mut rows: Vec<_> = self.parts.iter().collect();
        rows.sort_by_key(|((language, country), part)| (-part.micros, language.code(), *country));
        let market = |country: &Option<CountryCode>| self.tariff.markets.of(*country, self.on);
        rows.into_iter()
            .map(|((language, country), part)| ShownCost {
                language: language.code(),
                country: country.map(|country| country.to_string()),
                market: market(country).map(ToString::to_string),
                category: self.category.name(),
                recipients: part.recipients,
                at_flat_price: part.flat,
                free: part.free,
                cost: Money { micros: part.micros, currency: self.tariff.currency }.into(),
            })
            .collect()
    }
}

/// The rows for a terminal.
pub(super) fn rows(costs: &[ShownCost]) -> Vec<[String; 2]> {
    // A single row says what the sum says.
    if costs.len() < 2 {
        return Vec::new();
    }
    let row = |cost: &ShownCost| {
        let country = cost.country.as_deref().unwrap_or("no country");
        let what = format!("  {}, {country}, {}", cost.language, cost.category);
        [what, format!("{} {} for {} recipients", cost.cost.amount, cost.cost.currency, cost.recipients)]
    };
    let mut rows: Vec<[String; 2]> = costs.iter().take(SHOWN_MAX).map(row).collect();
    if costs.len() > SHOWN_MAX {
        let rest: u64 = costs[SHOWN_MAX..].iter().map(|cost| cost.recipients).sum();
        rows.push(["  …".to_owned(), format!("{rest} recipients more; `--json` has all")]);
    }
    rows
}
