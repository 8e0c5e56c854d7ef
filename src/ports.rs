//! What jobs need from the world: small traits, and [`Services`], the one value that holds them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::{Campaign, OnUnknown};
use crate::domain::consent::{ConsentChange, Purpose};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::delivery::{Effect, Fact, Standing, State, SuppressedReason};
use crate::domain::failure::Refusal;
use crate::domain::feedback::Feedback;
use crate::domain::ids::{CampaignName, ContactId, JournalId, MessageId, RunId, SenderId, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::message::{Content, Envelope};
use crate::domain::news::{InboundNews, News, StatusNews};
use crate::domain::run::{Run, RunCommand, RunCommandError};
use crate::domain::start::StartAnswer;

/// The time. The only way to learn it.
pub trait Clock: Send + Sync {
    /// Now, in whole milliseconds: what the store can keep.
    fn now(&self) -> Timestamp;
}

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, is full or too slow: trying again may help.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds something that cannot be.
    #[error("the store holds an impossible value in `{place}`")]
    Inconsistent {
        /// Table, column and row.
        place: String,
    },
    /// It will never take this: a value that it cannot hold, or a row that is about nothing.
    #[error("the store refuses this")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An operator asked for something that does not fit.
    #[error(transparent)]
    Command(#[from] RunCommandError),
}

impl StoreError {
    /// Whether trying again can help.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// A result of the store.
pub type Stored<T> = Result<T, StoreError>;

/// A page of a list: the items, and where the next page begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The key of the last item when there may be more.
    pub next: Option<i64>,
}

/// People and what they allow.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Writes these, new or known, in one transaction; answers them as they are now, in the same order, with whether each is new.
    /// Two updates of one number in one call are applied in order. At most 500.
    async fn upsert(&self, updates: Vec<ContactUpdate>, now: Timestamp) -> Stored<Vec<(Contact, bool)>>;
    /// The contact with that number.
    async fn by_phone(&self, phone: &str) -> Stored<Option<Contact>>;
    /// The contact with that id.
    async fn contact(&self, id: ContactId) -> Stored<Option<Contact>>;
    /// Contacts in the order of their ids, after `after`.
    async fn page(&self, after: Option<ContactId>, limit: u64) -> Stored<Page<Contact>>;
    /// Every change of consent of a contact, oldest first.
    async fn consent_history(&self, id: ContactId) -> Stored<Vec<ConsentChange>>;
    /// Changes consent; suppresses what may no longer be sent; answers how many messages that were.
    async fn change_consent(&self, id: ContactId, change: ConsentChange, now: Timestamp) -> Stored<u64>;
}

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
    /// When they become too old to send.
    pub expires_at: Timestamp,
    /// Estimated price of one, in micro-units.
    pub price_micros: i64,
}

/// How many messages of a run stand where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCount {
    /// In which language.
    pub language: Language,
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
    /// The newest run of a campaign.
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
    /// Ends the run if its audience is planned whole and nothing is open. Answers whether it ended now.
    async fn finish_if_done(&self, run: RunId, now: Timestamp) -> Stored<bool>;
    /// How many messages stand where.
    async fn counts(&self, run: RunId) -> Stored<Vec<RunCount>>;
    /// What the run has cost so far, in micro-units: charged messages that arrived.
    async fn cost_micros(&self, run: RunId) -> Stored<i64>;
}

/// A message with all that is needed to decide about it and to make its text.
#[derive(Debug, Clone)]
pub struct LoadedMessage {
    /// Which.
    pub id: MessageId,
    /// Its run, unless it was sent by itself.
    pub run: Option<RunId>,
    /// The state of its run.
    pub run_state: Option<crate::domain::run::RunState>,
    /// From which of our numbers.
    pub sender: SenderName,
    /// What for.
    pub purpose: Purpose,
    /// In which language.
    pub language: Language,
    /// Where it stands.
    pub standing: Standing,
    /// When it becomes too old.
    pub expires_at: Timestamp,
    /// What it says, frozen, for a message without a run.
    pub content: Option<Content>,
    /// The person, as they are now.
    pub contact: Contact,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When the newest attempt was marked as started.
    pub called_at: Option<Timestamp>,
}

/// A message that belongs to no run.
#[derive(Debug, Clone)]
pub struct SingleMessage {
    /// To whom.
    pub contact: ContactId,
    /// From which of our numbers.
    pub sender: SenderName,
    /// What for.
    pub purpose: Purpose,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub content: Content,
    /// When it becomes too old.
    pub expires_at: Timestamp,
    /// Estimated price in micro-units.
    pub price_micros: i64,
}

/// One line of a message's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Our time.
    pub at: Timestamp,
    /// The provider's time, for what a callback said.
    pub provider_at: Option<Timestamp>,
    /// Which attempt; 0 for what concerns none.
    pub attempt: u16,
    /// What happened: `planned`, `started`, or the name of a [`Fact`].
    pub event: String,
    /// The reason, class, code or why it changed nothing; never personal data.
    pub detail: String,
}

