//! What a report is made from: sums that the record keeps, and what Meta says.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::domain::channel::Channel;
use crate::domain::country::CountryCode;
use crate::domain::language::Language;
use crate::domain::money::Currency;
use crate::domain::pricing::{Basis, Difference, FreeBecause, PriceCategory, Source, ToldKind};

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
    /// How many of those that were called had been called over another channel before.
    pub took_over: i64,
}

/// How people answered messages of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// How many messages were answered.
    pub messages: u64,
    /// Half of them were answered within this time of their call.
    pub median: SignedDuration,
}

/// What Meta's own analytics say of one day, of one kind. Approximate, and no invoice (Meta, analytics page, checked 2026-11-22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaCost {
    /// To where; `None` where Meta does not say, or names no country.
    pub country: Option<CountryCode>,
    /// As what.
    pub category: PriceCategory,
    /// Whether it was charged.
    pub kind: ToldKind,
    /// How many messages.
    pub n: i64,
    /// What they cost, in micro-units of the account's currency; `None` where Meta does not tell (accounts on a partner's credit line).
    pub micros: Option<i64>,
}
