//! What may not be exceeded.

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::domain::channel::Channel;
use crate::domain::ids::{ContactId, MessageId, RunId, SenderName};
use crate::domain::limit::{Limit, Urgency};
use crate::ports::Stored;

/// A message that wants to leave.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Which message.
    pub message: MessageId,
    /// To whom.
    pub contact: ContactId,
    /// From which of our numbers.
    pub sender: SenderName,
    /// Over which channel. Number, pair, tier and account bind WhatsApp only; the others have a pace of their
    /// own; rate and budget bind all.
    pub channel: Channel,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Whether it begins a conversation that counts toward the portfolio's tier: a template outside an open window.
    pub counts_for_tier: bool,
    /// Its run, if it has one.
    pub run: Option<RunId>,
    /// Messages each second of its campaign at most.
    pub rate: Option<u32>,
    /// What its run may cost, in micro-units.
    pub budget_micros: Option<i64>,
    /// What it will cost, in micro-units.
    pub price_micros: i64,
}

/// Leave to go, once.
#[derive(Debug, Clone)]
pub struct Permit {
    /// Whose limits were asked, and the generation of their facts: an attempt with a permit of an older one is not started.
    pub fences: Vec<(String, i64)>,
    /// The moment that was reserved for the call.
    pub leave_at: Option<Instant>,
    /// When this permit counted its person toward the tier, in milliseconds of the limits' own clock; `None` where somebody else had, or
    /// nobody is counted.
    pub counted_ms: Option<i64>,
    /// The day on which its price counts toward what the whole installation may spend.
    pub spends_on: Option<Date>,
}

impl Permit {
    /// One that no limit had to give.
    pub const FREE: Self = Self { fences: Vec::new(), leave_at: None, counted_ms: None, spends_on: None };
}

/// What the limits say.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Everything that it needs was taken.
    Granted(Permit),
    /// Nothing was taken.
    Refused {
        /// Which limit is reached.
        limit: Limit,
        /// When to ask again.
        until: Timestamp,
    },
}

/// What a provider told us to slow down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlowDown {
    /// This number was too fast.
    Number(SenderName),
    /// This person has had too much from this number.
    Pair(SenderName, ContactId),
    /// The account of this number, for so long.
    Account(SenderName, SignedDuration),
    /// This channel, which is not Meta's, was too fast.
    Channel(Channel),
}

/// How far the limits of one of our numbers are used.
#[derive(Debug, Clone, PartialEq)]
pub struct SenderLimits {
    /// Which number.
    pub sender: SenderName,
    /// Messages each second at most, as configured.
    pub mps: u32,
    /// Messages each second now, after the provider asked to slow down.
    pub mps_now: f64,
    /// The portfolio whose tier it shares.
    pub portfolio: String,
    /// People whom the portfolio may write to in 24 hours; `None`: any number.
    pub tier: Option<u32>,
    /// How many of them are used up.
    pub tier_used: u64,
    /// When how many of its used places come back.
    pub tier_returns: Vec<(Timestamp, u64)>,
}

/// Something the limits could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the limits are not available")]
pub struct LimitsUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Gives leave to go, across all processes.
#[async_trait]
pub trait Limits: Send + Sync {
    /// Waits in line for the pace; answers at once what lasts longer than a moment. While nobody can be asked it waits: without limits
    /// nothing leaves.
    async fn permit(&self, ask: &Ask) -> Verdict;
    /// Waits for the moment that was reserved. To be called right before the call, after the mark.
    async fn leave(&self, ask: &Ask, permit: &Permit);
    /// Gives back what was taken where nothing was called after all.
    async fn give_back(&self, ask: &Ask, permit: Permit);
    /// Slows down what a provider told us to.
    async fn slow_down(&self, what: &SlowDown);
    /// Whether first messages of this run cannot go before a moment, as far as this process knows without asking: then it is not fed.
    fn full(&self, sender: &SenderName, run: RunId, now: Timestamp) -> Option<(Limit, Timestamp)>;
    /// How far the limits of our numbers are used.
    ///
    /// # Errors
    /// When they cannot be asked.
    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable>;
}

/// What the record knows of what is used up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitFacts {
    /// The generation that these facts begin: one higher than any before.
    pub generation: i64,
    /// People who count toward the tier: the newest counted attempt of each within 24 hours.
    pub people: Vec<(ContactId, Timestamp)>,
    /// The newest attempts of the last minutes, for the pairs.
    pub pairs: Vec<(SenderName, ContactId, Timestamp)>,
    /// What active runs have used of their budget, reserved and spent, in micro-units.
    pub budgets: Vec<(RunId, i64)>,
    /// What was spent and is reserved of calls on each day of the month, where the account is, in micro-units.
    pub days: Vec<(Date, i64)>,
}

/// The record, as the limits ask it.
#[async_trait]
pub trait LimitFactsOf: Send + Sync {
    /// Begins a new generation for this portfolio, to which these numbers belong, and reads what is used up, in one transaction: no
    /// attempt with a permit of an older generation is marked after it.
    /// People are read where there is a `tier` for them to count toward.
    async fn limit_facts(
        &self,
        portfolio: &str,
        senders: &[SenderName],
        tier: Option<u32>,
        now: Timestamp,
    ) -> Stored<LimitFacts>;
    /// The generation in force for this portfolio; 0 before the first.
    async fn limit_generation(&self, portfolio: &str) -> Stored<i64>;
}
