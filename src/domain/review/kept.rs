//! What a review leaves for the next one, in the details of its run.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::compare::Changed;
use super::rates::{Rate, Rates};
use super::times::Times;
use super::{Month, Review, words};
use crate::domain::limits_check::SaidByMeta;
use crate::domain::report::percent;

/// What a review saw that cannot be asked again: Meta says only how things are now, and steps are not kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMonth {
    /// The month of the review.
    pub month: Month,
    /// How long its messages took.
    pub times: Times,
    /// What Meta said.
    pub said: Option<SaidByMeta>,
}

/// The same, and what it was compared with, so that a month that is reviewed again is compared with that once more and not with itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the review.
    #[serde(flatten)]
    pub of: KeptMonth,
    /// What Meta said for the review before, and of which month that was.
    pub before: Option<(Month, SaidByMeta)>,
    /// How long the messages of the month before took.
    pub times_before: Times,
}

impl Kept {
    /// From the details of a run.
    pub fn of_details(details: serde_json::Value) -> Option<Self> {
        serde_json::from_value(details).ok()
    }

    pub(super) fn of(review: &Review) -> Self {
        Self {
            of: KeptMonth { month: review.month, times: review.times.clone(), said: review.said.now.clone() },
            before: review.said.before.clone(),
            times_before: review.times_before.clone(),
        }
    }

    /// What the review of a month is compared with: what Meta said, and how long messages took in the month before it, where that is known.
    /// A review of a later month knows nothing of this one.
    pub fn before(self, month: Month) -> (Option<(Month, SaidByMeta)>, Option<Times>) {
        let Self { of, before, times_before } = self;
        match of.month.cmp(&month) {
            std::cmp::Ordering::Equal => (before, Some(times_before)),
            std::cmp::Ordering::Less => {
                let times = (of.month == month.previous()).then_some(of.times);
                (of.said.map(|said| (of.month, said)), times)
            }
            std::cmp::Ordering::Greater => (None, None),
        }
    }

    /// As details of a run, with what people want to see of it.
    pub(super) fn details(&self, review: &Review) -> serde_json::Value {
        let mut details = serde_json::to_value(self).unwrap_or_default();
        let rates = |rates: &Rates| {
            let share = |rate| rates.share(rate).map(percent);
            json!({
                "called": rates.called,
                "failed": rates.failed,
                "delivery_percent": share(Rate::Delivered),
                "read_percent": share(Rate::Read),
                "answer_percent": share(Rate::Answered),
            })
        };
        let changed = |what: &Changed| words::in_english(what);
        let changes = review.changes.iter().map(|change| json!([change.direction.name(), changed(&change.what)]));
        if let Some(details) = details.as_object_mut() {
            details.insert("rates".to_owned(), rates(&review.all.now));
            details.insert("rates_before".to_owned(), rates(&review.all.before));
            details.insert("changes".to_owned(), changes.collect());
        }
        details
    }
}
