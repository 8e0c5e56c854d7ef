//! Where a talk between a person and one of our numbers stands: who answers, which flow is under way, and what was answered lately.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::flow::Position;
use crate::domain::ids::FeedbackId;
use crate::domain::loop_guard::Given;

/// Something that a person sent and that is to be answered. `Debug` shows nothing of what was said.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// Our id.
    pub id: FeedbackId,
    /// Under which they can ask about it.
    pub reference: String,
    /// The provider's id of it.
    pub whatsapp_id: String,
    /// `text`, `image`, `button`, …
    pub kind: String,
    /// What it says.
    pub text: Option<String>,
    /// What a pressed button carries.
    pub payload: Option<String>,
    /// The change of consent that it is: `stop` or `start`.
    pub consent: Option<String>,
    /// How sure the analysis is that it is negative, in thousandths; `None` where it is not, or nobody looked yet.
    pub negative: Option<i64>,
    /// When it was sent, by Meta's clock.
    pub sent_at: Timestamp,
    /// When we had it.
    pub received_at: Timestamp,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why a person took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Escalation {
    /// They were asked for.
    Word,
    /// A flow says so.
    Flow,
    /// What was written sounds very unhappy.
    Sentiment,
    /// Somebody of the staff took it.
    Staff,
}

impl Escalation {
    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Flow => "flow",
            Self::Sentiment => "sentiment",
            Self::Staff => "staff",
        }
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum HeldBy {
    /// barid.
    #[default]
    Bot,
    /// People; barid is silent.
    Human {
        /// Since when.
        since: Timestamp,
        /// Why.
        because: Escalation,
        /// When people were last told that somebody waits.
        told_at: Timestamp,
        /// When one of them last wrote.
        wrote_at: Option<Timestamp>,
    },
}

/// Where a talk stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Who answers.
    pub held: HeldBy,
    /// The flow under way, or the last one.
    pub flow: Option<Position>,
    /// Automatic answers that were given lately.
    pub given: Vec<Given>,
    /// When something came in lately.
    pub received: Vec<Timestamp>,
    /// When it must be looked at, whatever comes in.
    pub due_at: Option<Timestamp>,
}

impl Conversation {
    /// Whether people answer.
    pub const fn is_human(&self) -> bool {
        matches!(self.held, HeldBy::Human { .. })
    }

    /// When it must be looked at, whatever comes in.
    pub const fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}
