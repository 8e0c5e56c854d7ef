//! What messages cost in some days, from every side: by day, campaign, channel, country, category and language; our estimate beside what
//! callbacks said and what Meta's analytics say; the channels beside each other; the days before; and what would have been cheaper.
//!
//! Pure: it is made from sums (`facts`) and written in one of the forms. It knows no messages and no people.
//!
//! | module | owns |
//! |---|---|
//! | `period` | days, months, quarters |
//! | `facts` | what it is made from |
//! | `channels` | the channels beside each other |
//! | `sides` | estimate, callbacks and Meta beside each other, with what explains the difference |
//! | `advice` | what would have been cheaper |
//! | `json`, `rows`, `html`, `letter` | the forms |
//! | `words` | what they say in both languages |

mod advice;
mod channels;
mod facts;
mod html;
mod json;
mod letter;
mod period;
mod rows;
mod sides;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use advice::{Advice, AdviceKind};
pub use channels::ChannelFigures;
pub(in crate::domain) use channels::share;
pub use facts::{Answered, CallDay, CostDay, MetaCost};
pub use html::to_html;
pub use json::ShownReport;
pub use letter::to_letter;
pub use period::{Days, Period, WantedDays};
pub use rows::{COLUMNS, Part, rows, to_csv};
pub use sides::{Explained, Side, Sides};

use crate::domain::channel::Channel;
use crate::domain::language::Language;
use crate::domain::money::{Currency, Money};
use crate::domain::report::{Report, ReportFile, ReportLetter};

/// What was paid, and how many messages for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Charged messages.
    pub paid: i64,
    /// Messages that cost nothing.
    pub free: i64,
    /// What they cost, in micro-units.
    pub micros: i64,
    /// What they would have cost by our estimate.
    pub estimated_micros: i64,
}

impl Sum {
    fn add(&mut self, day: &CostDay) {
        *(if day.free.is_some() { &mut self.free } else { &mut self.paid }) += day.n;
        self.micros += day.micros;
        self.estimated_micros += day.estimated_micros;
    }

    /// All messages.
    pub const fn n(&self) -> i64 {
        self.paid + self.free
    }
}

/// What a report is made from.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What was charged on the days.
    pub costs: Vec<CostDay>,
    /// What became of the calls of the days.
    pub calls: Vec<CallDay>,
    /// What was charged on the days before.
    pub costs_before: Vec<CostDay>,
    /// How people answered, by channel.
    pub answered: BTreeMap<Channel, Answered>,
    /// What Meta's analytics say of our accounts, or why they say nothing.
    pub meta: Option<Result<Vec<MetaCost>, String>>,
}

/// Costs of some days.
#[derive(Debug, Clone)]
pub struct CostReport {
    /// Which.
    pub days: Days,
    /// When it was made.
    pub made_at: Timestamp,
    /// In which everything is counted. Days of another currency are left out and told.
    pub currency: Currency,
    /// Everything together.
    pub total: Sum,
    /// The days before.
    pub before: Sum,
    /// The days of the report before these.
    pub days_before: Days,
    /// Sums by each day, with days of nothing.
    pub by_day: Vec<(String, Sum)>,
    /// Sums by campaign, the dearest first; an empty name: outside of campaigns.
    pub by_campaign: Vec<(String, Sum)>,
    /// Sums by channel.
    pub by_channel: Vec<(String, Sum)>,
    /// Sums by country; an empty name: not known.
    pub by_country: Vec<(String, Sum)>,
    /// Sums by category.
    pub by_category: Vec<(String, Sum)>,
    /// Sums by language.
    pub by_language: Vec<(String, Sum)>,
    /// Why messages were free, and how many.
    pub free_because: Vec<(String, i64)>,
    /// The channels beside each other.
    pub channels: Vec<ChannelFigures>,
    /// Estimate, callbacks and Meta.
    pub sides: Sides,
    /// What would have been cheaper.
    pub advice: Vec<Advice>,
    /// Sums of other currencies, which cannot be added.
    pub other_currencies: Vec<Money>,
    /// The sums of which all of it was made.
    pub costs: Vec<CostDay>,
}

