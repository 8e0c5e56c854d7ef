//! Reads texts in this process: rules first, then an encoder with two learnt heads, one for sentiment and one for categories.

use std::sync::Arc;

use super::e5::E5;
use super::encoder::Encoder;
use super::lessons::Lessons;
use super::regression::{Lesson, Regression};
use super::rules;
use super::vector::Vector;
use crate::domain::analysis::{Analysis, CategoryFound, Model, Score, Sentiment, SentimentLabel};
use crate::domain::detected_language::detect;
use crate::domain::question::is_question;

/// How far single sentences bend the weights, without and with the model: chosen by cross-validation over the training sentences.
const STRENGTH_OF_NGRAMS: f32 = 10.0;
const STRENGTH_WITH_MODEL: f32 = 3.0;

/// Rises when the same sentences are to be read differently: results of before can be found and read again.
const REVISION: u32 = 2;

/// A reader that has learnt.
#[derive(Debug)]
pub(super) struct Reader {
    encoder: Encoder,
    sentiment: Regression,
    category: Regression,
    categories: Vec<String>,
    category_above: f32,
    signature: Model,
}

impl Reader {
    /// Learns from the lessons, with the model where there is one. Categories are named where their probability is above
    /// `category_above`.
    pub(super) fn learn(lessons: &Lessons, category_above: f32, model: Option<Arc<E5>>) -> Self {
        let signature = signature(lessons, model.as_deref());
        let sentences: Vec<&str> = lessons.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
        let (encoder, vectors) = Encoder::of(&sentences, model);
        let taught = || lessons.sentences.iter().zip(&vectors);
        let of_sentiment: Vec<Lesson<'_>> = taught()
            .filter_map(|(sentence, vector)| {
                let label = sentence.sentiment?;
                let class = SentimentLabel::ALL.iter().position(|known| *known == label)?;
                Some(Lesson { vector, class })
            })
            .collect();
        let of_category: Vec<Lesson<'_>> =
            taught().filter_map(|(sentence, vector)| Some(Lesson { vector, class: sentence.category? })).collect();
        let n_places = encoder.n_places();
        let strength = if encoder.has_model() { STRENGTH_WITH_MODEL } else { STRENGTH_OF_NGRAMS };
        Self {
            sentiment: Regression::learn(&of_sentiment, SentimentLabel::ALL.len(), n_places, strength),
            category: Regression::learn(&of_category, lessons.categories.len(), n_places, strength),
            categories: lessons.categories.clone(),
            category_above,
            signature,
            encoder,
        }
    }

    /// As which reader it signs.
    pub(super) fn signature(&self) -> &Model {
        &self.signature
    }

    /// Reads texts: one answer for each, in their order.
    pub(super) fn read(&self, texts: &[String]) -> Vec<Analysis> {
        texts.iter().zip(self.encoder.encode(texts)).map(|(text, vector)| self.judge(text, &vector)).collect()
    }

    fn judge(&self, text: &str, vector: &Vector) -> Analysis {
        let by_rule = rules::sentiment_of(text);
        let category = if by_rule.is_some() { None } else { self.category_of(vector) };
        Analysis {
            language: detect(text),
            sentiment: by_rule.or_else(|| self.sentiment_of(vector)),
            category,
            is_question: is_question(text),
            model: self.signature.clone(),
        }
    }

    fn sentiment_of(&self, vector: &Vector) -> Option<Sentiment> {
        let (class, score) = likeliest(&self.sentiment.probabilities(vector))?;
        Some(Sentiment { label: *SentimentLabel::ALL.get(class)?, score: Score::new(score) })
    }

    fn category_of(&self, vector: &Vector) -> Option<CategoryFound> {
        let (class, score) = likeliest(&self.category.probabilities(vector))?;
        (score > self.category_above).then_some(())?;
        Some(CategoryFound { name: self.categories.get(class)?.clone(), score: Score::new(score) })
    }
}

/// As which reader one with these lessons signs.
pub(super) fn signature(lessons: &Lessons, model: Option<&E5>) -> Model {
    let short = |sum: &[u8; 32]| hex::encode(&sum[..4]);
    let of_lessons = short(&lessons.sum());
    match model {
        None => Model { name: "n-grams".to_owned(), version: format!("{REVISION}-{of_lessons}") },
        Some(model) => {
            Model { name: "e5-small-q4".to_owned(), version: format!("{REVISION}-{of_lessons}-{}", short(model.sum())) }
        }
    }
}

fn likeliest(probabilities: &[f32]) -> Option<(usize, f32)> {
    probabilities.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))
}
