//! The ledger of messages.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::consent::{Purpose, Subject};
use crate::domain::contact::Contact;
use crate::domain::delivery::{Effect, Fact, HeldReason, Standing, State, SuppressedReason};
use crate::domain::ids::{CampaignName, ContactId, MessageId, RunId, SenderName};
use crate::domain::language::Language;
use crate::domain::message::{Content, Rendered};
use crate::domain::service_window::ServiceWindow;
use crate::domain::start::StartAnswer;
use crate::ports::{Page, Stored};

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
    /// Whether its template is of Meta's category MARKETING.
    pub marketing: bool,
    /// In which language.
    pub language: Language,
    /// Where it stands.
    pub standing: Standing,
    /// When it becomes too old.
    pub expires_at: Timestamp,
    /// What it says, frozen: for a message without a run from the beginning, else since its first attempt where that matters.
    pub frozen: Option<Rendered>,
    /// The person, as they are now.
    pub contact: Contact,
    /// What it costs over WhatsApp if it is charged, in micro-units.
    pub price_micros: i64,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When the newest attempt was marked as started.
    pub called_at: Option<Timestamp>,
}

impl LoadedMessage {
    /// What it asks of the person's consent.
    pub const fn subject(&self) -> Subject {
        Subject { purpose: self.purpose, marketing: self.marketing }
    }
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
    /// Whether its template is of Meta's category MARKETING.
    pub marketing: bool,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub content: Content,
    /// When it becomes too old.
    pub expires_at: Timestamp,
    /// Estimated price in micro-units.
    pub price_micros: i64,
    /// What keeps it from being created twice.
    pub once: Option<Once>,
    /// The link of ours in it that leads on to another address.
    pub link: Option<TrackedLink>,
}

/// How often a link was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clicks {
    /// How often.
    pub n: u64,
    /// When first.
    pub first_at: Option<Timestamp>,
    /// When last.
    pub last_at: Option<Timestamp>,
}

/// A name under which one message may be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The name; begins with what kind it is, such as `api:`.
    pub name: String,
    /// A hash of what was asked, so that the same name for something else is noticed.
    pub request: String,
    /// Until when the name holds.
    pub until: Timestamp,
}

/// An address of ours that counts who opens it and leads on.
#[derive(Clone, PartialEq, Eq)]
pub struct TrackedLink {
    /// The part of our address that nobody guesses.
    pub token: String,
    /// Where it leads.
    pub url: String,
}

impl std::fmt::Debug for TrackedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrackedLink(…)")
    }
}

/// What became of a message that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New(MessageId),
    /// It was created before, under the same name.
    Known {
        /// That message.
        id: MessageId,
        /// Whether the same was asked then.
        is_same: bool,
    },
}

impl Created {
    /// The message, new or known.
    pub const fn id(self) -> MessageId {
        match self {
            Self::New(id) | Self::Known { id, .. } => id,
        }
    }
}

/// The mark that an attempt begins.
#[derive(Debug, Clone)]
pub struct Start {
    /// Which message.
    pub id: MessageId,
    /// How many attempts whoever asks knows of.
    pub attempts_before: u16,
    /// Over which channel, as whoever asks knows it.
    pub channel: Channel,
    /// When whoever marks it counts as dead.
    pub lease_until: Timestamp,
    /// Portfolio and generation of the permit; `None` where no limit needs one.
    pub permits: Vec<(String, i64)>,
    /// Whether it counts toward the people that a portfolio may write to.
    pub counts_for_tier: bool,
    /// Whether its template is of Meta's category MARKETING now, even if it was not when the message was planned.
    pub marketing: bool,
    /// What this attempt will cost if it is charged, in micro-units.
    pub price_micros: i64,
    /// What it says, to be kept for later attempts and other channels; `None` leaves what is kept.
    pub freeze: Option<Rendered>,
    /// Now.
    pub now: Timestamp,
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
    /// Marks the next attempt as started, durably, if [`crate::domain::start::may_start`] still says so inside the transaction,
    /// exactly `attempts_before` attempts were started and the permit is of the generation in force; writes suppression, holding and
    /// expiry where it says that.
    async fn start(&self, start: Start) -> Stored<StartAnswer>;
    /// Holds a message that waits to be called and has exactly that number of attempts behind it; answers whether it did.
    async fn hold(
        &self,
        id: MessageId,
        attempts_before: u16,
        reason: HeldReason,
        until: Timestamp,
        now: Timestamp,
    ) -> Stored<bool>;
    /// Writes a fact about an attempt, with its history; durable when it answers.
    async fn learn(&self, id: MessageId, attempt: u16, fact: Fact, now: Timestamp) -> Stored<Effect>;
    /// Ends a message that was not called, for a reason that only its text shows.
    async fn suppress(&self, id: MessageId, reason: SuppressedReason, detail: &str, now: Timestamp) -> Stored<()>;
    /// Who of these people was called at or after that moment by a message that has not failed.
    async fn contacted_since(&self, people: &[ContactId], since: Timestamp) -> Stored<HashSet<ContactId>>;
    /// Adds a message that belongs to no run, unless one was created under its name before.
    async fn create(&self, message: SingleMessage, now: Timestamp) -> Stored<Created>;
    /// The message that was created under this name, if the name still holds, and what was asked then.
    async fn created_as(&self, name: &str, now: Timestamp) -> Stored<Option<(MessageId, String)>>;
    /// The service window of a person with one of our numbers.
    async fn window(&self, contact: ContactId, sender: &SenderName) -> Stored<ServiceWindow>;
    /// Where a link of ours leads, and its message; counts that it was opened where `count` says so. `None`: there is no such link.
    async fn open_link(&self, token: &str, count: bool, now: Timestamp) -> Stored<Option<(String, MessageId)>>;
    /// How often the tracked link of a message was opened; `None` where it has none.
    async fn clicks(&self, message: MessageId) -> Stored<Option<Clicks>>;
    /// Messages whose moment has come: held, calling with a lease that ran out, unknown to be decided, not delivered in time. Oldest
    /// moment first, and only behind the moment and id of `after`: what cannot go on yet stays due and must not hide the others.
    async fn due(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, MessageId)>,
        limit: u64,
    ) -> Stored<Vec<LoadedMessage>>;
    /// Messages without a run that still wait (state planned) and were planned before `before`.
    async fn single_waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<(MessageId, u16)>>;
    /// Whether, for this sender on this channel, a callback came at or after `called_at` about another message called from one minute before it on.
    async fn others_were_heard(&self, channel: Channel, sender: &SenderName, called_at: Timestamp) -> Stored<bool>;
    /// The slowest first callback, counted from its call, of this sender's messages called since then; `None` when none came.
    async fn slowest_callback(
        &self,
        channel: Channel,
        sender: &SenderName,
        since: Timestamp,
    ) -> Stored<Option<SignedDuration>>;
    /// A page of messages, newest first.
    async fn list(&self, filter: &MessageFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedMessage>>;
    /// What happened to a message, oldest first.
    async fn history(&self, id: MessageId) -> Stored<Vec<HistoryEntry>>;
    /// How many messages are unknown now.
    async fn unknown_count(&self) -> Stored<u64>;
}
