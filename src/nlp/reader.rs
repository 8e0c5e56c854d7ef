//! Reads texts in this process: rules first, then vectors of n-grams or of the model with two learnt heads, one for sentiment and one
//! for categories.

use std::sync::Arc;

use super::e5::E5;
use super::lessons::Lessons;
use super::ngrams::NGrams;
use super::regression::{Lesson, Regression};
use super::rules;
use super::vector::Vector;
use crate::domain::analysis::{Analysis, CategoryFound, Model, Score, Sentiment, SentimentLabel};
use crate::domain::detected_language::detect;
use crate::domain::question::is_question;

/// How far single sentences bend the weights, of n-grams and of the model: chosen by cross-validation over the training sentences.
const STRENGTH_OF_NGRAMS: f32 = 10.0;
const STRENGTH_OF_MODEL: f32 = 3.0;

/// Rises when the same sentences are to be read differently: results of before can be found and read again.
const REVISION: u32 = 1;

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

/// What turns texts into vectors.
#[derive(Debug)]
enum Encoder {
    NGrams(NGrams),
    Model {
        model: Arc<E5>,
        /// The mean of what was learnt from. All vectors of the model lie in one corner; seen from their middle, they differ.
        middle: Vec<f32>,
    },
}

impl Encoder {
    /// One that knows the sentences, and their vectors.
    fn of(sentences: &[&str], model: Option<Arc<E5>>) -> (Self, Vec<Vector>) {
        let Some(model) = model else {
            let grams = NGrams::of(sentences.iter().copied());
            let vectors = sentences.iter().map(|sentence| grams.encode(sentence)).collect();
            return (Self::NGrams(grams), vectors);
        };
        let encoded = model.encode(sentences.iter().copied());
        let mut middle = vec![0.0_f32; model.n_places()];
        for vector in &encoded {
            middle.iter_mut().zip(vector).for_each(|(sum, number)| *sum += number / encoded.len() as f32);
        }
        let vectors = encoded.iter().map(|vector| from_the_middle(vector, &middle)).collect();
        (Self::Model { model, middle }, vectors)
    }

    fn n_places(&self) -> usize {
        match self {
            Self::NGrams(grams) => grams.n_places(),
            Self::Model { model, .. } => model.n_places(),
        }
    }

    fn strength(&self) -> f32 {
        match self {
            Self::NGrams(_) => STRENGTH_OF_NGRAMS,
            Self::Model { .. } => STRENGTH_OF_MODEL,
        }
    }

    fn encode(&self, texts: &[String]) -> Vec<Vector> {
        match self {
            Self::NGrams(grams) => texts.iter().map(|text| grams.encode(text)).collect(),
            Self::Model { model, middle } => {
                let encoded = model.encode(texts.iter().map(String::as_str));
                encoded.iter().map(|vector| from_the_middle(vector, middle)).collect()
            }
        }
    }
}

fn from_the_middle(vector: &[f32], middle: &[f32]) -> Vector {
    Vector::dense(vector.iter().zip(middle).map(|(number, middle)| number - middle)).normalised()
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
        let (n_places, strength) = (encoder.n_places(), encoder.strength());
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
