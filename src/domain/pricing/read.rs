//! The files that hold markets, rules and rate cards. Everything wrong in one is told at once, with its line.

use std::sync::Arc;

use jiff::civil::Date;

use super::card::{Card, Rate, Step};
use super::category::PriceCategory;
use super::free::{FreeBecause, FreeRule};
use super::market::{Market, Markets};
use crate::domain::country::CountryCode;
use crate::domain::document::{Node, NodeValue, Read, Table, one_of};
use crate::domain::money::{Currency, Money};
use crate::domain::problem::{Place, Problem, did_you_mean};

/// An amount of money as a plain decimal, whose currency stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount(String);

impl Amount {
    /// In micro-units of a currency.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence that begins with the key.
    pub fn in_currency(&self, currency: Currency) -> Result<Money, String> {
        match Money::from_decimal(&self.0, currency) {
            Ok(money) if money.micros >= 0 => Ok(money),
            Ok(_) => Err("must not be below zero".to_owned()),
            Err(error) => Err(format!("is wrong: {error}")),
        }
    }

    fn micros(&self) -> Result<i64, String> {
        self.in_currency(Currency::USD).map(|money| money.micros)
    }
}

impl Read for Amount {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) | NodeValue::Decimal(text) => Ok(Self(text.clone())),
            NodeValue::Integer(number) => Ok(Self(number.to_string())),
            other => Err(format!("must be an amount such as `\"0.0025\"`, not {}", other.kind())),
        }
    }
}

impl Read for PriceCategory {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ON_CARDS, Self::name)
    }
}

impl Read for FreeBecause {
    fn read(node: &Node) -> Result<Self, String> {
        let rules = Self::ALL.into_iter().filter(|because| *because != Self::Told);
        one_of(node, rules, Self::name)
    }
}

