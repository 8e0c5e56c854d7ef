//! A month beside the one before it: delivery, reading and answers by channel and campaign, how long messages took, what Meta says of our numbers
//! and accounts, and what changed.
//!
//! Pure: it is made from sums that the record keeps, a sample of steps and what Meta said, and written in one of the forms. It knows no people.
//!
//! | module | owns |
//! |---|---|
//! | `month` | the month |
//! | `rates` | what became of messages |
//! | `times` | how long they took, by a sample |
//! | `compare` | what changed, and whether that is worse |
//! | `kept` | what a review leaves for the next one |
//! | `sections`, `words` | what it says in both languages |
//! | `forms` | page, mail and CSV; `json` the fourth |

mod compare;
mod forms;
mod json;
mod kept;
mod month;
mod rates;
mod sections;
#[cfg(test)]
mod tests;
mod times;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

pub use self::compare::{Change, Changed, Whose};
pub use self::forms::{to_csv, to_html, to_text};
pub use self::json::ShownReview;
pub use self::kept::{Kept, KeptMonth};
pub use self::month::Month;
use self::rates::AllRates;
pub use self::rates::{CampaignAnswers, Part, Rate, Rates};
pub use self::times::{MessageSteps, Percentiles, SAMPLE_MAX, Sampling, Step, StepKind, Times, spread};
use crate::domain::channel::Channel;
use crate::domain::cost_report::{Answered, CallDay};
use crate::domain::language::Language;
use crate::domain::limits_check::{Direction, SaidByMeta};
use crate::domain::report::{Report, ReportFile, ReportLetter};
use crate::domain::standing_job::{JobOutcome, JobResult};

/// How many campaigns are named as the worst.
const WORST: usize = 5;
/// A campaign of fewer messages is not among the worst: one person more or less would put it there.
const WORST_OF_MIN: i64 = 30;
/// How many changes for the worse are named in the sentence about a run. What Meta says and channels come before campaigns.
const NAMED: usize = 5;
/// What Meta said longer ago is told as old. It is asked each hour.
const SAID_IS_OLD_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// What a review is made from, of one month.
#[derive(Debug, Clone, Default)]
pub struct MonthFacts {
    /// What became of the calls of its days.
    pub calls: Vec<CallDay>,
    /// How many messages of each campaign were answered on its days.
    pub answers: Vec<CampaignAnswers>,
    /// How long messages took.
    pub times: Times,
}

/// What Meta said, now and for the review before.
#[derive(Debug, Clone, Default)]
pub struct SaidFacts {
    /// The newest that it said; `None`: it was never asked.
    pub now: Option<SaidByMeta>,
    /// What the review before this one saw, and of which month that was.
    pub before: Option<(Month, SaidByMeta)>,
}

/// The rates of something in two months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared<K> {
    /// Whose.
    pub whose: K,
    /// Those of the month.
    pub now: Rates,
    /// Those of the month before.
    pub before: Rates,
}

/// A month beside the one before it.
#[derive(Debug, Clone)]
pub struct Review {
    /// Which.
    pub month: Month,
    /// When it was made.
    pub made_at: Timestamp,
    /// Everything together.
    pub all: Compared<()>,
    /// By channel.
    pub channels: Vec<Compared<Channel>>,
    /// By campaign; an empty name: outside of campaigns.
    pub campaigns: Vec<Compared<String>>,
    /// How fast people answered, by channel.
    pub answered: BTreeMap<Channel, Answered>,
    /// How long the messages of the month took.
    pub times: Times,
    /// How long those of the month before took.
    pub times_before: Times,
    /// What Meta says.
    pub said: SaidFacts,
    /// What changed, the worse first.
    pub changes: Vec<Change>,
}

