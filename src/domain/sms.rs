//! How a text message is cut into segments, which is what it costs by.
//!
//! Source: 3GPP TS 23.038 (alphabet) and the providers' splitting rules, checked 2026-11-22. One character outside the alphabet turns the
//! whole message to UCS-2, as every Arabic text is.

/// The basic alphabet beside ASCII letters and digits.
const BASIC: &str = "\u{20}\n\r@$!\"#%&'()*+,-./:;<=>?_£¥¿¡¤§èéùìòÇØøÅåÆæßÉÄÖÑÜäöñüàΔΦΓΛΩΠΨΣΘΞ";
/// Characters that are written with an escape and count twice.
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// Septets of a message in one segment, and of each of several (the rest names the part).
const GSM7_SINGLE: u32 = 160;
const GSM7_PART: u32 = 153;
/// The same in UTF-16 code units.
const UCS2_SINGLE: u32 = 70;
const UCS2_PART: u32 = 67;

/// More than this no provider takes (Twilio: 1,600 characters, error 21617, checked 2026-11-22),
pub const CHARACTERS_MAX: usize = 1_600;
/// and more segments than this arrive in pieces on many phones.
pub const SEGMENTS_MAX: u32 = 10;

/// How a text is written on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Seven bits for each character; some take two.
    Gsm7,
    /// Sixteen bits for each code unit.
    Ucs2,
}

impl Encoding {
    /// The name that operators know.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }
}

/// What a text becomes as a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// How it is written.
    pub encoding: Encoding,
    /// How many segments it takes; 0 for an empty text.
    pub count: u32,
}

impl Segments {
    /// What it costs at this price for each segment, in micro-units.
    pub fn price_micros(self, for_each: i64) -> i64 {
        for_each.saturating_mul(i64::from(self.count))
    }
}

/// Counts the segments of a text. A character is never split between two.
pub fn segments(text: &str) -> Segments {
    let septets: Option<Vec<u32>> = text.chars().map(gsm7_septets).collect();
    match septets {
        Some(sizes) => Segments { encoding: Encoding::Gsm7, count: parts(&sizes, GSM7_SINGLE, GSM7_PART) },
        None => {
            let sizes: Vec<u32> = text.chars().map(|character| character.len_utf16() as u32).collect();
            Segments { encoding: Encoding::Ucs2, count: parts(&sizes, UCS2_SINGLE, UCS2_PART) }
        }
    }
}

/// Why a text cannot go as a text message, if it cannot.
pub fn too_long(text: &str) -> Option<String> {
    let (n, count) = (text.chars().count(), segments(text).count);
    if n > CHARACTERS_MAX {
        return Some(format!("the text has {n} characters, but a text message can have {CHARACTERS_MAX}"));
    }
    (count > SEGMENTS_MAX)
        .then(|| format!("the text would be {count} segments, but a text message can have {SEGMENTS_MAX}"))
}

fn gsm7_septets(character: char) -> Option<u32> {
    if character.is_ascii_alphanumeric() || BASIC.contains(character) {
        Some(1)
    } else if EXTENSION.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// In how many parts characters of these sizes go.
fn parts(sizes: &[u32], single: u32, part: u32) -> u32 {
    let all: u32 = sizes.iter().sum();
    if all <= single {
        return u32::from(all > 0);
    }
    let (mut n, mut used) = (1, 0);
    for size in sizes {
        if used + size > part {
            (n, used) = (n + 1, 0);
        }
        used += size;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_as_providers_count_them() {
        let table: Vec<(String, Encoding, u32)> = vec![
            (String::new(), Encoding::Gsm7, 0),
            ("a".repeat(160), Encoding::Gsm7, 1),
            ("a".repeat(161), Encoding::Gsm7, 2),
            ("a".repeat(306), Encoding::Gsm7, 2),
            ("a".repeat(307), Encoding::Gsm7, 3),
            ("€".repeat(80), Encoding::Gsm7, 1),
            // 90 characters of two septets: 76 of them fit into the first part of 153.
            ("€".repeat(90), Encoding::Gsm7, 2),
            // The pair would be split at the edge of the first part, which therefore holds 152.
            (format!("{}€{}", "a".repeat(152), "a".repeat(152)), Encoding::Gsm7, 3),
            ("س".repeat(70), Encoding::Ucs2, 1),
            ("س".repeat(71), Encoding::Ucs2, 2),
            ("س".repeat(134), Encoding::Ucs2, 2),
            ("س".repeat(135), Encoding::Ucs2, 3),
            ("😀".repeat(35), Encoding::Ucs2, 1),
            // A pair is not split: 33 emoji (66 units) fit into a part of 67.
            ("😀".repeat(66), Encoding::Ucs2, 2),
            ("😀".repeat(67), Encoding::Ucs2, 3),
            ("a😀".repeat(30), Encoding::Ucs2, 2),
            ("`".to_owned(), Encoding::Ucs2, 1),
            ("ç".to_owned(), Encoding::Ucs2, 1),
            ("“quoted”".to_owned(), Encoding::Ucs2, 1),
            ("Hello {name} [1] ~\\^|".to_owned(), Encoding::Gsm7, 1),
        ];
        for (text, encoding, count) in table {
            assert_eq!(segments(&text), Segments { encoding, count }, "{} characters", text.chars().count());
        }
    }

    #[test]
    fn every_character_of_the_alphabet_is_known_and_others_are_not() {
        assert_eq!(BASIC.chars().count() + 62 + 1, 128, "with the escape itself");
        for foreign in "áÁçêëîïôûÀÈ’—…".chars() {
            assert_eq!(gsm7_septets(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_too_long_says_by_how_much() {
        assert_eq!(too_long(&"a".repeat(1_530)), None);
        assert!(too_long(&"a".repeat(1_531)).unwrap().contains("11 segments"));
        assert!(too_long(&"a".repeat(1_601)).unwrap().contains("1601 characters"));
        assert_eq!(too_long(&"س".repeat(670)), None);
        assert!(too_long(&"س".repeat(671)).is_some());
    }

    #[test]
    fn the_price_is_by_segment() {
        assert_eq!(segments(&"س".repeat(71)).price_micros(7_500), 15_000);
    }
}