/// Reads a document with `read`; what it makes counts only where nothing is wrong.
fn document<T>(path: &str, text: &str, read: impl FnOnce(&Table<'_>) -> Option<T>) -> Result<T, Vec<Problem>> {
    let node = Node::parse(path, text)?;
    match Table::read_document(&node, read) {
        (Some(read), problems, _) if problems.is_empty() => Ok(read),
        (_, problems, _) => Err(problems),
    }
}

/// Reads `[[markets]]` and the name of the `rest`.
///
/// # Errors
/// Everything that is wrong, with its line.
pub fn read_markets(path: &str, text: &str) -> Result<Markets, Vec<Problem>> {
    document(path, text, |table| {
        let rest: Option<String> = table.optional("rest");
        let read = table.tables("markets", |market| {
            let name: Option<String> = market.required("name");
            let countries: Option<Vec<CountryCode>> = market.required("countries");
            let from: Option<Date> = market.optional("from");
            let market_read = Market { name: name?.into(), countries: countries?, from };
            Some((market_read, market.place().clone()))
        });
        let (all, places): (Vec<Market>, Vec<Place>) = read.into_iter().flatten().unzip();
        match Markets::new(all, rest.map(Arc::from)) {
            Ok(markets) => Some(markets),
            Err((country, _, at)) => {
                table.note(places[at].problem(format!(
                    "`countries` has `{country}`, which another market has from the same day on; take it out of one of them, or say `from`"
                )));
                None
            }
        }
    })
}

/// Reads `[[free]]`.
///
/// # Errors
/// Everything that is wrong, with its line.
pub fn read_rules(path: &str, text: &str) -> Result<Vec<FreeRule>, Vec<Problem>> {
    document(path, text, |table| {
        let rules = table.tables("free", |rule| {
            let because = rule.required("because");
            let categories: Option<Vec<PriceCategory>> = rule.required("categories");
            let (from, until): (Option<Date>, Option<Date>) = (rule.optional("from"), rule.optional("until"));
            if let (Some(from), Some(until)) = (from, until)
                && until <= from
            {
                rule.problem("until", format!("`until` is {until}, but must be later than `from`, which is {from}"));
            }
            let (in_window, in_entry_point) = (rule.or("in_window", false), rule.or("in_entry_point", false));
            let first_in_month = rule.optional("first_in_month");
            if because == Some(FreeBecause::MonthlyShare) && first_in_month.is_none() {
                rule.problem_here(
                    "`first_in_month` is missing: say how many messages of each number are free in a month",
                );
            }
            Some(FreeRule {
                because: because?,
                categories: categories?,
                from,
                until,
                in_window: in_window?,
                in_entry_point: in_entry_point?,
                first_in_month,
            })
        });
        Some(rules.into_iter().flatten().collect())
    })
}

/// Adds the `[[rates]]` of a file to a card in this currency.
///
/// # Errors
/// Everything that is wrong, with its line; then nothing was added.
pub fn read_card(
    path: &str,
    text: &str,
    currency: Currency,
    markets: &Markets,
    card: &mut Card,
) -> Result<(), Vec<Problem>> {
    let mut with_it = card.clone();
    document(path, text, |table| {
        let own: Option<Currency> = table.required("currency");
        if let Some(own) = own
            && own != currency
        {
            table.problem(
                "currency",
                format!(
                    "`currency` is {own}, but costs are counted in {currency} (`[pricing] currency`); load the card in that currency, \
                     or change the setting if the account is billed in {own}"
                ),
            );
        }
        if let Some(source) = table.required("source") {
            with_it.add_source(source);
        }
        let rates = table.tables("rates", |row| read_row(row, markets));
        if rates.is_empty() {
            table.problem_here("there are no rates in it; write each as a table `[[rates]]`, or take the file out");
        }
        for (market, from, amounts, place) in rates.into_iter().flatten() {
            for (category, steps) in amounts {
                if !with_it.add(&market, category, Rate { from, steps }) {
                    table.note(place.problem(format!(
                        "`{market}` has had a rate for {} from {from} on before; take one of them out",
                        category.name()
                    )));
                }
            }
        }
        Some(())
    })?;
    *card = with_it;
    Ok(())
}

/// Market, first day, what each category costs, and where that stands.
type Row = (Arc<str>, Date, Vec<(PriceCategory, Vec<Step>)>, Place);

fn read_row(row: &Table<'_>, markets: &Markets) -> Option<Row> {
    let name: Option<String> = row.required("market");
    let from: Option<Date> = row.required("from");
    let amounts: Vec<_> = PriceCategory::ON_CARDS
        .into_iter()
        .filter_map(|category| Some((category, row.optional::<Steps>(category.name())?.0)))
        .collect();
    let name = name?;
    let market = markets.named(&name).cloned();
    if market.is_none() {
        let nearest = did_you_mean(&name, markets.names().map(|name| &**name));
        row.problem("market", format!("`market` is `{name}`, which is none of the markets{nearest}"));
    }
    if amounts.is_empty() && PriceCategory::ON_CARDS.iter().all(|category| row.node(category.name()).is_none()) {
        row.problem_here("this row has no amount; write one for a category, such as `utility = \"0.0107\"`");
    }
    Some((market?, from?, amounts, row.place().clone()))
}

/// An amount, or amounts by volume.
struct Steps(Vec<Step>);

impl Read for Steps {
    fn read(node: &Node) -> Result<Self, String> {
        let NodeValue::List(items) = &node.value else {
            let micros = Amount::read(node)?.micros()?;
            return Ok(Self(vec![Step { above: 0, micros }]));
        };
        let steps = items.iter().map(step).collect::<Result<Vec<Step>, String>>()?;
        match steps.first() {
            Some(first) if first.above == 0 => {}
            _ => return Err("must begin with a price for the first messages: `{ price = \"…\" }`".to_owned()),
        }
        if steps.windows(2).any(|two| two[0].above >= two[1].above) {
            return Err("must have rising values of `above`".to_owned());
        }
        Ok(Self(steps))
    }
}

fn step(node: &Node) -> Result<Step, String> {
    let shape = || "must hold steps such as `{ above = 100000, price = \"0.0149\" }`".to_owned();
    let NodeValue::Table(entries) = &node.value else { return Err(shape()) };
    if entries.keys().any(|key| key != "above" && key != "price") {
        return Err(shape());
    }
    let above = match entries.get("above") {
        Some(above) => u64::read(above).map_err(|wrong| format!("has an `above` that {wrong}"))?,
        None => 0,
    };
    let price = entries.get("price").ok_or_else(shape)?;
    let micros =
        Amount::read(price).and_then(|price| price.micros()).map_err(|wrong| format!("has a `price` that {wrong}"))?;
    Ok(Step { above, micros })
}