impl CostReport {
    /// Puts it together.
    pub fn new(days: Days, made_at: Timestamp, currency: Currency, facts: Facts) -> Self {
        let Facts { costs, calls, costs_before, answered, meta } = facts;
        let (costs, others): (Vec<CostDay>, Vec<CostDay>) = costs.into_iter().partition(|day| day.currency == currency);
        let mut other_currencies: BTreeMap<Currency, i64> = BTreeMap::new();
        for day in &others {
            *other_currencies.entry(day.currency).or_default() += day.micros;
        }
        let channels = channels::figures(&costs, &calls, &answered);
        let mut by_day: BTreeMap<String, Sum> = days.each().map(|day| (day.to_string(), Sum::default())).collect();
        costs.iter().for_each(|day| by_day.entry(day.day.to_string()).or_default().add(day));
        let mut free_because: BTreeMap<&str, i64> = BTreeMap::new();
        for day in &costs {
            if let Some(because) = day.free {
                *free_because.entry(because.name()).or_default() += day.n;
            }
        }
        let before = costs_before.iter().filter(|day| day.currency == currency);
        Self {
            days,
            made_at,
            currency,
            total: sum(&costs),
            before: before.fold(Sum::default(), |mut sum, day| {
                sum.add(day);
                sum
            }),
            days_before: days.previous(),
            by_day: by_day.into_iter().collect(),
            by_campaign: by(&costs, |day| day.campaign.clone()),
            by_channel: by(&costs, |day| day.channel.name().to_owned()),
            by_country: by(&costs, |day| day.country.map(|country| country.to_string()).unwrap_or_default()),
            by_category: by(&costs, |day| day.category.name().to_owned()),
            by_language: by(&costs, |day| day.language.code().to_owned()),
            free_because: free_because.into_iter().map(|(because, n)| (because.to_owned(), n)).collect(),
            sides: sides::compare(&costs, meta),
            advice: advice::advice(&costs, &channels),
            channels,
            other_currencies: other_currencies
                .into_iter()
                .map(|(currency, micros)| Money { micros, currency })
                .collect(),
            costs,
        }
    }

    /// The days of the report of that name; `None`: it is no name of a report.
    pub fn days_of(name: &str) -> Option<Days> {
        // Two days of ten characters, with a hyphen between.
        let (from, to) = name.strip_prefix("costs-")?.split_at_checked(10)?;
        Some(Days { from: from.parse().ok()?, to: to.strip_prefix('-')?.parse().ok()? })
    }

    /// The page in a language as a file.
    pub fn page_file(&self, language: Language) -> ReportFile {
        ReportFile { name: format!("{}.{language}.html", self.name()), text: to_html(self, language) }
    }

    /// An amount in the report's currency.
    pub fn money(&self, micros: i64) -> Money {
        Money { micros, currency: self.currency }
    }
}

impl Report for CostReport {
    fn name(&self) -> String {
        format!("costs-{}-{}", self.days.from, self.days.to)
    }

    fn files(&self) -> Vec<ReportFile> {
        let json = serde_json::to_string_pretty(&ShownReport::new(self, true)).expect("a report is always JSON");
        let file = |ending: &str, text| ReportFile { name: format!("{}.{ending}", self.name()), text };
        let mut files = vec![file("json", json), file("csv", to_csv(self))];
        files.extend(Language::ALL.map(|language| self.page_file(language)));
        files
    }

    fn letter(&self, languages: &[Language]) -> ReportLetter {
        to_letter(self, languages)
    }
}

fn sum<'a>(costs: impl IntoIterator<Item = &'a CostDay>) -> Sum {
    costs.into_iter().fold(Sum::default(), |mut sum, day| {
        sum.add(day);
        sum
    })
}

/// Sums by something, the dearest first.
fn by(costs: &[CostDay], name: impl Fn(&CostDay) -> String) -> Vec<(String, Sum)> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    costs.iter().for_each(|day| sums.entry(name(day)).or_default().add(day));
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| (-sum.micros, -sum.n()));
    sums
}
