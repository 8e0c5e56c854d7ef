//! One row for each day, campaign, channel, country, category and language: what a spreadsheet takes.

use std::collections::BTreeMap;

use super::facts::CostDay;
use super::{CostReport, Sum};
use crate::domain::money::Money;

/// The heads of the columns.
pub const COLUMNS: [&str; 11] = [
    "day",
    "campaign",
    "channel",
    "country",
    "category",
    "language",
    "messages_charged",
    "messages_free",
    "cost",
    "estimated",
    "currency",
];

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Empty outside of campaigns.
    pub campaign: String,
    /// Its name.
    pub channel: &'static str,
    /// Two letters; empty where it is not known.
    pub country: String,
    /// Its name.
    pub category: &'static str,
    /// `ar` or `en`.
    pub language: &'static str,
    /// What it comes to.
    pub sum: Sum,
    /// The cost.
    pub cost: Money,
    /// The estimate.
    pub estimated: Money,
}

impl Part {
    /// In the order of [`COLUMNS`].
    pub fn cells(&self) -> [String; COLUMNS.len()] {
        [
            self.day.clone(),
            self.campaign.clone(),
            self.channel.to_owned(),
            self.country.clone(),
            self.category.to_owned(),
            self.language.to_owned(),
            self.sum.paid.to_string(),
            self.sum.free.to_string(),
            self.cost.to_decimal(),
            self.estimated.to_decimal(),
            self.cost.currency.to_string(),
        ]
    }
}

/// The rows as CSV with a head. No cell can hold a comma, a quote or a formula: days, names of ours, letters and numbers.
pub fn to_csv(report: &CostReport) -> String {
    let mut out = COLUMNS.join(",");
    out.push('\n');
    for row in rows(report) {
        out.push_str(&row.cells().join(","));
        out.push('\n');
    }
    out
}

/// All rows, by day.
pub fn rows(report: &CostReport) -> Vec<Part> {
    let key = |day: &CostDay| {
        let country = day.country.map(|country| country.to_string()).unwrap_or_default();
        (day.day, day.campaign.clone(), day.channel, country, day.category, day.language)
    };
    let mut sums: BTreeMap<_, Sum> = BTreeMap::new();
    report.costs.iter().for_each(|day| sums.entry(key(day)).or_default().add(day));
    sums.into_iter()
        .map(|((day, campaign, channel, country, category, language), sum)| Part {
            day: day.to_string(),
            campaign,
            channel: channel.name(),
            country,
            category: category.name(),
            language: language.code(),
            sum,
            cost: report.money(sum.micros),
            estimated: report.money(sum.estimated_micros),
        })
        .collect()
}