/// Which messages a list shows.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Of this campaign.
    pub campaign: Option<CampaignName>,
    /// To this number, E.164.
    pub phone: Option<String>,
    /// Standing here.
    pub state: Option<State>,
}

/// A message as a list shows it.
#[derive(Debug, Clone)]
pub struct ListedMessage {
    /// The message.
    pub message: LoadedMessage,
    /// The campaign of its run.
    pub campaign: Option<CampaignName>,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// The ledger of messages. Loads, starts and facts of concurrent callers become one statement or transaction beneath.
#[async_trait]
pub trait Messages: Send + Sync {
    /// The message with all that sending needs.
    async fn load(&self, id: MessageId) -> Stored<Option<LoadedMessage>>;
    /// Marks the next attempt as started, durably, if [`crate::domain::start::may_start`] still says so inside the transaction
    /// and exactly `attempts_before` attempts were started; writes suppression and expiry where it says that.
    async fn start(
        &self,
        id: MessageId,
        attempts_before: u16,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Stored<StartAnswer>;
    /// Writes a fact about an attempt, with its history; durable when it answers.
    async fn learn(&self, id: MessageId, attempt: u16, fact: Fact, now: Timestamp) -> Stored<Effect>;
    /// Ends a message that was not called, for a reason that only its text shows.
    async fn suppress(&self, id: MessageId, reason: SuppressedReason, detail: &str, now: Timestamp) -> Stored<()>;
    /// Adds a message that belongs to no run.
    async fn create(&self, message: SingleMessage, now: Timestamp) -> Stored<MessageId>;
    /// Messages whose moment has come: held, calling with a lease that ran out, unknown to be decided. Oldest moment first.
    async fn due(&self, now: Timestamp, limit: u64) -> Stored<Vec<LoadedMessage>>;
    /// Messages without a run that still wait (state planned) and were planned before `before`.
    async fn single_waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<(MessageId, u16)>>;
    /// Whether, for this sender, a callback came at or after `called_at` about another message called from one minute before it on.
    async fn others_were_heard(&self, sender: &SenderName, called_at: Timestamp) -> Stored<bool>;
    /// A page of messages, newest first.
    async fn list(&self, filter: &MessageFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedMessage>>;
    /// What happened to a message, oldest first.
    async fn history(&self, id: MessageId) -> Stored<Vec<HistoryEntry>>;
    /// How many messages are unknown now.
    async fn unknown_count(&self) -> Stored<u64>;
}

/// An inbound message together with what it changes.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What came in.
    pub news: InboundNews,
    /// The consent that it changes: a stop or start word.
    pub consent: Option<ConsentChange>,
    /// Language and zone for a person we did not know.
    pub language: Language,
    /// IANA name.
    pub timezone: String,
}

/// What applying a journal row did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Statuses that changed a message.
    pub changed: u64,
    /// Statuses that changed nothing: late, twice, of a message that is not ours.
    pub unchanged: u64,
    /// Feedback rows that are new.
    pub feedback: u64,
    /// Messages suppressed by a stop word.
    pub suppressed: u64,
    /// Bodies that could not be read and were set aside.
    pub set_aside: u64,
    /// Pieces of news about a number that is not ours.
    pub foreign: u64,
}

/// Callback bodies as they came, and what they do to the record.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Keeps a body; durable when it answers.
    async fn append(&self, body: Bytes, received_at: Timestamp) -> Stored<JournalId>;
    /// The body and when it came; `None` when it was applied already or is not there.
    async fn unapplied(&self, id: JournalId) -> Stored<Option<(Bytes, Timestamp)>>;
    /// Rows received before `before` and not applied, oldest first.
    async fn waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<JournalId>>;
    /// Applies the news of a row and marks it as applied, in one transaction: however often it is called, its effects happen once.
    async fn apply(
        &self,
        id: JournalId,
        statuses: Vec<StatusNews>,
        heard: Vec<Heard>,
        now: Timestamp,
    ) -> Stored<Applied>;
    /// Marks a row that cannot be read, with the reason; it is kept.
    async fn set_aside(&self, id: JournalId, because: &str, now: Timestamp) -> Stored<()>;
    /// How long the oldest unapplied row has waited, and how many wait.
    async fn lag(&self, now: Timestamp) -> Stored<(Duration, u64)>;
    /// A page of feedback, newest first.
    async fn feedback(&self, before: Option<i64>, limit: u64) -> Stored<Page<Feedback>>;
}

/// The store as a whole.
#[async_trait]
pub trait Store: Contacts + Runs + Messages + Journal {
    /// Four letters, made when the store was made: tells our callbacks from those of another installation.
    fn tag(&self) -> &str;
    /// Whether it answers.
    async fn ping(&self) -> Stored<()>;
}

/// What Meta answered to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Taken.
    Accepted(WhatsAppId),
    /// Refused, with a reason that can be read.
    Refused(Refusal),
    /// The request was certainly not written: no connection.
    NotSent {
        /// Why, for the history.
        because: String,
    },
    /// It may or may not have been taken.
    Unanswered {
        /// Why, for the history.
        because: String,
    },
}

