//! Turns texts into vectors: by the words and letters that stand in them, and, with the model file, by what they mean as well.
//!
//! Both together are better than the model alone, for dialects above all: the model has seen little of them in writing, and the
//! sentences learnt from have their words. Found by cross-validation over those sentences, where each half with the same weight did
//! as well as any other mixture.

use std::sync::Arc;

use super::e5::E5;
use super::ngrams::NGrams;
use super::vector::Vector;

/// Knows the sentences that were learnt from.
#[derive(Debug)]
pub(super) struct Encoder {
    grams: NGrams,
    meaning: Option<Meaning>,
}

#[derive(Debug)]
struct Meaning {
    model: Arc<E5>,
    /// The mean of what was learnt from. All vectors of the model lie in one corner; seen from their middle, they differ.
    middle: Vec<f32>,
}

impl Encoder {
    /// Takes in the sentences to be learnt from; also answers their vectors.
    pub(super) fn of(sentences: &[&str], model: Option<Arc<E5>>) -> (Self, Vec<Vector>) {
        let grams = NGrams::of(sentences.iter().copied());
        let Some(model) = model else {
            let vectors = sentences.iter().map(|sentence| grams.encode(sentence)).collect();
            return (Self { grams, meaning: None }, vectors);
        };
        let encoded = model.encode(sentences.iter().copied());
        let mut middle = vec![0.0_f32; model.n_places()];
        for vector in &encoded {
            middle.iter_mut().zip(vector).for_each(|(sum, number)| *sum += number / encoded.len() as f32);
        }
        let encoder = Self { grams, meaning: Some(Meaning { model, middle }) };
        let vectors =
            sentences.iter().zip(encoded).map(|(sentence, meaning)| encoder.both(sentence, &meaning)).collect();
        (encoder, vectors)
    }

    /// How many places the vectors have.
    pub(super) fn n_places(&self) -> usize {
        self.grams.n_places() + self.meaning.as_ref().map_or(0, |meaning| meaning.model.n_places())
    }

    /// Whether texts are read by what they mean.
    pub(super) fn has_model(&self) -> bool {
        self.meaning.is_some()
    }

    /// One vector of length 1 for each text, in their order.
    pub(super) fn encode(&self, texts: &[String]) -> Vec<Vector> {
        match &self.meaning {
            None => texts.iter().map(|text| self.grams.encode(text)).collect(),
            Some(Meaning { model, .. }) => {
                let encoded = model.encode(texts.iter().map(String::as_str));
                texts.iter().zip(encoded).map(|(text, meaning)| self.both(text, &meaning)).collect()
            }
        }
    }

    fn both(&self, text: &str, meaning: &[f32]) -> Vector {
        let middle = self.meaning.as_ref().map_or(&[][..], |known| &known.middle);
        let seen_from_the_middle = meaning.iter().zip(middle).map(|(number, middle)| number - middle);
        let meaning = Vector::dense(seen_from_the_middle).normalised();
        self.grams.encode(text).beside(&meaning, self.grams.n_places()).normalised()
    }
}
