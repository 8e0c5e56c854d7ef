//! In which language a short message is written: Arabic, English, both, Arabic in Latin letters (Arabizi), or neither.
//!
//! Scripts are counted; words of Latin letters are looked up in lists, and unknown ones are judged by their letters (`latin`).
//! Measured against the crate lingua with Arabic and English only: as good on those two, but lingua takes Arabizi for English and every
//! other language for one of its two, and its models would be the largest part of the program.

mod latin;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::latin::Latin;
use crate::domain::language::Language;
use crate::domain::normalised_text::{folded, is_arabic_letter};

/// In which language a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DetectedLanguage {
    /// Arabic, whatever the dialect.
    #[serde(rename = "ar")]
    Ar,
    /// English.
    #[serde(rename = "en")]
    En,
    /// Arabic and English side by side, each in its own letters. Single names and codes do not make it mixed.
    #[serde(rename = "mixed")]
    Mixed,
    /// Arabic in Latin letters, with some English in it or not.
    #[serde(rename = "ar-Latn")]
    ArLatn,
    /// Another language, or no words: emoji, numbers, names.
    #[serde(rename = "other")]
    Other,
}

impl DetectedLanguage {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Ar, Self::En, Self::Mixed, Self::ArLatn, Self::Other];

    /// `ar`, `en`, `mixed`, `ar-Latn` or `other`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::En => "en",
            Self::Mixed => "mixed",
            Self::ArLatn => "ar-Latn",
            Self::Other => "other",
        }
    }

    /// From its code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// In which of our languages to answer. `None`: the message does not say, so what is known of the contact decides; whoever mixes both
    /// reads both.
    pub const fn answer_in(self) -> Option<Language> {
        match self {
            Self::Ar | Self::ArLatn => Some(Language::Ar),
            Self::En => Some(Language::En),
            Self::Mixed | Self::Other => None,
        }
    }
}

impl fmt::Display for DetectedLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Longer texts are judged by their beginning: it bounds the work on what a stranger sends.
const CHARACTERS_MAX: usize = 2_000;
/// The lesser of two languages must have one word in so many, else it is a quotation.
const MIXED_ONE_IN: usize = 8;
/// From so much evidence a word on, Arabic script is Persian or Urdu.
const ELSEWHERE_A_WORD: f32 = 0.6;

/// In which language a text is written. Takes microseconds; may be called anywhere.
pub fn detect(text: &str) -> DetectedLanguage {
    let head: String = text.chars().take(CHARACTERS_MAX).collect();
    let (mut n_arabic, mut elsewhere, mut n_foreign) = (0_usize, 0.0_f32, 0_usize);
    let mut latin = Latin::default();
    for chunk in head.split_whitespace() {
        // Addresses of pages and mailboxes, and names after `@`, are in no language.
        if chunk.contains("://") || chunk.starts_with("www.") || chunk.contains('@') {
            continue;
        }
        for word in chunk.split(|c: char| !(c.is_alphanumeric() || is_mark(c) || c == '\'' || c == '’')) {
            let word = word.trim_matches(['\'', '’']);
            let script = |is_one: fn(char) -> bool| word.chars().filter(|c| c.is_alphabetic() && is_one(*c)).count();
            let (in_arabic, in_latin) = (script(is_arabic_letter), script(is_latin));
            let n_letters = word.chars().filter(|c| c.is_alphabetic()).count();
            if n_letters == 0 {
                continue;
            } else if in_arabic * 2 > n_letters {
                n_arabic += 1;
                elsewhere += evidence_against_arabic(word);
            } else if in_latin * 2 >= n_letters {
                latin.take_in(word);
            } else {
                n_foreign += 1;
            }
        }
    }
    let n_latin = latin.n_words();
    if n_foreign > n_arabic + n_latin {
        return DetectedLanguage::Other;
    }
    let is_arabic = n_arabic > 0 && elsewhere < n_arabic as f32 * ELSEWHERE_A_WORD;
    if n_arabic > 0 && !is_arabic && n_arabic >= n_latin {
        return DetectedLanguage::Other;
    }
    if !is_arabic {
        return latin.verdict();
    }
    let n_english = latin.n_plain_words();
    let lesser = n_english.min(n_arabic);
    if latin.is_english_beside_arabic() && lesser * MIXED_ONE_IN >= n_english + n_arabic {
        DetectedLanguage::Mixed
    } else if n_arabic * MIXED_ONE_IN >= n_latin {
        DetectedLanguage::Ar
    } else {
        latin.verdict()
    }
}

