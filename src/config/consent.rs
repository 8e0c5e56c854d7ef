//! `[consent]`: how people agree.

use jiff::SignedDuration;

use crate::domain::consent::{Purpose, Purposes};
use crate::domain::document::Table;
use crate::domain::double_opt_in::{self, DoubleOptIn};
use crate::domain::keywords::Keywords;
use crate::domain::normalised_text::words;
use crate::domain::opt_in_words::OptInWords;
use crate::domain::stop_words::heard;

/// How people agree.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Which purposes they must confirm.
    pub double_opt_in: DoubleOptIn,
    /// Words by which they agree.
    pub words: OptInWords,
}

impl Consent {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let purposes: Option<Vec<Purpose>> = table.required("double_opt_in");
        let confirm_within: Option<SignedDuration> = table.required("confirm_within");
        if confirm_within.is_some_and(|within| within < SignedDuration::from_mins(1)) {
            table.problem(
                "confirm_within",
                "`confirm_within` is so short that nobody could answer in time; use at least `1m`, better days",
            );
        }
        let words = table.table("keywords", |keywords| {
            let before = keywords.n_problems();
            let read: Vec<(Purpose, Keywords)> = Purpose::ALL.into_iter().filter_map(|p| of(keywords, p)).collect();
            for (at, (purpose, words)) in read.iter().enumerate() {
                for (other, of_other) in &read[..at] {
                    for word in words.in_common(of_other) {
                        let message = format!(
                            "`{}` has `{word}`, which `{}` has, too: nobody could tell what it agrees to; take another word for one of them",
                            purpose.name(),
                            other.name()
                        );
                        keywords.problem(purpose.name(), message);
                    }
                }
            }
            (keywords.n_problems() == before).then(|| OptInWords::new(read))
        });
        let double_opt_in =
            DoubleOptIn { purposes: purposes?.into_iter().collect::<Purposes>(), confirm_within: confirm_within? };
        Some(Self { double_opt_in, words: words? })
    }
}

/// The words of one purpose, with what is wrong with them.
fn of(table: &Table<'_>, purpose: Purpose) -> Option<(Purpose, Keywords)> {
    let key = purpose.name();
    let given: Vec<String> = table.optional(key)?;
    for word in &given {
        if words(word).is_empty() {
            table.problem(key, format!("`{key}` has `{word}`, in which there is neither letter nor digit"));
        } else if heard(word).is_some() {
            let message =
                format!("`{key}` has `{word}`, which is a stop or start word and is heard as such; take another");
            table.problem(key, message);
        } else if double_opt_in::reply(Some(word), None).is_some() {
            let message = format!(
                "`{key}` has `{word}`, by which people answer whatever they were asked; take a word that says what they agree to"
            );
            table.problem(key, message);
        }
    }
    Some((purpose, Keywords::new(given.iter().map(String::as_str))))
}
