//! What messages have cost, and what became of them, day by day: sums that are kept, never counted over messages.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::ids::MessageId;
use crate::domain::language::Language;
use crate::domain::money::Currency;
use crate::domain::pricing::{Basis, Difference, FreeBecause, PriceCategory, Source};
use crate::ports::Stored;

/// What was charged on one day, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostDay {
    /// The day on which messages arrived (other channels: were taken), where the account is.
    pub day: Date,
    /// Of which campaign; empty outside of campaigns.
    pub campaign: String,
    /// Over which channel.
    pub channel: Channel,
    /// To where, as far as is known.
    pub country: Option<CountryCode>,
    /// As what they were charged.
    pub category: PriceCategory,
    /// In which language.
    pub language: Language,
    /// In which currency.
    pub currency: Currency,
    /// Who says so.
    pub basis: Basis,
    /// Where the amounts come from; `None`: they were free.
    pub source: Option<Source>,
    /// Why they were free.
    pub free: Option<FreeBecause>,
    /// In what callbacks and our estimate differ.
    pub difference: Difference,
    /// How many messages.
    pub n: i64,
    /// What they cost, in micro-units.
    pub micros: i64,
    /// What they would have cost by our estimate.
    pub estimated_micros: i64,
}

/// Messages that were called on one day, of one kind, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDay {
    /// The day of the newest call, where the account is.
    pub day: Date,
    /// Of which campaign; empty outside of campaigns.
    pub campaign: String,
    /// Over which channel.
    pub channel: Channel,
    /// In which language.
    pub language: Language,
    /// How many were called; tries on the same channel count once.
    pub called: i64,
    /// How many have arrived.
    pub delivered: i64,
    /// How many were seen.
    pub read: i64,
    /// How many failed in the end.
    pub failed: i64,
}

/// How people answered messages of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// How many messages were answered.
    pub messages: u64,
    /// Half of them were answered within this time of their call.
    pub median: SignedDuration,
}

/// What one attempt of a message cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCharge {
    /// Which attempt.
    pub attempt: u16,
    /// When it arrived (other channels: was taken).
    pub at: Timestamp,
    /// Over which channel.
    pub channel: Channel,
    /// To where, as far as is known.
    pub country: Option<CountryCode>,
    /// The market of the rate cards; empty where there is none.
    pub market: String,
    /// As what it was charged.
    pub category: PriceCategory,
    /// What it cost, in micro-units.
    pub micros: i64,
    /// In which currency.
    pub currency: Currency,
    /// Who says so.
    pub basis: Basis,
    /// Why it was free.
    pub free: Option<FreeBecause>,
}

/// What is used of what the installation may spend: spent and reserved, in micro-units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetUsed {
    /// On the day.
    pub day_micros: i64,
    /// In its month.
    pub month_micros: i64,
}

/// The record, asked for costs.
#[async_trait]
pub trait Costs: Send + Sync {
    /// What was charged on these days, the first and the last among them.
    async fn cost_days(&self, from: Date, to: Date) -> Stored<Vec<CostDay>>;
    /// What became of the messages that were called on these days.
    async fn call_days(&self, from: Date, to: Date) -> Stored<Vec<CallDay>>;
    /// How people answered, by channel, of the answers that came from one moment to before the other.
    async fn answered(&self, from: Timestamp, to: Timestamp) -> Stored<BTreeMap<Channel, Answered>>;
    /// How many messages of each market and category were charged in the month of a day, where prices depend on it.
    async fn charged_in_month(&self, day: Date) -> Stored<BTreeMap<(String, PriceCategory), u64>>;
    /// What the attempts of a message cost, the first one first.
    async fn charges_of(&self, message: MessageId) -> Stored<Vec<ListedCharge>>;
    /// What is used of the budgets of a day and its month.
    async fn budget_used(&self, day: Date) -> Stored<BudgetUsed>;
}