fn is_latin(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}')
}

/// Signs that belong to the letter before them: Arabic vowels, joiners, Indian vowel signs are letters to Unicode already.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{0300}'..='\u{036F}' | '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0640}'
        | '\u{200C}' | '\u{200D}' | '\u{093C}' | '\u{094D}' | '\u{09BC}' | '\u{09CD}' | '\u{0BCD}' | '\u{0D4D}')
}

/// Words of Persian that no Arabic word looks like, folded: some write them with the letters of an Arabic keyboard.
const PERSIAN: &[&str] = &[
    "است",
    "بود",
    "نيست",
    "هستم",
    "خيلي",
    "هنوز",
    "كردند",
    "كردم",
    "كردن",
    "دارد",
    "داشت",
    "داشتم",
    "بسيار",
    "نكرد",
    "ميكنم",
    "نميشه",
];
/// Words of Persian and Urdu as they are written there; in Arabic letters some would be Arabic (`این` is *this*, `اين` is *where*).
const PERSIAN_AND_URDU: &[&str] = &[
    "که", "این", "را", "برای", "چرا", "کجا", "چقدر", "داره", "شده", "کرد", "کنید", "لطفا", "خوب", "می", "نمی", "های",
    "از", "گفت", "هیچ", "چه", "ہے", "ہیں", "کی", "کا", "کے", "میں", "سے", "نہیں", "بہت", "اور", "آپ", "میرا", "میری",
    "نے", "کو", "پر", "تھا", "تھی", "ابھی", "تک", "اچھا", "اچھی", "گیا", "رہا", "کب", "کیا",
];

/// How much a word of Arabic letters speaks for Persian or Urdu (above nought) or for Arabic (below).
fn evidence_against_arabic(word: &str) -> f32 {
    // Letters that only Urdu, Pashto, Kurdish or Sindhi have.
    let is_theirs = |c| {
        matches!(
            c,
            'ٹ' | 'ڈ'
                | 'ڑ'
                | 'ں'
                | 'ے'
                | 'ہ'
                | 'ھ'
                | 'ۓ'
                | 'ۀ'
                | 'ۃ'
                | 'ټ'
                | 'ډ'
                | 'ړ'
                | 'ښ'
                | 'ې'
                | 'ۆ'
                | 'ێ'
                | 'ڵ'
                | 'ڕ'
                | 'ە'
        )
    };
    // Letters of Persian that Gulf and Iraqi Arabic borrows, and forms that come from a Persian keyboard.
    let is_borrowed = |c| matches!(c, 'پ' | 'چ' | 'ژ' | 'گ' | 'ک' | 'ی');
    // Arabic alone has the article and these endings.
    let is_arabic = word.starts_with("ال") || word.chars().any(|c| matches!(c, 'ة' | 'أ' | 'إ' | 'ى' | 'ٱ'));
    let is_listed = PERSIAN_AND_URDU.contains(&word) || PERSIAN.contains(&folded(word).as_str());
    let mut evidence = 0.0;
    if word.chars().any(is_theirs) {
        evidence += 2.0;
    } else if word.chars().any(is_borrowed) {
        evidence += 0.75;
    }
    if is_listed {
        evidence += 1.5;
    }
    if is_arabic { evidence - 1.0 } else { evidence }
}

#[cfg(test)]
mod tests;
