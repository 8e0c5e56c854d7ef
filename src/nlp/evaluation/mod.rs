//! How often readers are right: sentences of which the answers are known, and what was taken for what.

use serde::Serialize;

use super::lessons::Lessons;
use super::reader::Reader;
use super::{NlpError, Settings, above, load};
use crate::domain::analysis::{Analysis, Model, SentimentLabel};
use crate::domain::detected_language::DetectedLanguage;
use crate::domain::labelled_text::{fields, sentiment_of};
use crate::domain::normalised_text::words;
use crate::domain::problem::{Place, Problem, listed};

/// The sentences that ship.
pub const SHIPPED: &str = include_str!("../data/evaluation.tsv");

/// The group of all sentences.
const ALL: &str = "all";
/// What stands for "none".
const NONE: &str = "-";

/// A sentence and the right answers; `None` is not labelled. `Debug` does not show the sentence.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Dialect or kind of text, as the file calls it.
    pub variety: String,
    /// Its language.
    pub language: Option<DetectedLanguage>,
    /// What the writer feels.
    pub sentiment: Option<SentimentLabel>,
    /// What it is about.
    pub category: Option<String>,
    /// The sentence.
    pub text: String,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("variety", &self.variety).field("language", &self.language).finish_non_exhaustive()
    }
}

/// Reads lines of variety, language, sentiment, category and text with tabs between them. `-` is not labelled.
///
/// # Errors
/// Everything that is wrong, each with its line.
pub fn read_evaluation(path: &str, text: &str) -> Result<Vec<Line>, Vec<Problem>> {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (number, parts) in fields::<5>(path, text, "variety, language, sentiment, category and text", &mut problems) {
        let [variety, language, sentiment, category, sentence] = parts;
        let place = Place::line(path, number);
        let known = DetectedLanguage::from_code(language);
        if known.is_none() && language != NONE {
            let codes = listed(DetectedLanguage::ALL.map(DetectedLanguage::code));
            problems.push(place.problem(format!("the language is `{language}`, but must be one of {codes} or `-`")));
        }
        lines.push(Line {
            variety: variety.to_owned(),
            language: known,
            sentiment: sentiment_of(sentiment, &place, &mut problems),
            category: (category != NONE).then(|| category.to_owned()),
            text: sentence.to_owned(),
        });
    }
    problems.sort();
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The language.
    Language,
    /// What the writer feels.
    Sentiment,
    /// What it is about.
    Category,
}

impl Subject {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Language, Self::Sentiment, Self::Category];

    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Sentiment => "sentiment",
            Self::Category => "category",
        }
    }
}

/// What was taken for what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusion {
    /// The labels, in the order of rows and columns.
    pub labels: Vec<String>,
    /// For each right label (row), how often each was answered (column).
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    fn of(pairs: &[(String, String)], order: &[String]) -> Self {
        let occurs = |label: &&String| pairs.iter().any(|(right, answered)| right == *label || answered == *label);
        let labels: Vec<String> = order.iter().filter(occurs).cloned().collect();
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        let place = |label: &String| labels.iter().position(|known| known == label);
        for (right, answered) in pairs {
            if let (Some(row), Some(column)) = (place(right), place(answered)) {
                counts[row][column] += 1;
            }
        }
        Self { labels, counts }
    }

    /// How many sentences.
    pub fn n(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.labels.len()).map(|label| self.counts[label][label]).sum();
        right as f64 / self.n().max(1) as f64
    }

    /// The mean, over the labels that occur among the right ones, of the harmonic mean of precision and recall.
    pub fn macro_f1(&self) -> f64 {
        let of_label = |label: usize| {
            let n_right: usize = self.counts[label].iter().sum();
            let n_answered: usize = self.counts.iter().map(|row| row[label]).sum();
            (n_right > 0).then(|| 2.0 * self.counts[label][label] as f64 / (n_right + n_answered) as f64)
        };
        let of_labels: Vec<f64> = (0..self.labels.len()).filter_map(of_label).collect();
        of_labels.iter().sum::<f64>() / of_labels.len().max(1) as f64
    }
}

/// One subject among the sentences of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// `all`, a language, or a variety.
    pub group: String,
    /// What was measured.
    pub subject: Subject,
    /// How many sentences.
    pub n: usize,
    /// The share of right answers.
    pub accuracy: f64,
    /// See [`Confusion::macro_f1`].
    pub macro_f1: f64,
    /// What was taken for what.
    pub confusion: Confusion,
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Of which reader.
    pub model: Model,
    /// Sentences that were left out because the reader had learnt from them.
    pub n_learnt: usize,
    /// Each subject for all, for each language of more than one variety, and for each variety.
    pub groups: Vec<Group>,
}

