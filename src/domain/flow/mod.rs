//! Flows: conversations that a file describes. `jobs/flows/NAME.toml` is the flow NAME.
//!
//! A flow is a list of steps. A step says something, asks something, or hands over to a person; then `next` decides where it goes on,
//! by what was answered. The engine is two pure functions, [`begin`] and [`advance`]: flow, [`Position`], what came in and the time go
//! in; a [`Turn`] comes out with what to say, the new position, what was recorded, the next timers and the reason. The position is all
//! that must be kept.
//!
//! What holds for every flow that was loaded:
//! - Every input leads to an end or to a question that waits, and each question gives up at some time.
//! - A redelivered input changes nothing; a question has one answer, the last one that was given to it.
//! - Nothing that is said is longer than Meta takes. What is said in a row is one message where it fits into one: WhatsApp does not
//!   promise to show two in their order, and each counts on the limit of the pair.

mod check;
mod choices;
mod dates;
mod engine;
mod limits;
mod number;
mod position;
mod read;
mod read_question;
mod result;
mod rules;
mod say;
mod score;
mod scores;
mod turn;
mod understand;
mod wording;

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::domain::campaign::CampaignValues;
use crate::domain::ids::{FlowName, FlowStepId};
use crate::domain::keywords::Keywords;
use crate::domain::problem::Place;
use crate::domain::template::{ByLanguage, FreeText};

pub use choices::Choice;
pub use engine::{advance, begin};
pub use number::Number;
pub use position::{Answer, AnswerValue, Position, Standing};
pub use result::{FlowResult, ResultState, Score};
pub use score::{Ces, Csat, Nps};
pub use scores::{FlowCounts, QuestionScore, ScaleScore, VersionScores, scores};
pub use turn::{Around, Because, Input, Start, Timers, Turn, WhatCame};

/// A flow, compiled and checked.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The stem of its file.
    pub name: FlowName,
    /// Its author raises it when answers of before and after must not be added up; 1 unless the file says so.
    pub version: u32,
    /// What operators read.
    pub title: Option<ByLanguage<String>>,
    /// What begins it.
    pub starts_on: StartsOn,
    /// The variables with what they are before anybody sets them.
    pub variables: CampaignValues,
    /// In the order of the file; the first one begins.
    steps: Vec<FlowStep>,
}

/// What begins a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartsOn {
    /// Words of which one is the whole message.
    pub words: Keywords,
    /// What pressed buttons carry, those of approved templates too.
    pub payloads: Vec<String>,
    /// Whether a campaign may name it as its survey.
    pub survey: bool,
}

/// A step.
#[derive(Debug, Clone)]
pub struct FlowStep {
    /// Its name.
    pub id: FlowStepId,
    /// Where it is written.
    pub place: Place,
    /// What is said. Only steps that hand over may say nothing.
    pub text: Option<ByLanguage<FreeText>>,
    /// What it does.
    pub does: Does,
    /// Where it goes on: the first rule that applies.
    rules: Vec<Rule>,
    /// Where it goes on when none does.
    otherwise: Target,
    /// Variables that are set when it is done.
    set: CampaignValues,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Does {
    /// Says its text.
    Say,
    /// Says its text and hands over to a person.
    Escalate,
    /// Asks.
    Ask(Box<Question>),
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// What an answer is.
    pub kind: QuestionKind,
    /// What is said to an answer that cannot be read; `None`: words that fit the kind.
    pub retry: Option<ByLanguage<FreeText>>,
    /// What is said before the question when it is asked again because nobody answered.
    pub remind: Option<ByLanguage<FreeText>>,
    /// How often it is asked at most before it is left.
    pub tries: u32,
    /// Where it goes on then.
    pub after_tries: Target,
    /// After how long without an answer it is asked once more.
    pub remind_after: Option<SignedDuration>,
    /// After how long without an answer the flow ends.
    pub gives_up_after: SignedDuration,
    /// Whether it may be passed over in words ("skip").
    pub optional: bool,
}

/// What an answer is.
#[derive(Debug, Clone, PartialEq)]
pub enum QuestionKind {
    /// Any words.
    Text {
        /// At most.
        chars_max: usize,
    },
    /// One of up to three buttons.
    Buttons {
        /// In their order.
        choices: Vec<Choice>,
    },
    /// One of up to ten rows.
    List {
        /// The label that opens the list.
        choose: ByLanguage<String>,
        /// In their order.
        choices: Vec<Choice>,
    },
    /// A number.
    Number {
        /// The least.
        min: Option<Number>,
        /// The most.
        max: Option<Number>,
        /// How many decimals at most.
        decimals: u32,
    },
    /// A day.
    Date {
        /// The first.
        min: Option<DateBound>,
        /// The last.
        max: Option<DateBound>,
    },
    /// A step on one of the scales of surveys.
    Scale {
        /// Which.
        scale: Scale,
        /// The label that opens the list.
        choose: ByLanguage<String>,
        /// One for each step of the scale; empty where it does not fit into a list.
        choices: Vec<Choice>,
    },
}

impl QuestionKind {
    /// The word in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Buttons { .. } => "buttons",
            Self::List { .. } => "list",
            Self::Number { .. } => "number",
            Self::Date { .. } => "date",
            Self::Scale { scale, .. } => scale.name(),
        }
    }

    /// What can be chosen by pressing.
    pub fn choices(&self) -> &[Choice] {
        match self {
            Self::Buttons { choices } | Self::List { choices, .. } | Self::Scale { choices, .. } => choices,
            Self::Text { .. } | Self::Number { .. } | Self::Date { .. } => &[],
        }
    }
}

