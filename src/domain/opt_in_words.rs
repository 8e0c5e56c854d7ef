//! Words by which a person agrees to a purpose, as the operator chose them. Only a whole message counts.

use crate::domain::consent::Purpose;
use crate::domain::keywords::Keywords;

/// The words of each purpose; no word is of two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptInWords(Vec<(Purpose, Keywords)>);

impl OptInWords {
    /// From the words of each purpose.
    pub fn new(words: impl IntoIterator<Item = (Purpose, Keywords)>) -> Self {
        Self(words.into_iter().collect())
    }

    /// To what the whole message agrees, if it is one of the words.
    pub fn heard(&self, message: &str) -> Option<Purpose> {
        self.0.iter().find(|(_, words)| words.is_said(message)).map(|(purpose, _)| *purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_grants_its_purpose_and_only_as_a_whole_message() {
        let words = OptInWords::new([
            (Purpose::Marketing, Keywords::new(["عروض", "offers"])),
            (Purpose::Survey, Keywords::new(["رأيي"])),
        ]);
        for (said, purpose) in [
            ("عُروض!", Some(Purpose::Marketing)),
            ("OFFERS", Some(Purpose::Marketing)),
            ("رايي", Some(Purpose::Survey)),
            ("what offers do you have", None),
            ("", None),
        ] {
            assert_eq!(words.heard(said), purpose, "{said}");
        }
        assert_eq!(OptInWords::default().heard("offers"), None);
    }
}
