//! Whether a message asks something. Not a sentiment: questions are asked in anger, too.

use super::normalised_text::words;

/// Words with which a question begins, as [`words`] leaves them. Those that begin statements as often (`ما`, `من`, `في`) are not among
/// them: who asks with those mostly writes a question mark.
const BEGINNINGS: &[&str] = &[
    // Arabic, over the dialects.
    "هل",
    "كيف",
    "كم",
    "بكم",
    "متي",
    "امتي",
    "ايمتي",
    "اين",
    "وين",
    "فين",
    "لماذا",
    "ليش",
    "ليه",
    "لي",
    "ماذا",
    "ايش",
    "وش",
    "شو",
    "شنو",
    "ايه",
    "شلون",
    "ازاي",
    "قديش",
    "اديش",
    "بكام",
    "كام",
    "مين",
    "اي",
    "ممكن",
    "ينفع",
    "اقدر",
    "فيني",
    "فيكن",
    "معقول",
    "هو ينفع",
    // English.
    "what",
    "when",
    "where",
    "who",
    "whom",
    "whose",
    "which",
    "why",
    "how",
    "can i",
    "can you",
    "can we",
    "can someone",
    "could you",
    "could i",
    "could someone",
    "do you",
    "do i",
    "does",
    "did you",
    "is there",
    "is it",
    "is this",
    "is the",
    "are you",
    "are there",
    "will you",
    "will it",
    "would you",
    "may i",
    "should i",
    "have you",
    "has my",
    "any chance",
    // Arabic in Latin letters.
    "emta",
    "imta",
    "fen",
    "wen",
    "wein",
    "ezay",
    "kif",
    "keef",
    "shlon",
    "leh",
    "lesh",
    "laish",
    "bekam",
    "kam",
    "adesh",
    "momken",
    "mumkin",
    "yenfa3",
    "sho",
    "shu",
    "wesh",
    "eh",
];

/// Whether a text asks: by a question mark that ends a sentence, or by how it begins.
pub fn is_question(text: &str) -> bool {
    // Addresses of pages have question marks of their own.
    let without_links = text.split_whitespace().filter(|word| !word.contains("://"));
    if without_links.into_iter().any(|word| word.trim_end_matches(['!', '"', '»', ')']).ends_with(['?', '؟', '？']))
    {
        return true;
    }
    let said = words(text);
    BEGINNINGS
        .iter()
        .any(|beginning| said.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_known_by_their_mark_or_their_beginning() {
        for text in [
            "متى يوصل طلبي",
            "الطلب وصل؟ ابي اعرف",
            "how much is it",
            "Really?!",
            "بكم الاشتراك",
            "emta yewsal el talab",
            "Can I pay cash",
        ] {
            assert!(is_question(text), "{text}");
        }
        for text in [
            "وصل الطلب",
            "كمية ممتازة",
            "However it was fine",
            "https://example.com/?a=b",
            "",
            "👍",
            "canister",
            "I can pay",
            "ما وصل شي",
        ] {
            assert!(!is_question(text), "{text}");
        }
    }

    #[test]
    fn beginnings_are_in_their_normal_form() {
        for beginning in BEGINNINGS {
            assert_eq!(&words(beginning), beginning);
        }
    }
}
