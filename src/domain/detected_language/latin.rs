//! Words of Latin letters: English, Arabizi, or another language. Lists of frequent words decide; a word in none of them is judged by
//! its letters, three by three, as they occur in the lists (naive Bayes).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::DetectedLanguage;

/// What a word can speak for, in the order of the lists.
const N: usize = 3;
const ENGLISH: usize = 0;
const ARABIZI: usize = 1;
const ELSEWHERE: usize = 2;

static LISTS: [&str; N] = [include_str!("english.txt"), include_str!("arabizi.txt"), include_str!("elsewhere.txt")];

/// A word of a list speaks for its language with this weight, shared if it stands in several.
const LISTED: f32 = 3.0;
/// Digits within a word, as Arabizi has them.
const DIGITS_WITHIN: f32 = 5.0;
/// Letters with accents.
const ACCENTED: f32 = 2.0;
/// The most that the letters of an unknown word say.
const LETTERS_MAX: f32 = 1.2;
/// From so many words on it is a sentence.
const N_WORDS_OF_SENTENCE: usize = 3;
/// And of a sentence, at least one word in so many is on the list of its language.
const KNOWN_ONE_IN: usize = 4;
/// With less than this nobody knows: names, codes, laughter.
const EVIDENCE_MIN: f32 = 1.0;

static MODEL: LazyLock<LatinModel> = LazyLock::new(LatinModel::of_lists);

/// What is known of words.
struct LatinModel {
    /// In which lists a word stands, as bits.
    words: HashMap<&'static str, u8>,
    /// Logarithms of how often three letters follow each other in each language.
    letters: HashMap<[char; 3], [f32; N]>,
    /// And of what was never seen.
    unseen: [f32; N],
}

impl LatinModel {
    fn of_lists() -> Self {
        let mut words: HashMap<&'static str, u8> = HashMap::new();
        let mut counts: HashMap<[char; 3], [f32; N]> = HashMap::new();
        for (language, list) in LISTS.into_iter().enumerate() {
            for word in list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace) {
                let bits = words.entry(word).or_default();
                if *bits & (1 << language) == 0 {
                    *bits |= 1 << language;
                    triples(word).for_each(|triple| counts.entry(triple).or_default()[language] += 1.0);
                }
            }
        }
        let n_kinds = counts.len() as f32;
        let mut totals = [0.0_f32; N];
        for of_triple in counts.values() {
            totals.iter_mut().zip(of_triple).for_each(|(total, n)| *total += n);
        }
        let logarithm = |n: f32, total: f32| ((n + 0.5) / (total + 0.5 * n_kinds)).ln();
        let letters = counts
            .into_iter()
            .map(|(triple, of_triple)| (triple, std::array::from_fn(|i| logarithm(of_triple[i], totals[i]))))
            .collect();
        Self { words, letters, unseen: totals.map(|total| logarithm(0.0, total)) }
    }

    /// How much the letters of a word speak for each language; the least likely has nought.
    fn by_letters(&self, word: &str) -> [f32; N] {
        let mut sums = [0.0_f32; N];
        for triple in triples(word) {
            let of_triple = self.letters.get(&triple).unwrap_or(&self.unseen);
            sums.iter_mut().zip(of_triple).for_each(|(sum, n)| *sum += n);
        }
        let least = sums.iter().copied().fold(f32::INFINITY, f32::min);
        // As a share of certainty, so that a long word does not outvote three known ones.
        let most = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let span = (most - least).max(4.0);
        sums.map(|sum| (sum - least) / span * LETTERS_MAX)
    }
}

/// Three letters each, with the borders of the word as letters.
fn triples(word: &str) -> impl Iterator<Item = [char; 3]> {
    let letters: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
    (2..letters.len()).map(move |end| [letters[end - 2], letters[end - 1], letters[end]])
}

/// The words of Latin letters in a text.
#[derive(Debug, Default)]
pub(super) struct Latin {
    evidence: [f32; N],
    n_words: usize,
    n_plain: usize,
    n_english: usize,
    /// Words that are Arabic in Latin letters and nothing else.
    n_arabizi: usize,
    /// The same, and those that could be something else (`el`, `ana`).
    n_maybe_arabizi: usize,
}

