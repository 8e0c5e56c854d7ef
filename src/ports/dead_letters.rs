//! Messages that failed on every channel: listed, counted and sent once more.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{CampaignName, MessageId, RunId};
use crate::ports::{Page, Stored};

/// Which dead letters are meant; everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of this campaign.
    pub campaign: Option<CampaignName>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Failed for this class of reason.
    pub class: Option<FailureClass>,
    /// With this code of the provider.
    pub code: Option<i64>,
    /// Failed at or after this moment.
    pub since: Option<Timestamp>,
    /// One of these; empty: any.
    pub messages: Vec<MessageId>,
}

/// A message that failed on every channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which.
    pub id: MessageId,
    /// Of which campaign, if of one.
    pub campaign: Option<CampaignName>,
    /// Over which channel it went last.
    pub channel: Channel,
    /// Why its newest attempt failed.
    pub last: Refusal,
    /// What its first failure was, as the history has it.
    pub first: String,
    /// How many attempts were made.
    pub attempts: u16,
    /// When it failed.
    pub failed_at: Timestamp,
    /// Until when it could have been sent.
    pub expires_at: Timestamp,
}

/// How messages are sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayTerms {
    /// Too old after so long from now; `None`: as long as the campaign says.
    pub expires_after: Option<SignedDuration>,
    /// As long as this for messages without a campaign.
    pub expires_after_otherwise: SignedDuration,
    /// Who asked for it, for the history: `api` or `command`.
    pub by: &'static str,
}

/// What one step of a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages that wait again, each with the attempts behind it.
    pub messages: Vec<(MessageId, u16)>,
    /// Where the next step begins; `None` at the end.
    pub next: Option<MessageId>,
}

/// Messages that failed on every channel.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// A page of them, newest messages first.
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Stored<Page<DeadLetter>>;
    /// How many of them a replay would take. Left out are those of cancelled runs, and, unless that class is asked for, of people who do
    /// not want such messages.
    async fn replayable(&self, filter: &DeadLetterFilter) -> Stored<u64>;
    /// Puts a bounded number of them, after `after`, back to waiting on WhatsApp, with the words that were frozen and the number of their
    /// attempts; reopens their runs. Nothing that arrived is touched, and every check is asked again before the next attempt.
    async fn replay(
        &self,
        filter: &DeadLetterFilter,
        terms: &ReplayTerms,
        after: Option<MessageId>,
        now: Timestamp,
    ) -> Stored<Replayed>;
}
