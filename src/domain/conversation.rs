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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum HeldBy {
    /// barid.
    #[default]
    Bot,
    /// People; barid is silent.
    Human(Handover),
}

/// How a talk came into people's hands, and how it does there. `Debug` does not name who took it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub because: Escalation,
    /// When people were last told that somebody waits.
    pub told_at: Timestamp,
    /// When one of them last wrote.
    pub wrote_at: Option<Timestamp>,
    /// Since when the person waits for a word of theirs; `None`: they do not.
    pub waits_since: Option<Timestamp>,
    /// The reference of what called them, where something did.
    pub reference: Option<String>,
    /// Who took it, once somebody has.
    pub taken_by: Option<String>,
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover")
            .field("since", &self.since)
            .field("because", &self.because)
            .field("told_at", &self.told_at)
            .field("wrote_at", &self.wrote_at)
            .field("waits_since", &self.waits_since)
            .finish_non_exhaustive()
    }
}

/// Who of the two answers, as lists are asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// People.
    Person,
    /// barid.
    Bot,
}

impl Holder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Person, Self::Bot];

    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|holder| holder.name() == name)
    }
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
        self.handover().is_some()
    }

    /// How it came to people, while they hold it.
    pub const fn handover(&self) -> Option<&Handover> {
        match &self.held {
            HeldBy::Human(handover) => Some(handover),
            HeldBy::Bot => None,
        }
    }

    /// Who answers.
    pub const fn holder(&self) -> Holder {
        if self.is_human() { Holder::Person } else { Holder::Bot }
    }

    /// When it must be looked at, whatever comes in.
    pub const fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

/// What changed hands between two standings of a talk: an escalation that ended, and one that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handed<'a> {
    /// People gave it back, or were too long silent.
    pub closed: Option<&'a Handover>,
    /// People took over.
    pub opened: Option<&'a Handover>,
}

/// What changed hands from `before` to `after`. Both may have happened in one step: handed back, and called again.
pub fn handed<'a>(before: &'a Conversation, after: &'a Conversation) -> Handed<'a> {
    match (before.handover(), after.handover()) {
        (Some(old), Some(new)) if (old.since, old.because) == (new.since, new.because) => {
            Handed { closed: None, opened: None }
        }
        (closed, opened) => Handed { closed, opened },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn human(since: i64) -> Conversation {
        let handover = Handover {
            since: at(since),
            because: Escalation::Word,
            told_at: at(since),
            wrote_at: None,
            waits_since: None,
            reference: None,
            taken_by: None,
        };
        Conversation { held: HeldBy::Human(handover), ..Conversation::default() }
    }

    #[test]
    fn each_escalation_opens_once_and_closes_once() {
        let bot = Conversation::default();
        for (before, after, closes, opens) in [
            (bot.clone(), bot.clone(), false, false),
            (bot.clone(), human(1), false, true),
            (human(1), human(1), false, false),
            (human(1), bot, true, false),
            // Handed back by the clock and called again by what was just written.
            (human(1), human(9), true, true),
        ] {
            let handed = handed(&before, &after);
            assert_eq!((handed.closed.is_some(), handed.opened.is_some()), (closes, opens), "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_talk_that_an_older_version_kept_can_be_read() {
        let kept = r#"{"held":{"by":"human","since":"2026-11-01T09:00:00Z","because":"word","told_at":"2026-11-01T09:00:00Z","wrote_at":null},
                       "flow":null,"given":[],"received":[],"due_at":null}"#;
        let read: Conversation = serde_json::from_str(kept).unwrap();
        assert_eq!(read.handover().map(|handover| handover.because), Some(Escalation::Word));
        let bot = r#"{"held":{"by":"bot"},"flow":null,"given":[],"received":[],"due_at":null}"#;
        assert_eq!(serde_json::from_str::<Conversation>(bot).unwrap().holder(), Holder::Bot);
    }
}
