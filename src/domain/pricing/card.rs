//! Amounts by market, category, day and volume.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::category::PriceCategory;

/// A part of the messages of a month, and what each of them costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// It begins behind so many charged messages of the month.
    pub above: u64,
    /// What one message costs, in micro-units.
    pub micros: i64,
}

/// What messages of a category cost in a market, from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The first day.
    pub from: Date,
    /// Rising; the first begins at nothing. Each message is priced by the step in which it falls, not by where the month ends.
    pub steps: Vec<Step>,
}

impl Rate {
    /// What the message costs before which so many were charged in the month.
    pub fn micros(&self, charged_before: u64) -> i64 {
        let step = self.steps.iter().rev().find(|step| step.above <= charged_before);
        step.or(self.steps.first()).map_or(0, |step| step.micros)
    }

    /// Whether the volume matters.
    pub fn is_stepped(&self) -> bool {
        self.steps.len() > 1
    }
}

/// All amounts that are known, of the past and the future too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// The youngest first.
    rates: BTreeMap<Arc<str>, BTreeMap<PriceCategory, Vec<Rate>>>,
    /// From where they were taken, as the files say.
    sources: Vec<String>,
}

impl Card {
    /// Adds an amount; false where there was one for the same market, category and day, which stays.
    pub fn add(&mut self, market: &Arc<str>, category: PriceCategory, rate: Rate) -> bool {
        let theirs = self.rates.entry(Arc::clone(market)).or_default().entry(category).or_default();
        let at = theirs.partition_point(|other| other.from > rate.from);
        if theirs.get(at).is_some_and(|other| other.from == rate.from) {
            return false;
        }
        theirs.insert(at, rate);
        true
    }

    /// Notes from where amounts were taken.
    pub fn add_source(&mut self, source: String) {
        self.sources.push(source);
    }

    /// From where the amounts were taken.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Whether no amount is known at all.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The amount in force on a day. Of a category without one, that of the category that stands in for it.
    pub fn rate(&self, market: &str, category: PriceCategory, on: Date) -> Option<&Rate> {
        let theirs = self.rates.get(market)?;
        let of = |category| theirs.get(&category)?.iter().find(|rate| rate.from <= on);
        of(category).or_else(|| of(category.stands_in()?))
    }

    /// Whether any amount depends on the volume.
    pub fn is_stepped(&self) -> bool {
        self.rates.values().flat_map(BTreeMap::values).flatten().any(Rate::is_stepped)
    }
}
