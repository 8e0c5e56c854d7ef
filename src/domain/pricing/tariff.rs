//! All prices in force, and what one message costs by them.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::card::{Card, Rate};
use super::category::PriceCategory;
use super::free::{FreeBecause, FreeRule};
use super::market::Markets;
use crate::domain::country::CountryCode;
use crate::domain::money::Currency;
use crate::domain::schedule::Zone;

/// Everything by which messages are priced.
#[derive(Debug, Clone)]
pub struct Tariff {
    /// In which everything is counted.
    pub currency: Currency,
    /// Where days and months begin and end: the zone of the business account.
    pub zone: Zone,
    /// Which countries are priced together.
    pub markets: Markets,
    /// When messages are free.
    pub rules: Vec<FreeRule>,
    /// Amounts; without any, every message costs its flat price.
    pub card: Card,
}

/// One message that is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// What kind of message it is.
    pub category: PriceCategory,
    /// Where the person is; `None` where the number belongs to no country, or is not known.
    pub country: Option<CountryCode>,
    /// The day, where the account is.
    pub on: Date,
    /// Whether the service window is open, as far as is known.
    pub in_window: bool,
    /// Whether the person came by a free entry point less than 72 hours ago, as far as is known.
    pub in_entry_point: bool,
    /// How many messages of its market and category were charged before it in the month.
    pub charged_before: u64,
    /// How many of its category its number has sent before it in the month.
    pub sent_before: u64,
    /// What it costs where no card has an amount, in micro-units.
    pub flat_micros: i64,
}

/// Where an amount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A rate card.
    Card,
    /// The flat prices of `[pricing]`.
    Flat,
    /// The provider told the amount itself.
    Told,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Card, Self::Flat, Self::Told];

    /// The word in the record and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Flat => "flat",
            Self::Told => "told",
        }
    }

    /// The source of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// What one message costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// So many micro-units.
    Paid {
        /// The amount.
        micros: i64,
        /// Where it comes from.
        source: Source,
    },
    /// Nothing, for this reason.
    Free(FreeBecause),
}

impl Charge {
    /// The amount in micro-units.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Paid { micros, .. } => micros,
            Self::Free(_) => 0,
        }
    }

    /// Why it costs nothing.
    pub const fn free_because(self) -> Option<FreeBecause> {
        match self {
            Self::Paid { .. } => None,
            Self::Free(because) => Some(because),
        }
    }

    /// Whether it is charged, be it nothing.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Paid { .. })
    }
}

impl Default for Tariff {
    fn default() -> Self {
        Self::flat(Currency::USD)
    }
}

impl Tariff {
    /// Without rules and cards: every message costs its flat price.
    pub fn flat(currency: Currency) -> Self {
        let (markets, rules, card) = Default::default();
        Self { currency, zone: Zone::utc(), markets, rules, card }
    }

    /// The day of a moment, where the account is.
    pub fn day(&self, at: Timestamp) -> Date {
        self.zone.rules().to_datetime(at).date()
    }

    /// The rate of the card for a category in the market of a country on a day.
    pub fn rate(&self, category: PriceCategory, country: Option<CountryCode>, on: Date) -> Option<(&Arc<str>, &Rate)> {
        let market = self.markets.of(country, on)?;
        Some((market, self.card.rate(market, category, on)?))
    }

    /// What one message costs by card and rules: an amount, or free because. The first rule that holds counts.
    pub fn charge(&self, sale: &Sale) -> Charge {
        match self.free(sale) {
            Some(because) => Charge::Free(because),
            None => self.paid(sale),
        }
    }

    /// What it costs when it is charged, whatever the rules say.
    pub fn paid(&self, sale: &Sale) -> Charge {
        match self.rate(sale.category, sale.country, sale.on) {
            Some((_, rate)) => Charge::Paid { micros: rate.micros(sale.charged_before), source: Source::Card },
            None => Charge::Paid { micros: sale.flat_micros, source: Source::Flat },
        }
    }

    fn free(&self, sale: &Sale) -> Option<FreeBecause> {
        let holds = |rule: &&FreeRule| {
            rule.holds(sale.category, sale.on)
                && (!rule.in_window || sale.in_window)
                && (!rule.in_entry_point || sale.in_entry_point)
                && rule.first_in_month.is_none_or(|first| sale.sent_before < first)
        };
        self.rules.iter().find(holds).map(|rule| rule.because)
    }

    /// Whether the messages of a number in a month must be counted to price one of this category on this day.
    pub fn has_monthly_share(&self, category: PriceCategory, on: Date) -> bool {
        self.rules.iter().any(|rule| rule.first_in_month.is_some() && rule.holds(category, on))
    }
}
