//! Words of which one must be the whole message: they start a flow or call a person. A word inside a sentence says something else.

use crate::domain::document::Table;
use crate::domain::language::Language;
use crate::domain::normalised_text::words as normalise;
use crate::domain::stop_words::heard;

/// Longer messages are certainly not one of the words; this also bounds the work on what a stranger sends.
const MESSAGE_BYTES_MAX: usize = 400;

/// The words of both languages, in the form in which they are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// Words as people write them.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> = words.into_iter().map(normalise).filter(|word| !word.is_empty()).collect();
        words.sort();
        words.dedup();
        Self(words)
    }

    /// Reads `KEY = { ar = ["…"], en = ["…"] }`; both languages must be there. A key that is not there has no words.
    pub fn read(table: &Table<'_>, key: &'static str) -> Option<Self> {
        let read = |words: &Table<'_>| {
            let given: [Option<Vec<String>>; 2] = Language::ALL.map(|language| words.required(language.code()));
            let [ar, en] = given;
            let (ar, en) = (ar?, en?);
            let all = ar.iter().map(|word| ("ar", word)).chain(en.iter().map(|word| ("en", word)));
            for (code, word) in all {
                if normalise(word).is_empty() {
                    words.problem(code, format!("`{key}` has `{word}`, in which there is neither letter nor digit"));
                } else if heard(word).is_some() {
                    let message = format!(
                        "`{key}` has `{word}`, which is a stop or start word and is heard as such; take another"
                    );
                    words.problem(code, message);
                }
            }
            Some(Self::new(ar.iter().chain(&en).map(String::as_str)))
        };
        table.optional_table(key, read).unwrap_or_else(|| Some(Self::default()))
    }

    /// Whether the whole message is one of the words.
    pub fn is_said(&self, message: &str) -> bool {
        message.len() <= MESSAGE_BYTES_MAX && !self.0.is_empty() && self.0.binary_search(&normalise(message)).is_ok()
    }

    /// The words that both have.
    pub fn in_common<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(|word| other.0.binary_search(word).is_ok()).map(String::as_str)
    }

    /// The words as they are compared, in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_message_in_any_spelling_counts() {
        let words = Keywords::new(["موظّف", "أريد التحدث إلى موظف", "agent", "Human"]);
        for said in ["موظف", "مـوظف!", "اريد التحدث الي موظف", "AGENT", " human. "] {
            assert!(words.is_said(said), "{said}");
        }
        for said in ["", "the agent was rude", "الموظف كان لطيفا", &"agent ".repeat(100)] {
            assert!(!words.is_said(said), "{said}");
        }
        assert!(!Keywords::default().is_said(""));
    }
}
