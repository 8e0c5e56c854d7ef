//! What goes into a turn of a conversation, and what comes out of it.

use jiff::Timestamp;

use super::{Answer, Position, ResultState, Standing};
use crate::domain::campaign::CampaignValues;
use crate::domain::contact::Contact;
use crate::domain::ids::FlowStepId;
use crate::domain::language::Language;
use crate::domain::message::Content;
use crate::domain::template::{Brand, RenderError};

/// With whom the conversation is held, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// With whom. Their time zone says which day is today.
    pub contact: &'a Contact,
    /// For whom.
    pub brand: &'a Brand,
}

/// How a conversation begins.
#[derive(Debug, Clone)]
pub struct Start {
    /// The id of what began it: when that comes again it changes nothing.
    pub id: String,
    /// The language in which it is held.
    pub language: Language,
    /// Variables of the flow that are known from elsewhere; others than the flow declares are left out.
    pub variables: CampaignValues,
}

/// Something that came in. `Debug` shows nothing of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its id: the provider's for messages, one of the caller's own for everything else.
    pub id: String,
    /// What it is.
    pub came: WhatCame,
}

/// What came in. `Debug` shows nothing of what was said.
#[derive(Clone, PartialEq, Eq)]
pub enum WhatCame {
    /// Words.
    Text(String),
    /// A button or row was pressed that carries this.
    Pressed(String),
    /// Something without words: a picture, a voice message.
    Other,
    /// Time has passed: whatever is due is done.
    Timer,
    /// From now on in this language.
    Language(Language),
    /// The conversation goes on: after it was given up, or when a person hands it back.
    Resume,
    /// A person takes over: called by a word, by somebody's mood, by themselves.
    Escalate,
    /// It ends, for a reason from outside (a stop word).
    Cancel,
}

impl std::fmt::Debug for WhatCame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Pressed(_) => "Pressed(…)",
            Self::Other => "Other",
            Self::Timer => "Timer",
            Self::Language(_) => "Language(…)",
            Self::Resume => "Resume",
            Self::Escalate => "Escalate",
            Self::Cancel => "Cancel",
        })
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What to say, in this order; every message is within Meta's limits.
    pub say: Vec<Content>,
    /// Where the conversation stands now. The same as before when `because` says that nothing changed.
    pub position: Position,
    /// The answer that was recorded, if one was.
    pub recorded: Option<Answer>,
    /// Why.
    pub because: Because,
    /// What could not be filled into texts; they were said without it. Names variables, never values.
    pub left_out: Vec<RenderError>,
}

/// When the conversation must be looked at again, whatever comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Then the question is asked once more.
    pub remind_at: Option<Timestamp>,
    /// Then it ends.
    pub give_up_at: Timestamp,
}

impl Timers {
    /// The sooner of the two.
    pub fn next(self) -> Timestamp {
        self.remind_at.map_or(self.give_up_at, |remind_at| remind_at.min(self.give_up_at))
    }
}

impl Turn {
    /// How the conversation ended, if it has.
    pub const fn ends(&self) -> Option<ResultState> {
        self.position.ended()
    }

    /// Whether a person takes over now.
    pub fn escalates(&self) -> bool {
        self.ends() == Some(ResultState::Escalated) && !self.because.is_unchanged()
    }

    /// When to look at it again; `None` when nothing is waited for.
    pub const fn timers(&self) -> Option<Timers> {
        match self.position.standing {
            Standing::Waiting { remind_at, give_up_at, .. } => Some(Timers { remind_at, give_up_at }),
            Standing::Ended { .. } | Standing::Escalated { .. } => None,
        }
    }
}

/// Why a turn is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The conversation began.
    Began,
    /// The question was answered.
    Answered(FlowStepId),
    /// The question was passed over.
    Skipped(FlowStepId),
    /// The answer could not be read: asked again.
    NotUnderstood(FlowStepId),
    /// The answer could not be read too often: the question was left.
    TriesUsedUp(FlowStepId),
    /// Nobody answered: asked again.
    Reminded(FlowStepId),
    /// Nobody answered for too long.
    GivenUp(FlowStepId),
    /// Asked again in another language.
    LanguageChanged,
    /// Asked again because it goes on.
    Resumed(FlowStepId),
    /// A person takes over.
    EscalatedFromOutside,
    /// Ended from outside.
    Cancelled,
    /// The question is not in the flow any more: its file was changed.
    StepGone(FlowStepId),
    /// More came in than any conversation takes.
    TooLong,
    /// A button of another question, or of none of ours: heard, and nothing follows from it.
    ButtonOfAnother,
    /// It is held in that language already: heard, and nothing follows from it.
    SameLanguage,
    /// Unchanged: this was taken in before.
    Redelivered,
    /// Unchanged: it waits for nothing. What comes then is not taken in, so it can be taken in later.
    NotWaiting,
    /// Unchanged: nothing is due.
    NothingDue,
    /// Unchanged: the position is one of another flow.
    OtherFlow,
}

impl Because {
    /// Whether nothing changed.
    pub const fn is_unchanged(&self) -> bool {
        matches!(self, Self::Redelivered | Self::NotWaiting | Self::NothingDue | Self::OtherFlow)
    }
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Began => f.write_str("the conversation began"),
            Self::Answered(step) => write!(f, "`{step}` was answered"),
            Self::Skipped(step) => write!(f, "`{step}` was passed over"),
            Self::NotUnderstood(step) => write!(f, "the answer to `{step}` could not be read"),
            Self::TriesUsedUp(step) => write!(f, "the answers to `{step}` could not be read too often"),
            Self::Reminded(step) => write!(f, "nobody answered `{step}`"),
            Self::GivenUp(step) => write!(f, "nobody answered `{step}` for too long"),
            Self::LanguageChanged => f.write_str("another language was asked for"),
            Self::Resumed(step) => write!(f, "it goes on with `{step}`"),
            Self::EscalatedFromOutside => f.write_str("a person takes over"),
            Self::Cancelled => f.write_str("it was ended from outside"),
            Self::StepGone(step) => write!(f, "`{step}` is not in the flow any more"),
            Self::TooLong => f.write_str("more came in than any conversation takes"),
            Self::Redelivered => f.write_str("this was taken in before"),
            Self::NotWaiting => f.write_str("it waits for nothing"),
            Self::ButtonOfAnother => f.write_str("this button belongs to another question"),
            Self::NothingDue => f.write_str("nothing is due yet"),
            Self::SameLanguage => f.write_str("it is held in that language already"),
            Self::OtherFlow => f.write_str("the position is one of another flow"),
        }
    }
}
