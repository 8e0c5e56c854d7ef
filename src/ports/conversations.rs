//! Conversations: what people sent that is still to be answered, where each talk stands, and what is said to it.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::answering::staff::StaffAct;
use crate::domain::consent::Purpose;
use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Holder, Received};
use crate::domain::delivery::State;
use crate::domain::flow::FlowResult;
use crate::domain::ids::{ContactId, FeedbackId, MessageId, SenderName};
use crate::domain::language::Language;
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
    /// Who of the staff did it; `None`: barid.
    pub by: Option<StaffAction>,
}

/// What somebody of the staff did, as it is kept. `Debug` does not name them.
#[derive(Clone, PartialEq, Eq)]
pub struct StaffAction {
    /// What. Where it is an answer, it is the last of the messages.
    pub act: StaffAct,
    /// Who, in the words of whoever asked.
    pub who: String,
}

impl std::fmt::Debug for StaffAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaffAction").field("act", &self.act).finish_non_exhaustive()
    }
}

/// Which talks a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TalkFilter {
    /// Those that people hold, or barid.
    pub holder: Option<Holder>,
    /// Those of this person.
    pub contact: Option<ContactId>,
}

/// A talk as a list shows it. `Debug` does not show whose.
#[derive(Clone)]
pub struct ListedTalk {
    /// For paging; 0 where nothing was ever kept of it.
    pub id: i64,
    /// Which.
    pub talk: TalkId,
    /// The person's number, unless withheld.
    pub phone: Option<String>,
    /// The person's name, if known.
    pub name: Option<String>,
    /// The person's language.
    pub language: Language,
    /// Where it stands.
    pub conversation: Conversation,
    /// Until when free words may be said.
    pub window: ServiceWindow,
    /// When it last changed; `None`: never.
    pub changed_at: Option<Timestamp>,
}

impl std::fmt::Debug for ListedTalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListedTalk").field("talk", &self.talk).finish_non_exhaustive()
    }
}

/// Something that was said in a talk. `Debug` shows nothing of it.
#[derive(Clone, PartialEq)]
pub enum Exchange {
    /// By the person.
    Received {
        /// Our id.
        id: FeedbackId,
        /// Under which they can ask about it.
        reference: String,
        /// `text`, `image`, `button`, …
        kind: String,
        /// What it says.
        text: Option<String>,
        /// `positive`, `neutral` or `negative`, where it was read.
        sentiment: Option<String>,
        /// When we had it.
        at: Timestamp,
    },
    /// By us.
    Sent {
        /// The message.
        id: MessageId,
        /// What for.
        purpose: Purpose,
        /// What it says, or the name of the approved template; `None`: it is made when it is sent.
        text: Option<String>,
        /// Where it stands.
        state: State,
        /// Who of the staff wrote it; `None`: none of them did.
        by: Option<String>,
        /// When it was planned.
        at: Timestamp,
    },
}

impl Exchange {
    /// When.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Received { at, .. } | Self::Sent { at, .. } => *at,
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Received { id, .. } => f.debug_tuple("Received").field(id).finish(),
            Self::Sent { id, .. } => f.debug_tuple("Sent").field(id).finish(),
        }
    }
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
    /// Talks of which something is kept; newest talk first.
    async fn talks(&self, filter: TalkFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedTalk>>;
    /// One talk as a list shows it; `None`: there is no such person.
    async fn listed_talk(&self, id: &TalkId) -> Stored<Option<ListedTalk>>;
    /// The numbers of ours with which a person ever talked.
    async fn senders_talked_to(&self, contact: ContactId) -> Stored<Vec<SenderName>>;
    /// What was said in a talk last, newest first.
    async fn exchanges(&self, id: &TalkId, limit: u64) -> Stored<Vec<Exchange>>;
}
