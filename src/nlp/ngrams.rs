//! Texts as the words and letters that stand in them: what reads feedback where there is no model file. Knows only what it has seen.

use std::collections::{BTreeMap, HashMap};

use super::vector::Vector;
use crate::domain::normalised_text::{folded, without_runs};

/// How many letters in a row count as one feature.
const LETTERS: std::ops::RangeInclusive<usize> = 2..=4;
/// Longer texts are read to here: beyond it, feedback repeats itself.
const CHARACTERS_MAX: usize = 2_000;

/// The features that occurred in the sentences learnt from, and how rare each is.
#[derive(Debug)]
pub(super) struct NGrams {
    features: HashMap<u64, Feature>,
}

#[derive(Debug, Clone, Copy)]
struct Feature {
    place: u32,
    rarity: f32,
    is_word: bool,
}

impl NGrams {
    /// Takes in the sentences to be learnt from.
    pub(super) fn of<'a>(sentences: impl IntoIterator<Item = &'a str>) -> Self {
        // In the order of the features, so that the places, and with them every sum, are the same each time.
        let mut seen: BTreeMap<u64, (bool, usize)> = BTreeMap::new();
        let mut n_sentences = 0_usize;
        for sentence in sentences {
            n_sentences += 1;
            for (feature, (_, is_word)) in features_of(sentence) {
                seen.entry(feature).or_insert((is_word, 0)).1 += 1;
            }
        }
        let rarity = |n_with: usize| ((1.0 + n_sentences as f32) / (1.0 + n_with as f32)).ln() + 1.0;
        let features = seen
            .into_iter()
            .zip(0..)
            .map(|((feature, (is_word, n_with)), place)| (feature, Feature { place, rarity: rarity(n_with), is_word }))
            .collect();
        Self { features }
    }

    /// How many places the vectors have.
    pub(super) fn n_places(&self) -> usize {
        self.features.len()
    }

    /// A text as a vector of length 1: words and letters weigh the same, rare ones more than frequent ones.
    pub(super) fn encode(&self, text: &str) -> Vector {
        let (mut words, mut letters) = (Vec::new(), Vec::new());
        for (feature, (n, _)) in features_of(text) {
            if let Some(known) = self.features.get(&feature) {
                let entry = (known.place, (1.0 + (n as f32).ln()) * known.rarity);
                if known.is_word { words.push(entry) } else { letters.push(entry) }
            }
        }
        let [words, letters] = [words, letters].map(|entries| Vector::sparse(entries).normalised());
        Vector::sparse(words.entries().iter().chain(letters.entries()).copied().collect()).normalised()
    }
}

/// The features of a text: how often each occurs, and whether it is made of whole words.
fn features_of(text: &str) -> HashMap<u64, (usize, bool)> {
    let head: String = text.chars().take(CHARACTERS_MAX).collect();
    let tokens = tokens(&head);
    let mut features: HashMap<u64, (usize, bool)> = HashMap::new();
    let mut add = |feature: u64, is_word: bool| features.entry(feature).or_insert((0, is_word)).0 += 1;
    for (index, token) in tokens.iter().enumerate() {
        add(hash(1, token), true);
        if let Some(next) = tokens.get(index + 1) {
            add(hash(2, &format!("{token} {next}")), true);
        }
        let bordered = format!(" {token} ");
        let borders: Vec<usize> = bordered.char_indices().map(|(at, _)| at).chain([bordered.len()]).collect();
        for length in LETTERS {
            for ends in borders.windows(length + 1) {
                add(hash(3, &bordered[ends[0]..ends[length]]), false);
            }
        }
    }
    features
}

/// Words, and signs that say something (emoji, `!`, `?`) one by one; numbers of one length look alike, addresses are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let plain = without_runs(&folded(text));
    for chunk in plain.split_whitespace().filter(|chunk| !chunk.contains("://") && !chunk.contains('@')) {
        let mut word = String::new();
        for character in chunk.chars() {
            if character.is_alphanumeric() {
                word.push(character);
            } else if !matches!(character, '\'' | '’') {
                finish(&mut word, &mut tokens);
                if !SILENT.contains(&character) {
                    tokens.push(if character == '؟' { "?".to_owned() } else { character.to_string() });
                }
            }
        }
        finish(&mut word, &mut tokens);
    }
    tokens
}

/// Signs that say nothing.
const SILENT: &[char] = &['.', ',', '،', '-', '"', '«', '»', '(', ')', ':', ';', '؛', '\u{FE0F}'];

fn finish(word: &mut String, tokens: &mut Vec<String>) {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        *word = "0".repeat(word.len().min(4));
    }
    if !word.is_empty() {
        tokens.push(std::mem::take(word));
    }
}

/// FNV-1a with 64 bits, and the kind of feature before it: the same on every machine and in every version of Rust.
fn hash(kind: u8, text: &str) -> u64 {
    std::iter::once(kind)
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_parted_and_numbers_look_alike() {
        assert_eq!(
            tokens("رائع!! 👍 don't 500 ٤٢ see https://a.b/c me@a.b"),
            ["رايع", "!", "!", "👍", "dont", "000", "00", "see"]
        );
        assert_eq!(tokens("3ayez 7aga 5512098"), ["3ayez", "7aga", "0000"]);
    }

    #[test]
    fn spellings_are_near_and_other_words_are_far() {
        let grams = NGrams::of(["الخدمة ممتازة", "خدمة سيئة", "delivery late"]);
        let likeness = |a: &str, b: &str| -> f32 {
            let (a, b) = (grams.encode(a), grams.encode(b));
            let of_b: HashMap<u32, f32> = b.entries().iter().copied().collect();
            a.entries().iter().map(|(place, number)| number * of_b.get(place).copied().unwrap_or(0.0)).sum()
        };
        assert!(likeness("الخدمة ممتازة", "الخدمه ممتازه") > 0.99);
        assert!(likeness("الخدمة ممتازة", "خدمتكم ممتازه جدا") > 0.4);
        assert!(likeness("الخدمة ممتازة", "late delivery") < 0.05);
        assert!(grams.encode("zzz").entries().is_empty(), "nothing of it was ever seen");
        assert!(grams.encode("").entries().is_empty());
    }
}