impl Review {
    /// Puts it together.
    pub fn new(
        month: Month,
        made_at: Timestamp,
        now: MonthFacts,
        before: MonthFacts,
        answered: BTreeMap<Channel, Answered>,
        said: SaidFacts,
    ) -> Self {
        let rates = AllRates::new(&now.calls, &now.answers);
        let rates_before = AllRates::new(&before.calls, &before.answers);
        let channels = beside(&rates.channels, &rates_before.channels);
        let campaigns = beside(&rates.campaigns, &rates_before.campaigns);
        let mut changes = compare::of_said(said.before.as_ref().map(|(_, said)| said), said.now.as_ref());
        changes.extend(compare::of_rates(&channels, |channel| Whose::Channel(*channel)));
        changes.extend(compare::of_times(&before.times, &now.times));
        let named = campaigns.iter().filter(|campaign| !campaign.whose.is_empty());
        changes.extend(compare::of_rates(named, |campaign| Whose::Campaign(campaign.clone())));
        changes.sort_by_key(|change| match change.direction {
            Direction::Worse => 0,
            Direction::Better => 1,
            Direction::Other => 2,
        });
        Self {
            month,
            made_at,
            all: Compared { whose: (), now: rates.all, before: rates_before.all },
            channels,
            campaigns,
            answered,
            times: now.times,
            times_before: before.times,
            said,
            changes,
        }
    }

    /// The campaigns with the least share of something, the least first.
    pub fn worst(&self, rate: Rate) -> Vec<&Compared<String>> {
        let counts = |one: &&Compared<String>| !one.whose.is_empty() && one.now.part(rate).of >= WORST_OF_MIN;
        let mut worst: Vec<_> = self.campaigns.iter().filter(counts).collect();
        worst.sort_by_key(|one| one.now.share(rate));
        worst.truncate(WORST);
        worst
    }

    /// Whether what Meta says is from so long ago that it may be otherwise by now.
    pub fn said_is_old(&self) -> bool {
        self.said.now.as_ref().is_none_or(|said| self.made_at.duration_since(said.asked_at) > SAID_IS_OLD_AFTER)
    }

    /// What came of a run that made it; `more`: what else it did, `wrong`: what else somebody should look at.
    pub fn outcome(&self, more: &[String], wrong: &[String]) -> JobOutcome {
        let worse: Vec<String> =
            self.changes_to(Direction::Worse).map(|change| words::in_english(&change.what)).collect();
        let mut parts = vec![words::headline(self)];
        if !worse.is_empty() {
            let named = worse.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = worse.len().saturating_sub(NAMED);
            parts.push(format!("worse: {named}{}", if more > 0 { format!(" and {more} more") } else { String::new() }));
        }
        parts.extend_from_slice(more);
        let old = self.said_is_old().then(|| match &self.said.now {
            Some(said) => {
                format!("Meta was last asked about our numbers at {}; see the job `sync-limits`", said.asked_at)
            }
            None => "Meta was never asked about our numbers; see the job `sync-limits`".to_owned(),
        });
        let wrong: Vec<String> = old.into_iter().chain(wrong.iter().cloned()).collect();
        let result = if worse.is_empty() && wrong.is_empty() { JobResult::Ok } else { JobResult::Warning };
        parts.extend(wrong);
        JobOutcome { details: Some(Kept::of(self).details(self)), ..JobOutcome::new(result, parts.join("; ")) }
    }

    /// The changes in a direction.
    pub fn changes_to(&self, direction: Direction) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.direction == direction)
    }

    /// The page in a language as a file.
    fn page_file(&self, language: Language) -> ReportFile {
        ReportFile { name: format!("{}.{language}.html", self.name()), text: to_html(self, language) }
    }
}

impl Report for Review {
    fn name(&self) -> String {
        self.month.review()
    }

    fn files(&self) -> Vec<ReportFile> {
        let json = serde_json::to_string_pretty(&ShownReview::new(self)).expect("a review is always JSON");
        let file = |ending: &str, text| ReportFile { name: format!("{}.{ending}", self.name()), text };
        let mut files = vec![file("json", json), file("csv", to_csv(self))];
        for language in Language::ALL {
            files.push(file(&format!("{language}.txt"), to_text(self, language)));
            files.push(self.page_file(language));
        }
        files
    }

    fn letter(&self, languages: &[Language]) -> ReportLetter {
        forms::to_letter(self, languages)
    }
}

/// Two months beside each other; what is in one of them only is there, too.
fn beside<K: Ord + Clone>(now: &BTreeMap<K, Rates>, before: &BTreeMap<K, Rates>) -> Vec<Compared<K>> {
    let keys: BTreeSet<&K> = now.keys().chain(before.keys()).collect();
    let of = |rates: &BTreeMap<K, Rates>, key| rates.get(key).copied().unwrap_or_default();
    keys.into_iter().map(|key| Compared { whose: key.clone(), now: of(now, key), before: of(before, key) }).collect()
}
