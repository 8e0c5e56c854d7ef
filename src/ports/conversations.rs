//! Conversations: what people sent that is still to be answered, where each talk stands, and what is said to it.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Received};
use crate::domain::flow::FlowResult;
use crate::domain::ids::{ContactId, FeedbackId, MessageId, SenderName};
use crate::domain::service_window::ServiceWindow;
use crate::ports::{Page, SingleMessage, Stored};

/// A person and the number of ours to which they write.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TalkId {
    /// The person.
    pub contact: ContactId,
    /// The number.
    pub sender: SenderName,
}

/// A talk with all that is needed to decide what is said next.
#[derive(Debug, Clone)]
pub struct Talk {
    /// The person, as they are now.
    pub contact: Contact,
    /// Where it stands.
    pub conversation: Conversation,
    /// How often it was written; 0 before the first time.
    pub version: i64,
    /// What was sent and is not answered, oldest first.
    pub unanswered: Vec<Received>,
    /// Until when free words may be said.
    pub window: ServiceWindow,
}

/// What is said in a talk, and where it stands then.
#[derive(Debug, Clone)]
pub struct Said {
    /// Which talk.
    pub talk: TalkId,
    /// The version of the talk that was looked at.
    pub version: i64,
    /// Where it stands now.
    pub conversation: Conversation,
    /// What is answered with it, or needs no answer.
    pub answered: Vec<FeedbackId>,
    /// What is said, in this order.
    pub messages: Vec<SingleMessage>,
    /// Flows that ended.
    pub results: Vec<FlowResult>,
}

/// A talk as a list shows it.
#[derive(Debug, Clone)]
pub struct ListedTalk {
    /// For paging.
    pub id: i64,
    /// Which.
    pub talk: TalkId,
    /// The person's number, unless withheld.
    pub phone: Option<String>,
    /// Where it stands.
    pub conversation: Conversation,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// Conversations.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Talks in which something is to be said: those where the newest unanswered message is from before `quiet_since`, or the oldest from
    /// before `waiting_since`, and those whose moment has come.
    async fn talks_to_look_at(
        &self,
        quiet_since: Timestamp,
        waiting_since: Timestamp,
        now: Timestamp,
        limit: u64,
    ) -> Stored<Vec<TalkId>>;
    /// A talk; a new one where the two never talked. `None`: there is no such person.
    async fn talk(&self, id: &TalkId) -> Stored<Option<Talk>>;
    /// Writes what is said, together with what it answers; answers the new messages. `None`: something was said or written since it was looked
    /// at, and nothing is written.
    async fn say(&self, said: Said, now: Timestamp) -> Stored<Option<Vec<MessageId>>>;
    /// Talks that people hold, or all of them; newest talk first.
    async fn talks(&self, only_human: bool, before: Option<i64>, limit: u64) -> Stored<Page<ListedTalk>>;
}
