//! What may not be exceeded, and how urgent it is to whoever waits in line.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How long a person who was written to counts toward the tier: 24 hours (Meta, messaging limits page, checked 2026-11-22) from the
/// arrival of the message at Meta, which is up to a minute after the permit for it.
pub const TIER_SPAN: SignedDuration = SignedDuration::from_secs(24 * 3600 + 60);
/// One message to the same person in this time (Meta, throughput page, checked 2026-11-22).
pub const PAIR_INTERVAL: SignedDuration = SignedDuration::from_secs(6);
/// So many of them may come at once.
pub const PAIR_BURST: i32 = 45;

/// A limit that a message can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Messages each second of one of our numbers.
    Number,
    /// Messages to one person from one of our numbers: 1 each 6 s, 45 at once (Meta, throughput page, checked 2026-11-22).
    Pair,
    /// People written to outside a service window in 24 h, over all numbers of a portfolio.
    Tier,
    /// Messages each second of one campaign.
    Rate,
    /// What a run may cost.
    Budget,
    /// What the whole installation may spend in a day.
    DayBudget,
    /// What it may spend in a month.
    MonthBudget,
    /// Calls of the whole account: Meta told us to wait.
    Account,
    /// Messages each second over a channel that takes over.
    Channel,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 9] = [
        Self::Number,
        Self::Pair,
        Self::Tier,
        Self::Rate,
        Self::Budget,
        Self::DayBudget,
        Self::MonthBudget,
        Self::Account,
        Self::Channel,
    ];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Pair => "pair",
            Self::Tier => "tier",
            Self::Rate => "rate",
            Self::Budget => "budget",
            Self::DayBudget => "day-budget",
            Self::MonthBudget => "month-budget",
            Self::Account => "account",
            Self::Channel => "channel",
        }
    }
}

/// How many people a portfolio may write to first in 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// So many.
    People(u32),
    /// All.
    Unlimited,
}

impl Tier {
    /// So many people, unless all.
    pub const fn people(self) -> Option<u32> {
        match self {
            Self::People(people) => Some(people),
            Self::Unlimited => None,
        }
    }

    /// From Meta's word: `TIER_250`, `TIER_2K`, `TIER_UNLIMITED`; `None`: it says nothing (`TIER_NOT_SET`) or something unknown
    /// (…/messaging-limits, checked 2026-11-22).
    pub fn of_meta(word: &str) -> Option<Self> {
        let level = word.strip_prefix("TIER_")?;
        if level == "UNLIMITED" {
            return Some(Self::Unlimited);
        }
        let (digits, times) = match level.strip_suffix('K') {
            Some(thousands) => (thousands, 1_000),
            None => (level, 1),
        };
        digits.parse::<u32>().ok()?.checked_mul(times).map(Self::People)
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::People(people) => people.fmt(f),
            Self::Unlimited => f.write_str("\"unlimited\""),
        }
    }
}

/// The tier that counts: the lower one of what is configured and what Meta says, in people; `None` in either and as answer: nobody is
/// counted.
pub fn tier_in_force(configured: Option<u32>, at_meta: Option<u32>) -> Option<u32> {
    configured.into_iter().chain(at_meta).min()
}

/// Who goes first where there is not room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// An answer to somebody who just wrote to us.
    Reply,
    /// A message that was asked for by itself, through the API.
    Single,
    /// One of a run.
    Bulk,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metas_words_for_tiers_are_read_and_the_lower_tier_counts() {
        for (word, tier) in [
            ("TIER_50", Some(Tier::People(50))),
            ("TIER_250", Some(Tier::People(250))),
            ("TIER_2K", Some(Tier::People(2_000))),
            ("TIER_100K", Some(Tier::People(100_000))),
            ("TIER_UNLIMITED", Some(Tier::Unlimited)),
            ("TIER_NOT_SET", None),
            ("TIER_9999999999", None),
            ("", None),
        ] {
            assert_eq!(Tier::of_meta(word), tier, "{word}");
        }
        for (configured, at_meta, in_force) in [
            (None, None, None),
            (Some(250), None, Some(250)),
            (None, Some(2_000), Some(2_000)),
            (Some(250), Some(2_000), Some(250)),
            (Some(10_000), Some(2_000), Some(2_000)),
        ] {
            assert_eq!(tier_in_force(configured, at_meta), in_force, "{configured:?} {at_meta:?}");
        }
    }
}
