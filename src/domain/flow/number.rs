//! Numbers that people type: Arabic-Indic, Persian or Western digits, separators of either language, a unit beside it, a word.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::normalised_text::{western_digit, words as normalise};

/// How many words may stand beside the number: "3 hours please" is a number, a sentence with a number in it is not.
const OTHER_WORDS_MAX: usize = 2;
/// Longer ones are no answer to anything that a flow asks.
const DIGITS_MAX: usize = 12;

/// Words for small numbers, as [`normalise`] leaves them.
const WORDS: [(&str, i64); 35] = [
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("صفر", 0),
    ("واحد", 1),
    ("واحده", 1),
    ("اثنان", 2),
    ("اثنين", 2),
    ("اتنين", 2),
    ("ثلاثه", 3),
    ("ثلاث", 3),
    ("تلاته", 3),
    ("اربعه", 4),
    ("اربع", 4),
    ("خمسه", 5),
    ("خمس", 5),
    ("سته", 6),
    ("ست", 6),
    ("سبعه", 7),
    ("سبع", 7),
    ("ثمانيه", 8),
    ("تمانيه", 8),
    ("ثمان", 8),
    ("تسعه", 9),
    ("تسع", 9),
    ("عشره", 10),
    ("عشر", 10),
];

/// A number with up to three decimals, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    thousandths: i64,
}

impl Number {
    /// A whole number; what is too large for an answer is taken as the largest.
    pub const fn whole(number: i64) -> Self {
        Self { thousandths: number.saturating_mul(1_000) }
    }

    /// The whole number, if it is one.
    pub const fn as_whole(self) -> Option<i64> {
        if self.thousandths % 1_000 == 0 { Some(self.thousandths / 1_000) } else { None }
    }

    /// How many decimals it needs.
    pub const fn decimals(self) -> u32 {
        match self.thousandths {
            n if n % 1_000 == 0 => 0,
            n if n % 100 == 0 => 1,
            n if n % 10 == 0 => 2,
            _ => 3,
        }
    }

    /// Reads digits with an optional sign and separators: `1250`, `1,250.5`, `12,5`, `1.250,5`, Western digits.
    ///
    /// A single separator before exactly three digits is ambiguous: a comma separates thousands there, a point decimals.
    pub fn from_digits(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let is_digit = |c: char| c.is_ascii_digit();
        if !digits.starts_with(is_digit) || !digits.ends_with(is_digit) {
            return None;
        }
        let commas = digits.matches(',').count();
        let points = digits.matches('.').count();
        let grouped = |separator: char| {
            let mut groups = digits.split(separator);
            let first = groups.next().unwrap_or_default();
            (1..=3).contains(&first.len()) && first != "0" && groups.all(|group| group.len() == 3)
        };
        let decimal_mark = match (commas, points) {
            (0, 0) => None,
            (0, 1) => Some('.'),
            (1, 0) if !grouped(',') => Some(','),
            (_, 0) if grouped(',') => None,
            (0, _) if grouped('.') => None,
            (1.., 1) if digits.rfind('.') > digits.rfind(',') => Some('.'),
            (1, 1..) if digits.rfind(',') > digits.rfind('.') => Some(','),
            _ => return None,
        };
        let (whole, decimals) = match decimal_mark {
            Some(mark) => digits.split_once(mark)?,
            None => (digits, ""),
        };
        let whole: String = whole.chars().filter(|c| !matches!(c, ',' | '.')).collect();
        let decimals = decimals.trim_end_matches('0');
        if whole.len() > DIGITS_MAX || decimals.len() > 3 || !decimals.chars().all(is_digit) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let rest: i64 = format!("{decimals:0<3}").parse().ok()?;
        let thousandths = whole * 1_000 + rest;
        Some(Self { thousandths: if is_negative { -thousandths } else { thousandths } })
    }

    /// The one number in what somebody wrote; `None` when there is none, or more than one, or too much beside it.
    pub fn in_text(text: &str) -> Option<Self> {
        let normal = normalise(text);
        if let Some((_, number)) = WORDS.iter().find(|(word, _)| *word == normal) {
            return Some(Self::whole(*number));
        }
        let text = with_western_signs(text);
        let mut found = None;
        let mut others = 0;
        for word in text.split_whitespace() {
            if !word.contains(|c: char| c.is_ascii_digit()) {
                others += usize::from(word.contains(char::is_alphabetic));
                continue;
            }
            // Quotes, brackets, full stops and signs of money or percent stand close to numbers.
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+'));
            let bare = bare.trim_end_matches(['-', '+']);
            if found.replace(Self::from_digits(bare)?).is_some() {
                return None;
            }
        }
        found.filter(|_| others <= OTHER_WORDS_MAX)
    }

