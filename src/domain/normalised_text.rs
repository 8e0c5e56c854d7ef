//! One form for the many spellings of a text, Arabic above all: what stop words, answers by pattern and readers of feedback compare.
//! Knows letters only, no words.

use icu::normalizer::ComposingNormalizerBorrowed;

/// Lower case and in Unicode's compatibility form (NFKC: letters of presentation forms and full width become plain ones); without
/// diacritics, tatweel, direction marks and joiners; hamza, alef, ya, kaf and ta marbuta in one form each; digits as `0` to `9`.
/// Punctuation and emoji stay.
pub fn folded(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let mut folded = String::with_capacity(composed.len());
    for character in composed.chars().flat_map(char::to_lowercase) {
        match character {
            // They carry no meaning here.
            '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0640}' => {}
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => {}
            'أ' | 'إ' | 'آ' | 'ٱ' => folded.push('ا'),
            'ى' | 'ئ' | 'ي' | 'ی' => folded.push('ي'),
            'ؤ' => folded.push('و'),
            'ة' => folded.push('ه'),
            'ک' => folded.push('ك'),
            other => folded.push(western_digit(other)),
        }
    }
    folded
}

/// The words of a folded text with single blanks between them: without punctuation, emoji and what else is no letter or digit.
pub fn words(text: &str) -> String {
    let letters: String = folded(text).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With letters and signs that are drawn out (`soooo`, `رااائع`, `!!!!`) twice at most.
pub fn without_runs(text: &str) -> String {
    let mut shortened = String::with_capacity(text.len());
    let (mut last, mut n) = ('\0', 0);
    for character in text.chars() {
        n = if character == last { n + 1 } else { 1 };
        last = character;
        if n <= 2 || character.is_ascii_digit() {
            shortened.push(character);
        }
    }
    shortened
}

/// Whether a letter is one of the Arabic script, presentation forms included.
pub fn is_arabic_letter(character: char) -> bool {
    matches!(character, '\u{0620}'..='\u{065F}' | '\u{066E}'..='\u{06D3}' | '\u{06D5}' | '\u{06EE}'..='\u{06EF}'
        | '\u{06FA}'..='\u{06FF}' | '\u{0750}'..='\u{077F}' | '\u{08A0}'..='\u{08FF}' | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFC}')
}

/// Arabic-Indic digits, those of Persian and Urdu too, as `0` to `9`.
pub fn western_digit(character: char) -> char {
    let value = match character {
        '\u{0660}'..='\u{0669}' => u32::from(character) - 0x0660,
        '\u{06F0}'..='\u{06F9}' => u32::from(character) - 0x06F0,
        _ => return character,
    };
    char::from_digit(value, 10).unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_are_one() {
        for (text, form) in [
            ("إلغاءُ الاشتراكِ", "الغاء الاشتراك"),
            ("تـوقّـف", "توقف"),
            ("الرسائل", "الرسايل"),
            ("مسؤولة", "مسووله"),
            // Presentation forms, as old programs write them, and a hamza that is a sign of its own.
            ("\u{FE83}\u{FEF3}\u{FEE6}", "اين"),
            ("ا\u{0654}هلا", "اهلا"),
            ("کیف", "كيف"),
            ("ＳＴＯＰ", "stop"),
            ("٤٢ و ۷", "42 و 7"),
            ("don't!!  stop…", "don t stop"),
            ("👍", ""),
        ] {
            assert_eq!(words(text), form, "{text}");
        }
        assert_eq!(folded("رائع 👍!"), "رايع 👍!", "signs stay");
    }

    #[test]
    fn drawn_out_letters_are_shortened_and_numbers_are_not() {
        assert_eq!(without_runs("رااااائع sooooo goood!!!! 10000"), "راائع soo good!! 10000");
    }
}
