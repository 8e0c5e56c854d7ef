//! What came of a conversation, as it is exported.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, AnswerValue, Position, Scale, Standing};
use crate::domain::ids::FlowName;
use crate::domain::language::Language;

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultState {
    /// It came to its end.
    Completed,
    /// It ended before, with some answers.
    Partial,
    /// It ended before, without any.
    Abandoned,
    /// A person took over.
    Escalated,
}

impl ResultState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Partial, Self::Abandoned, Self::Escalated];

    /// The word in exports and as a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Abandoned => "abandoned",
            Self::Escalated => "escalated",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A step on a scale that somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// On which scale.
    pub scale: Scale,
    /// Which step.
    pub value: u8,
}

/// What came of a conversation. `Debug` shows no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowResult {
    /// Which flow.
    pub flow: FlowName,
    /// The version with which it began.
    pub version: u32,
    /// The language in which it was held at the end.
    pub language: Language,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; `None` while it waits.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it waits.
    pub state: Option<ResultState>,
    /// The answers in their order.
    pub answers: Vec<Answer>,
    /// The first one on a scale.
    pub score: Option<Score>,
}

impl FlowResult {
    /// What has come of a conversation so far.
    pub fn of(position: &Position) -> Self {
        let ended_at = match position.standing {
            Standing::Waiting { .. } => None,
            Standing::Ended { at, .. } | Standing::Escalated { at } => Some(at),
        };
        Self {
            flow: position.flow.clone(),
            version: position.version,
            language: position.language,
            began_at: position.began_at,
            ended_at,
            state: position.ended(),
            answers: position.answers.clone(),
            score: position.answers.iter().find_map(Answer::score),
        }
    }

    /// Every answer on that scale.
    pub fn scores(&self, scale: Scale) -> impl Iterator<Item = u8> {
        let scores = self.answers.iter().filter_map(Answer::score);
        scores.filter(move |score| score.scale == scale).map(|score| score.value)
    }
}

impl Answer {
    /// The step that was chosen, if the question was one on a scale.
    pub fn score(&self) -> Option<Score> {
        let AnswerValue::Score(value) = self.value else { return None };
        let scale = Scale::ALL.into_iter().find(|scale| scale.name() == self.kind)?;
        (scale.least()..=scale.most()).contains(&value).then_some(Score { scale, value })
    }
}