/// Lets a local reader read the sentences and compares. Takes seconds; run it on a thread that may be blocked.
///
/// # Errors
/// When the model file cannot be used.
pub fn measure(settings: &Settings, lines: &[Line]) -> Result<Measurement, NlpError> {
    let lessons = Lessons::of(&settings.categories, &settings.labelled);
    let learnt: std::collections::HashSet<String> =
        lessons.sentences.iter().map(|sentence| words(&sentence.text)).collect();
    // Numbers and emoji have no words; they are told by rules, which have learnt nothing.
    let is_new = |line: &&Line| !learnt.contains(&words(&line.text)) || words(&line.text).is_empty();
    let new: Vec<&Line> = lines.iter().filter(is_new).collect();
    let reader = Reader::learn(&lessons, above(settings), load(&settings.model)?);
    let texts: Vec<String> = new.iter().map(|line| line.text.clone()).collect();
    let read = reader.read(&texts);
    let mut categories = lessons.categories.clone();
    for line in &new {
        // Categories that only the sentences know are always missed, and that must be seen.
        categories.extend(line.category.iter().filter(|name| !categories.contains(name)).cloned().collect::<Vec<_>>());
    }
    Ok(Measurement {
        model: reader.signature().clone(),
        n_learnt: lines.len() - new.len(),
        groups: groups(&new, &read, &categories),
    })
}

/// Which sentences are counted together.
#[derive(Debug, Clone, Copy)]
enum Together<'a> {
    All,
    Language(DetectedLanguage),
    Variety(&'a str),
}

impl Together<'_> {
    fn has(self, line: &Line) -> bool {
        match self {
            Self::All => true,
            Self::Language(language) => line.language == Some(language),
            Self::Variety(variety) => line.variety == variety,
        }
    }

    fn name(self) -> String {
        match self {
            Self::All => ALL.to_owned(),
            Self::Language(language) => format!("{ALL} {language}"),
            Self::Variety(variety) => variety.to_owned(),
        }
    }
}

/// All; each language of more than one variety; each variety, in the order of the file.
fn togethers<'a>(lines: &[&'a Line]) -> Vec<Together<'a>> {
    let mut varieties: Vec<&str> = Vec::new();
    for line in lines {
        if !varieties.contains(&line.variety.as_str()) {
            varieties.push(&line.variety);
        }
    }
    let is_in =
        |variety: &str, language| lines.iter().any(|line| line.variety == variety && line.language == Some(language));
    let is_of_many =
        |language: &DetectedLanguage| varieties.iter().filter(|variety| is_in(variety, *language)).count() > 1;
    let languages = DetectedLanguage::ALL.into_iter().filter(is_of_many).map(Together::Language);
    let all: Vec<Together<'a>> = std::iter::once(Together::All).chain(languages).collect();
    all.into_iter().chain(varieties.into_iter().map(Together::Variety)).collect()
}

fn groups(lines: &[&Line], read: &[Analysis], categories: &[String]) -> Vec<Group> {
    let mut groups = Vec::new();
    for subject in Subject::ALL {
        let order = labels(subject, categories);
        for together in togethers(lines) {
            let pairs: Vec<(String, String)> = lines
                .iter()
                .zip(read)
                .filter(|(line, _)| together.has(line))
                .filter_map(|(line, read)| Some((right(subject, line)?, answered(subject, read))))
                .collect();
            if pairs.is_empty() {
                continue;
            }
            let confusion = Confusion::of(&pairs, &order);
            groups.push(Group {
                group: together.name(),
                subject,
                n: confusion.n(),
                accuracy: confusion.accuracy(),
                macro_f1: confusion.macro_f1(),
                confusion,
            });
        }
    }
    groups
}

fn labels(subject: Subject, categories: &[String]) -> Vec<String> {
    match subject {
        Subject::Language => DetectedLanguage::ALL.map(|language| language.code().to_owned()).to_vec(),
        Subject::Sentiment => SentimentLabel::ALL.map(|label| label.name().to_owned()).to_vec(),
        Subject::Category => categories.iter().cloned().chain([NONE.to_owned()]).collect(),
    }
}

fn right(subject: Subject, line: &Line) -> Option<String> {
    match subject {
        Subject::Language => line.language.map(|language| language.code().to_owned()),
        Subject::Sentiment => line.sentiment.map(|label| label.name().to_owned()),
        Subject::Category => line.category.clone(),
    }
}

fn answered(subject: Subject, read: &Analysis) -> String {
    match subject {
        Subject::Language => read.language.code().to_owned(),
        Subject::Sentiment => read.sentiment.map_or_else(|| NONE.to_owned(), |found| found.label.name().to_owned()),
        Subject::Category => read.category.as_ref().map_or_else(|| NONE.to_owned(), |found| found.name.clone()),
    }
}

#[cfg(test)]
mod tests;