/// The scales that surveys use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// How likely somebody is to recommend us: 0 to 10.
    Nps,
    /// How satisfied somebody is: 1 to 5.
    Csat,
    /// How far somebody agrees that it was easy: 1 to 7.
    Ces,
}

impl Scale {
    /// Every scale.
    pub const ALL: [Self; 3] = [Self::Nps, Self::Csat, Self::Ces];

    /// The word in files and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nps => "nps",
            Self::Csat => "csat",
            Self::Ces => "ces",
        }
    }

    /// Its lowest step.
    pub const fn least(self) -> u8 {
        match self {
            Self::Nps => 0,
            Self::Csat | Self::Ces => 1,
        }
    }

    /// Its highest step.
    pub const fn most(self) -> u8 {
        match self {
            Self::Nps => 10,
            Self::Csat => 5,
            Self::Ces => 7,
        }
    }
}

/// The end of a span of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateBound {
    /// That day.
    On(Date),
    /// So many days after the day on which the question is answered; below zero: before it.
    FromToday(i32),
}

/// Where a flow goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// With that step.
    Step(FlowStepId),
    /// Nowhere: it is over.
    End,
    /// With a person.
    Escalate,
}

/// Where it goes on when an answer is like that.
#[derive(Debug, Clone)]
struct Rule {
    /// Whose answer is looked at.
    of: FlowStepId,
    when: When,
    go: Target,
    set: CampaignValues,
}

/// What an answer must be like.
#[derive(Debug, Clone, PartialEq)]
enum When {
    /// One of these.
    Is(Vec<AnswerValue>),
    /// Not before, not after.
    Between(Option<AnswerValue>, Option<AnswerValue>),
    /// Anything, or nothing.
    Whatever,
}

impl Flow {
    /// Its steps in the order of the file.
    pub fn steps(&self) -> &[FlowStep] {
        &self.steps
    }

    /// The step of that name.
    pub fn step(&self, id: &FlowStepId) -> Option<&FlowStep> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Whether this message begins it.
    pub fn begins_with(&self, came: &WhatCame) -> bool {
        match came {
            WhatCame::Text(text) => self.starts_on.words.is_said(text),
            WhatCame::Pressed(payload) => self.starts_on.payloads.iter().any(|known| known == payload),
            _ => false,
        }
    }
}

impl FlowStep {
    /// The word for what it does, as in files.
    pub fn kind(&self) -> &'static str {
        match &self.does {
            Does::Say => "say",
            Does::Escalate => "escalate",
            Does::Ask(question) => question.kind.name(),
        }
    }

    /// What it asks, if it asks.
    pub fn question(&self) -> Option<&Question> {
        match &self.does {
            Does::Ask(question) => Some(question),
            Does::Say | Does::Escalate => None,
        }
    }

    /// Everywhere it may go on.
    fn targets(&self) -> impl Iterator<Item = &Target> {
        let catches_all = self.rules.iter().any(|rule| rule.when == When::Whatever);
        self.rules.iter().map(|rule| &rule.go).chain((!catches_all).then_some(&self.otherwise))
    }
}

#[cfg(test)]
mod tests;