    /// The one number in what somebody wrote about a scale that ends at `most`: also `8/10`, «٨ من ١٠», `8 out of 10`, stars.
    pub fn on_scale(text: &str, most: i64) -> Option<Self> {
        let stars = text.chars().filter(|c| matches!(c, '\u{2b50}' | '\u{2605}' | '\u{1f31f}')).count();
        if stars > 0 && !text.contains(char::is_alphanumeric) {
            return i64::try_from(stars).ok().map(Self::whole);
        }
        let text = with_western_signs(text).replace('/', " / ");
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let of = words.len().checked_sub(2).map(|at| (words[at], words[at + 1]));
        if let Some(("/" | "of" | "من", end)) = of
            && end.trim_end_matches(|c: char| !c.is_ascii_digit()) == most.to_string()
        {
            words.truncate(words.len() - 2);
            if words.last() == Some(&"out") {
                words.pop();
            }
        }
        Self::in_text(&words.join(" "))
    }
}

/// Western digits and separators; the marks that make a digit a key are dropped.
fn with_western_signs(text: &str) -> String {
    let mut western = String::with_capacity(text.len());
    for c in text.chars() {
        match western_digit(c) {
            '\u{66b}' => western.push('.'),
            '\u{66c}' => western.push(','),
            '\u{2212}' | '\u{2013}' => western.push('-'),
            '\u{1f51f}' => western.push_str("10"),
            '\u{fe0f}' | '\u{20e3}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => western.push(c),
        }
    }
    western
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.thousandths < 0 { "-" } else { "" };
        let (whole, rest) = (self.thousandths.unsigned_abs() / 1_000, self.thousandths.unsigned_abs() % 1_000);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{}", format!("{rest:03}").trim_end_matches('0'))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_whole() {
            Some(whole) => serializer.serialize_i64(whole),
            // Exact: an answer has at most 15 digits.
            None => serializer.serialize_f64(self.thousandths as f64 / 1_000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let thousandths = (number * 1_000.0).round();
        if thousandths.abs() > 1e15 {
            return Err(serde::de::Error::custom("is too large for an answer"));
        }
        Ok(Self { thousandths: thousandths as i64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, expected) in [
            ("7", "7"),
            ("٧", "7"),
            ("۷", "7"),
            (" 7. ", "7"),
            ("7!!", "7"),
            ("(7)", "7"),
            ("7\u{fe0f}\u{20e3}", "7"),
            ("\u{1f51f}", "10"),
            ("\u{200f}٧\u{200f}", "7"),
            ("سبعة", "7"),
            ("Seven!", "7"),
            ("-3", "-3"),
            ("٣ ساعات", "3"),
            ("about 3 hours", "3"),
            ("1,250", "1250"),
            ("١٬٢٥٠٫٥", "1250.5"),
            ("1.250,5", "1250.5"),
            ("12,5", "12.5"),
            ("0,125", "0.125"),
            ("1,250,000", "1250000"),
            ("25%", "25"),
            ("SAR 99.90", "99.9"),
        ] {
            assert_eq!(Number::in_text(text).map(|n| n.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "seven or eight",
            "7 or 8",
            "7-8",
            "3hours",
            "1,2,3",
            "1.2.3",
            "123456789012345",
            "I waited for 3 whole hours",
            "no one",
            "0.1234",
            "-",
            "+",
            "،",
            "٪",
            "1 2",
        ] {
            assert_eq!(Number::in_text(text), None, "{text}");
        }
    }

    #[test]
    fn scales_are_answered_in_more_ways() {
        for (text, most, expected) in [
            ("8/10", 10, Some(8)),
            ("٨ من ١٠", 10, Some(8)),
            ("8 out of 10!", 10, Some(8)),
            ("10/10", 10, Some(10)),
            ("10", 10, Some(10)),
            ("8/5", 10, None),
            ("⭐⭐⭐⭐", 5, Some(4)),
            ("4 ⭐", 5, Some(4)),
            ("5 من 5 👍", 5, None),
            ("⭐ great", 5, None),
        ] {
            assert_eq!(Number::on_scale(text, most).and_then(Number::as_whole), expected, "{text}");
        }
    }

    #[test]
    fn a_number_comes_back_from_json() {
        for text in ["0", "-7", "12.5", "0.125", "999999999999.999", "-0.001"] {
            let number = Number::from_digits(text).unwrap();
            assert_eq!(number.to_string(), text);
            let json = serde_json::to_string(&number).unwrap();
            assert_eq!(serde_json::from_str::<Number>(&json).unwrap(), number, "{json}");
        }
        assert!(serde_json::from_str::<Number>("1e300").is_err());
    }
}
