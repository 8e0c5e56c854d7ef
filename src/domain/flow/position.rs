//! Where a conversation stands: all that must be kept of it, so that it goes on after days, a restart or another version of its file.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Number, ResultState};
use crate::domain::campaign::CampaignValues;
use crate::domain::fingerprint::fingerprint;
use crate::domain::ids::{FlowName, FlowStepId};
use crate::domain::language::Language;

/// The format of a position as it is kept. One of another format cannot be read and is refused, not guessed at.
const FORMAT: u8 = 1;

/// Where a conversation stands. `Debug` shows no answer.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    #[serde(deserialize_with = "known_format")]
    format: u8,
    /// Which flow.
    pub flow: FlowName,
    /// The version of the flow with which it began.
    pub version: u32,
    /// The language in which it is held.
    pub language: Language,
    /// When it began.
    pub began_at: Timestamp,
    /// Whether it waits, and if not, why.
    pub standing: Standing,
    /// The question that was asked and has no answer.
    pub open: Option<FlowStepId>,
    /// What was answered so far, each question once, in the order of the answers.
    pub answers: Vec<Answer>,
    /// Variables that were set.
    pub variables: CampaignValues,
    /// Fingerprints of the inputs that were taken in, oldest first.
    pub(super) heard: Vec<u64>,
}

/// Whether a conversation waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Standing {
    /// For the answer to the open question.
    Waiting {
        /// How often the question was asked; reminders do not count.
        tries: u32,
        /// When nobody answered until then, it is asked once more.
        remind_at: Option<Timestamp>,
        /// When nobody answered until then, the conversation ends.
        give_up_at: Timestamp,
    },
    /// It is over.
    Ended {
        /// How.
        state: ResultState,
        /// When.
        at: Timestamp,
    },
    /// A person has taken over.
    Escalated {
        /// When.
        at: Timestamp,
    },
}

/// An answer. `Debug` shows nothing of what was said.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// To which question.
    pub step: FlowStepId,
    /// The kind of the question, as in files.
    pub kind: String,
    /// What was understood.
    #[serde(flatten)]
    pub value: AnswerValue,
    /// What was written, or the title of what was pressed.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// What was understood.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum AnswerValue {
    /// Words.
    Text(String),
    /// The name of a choice.
    Choice(String),
    /// A number.
    Number(Number),
    /// A day.
    Date(Date),
    /// A step on a scale.
    Score(u8),
}

impl AnswerValue {
    /// What was understood, by itself: a text or a number.
    pub fn as_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) | Self::Choice(text) => text.as_str().into(),
            Self::Number(number) => serde_json::to_value(number).unwrap_or_default(),
            Self::Date(date) => date.to_string().into(),
            Self::Score(score) => (*score).into(),
        }
    }
}

impl Position {
    /// A conversation that has just begun and waits for nothing yet.
    pub(super) fn new(flow: FlowName, version: u32, language: Language, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            flow,
            version,
            language,
            began_at: now,
            standing: Standing::Ended { state: ResultState::Completed, at: now },
            open: None,
            answers: Vec::new(),
            variables: CampaignValues::new(),
            heard: Vec::new(),
        }
    }

    /// The answer to a question, if there is one.
    pub fn answer(&self, step: &FlowStepId) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.step == *step)
    }

    /// How it ended, if it has.
    pub const fn ended(&self) -> Option<ResultState> {
        match self.standing {
            Standing::Ended { state, .. } => Some(state),
            Standing::Escalated { .. } => Some(ResultState::Escalated),
            Standing::Waiting { .. } => None,
        }
    }

    /// When it must be looked at, whatever comes in; `None` while nothing is waited for.
    pub fn next_timer(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Waiting { remind_at, give_up_at, .. } => {
                Some(remind_at.map_or(give_up_at, |remind_at| remind_at.min(give_up_at)))
            }
            Standing::Ended { .. } | Standing::Escalated { .. } => None,
        }
    }

    /// How many inputs were taken in.
    pub fn n_inputs(&self) -> usize {
        self.heard.len()
    }

    pub(super) fn has_heard(&self, id: &str) -> bool {
        self.heard.contains(&fingerprint(id))
    }

    pub(super) fn hear(&mut self, id: &str) {
        self.heard.push(fingerprint(id));
    }

    /// A question that comes up again keeps its last answer only.
    pub(super) fn record(&mut self, answer: Answer) {
        self.forget(&answer.step);
        self.answers.push(answer);
    }

    /// As if the question had not been answered.
    pub(super) fn forget(&mut self, step: &FlowStepId) {
        self.answers.retain(|answer| answer.step != *step);
    }
}

fn known_format<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        other => {
            Err(serde::de::Error::custom(format!("the position has format {other}, but this version knows {FORMAT}")))
        }
    }
}

impl std::fmt::Debug for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Position")
            .field("flow", &self.flow)
            .field("standing", &self.standing)
            .field("open", &self.open)
            .field("n_answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("step", &self.step).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What an author wrote in a rule is shown too; so this shows the type alone.
impl std::fmt::Debug for AnswerValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Choice(_) => "Choice(…)",
            Self::Number(_) => "Number(…)",
            Self::Date(_) => "Date(…)",
            Self::Score(_) => "Score(…)",
        })
    }
}
