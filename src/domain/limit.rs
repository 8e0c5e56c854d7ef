//! What may not be exceeded, and how urgent it is to whoever waits in line.

use jiff::SignedDuration;

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
