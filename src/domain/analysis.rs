//! What a reader makes of a feedback: language, sentiment, category, and which model said so.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::detected_language::DetectedLanguage;

/// What the sender feels about us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SentimentLabel {
    /// Pleased.
    Positive,
    /// Neither: questions, requests, bare facts.
    Neutral,
    /// Displeased.
    Negative,
}

impl SentimentLabel {
    /// All, in the order in which they are shown and learnt.
    pub const ALL: [Self; 3] = [Self::Positive, Self::Neutral, Self::Negative];

    /// `positive`, `neutral` or `negative`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.name() == name)
    }
}

impl fmt::Display for SentimentLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a reader is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Score(f32);

impl Score {
    /// Certain, by a rule.
    pub const CERTAIN: Self = Self(1.0);

    /// Brings a number between 0 and 1; what is no number is no certainty at all.
    pub fn new(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    /// The number.
    pub const fn value(self) -> f32 {
        self.0
    }
}

/// A sentiment and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sentiment {
    /// Which.
    pub label: SentimentLabel,
    /// How sure.
    pub score: Score,
}

/// A category and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CategoryFound {
    /// Its name, as the file of categories has it.
    pub name: String,
    /// How sure.
    pub score: Score,
}

/// Which reader judged. Results with another model than that of the present reader can be replaced by reading the text again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Model {
    /// What it is: `e5-small-q4`, `n-grams`, `language-only`, or what a service of yours calls itself.
    pub name: String,
    /// Of the program, the model file, the categories and every sentence it learnt from: any change makes another version.
    pub version: String,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

/// What a reader makes of one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// In which language it is written.
    pub language: DetectedLanguage,
    /// What the sender feels; `None` where nobody read for it.
    pub sentiment: Option<Sentiment>,
    /// What it is about; `None` where nothing is sure enough.
    pub category: Option<CategoryFound>,
    /// Whether it asks something.
    pub is_question: bool,
    /// Who says so.
    pub model: Model,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_lie_between_nothing_and_certain() {
        for (given, kept) in [(0.5, 0.5), (-1.0, 0.0), (7.0, 1.0), (f32::NAN, 0.0), (f32::INFINITY, 1.0)] {
            assert_eq!(Score::new(given).value().to_bits(), f32::to_bits(kept), "{given}");
        }
    }

    #[test]
    fn labels_are_known_by_their_names() {
        for label in SentimentLabel::ALL {
            assert_eq!(SentimentLabel::from_name(label.name()), Some(label));
        }
        assert_eq!(SentimentLabel::from_name("Positive"), None);
    }
}
