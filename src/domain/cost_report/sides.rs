//! Estimate, callbacks and Meta's analytics beside each other. Only messages over Meta's own WhatsApp: nobody else tells prices in three ways.

use std::collections::BTreeMap;

use super::facts::{CostDay, MetaCost};
use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::pricing::{Basis, Difference, PriceCategory, ToldKind};

/// One country and category from every side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// Messages that we booked.
    pub n: i64,
    /// Of them charged.
    pub paid: i64,
    /// What they cost by card and rules alone, in micro-units.
    pub estimated_micros: i64,
    /// What was booked.
    pub booked_micros: i64,
    /// Messages whose price a callback told.
    pub told: i64,
    /// Messages by Meta's analytics.
    pub meta_n: i64,
    /// Of them charged.
    pub meta_paid: i64,
    /// What they cost by Meta's analytics; `None`: Meta tells no costs.
    pub meta_micros: Option<i64>,
}

/// A part of the difference between estimate and what was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// What explains it.
    pub because: Difference,
    /// How many messages.
    pub n: i64,
    /// What was booked less what was estimated.
    pub micros: i64,
}

/// All sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// By country and category.
    pub rows: BTreeMap<(Option<CountryCode>, PriceCategory), Side>,
    /// Everything together.
    pub total: Side,
    /// What explains the difference between estimate and what was booked. Together they are the whole difference.
    pub explained: Vec<Explained>,
    /// Messages that were booked by estimate because no callback told their price, and what they cost.
    pub untold: (i64, i64),
    /// Why Meta's analytics are missing; `None`: they are there, or nobody was asked.
    pub meta_missing: Option<String>,
    /// Whether Meta was asked and answered.
    pub has_meta: bool,
}

/// Puts them beside each other.
pub(super) fn compare(costs: &[CostDay], meta: Option<Result<Vec<MetaCost>, String>>) -> Sides {
    let mut sides = Sides::default();
    let mut explained: BTreeMap<Difference, (i64, i64)> = BTreeMap::new();
    for day in costs.iter().filter(|day| day.channel == Channel::Whatsapp) {
        let row = sides.rows.entry((day.country, day.category)).or_default();
        for side in [row, &mut sides.total] {
            side.n += day.n;
            side.paid += if day.free.is_none() { day.n } else { 0 };
            side.estimated_micros += day.estimated_micros;
            side.booked_micros += day.micros;
            side.told += if day.basis == Basis::Callback { day.n } else { 0 };
        }
        if day.basis == Basis::Estimate {
            sides.untold.0 += day.n;
            sides.untold.1 += day.micros;
        }
        if day.difference != Difference::None {
            let (n, micros) = explained.entry(day.difference).or_default();
            *n += day.n;
            *micros += day.micros - day.estimated_micros;
        }
    }
    let part = |(because, (n, micros))| Explained { because, n, micros };
    sides.explained = explained.into_iter().map(part).collect();
    match meta {
        None => {}
        Some(Err(because)) => sides.meta_missing = Some(because),
        Some(Ok(rows)) => {
            sides.has_meta = true;
            for of_meta in rows {
                let row = sides.rows.entry((of_meta.country, of_meta.category)).or_default();
                for side in [row, &mut sides.total] {
                    side.meta_n += of_meta.n;
                    side.meta_paid += if of_meta.kind == ToldKind::Charged { of_meta.n } else { 0 };
                    if let Some(micros) = of_meta.micros {
                        side.meta_micros = Some(side.meta_micros.unwrap_or(0) + micros);
                    }
                }
            }
        }
    }
    sides
}
