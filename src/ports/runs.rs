//! Firings of campaigns.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::consent::{Purpose, Subject};
use crate::domain::delivery::{State, SuppressedReason};
use crate::domain::ids::{CampaignName, ContactId, MessageId, RunId, SenderName};
use crate::domain::language::Language;
use crate::domain::run::{Run, RunCommand};
use crate::ports::Stored;

/// What opening a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedRun {
    /// The firing is new; this run answers it.
    New(Run),
    /// Another process (or an earlier life of this one) has opened it.
    Existing(Run),
}

/// One person of a run's audience, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedMessage {
    /// Who.
    pub contact: ContactId,
    /// In which language.
    pub language: Language,
    /// Why it will not be sent, if so.
    pub suppressed: Option<SuppressedReason>,
}

/// What all messages of a run share, so that the store need not read the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTerms {
    /// From which of our numbers.
    pub sender: SenderName,
    /// What for.
    pub purpose: Purpose,
    /// Whether its template is of Meta's category MARKETING.
    pub marketing: bool,
    /// When they become too old to send.
    pub expires_at: Timestamp,
    /// Estimated price of one, in micro-units.
    pub price_micros: i64,
}

impl RunTerms {
    /// What the messages ask of a person's consent.
    pub const fn subject(&self) -> Subject {
        Subject { purpose: self.purpose, marketing: self.marketing }
    }
}

/// How many messages of a run stand where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCount {
    /// In which language.
    pub language: Language,
    /// Over which channel, the newest or the next.
    pub channel: Channel,
    /// Where.
    pub state: State,
    /// Why: the failure class and code (`undeliverable 131026`), the suppression or held reason; else empty.
    pub reason: String,
    /// How many.
    pub n: u64,
}

/// Firings of campaigns.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Opens the run of a firing: once, however many ask.
    async fn open(
        &self,
        campaign: &CampaignName,
        due_at: Timestamp,
        definition: &str,
        now: Timestamp,
    ) -> Stored<OpenedRun>;
    /// The run with that id.
    async fn run(&self, id: RunId) -> Stored<Option<Run>>;
    /// Runs that have not ended, oldest first.
    async fn active(&self) -> Stored<Vec<Run>>;
    /// The newest run of a campaign; reminders are not meant.
    async fn newest(&self, campaign: &CampaignName) -> Stored<Option<Run>>;
    /// Adds a page of the audience and moves the cursor, in one transaction; people already planned are skipped. `whole` says that
    /// this was the last page. Answers how many were new. Does nothing once the run has ended.
    async fn plan(
        &self,
        run: RunId,
        terms: &RunTerms,
        people: Vec<PlannedMessage>,
        cursor: &str,
        whole: bool,
        now: Timestamp,
    ) -> Stored<u64>;
    /// Pauses, resumes or cancels. Pausing and resuming rewind what was fed, so that nothing is forgotten; cancelling suppresses
    /// what was not called, in bounded transactions.
    async fn command(&self, run: RunId, command: RunCommand, now: Timestamp) -> Stored<Run>;
    /// Takes the next planned messages for the lane: moves the run's feeding mark behind them and answers their ids with the
    /// number of attempts each has behind it. Empty when there are none, or the run does not send now.
    async fn feed(&self, run: RunId, limit: u64) -> Stored<Vec<(MessageId, u16)>>;
    /// Messages that were fed and still wait (state planned), in order, after `after`: what the sweep queues again.
    async fn fed_and_waiting(&self, run: RunId, after: Option<MessageId>, limit: u64) -> Stored<Vec<(MessageId, u16)>>;
    /// How many of the run's messages are fed and not yet called.
    async fn queued(&self, run: RunId) -> Stored<u64>;
    /// The same, without looking at messages before `from`, and the first of them. Whoever asks again and again begins where the last
    /// answer did; where feeding began anew since, all are looked at.
    async fn queued_from(&self, run: RunId, from: Option<MessageId>) -> Stored<(u64, Option<MessageId>)>;
    /// Ends the run if its audience is planned whole and nothing is open. Answers whether it ended now.
    async fn finish_if_done(&self, run: RunId, now: Timestamp) -> Stored<bool>;
    /// How many messages stand where.
    async fn counts(&self, run: RunId) -> Stored<Vec<RunCount>>;
    /// What the run has cost so far, in micro-units: charged messages that arrived.
    async fn cost_micros(&self, run: RunId) -> Stored<i64>;
}
