//! Callback bodies as they came, and what they do to the record.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::consent::ConsentChange;
use crate::domain::country::CountryCode;
use crate::domain::double_opt_in;
use crate::domain::failure::Refusal;
use crate::domain::feedback::Feedback;
use crate::domain::ids::{CampaignName, ContactId, FeedbackId, JournalId, MessageId, RunId, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::media::WantedMedia;
use crate::domain::news::{InboundNews, PersonNews, RevokeNews, Source, StatusNews};
use crate::domain::suspension::LetThrough;
use crate::ports::{Page, Stored};

/// A callback body as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Who brought it.
    pub source: Source,
    /// As it came.
    pub body: Bytes,
    /// When.
    pub received_at: Timestamp,
    /// Whether it was applied before and is to be applied again: then only the record may change.
    pub applied_before: bool,
}

/// What a callback body says, as far as the record wants to know it.
#[derive(Debug, Clone, Default)]
pub struct RowNews {
    /// How far messages have come.
    pub statuses: Vec<StatusNews>,
    /// What is told about people; applied before what they say.
    pub people: Vec<AboutPerson>,
    /// What people say.
    pub heard: Vec<Heard>,
    /// What people took back.
    pub revoked: Vec<RevokeNews>,
}

/// Something that is told about a person, together with what it changes.
#[derive(Debug, Clone)]
pub struct AboutPerson {
    /// What is told.
    pub news: PersonNews,
    /// The consent that it changes.
    pub consent: Option<ConsentChange>,
    /// Language and zone for a person we did not know.
    pub language: Language,
    /// IANA name.
    pub timezone: String,
}

/// An inbound message together with what it changes.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What came in.
    pub news: InboundNews,
    /// The earlier message of the person's that it puts right: then it is no feedback of its own.
    pub corrects: Option<WhatsAppId>,
    /// The consent that it changes: a stop or start word, or one by which a person agrees to something.
    pub consent: Option<ConsentChange>,
    /// Language and zone for a person we did not know.
    pub language: Language,
    /// IANA name.
    pub timezone: String,
    /// To which of our numbers it was written; `None` over other channels.
    pub sender: Option<SenderName>,
    /// Where it quotes no message of ours, it answers the newest one of a campaign called since then.
    pub answers_since: Timestamp,
    /// Whether barid answers by itself what is sent over this channel.
    pub wants_answer: bool,
    /// Until when it keeps the service window with that number open.
    pub window_until: Option<Timestamp>,
    /// The file that came with it, and whether it is to be fetched.
    pub media: Option<WantedMedia>,
}

impl Heard {
    /// Whether it may be the answer to a question whether the person agrees. What is put right later, or said to a group, is none.
    pub fn may_confirm(&self) -> bool {
        let news = &self.news;
        self.corrects.is_none()
            && self.consent.is_none()
            && news.extras.group.is_none()
            && double_opt_in::reply(news.text.as_deref(), news.payload.as_deref()).is_some()
    }
}

/// A message that a callback made wait: it wants to be woken then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldMessage {
    /// Which.
    pub id: MessageId,
    /// How many attempts are behind it.
    pub attempts: u16,
    /// Over which channel the last one went.
    pub from: Channel,
    /// Over which channel the next one goes.
    pub channel: Channel,
    /// When.
    pub until: Timestamp,
}

/// A message that a provider refused after it had taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMessage {
    /// Which.
    pub id: MessageId,
    /// From which of our numbers.
    pub sender: SenderName,
    /// To whom.
    pub contact: ContactId,
    /// Over which channel.
    pub channel: Channel,
    /// Of which campaign.
    pub campaign: Option<CampaignName>,
    /// Where the number is from.
    pub country: Option<CountryCode>,
    /// When its newest call was made.
    pub called_at: Timestamp,
    /// How it was refused.
    pub refusal: Refusal,
}

/// What applying a journal row did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Statuses that changed a message.
    pub changed: u64,
    /// Statuses that changed nothing: late, twice, of a message that is not ours.
    pub unchanged: u64,
    /// Feedback rows that are new.
    pub feedback: u64,
    /// Feedback that was put right or taken back.
    pub corrected: u64,
    /// People who have another number or user id since, or other wishes.
    pub people: u64,
    /// Messages suppressed by a stop word.
    pub suppressed: u64,
    /// Bodies that could not be read and were set aside.
    pub set_aside: u64,
    /// Pieces of news about a number that is not ours.
    pub foreign: u64,
    /// Messages that wait since, for another try or another channel.
    pub held: Vec<HeldMessage>,
    /// What was refused.
    pub refused: Vec<RefusedMessage>,
    /// What became of messages that suspensions let through.
    pub let_through: Vec<(MessageId, LetThrough)>,
    /// Kinds of news that nothing acts on, once for each piece.
    pub others: Vec<&'static str>,
}

/// Callback bodies as they came, and what they do to the record.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Keeps a body; durable when it answers.
    async fn append(&self, source: Source, body: Bytes, received_at: Timestamp) -> Stored<JournalId>;
    /// Keeps a body and applies its news in the same transaction: what it says is in force when this answers. A body that came before is kept
    /// again and changes nothing.
    async fn append_and_apply(
        &self,
        source: Source,
        body: Bytes,
        news: RowNews,
        received_at: Timestamp,
    ) -> Stored<(JournalId, Applied)>;
    /// What was kept; `None` when it was applied already or is not there.
    async fn unapplied(&self, id: JournalId) -> Stored<Option<Kept>>;
    /// Rows received before `before` and not applied, oldest first.
    async fn waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<JournalId>>;
    /// Applies the news of a row and marks it as applied, in one transaction: however often it is called, its effects happen once.
    async fn apply(&self, id: JournalId, news: RowNews, now: Timestamp) -> Stored<Applied>;
    /// Marks a row that cannot be read, with the reason; it is kept.
    async fn set_aside(&self, id: JournalId, because: &str, now: Timestamp) -> Stored<()>;
    /// How long the oldest unapplied row has waited, and how many wait.
    async fn lag(&self, now: Timestamp) -> Stored<(Duration, u64)>;
    /// How many people answered a run: sent something that counts as an answer to one of its messages and is neither a stop nor a start word.
    async fn respondents(&self, run: RunId) -> Stored<u64>;
    /// A page of feedback, newest first.
    async fn feedback(&self, before: Option<i64>, limit: u64) -> Stored<Page<Feedback>>;
    /// One feedback.
    async fn one_feedback(&self, id: FeedbackId) -> Stored<Option<Feedback>>;
}