impl Latin {
    /// Takes in one word.
    pub(super) fn take_in(&mut self, word: &str) {
        let is_name = word.chars().next().is_some_and(char::is_uppercase);
        let lower: String = word.to_lowercase();
        let plain: String = lower.chars().filter(|c| !matches!(c, '\'' | '’')).collect();
        let n_letters = plain.chars().filter(|c| c.is_alphabetic()).count();
        self.n_words += 1;
        let model = &*MODEL;
        let lists =
            [plain.as_str(), lower.as_str()].into_iter().find_map(|form| model.words.get(form)).copied().unwrap_or(0);
        let has_digits = plain.bytes().any(|byte| byte.is_ascii_digit());
        if lists != 0 {
            let share = LISTED / lists.count_ones() as f32;
            for language in 0..N {
                if lists & (1 << language) != 0 {
                    self.evidence[language] += share;
                }
            }
        } else if is_arabizi_with_digits(&plain) {
            self.evidence[ARABIZI] += DIGITS_WITHIN;
            self.n_arabizi += 1;
            self.n_maybe_arabizi += 1;
        } else if !has_digits && n_letters > 1 {
            let accents = plain.chars().filter(|c| !c.is_ascii()).count();
            if accents > 0 {
                self.evidence[ELSEWHERE] += ACCENTED;
            }
            // A name says little: it is the same in every language.
            let weight = if is_name && self.n_words > 1 { 0.3 } else { 1.0 };
            let by_letters = model.by_letters(&plain);
            self.evidence.iter_mut().zip(by_letters).for_each(|(sum, n)| *sum += n * weight);
        }
        let is_only = |language: usize| lists == 1 << language;
        self.n_arabizi += usize::from(is_only(ARABIZI));
        self.n_maybe_arabizi += usize::from(lists & (1 << ARABIZI) != 0);
        // A single letter is a word in half of Europe.
        if lists & (1 << ENGLISH) != 0 && n_letters > 1 {
            self.n_english += 1;
        }
        // Beside Arabic, what counts as English are words, not names, codes and single letters.
        if lists & (1 << ENGLISH) != 0 && n_letters > 1 || lists == 0 && !is_name && !has_digits && n_letters > 2 {
            self.n_plain += 1;
        }
    }

    /// How many words there are.
    pub(super) fn n_words(&self) -> usize {
        self.n_words
    }

    /// How many are neither names nor codes.
    pub(super) fn n_plain_words(&self) -> usize {
        self.n_plain
    }

    /// Whether the words, beside others in Arabic letters, are English.
    pub(super) fn is_english_beside_arabic(&self) -> bool {
        let [english, arabizi, elsewhere] = self.evidence;
        self.n_plain > 0 && (self.n_english > 0 || english > arabizi.max(elsewhere))
    }

    /// The language of these words alone.
    pub(super) fn verdict(&self) -> DetectedLanguage {
        let [english, arabizi, elsewhere] = self.evidence;
        if english.max(arabizi).max(elsewhere) < EVIDENCE_MIN || elsewhere > english.max(arabizi) {
            return DetectedLanguage::Other;
        }
        // Arabic sentences borrow English words for things; English ones do not borrow Arabic little words.
        let is_arabizi = arabizi > english || (self.n_arabizi >= 2 && self.n_arabizi * 2 >= self.n_english);
        let (verdict, n_known) = if is_arabizi {
            (DetectedLanguage::ArLatn, self.n_maybe_arabizi)
        } else {
            (DetectedLanguage::En, self.n_english)
        };
        // Letters alone may decide about a word or two. A sentence without enough words that anybody knows is of a language that has no
        // list here.
        if self.n_words >= N_WORDS_OF_SENTENCE && n_known * KNOWN_ONE_IN < self.n_words {
            DetectedLanguage::Other
        } else {
            verdict
        }
    }
}

/// Whether a word mixes letters with the digits that stand for Arabic letters (`3ayez`, `7elw`, `so2al`), unlike `5pm`, `2x`, `covid19`.
fn is_arabizi_with_digits(word: &str) -> bool {
    let is_sign = |c: char| matches!(c, '2' | '3' | '5' | '6' | '7' | '8' | '9');
    let letters = word.chars().filter(|c| c.is_ascii_alphabetic()).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if letters < 2 || digits == 0 || digits > letters || !word.chars().filter(char::is_ascii_digit).all(is_sign) {
        return false;
    }
    // Numbers with a unit or an ending, and things with a number: `5pm`, `24h`, `3rd`, `iphone15`, `b2b`, `mp3`.
    let after = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let before = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_unit = after.len() < word.len()
        && [
            "am", "pm", "st", "nd", "rd", "th", "kg", "gb", "mb", "km", "cm", "mm", "ml", "hr", "hrs", "min", "mins",
            "day", "days", "star", "stars", "sar", "aed", "usd", "egp", "kd", "jod", "sr", "rs", "le",
        ]
        .contains(&after);
    let is_numbered = before.len() < word.len()
        && (word.len() - before.len() > 1
            || [
                "iphone", "mp", "ps", "covid", "galaxy", "note", "bus", "gate", "room", "level", "floor", "no", "part",
                "model",
            ]
            .contains(&before));
    let is_abbreviation = matches!(word, "b2b" | "b2c" | "p2p" | "gr8" | "l8r" | "m8" | "4g" | "5g");
    !(is_unit || is_numbered || is_abbreviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_within_words_are_letters_unless_they_count() {
        for (word, is_one) in [
            ("3ayez", true),
            ("7elw", true),
            ("so2al", true),
            ("ma3", true),
            ("la2", true),
            ("t2", false),
            ("5pm", false),
            ("24h", false),
            ("3rd", false),
            ("iphone15", false),
            ("mp3", false),
            ("b2b", false),
            ("covid19", false),
            ("a1", false),
            ("500gb", false),
            ("5stars", false),
            ("55120", false),
        ] {
            assert_eq!(is_arabizi_with_digits(word), is_one, "{word}");
        }
    }

    #[test]
    fn lists_are_in_small_letters_and_name_no_word_twice() {
        for list in LISTS {
            let words: Vec<&str> =
                list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
            assert!(words.iter().all(|word| **word == word.to_lowercase()));
            assert!(words.len() > 300);
        }
    }
}
