//! What messages have cost, and what became of them, day by day: sums that are kept, never counted over messages.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::channel::Channel;
use crate::domain::cost_report::{Answered, CallDay, CostDay};
use crate::domain::country::CountryCode;
use crate::domain::ids::MessageId;
use crate::domain::money::Currency;
use crate::domain::pricing::{Basis, FreeBecause, PriceCategory};
use crate::ports::Stored;

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
