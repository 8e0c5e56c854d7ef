//! What is inserted into a text: kept in its own direction, and clean enough for Meta.

use crate::domain::language::Language;

/// First Strong Isolate: what follows finds its own direction.
const ISOLATE: char = '\u{2068}';
/// Pop Directional Isolate: the end of it.
const END_OF_ISOLATE: char = '\u{2069}';

/// Characters that steer direction. A value may not bring its own: an unclosed one would turn the rest of the message round.
fn steers_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_arabic(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{06ff}' | '\u{0750}'..='\u{077f}' | '\u{08a0}'..='\u{08ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}')
        && !c.is_numeric()
}

fn is_right_to_left(c: char) -> bool {
    is_arabic(c) || matches!(c, '\u{0590}'..='\u{05ff}' | '\u{0700}'..='\u{074f}')
}

/// Whether the value is an address, which must stay as it is to be tapped.
fn is_link(value: &str) -> bool {
    value.starts_with("https://") || value.starts_with("http://")
}

/// Without direction marks and control characters (line breaks and tabs are kept).
pub(super) fn cleaned(value: &str) -> String {
    value.chars().filter(|c| !steers_direction(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect()
}

/// As a parameter of an approved template: one line, no tabs, no runs of more than four spaces, nothing at the ends.
///
/// Meta refuses anything else (132012, 132018).
/// Source: `/documentation/business-messaging/whatsapp/messages/template-messages` and reports of providers; checked 2026-11.
pub(super) fn as_parameter(value: &str) -> String {
    let mut line = String::with_capacity(value.len());
    let mut spaces = 0;
    for c in value.trim().chars() {
        let c = if c.is_whitespace() { ' ' } else { c };
        spaces = if c == ' ' { spaces + 1 } else { 0 };
        if spaces <= 4 {
            line.push(c);
        }
    }
    line
}

/// The value with isolates around it where it might upset the direction of the text: anything but Arabic letters in Arabic,
/// right-to-left letters in English. Addresses stay bare.
pub(super) fn isolated(value: String, language: Language) -> String {
    let upsets = match language {
        Language::Ar => !value.chars().all(|c| is_arabic(c) || c == ' '),
        Language::En => value.chars().any(is_right_to_left),
    };
    if upsets && !is_link(&value) { format!("{ISOLATE}{value}{END_OF_ISOLATE}") } else { value }
}

/// The value with isolates around it, always.
pub(super) fn always_isolated(value: &str) -> String {
    format!("{ISOLATE}{}{END_OF_ISOLATE}", cleaned(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_other_direction_are_isolated() {
        for (language, value, expected) in [
            (Language::Ar, "أمل", "أمل"),
            (Language::Ar, "أمل الحربي", "أمل الحربي"),
            (Language::Ar, "Sara", "\u{2068}Sara\u{2069}"),
            (Language::Ar, "12", "\u{2068}12\u{2069}"),
            (Language::Ar, "https://survey.example.com/s", "https://survey.example.com/s"),
            (Language::En, "Sara", "Sara"),
            (Language::En, "12 (A)", "12 (A)"),
            (Language::En, "أمل", "\u{2068}أمل\u{2069}"),
        ] {
            assert_eq!(isolated(value.to_owned(), language), expected);
        }
    }

    #[test]
    fn a_value_cannot_bring_its_own_direction_marks() {
        assert_eq!(cleaned("a\u{202e}b\u{2069}c\u{200f}\u{0}d\u{61c}"), "abcd");
        assert_eq!(cleaned("شارع\nالملك"), "شارع\nالملك");
    }

    #[test]
    fn a_parameter_is_one_line() {
        assert_eq!(as_parameter("  a\n\tb      c\u{a0}d "), "a  b    c d");
    }
}