/// Sends through Meta's Graph API. Whatever happens is an [`Answer`]: a refusal is an outcome, not an error.
#[async_trait]
pub trait WhatsApp: Send + Sync {
    /// One call.
    async fn send(&self, envelope: &Envelope, content: &Content) -> Answer;
}

/// Reads callback bodies.
pub trait WebhookReader: Send + Sync {
    /// Whether the signature header fits the raw bytes, under any secret in force; in constant time.
    fn signature_is_valid(&self, header: Option<&str>, body: &[u8]) -> bool;
    /// The news in a body. Elements that cannot be read become [`News::Other`]; only a body that is no JSON object at all is an error.
    ///
    /// # Errors
    /// A sentence that names the place.
    fn read(&self, body: &[u8]) -> Result<Vec<News>, String>;
}

/// A queue of message work. Closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// First attempts of runs and single messages.
    Sending,
    /// Later attempts.
    Retries,
}

/// Something the queue could not do; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("the queue is not available")]
pub struct QueueUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Wakes up work. Queuing what is queued already is harmless.
#[async_trait]
pub trait Queue: Send + Sync {
    /// "Look at these messages", each with the number of attempts behind it, now or at `due`.
    async fn send(
        &self,
        lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable>;
    /// "Apply these journal rows".
    async fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable>;
    /// "Resolve the audience of this run".
    async fn plan(&self, run: RunId) -> Result<(), QueueUnavailable>;
    /// How many messages wait in the lane for first attempts.
    async fn sending_depth(&self) -> Result<u64, QueueUnavailable>;
    /// Whether it answers.
    async fn ping(&self) -> Result<(), QueueUnavailable>;
}

/// Paces calls.
#[async_trait]
pub trait Limits: Send + Sync {
    /// Waits until one more message may leave through this sender, and, where its run has a rate of its own (messages each
    /// second), within that too.
    async fn permit(&self, sender: &SenderName, run: Option<(RunId, u32)>);
}

/// The text of a message could not be made for one person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotRender(
    /// Which value is missing or too long; never the value itself.
    pub String,
);

/// The campaigns and templates in force.
pub trait Catalogue: Send + Sync {
    /// Every campaign whose file is in order.
    fn campaigns(&self) -> Vec<Arc<Campaign>>;
    /// What the campaign tells this person.
    ///
    /// # Errors
    /// When a value that the template needs is missing for this person, or makes it too long.
    fn content(&self, campaign: &Campaign, contact: &Contact, language: Language) -> Result<Content, CannotRender>;
    /// Estimated price of one message of the campaign, in micro-units.
    fn price_micros(&self, campaign: &Campaign) -> i64;
    /// The time zone that a number in E.164 suggests (IANA name); the service's own without one.
    fn timezone_of(&self, phone: Option<&str>) -> String;
}

/// The one value that holds what jobs may touch.
#[derive(Clone)]
pub struct Services {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The record.
    pub store: Arc<dyn Store>,
    /// Meta.
    pub whatsapp: Arc<dyn WhatsApp>,
    /// Callbacks.
    pub webhook: Arc<dyn WebhookReader>,
    /// Wake-ups.
    pub queue: Arc<dyn Queue>,
    /// Pace.
    pub limits: Arc<dyn Limits>,
    /// Campaigns and templates.
    pub catalogue: Arc<dyn Catalogue>,
    /// Audience files.
    pub audiences: Arc<dyn AudienceFiles>,
    /// The rules of sending.
    pub rules: SendingRules,
}

/// The rules of sending that hold for all campaigns.
#[derive(Debug, Clone)]
pub struct SendingRules {
    /// How long a mark *started* is believed before its owner counts as dead. Longer than any call takes.
    pub lease: SignedDuration,
    /// How long one call may take from the mark to the answer, time-outs included.
    pub call: SignedDuration,
    /// Waits before each further try when the provider could not be reached; the last one repeats.
    pub waits: Vec<SignedDuration>,
    /// What decides over calls whose answer never came, for messages without a campaign.
    pub on_unknown: OnUnknown,
    /// When it decides, for messages without a campaign.
    pub unknown_after: SignedDuration,
    /// Our own numbers: what a callback says about others is kept and counted, and nothing else.
    pub senders: BTreeSet<SenderId>,
    /// How many messages a run is fed ahead of the calls.
    pub feed_ahead: u64,
    /// The language of people of whom none is known.
    pub default_language: Language,
}

/// A page of an audience file.
#[derive(Debug, Default)]
pub struct AudiencePage {
    /// The good rows with their line numbers.
    pub updates: Vec<(u64, ContactUpdate)>,
    /// The bad rows: line number and what is wrong; never the value itself.
    pub errors: Vec<(u64, String)>,
    /// How many rows to skip for the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Why an audience file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AudienceFileError(
    /// What is wrong with it and what to do.
    pub String,
);

/// Reads the files that name a campaign's audience.
#[async_trait]
pub trait AudienceFiles: Send + Sync {
    /// The rows after the first `skip_rows`, at most `limit`.
    async fn page(&self, path: &Path, skip_rows: u64, limit: usize) -> Result<AudiencePage, AudienceFileError>;
}
