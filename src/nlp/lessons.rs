//! What readers learn from: barid's own sentences, the examples of the categories, and the operator's labelled lines.

use sha2::{Digest as _, Sha256};

use crate::domain::analysis::SentimentLabel;
use crate::domain::feedback_category::FeedbackCategories;
use crate::domain::labelled_text::{LabelledText, read_lines};

/// barid's own sentences.
const TRAINING: &str = include_str!("data/training.tsv");

/// Everything that is learnt from, each sentence once.
#[derive(Debug)]
pub(super) struct Lessons {
    /// The names of the categories, in the order of their numbers.
    pub(super) categories: Vec<String>,
    /// The sentences.
    pub(super) sentences: Vec<Sentence>,
}

/// A sentence and what it teaches.
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) sentiment: Option<SentimentLabel>,
    /// The number of its category.
    pub(super) category: Option<usize>,
}

impl std::fmt::Debug for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sentence(…)")
    }
}

impl Lessons {
    /// Brings them together. Where a sentence stands twice, what the operator says about it counts.
    pub(super) fn of(categories: &FeedbackCategories, labelled: &[LabelledText]) -> Self {
        let names: Vec<String> = categories.names().map(str::to_owned).collect();
        let number = |name: &str| names.iter().position(|known| known == name);
        let own = built_in().into_iter().map(|line| Sentence {
            category: line.category.filter(|_| categories.built_in).and_then(|name| number(&name)),
            sentiment: line.sentiment,
            text: line.text,
        });
        let examples = categories.all.iter().enumerate().flat_map(|(number, category)| {
            category.examples.iter().map(move |text| Sentence {
                text: text.clone(),
                sentiment: None,
                category: Some(number),
            })
        });
        let theirs = labelled.iter().map(|line| Sentence {
            text: line.text.clone(),
            sentiment: line.sentiment,
            category: line.category.as_deref().and_then(number),
        });
        let mut sentences: Vec<Sentence> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for sentence in own.chain(examples).chain(theirs) {
            let key = crate::domain::normalised_text::words(&sentence.text);
            match places.get(&key) {
                Some(place) => {
                    let known: &mut Sentence = &mut sentences[*place];
                    known.sentiment = sentence.sentiment.or(known.sentiment);
                    known.category = sentence.category.or(known.category);
                }
                None => {
                    places.insert(key, sentences.len());
                    sentences.push(sentence);
                }
            }
        }
        Self { categories: names, sentences }
    }

    /// A short sum of all of it: another sentence or label is another sum.
    pub(super) fn sum(&self) -> [u8; 32] {
        let mut sum = Sha256::new();
        let mut part = |text: &str| {
            sum.update((text.len() as u64).to_le_bytes());
            sum.update(text);
        };
        self.categories.iter().for_each(|name| part(name));
        for sentence in &self.sentences {
            part(&sentence.text);
            part(sentence.sentiment.map_or("-", SentimentLabel::name));
            part(&sentence.category.map_or_else(|| "-".to_owned(), |number| number.to_string()));
        }
        sum.finalize().into()
    }
}

/// barid's own sentences.
pub(super) fn built_in() -> Vec<LabelledText> {
    read_lines("training.tsv", TRAINING, None).expect("a test reads the built-in sentences")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::feedback_category::{CategoryName, FeedbackCategory};

    fn categories(built_in: bool) -> FeedbackCategories {
        let category = |name: &str, example: &str| FeedbackCategory {
            name: CategoryName::new(name).unwrap(),
            title_ar: name.to_owned(),
            title_en: name.to_owned(),
            examples: vec![example.to_owned()],
        };
        FeedbackCategories {
            all: vec![category("delivery", "Where is it?"), category("parking", "No space")],
            built_in,
        }
    }

    #[test]
    fn the_built_in_sentences_are_in_order() {
        let lines = built_in();
        assert!(lines.len() >= 300 && lines.iter().all(|line| line.sentiment.is_some() && line.category.is_some()));
    }

    #[test]
    fn built_in_categories_teach_those_that_are_there_or_none() {
        let with = Lessons::of(&categories(true), &[]);
        let n = |lessons: &Lessons, number| lessons.sentences.iter().filter(|s| s.category == Some(number)).count();
        assert!(n(&with, 0) > 30);
        assert_eq!(n(&with, 1), 1);
        let without = Lessons::of(&categories(false), &[]);
        assert_eq!((n(&without, 0), n(&without, 1)), (1, 1));
        assert_eq!(with.sentences.len(), without.sentences.len(), "their sentiment is learnt in both");
    }

    #[test]
    fn what_the_operator_says_counts_and_changes_the_sum() {
        let line = |sentiment, text: &str| LabelledText {
            sentiment,
            category: Some("parking".to_owned()),
            text: text.to_owned(),
        };
        let own = Lessons::of(&categories(true), &[]);
        let theirs = Lessons::of(&categories(true), &[line(Some(SentimentLabel::Negative), "no SPACE!")]);
        let found = theirs.sentences.iter().find(|sentence| sentence.text == "No space").unwrap();
        assert_eq!((found.sentiment, found.category), (Some(SentimentLabel::Negative), Some(1)));
        assert_eq!(own.sentences.len(), theirs.sentences.len());
        assert_ne!(own.sum(), theirs.sum());
        assert_eq!(own.sum(), Lessons::of(&categories(true), &[]).sum());
    }
}
