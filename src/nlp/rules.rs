//! What needs no model: messages that are nothing but emoji, stars or a rating such as `5/5` or `١٠/١٠`.

use crate::domain::analysis::{Score, Sentiment, SentimentLabel};
use crate::domain::normalised_text::folded;

/// How sure an emoji alone makes us: people are ironic.
const BY_EMOJI: f32 = 0.9;
/// Of a message without words there is nothing to be sure of.
const BY_NOTHING: f32 = 0.5;

const PLEASED: &[char] = &[
    '👍', '👏', '🙏', '💪', '🤝', '👌', '🫶', '🤗', '❤', '♥', '🧡', '💛', '💚', '💙', '💜', '🤍', '🖤', '🤎', '💖',
    '💗', '💕', '💞', '💓', '💝', '💯', '😀', '😃', '😄', '😁', '🙂', '😊', '☺', '🥰', '😍', '🤩', '😘', '😇', '😋',
    '😎', '🌹', '🌷', '🌸', '💐', '🎉', '🎊', '🥳', '🏆', '🥇', '✅', '🔥', '✨', '🌟', '👑',
];
const DISPLEASED: &[char] = &[
    '👎', '😡', '😠', '🤬', '😤', '😞', '😟', '😔', '😕', '🙁', '☹', '😣', '😖', '😫', '😩', '😢', '😭', '💔', '🤮',
    '🤢', '😒', '🙄', '😑', '🤦', '❌', '🖕', '💩', '🗑', '😾', '😿',
];
/// Signs that change others, and what stands between them.
const IGNORED: &[char] = &['\u{FE0F}', '\u{FE0E}', '\u{200D}', '!', '.', ',', '،', '؟', '?', '♂', '♀'];

/// What a message without a sentence says, if it is one; else a model must read it.
pub(super) fn sentiment_of(text: &str) -> Option<Sentiment> {
    let text = text.trim();
    if let Some(share) = rating(&folded(text)) {
        return Some(Sentiment { label: of_rating(share), score: Score::CERTAIN });
    }
    if text.chars().any(char::is_alphabetic) {
        return None;
    }
    let (mut pleased, mut displeased) = (0_usize, 0_usize);
    for character in text.chars().filter(|c| !IGNORED.contains(c)) {
        pleased += usize::from(PLEASED.contains(&character));
        displeased += usize::from(DISPLEASED.contains(&character));
    }
    let label = match pleased.cmp(&displeased) {
        std::cmp::Ordering::Greater => SentimentLabel::Positive,
        std::cmp::Ordering::Less => SentimentLabel::Negative,
        std::cmp::Ordering::Equal => SentimentLabel::Neutral,
    };
    let score = if pleased + displeased == 0 { BY_NOTHING } else { BY_EMOJI };
    Some(Sentiment { label, score: Score::new(score) })
}

/// Four of five and eight of ten are pleased, two of five and four of ten are not.
fn of_rating(share: f32) -> SentimentLabel {
    if share > 0.79 {
        SentimentLabel::Positive
    } else if share < 0.41 {
        SentimentLabel::Negative
    } else {
        SentimentLabel::Neutral
    }
}

/// Words for stars, folded.
const STARS: &[&str] = &["star", "stars", "نجمه", "نجوم", "نجمات"];
/// Numbers as words, folded.
const NUMBERS: [(&str, u32); 12] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("نجمتين", 2),
    ("نجمه", 1),
    ("ثلاث", 3),
    ("تلات", 3),
    ("اربع", 4),
    ("خمس", 5),
    ("واحده", 1),
];

/// The share of the best rating, if the whole (folded) text is a rating.
fn rating(text: &str) -> Option<f32> {
    let text = text.trim_end_matches(['.', '!']).trim();
    let of = |given: &str, best: &str| -> Option<f32> {
        let (given, best): (f32, u32) = (number(given)?, best.trim().parse().ok()?);
        (matches!(best, 5 | 10 | 100) && given <= best as f32).then(|| given / best as f32)
    };
    for between in ["/", "\\", " من ", " out of ", " of "] {
        if let Some((given, best)) = text.split_once(between) {
            return of(given, best);
        }
    }
    if let Some(percent) = text.strip_suffix(['%', '٪']) {
        return of(percent, "100");
    }
    let is_star = |c: char| matches!(c, '⭐' | '★' | '🌟');
    let signs: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\u{FE0F}' | '☆')).collect();
    if !signs.is_empty() && signs.len() <= 5 && signs.iter().all(|c| is_star(*c)) {
        return Some(signs.len() as f32 / 5.0);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["نجمتين" | "نجمتان"] => Some(0.4),
        [given, stars] if STARS.contains(&stars) => {
            let by_word = NUMBERS.iter().find(|(word, _)| *word == given).map(|(_, n)| *n as f32);
            by_word.or_else(|| number(given)).filter(|given| *given <= 5.0).map(|given| given / 5.0)
        }
        ["نجمه", "واحده"] => Some(0.2),
        _ => None,
    }
}

fn number(text: &str) -> Option<f32> {
    let text = text.trim().replace(['٫', ','], ".");
    let is_one = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_one { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Option<SentimentLabel> {
        sentiment_of(text).map(|sentiment| sentiment.label)
    }

    #[test]
    fn ratings_are_read_in_both_kinds_of_digits() {
        for text in [
            "5/5",
            "10/10",
            "١٠/١٠",
            "٥ / ٥",
            "9 من 10",
            "10 out of 10",
            "100%",
            "٤٫٥/٥",
            "⭐⭐⭐⭐⭐",
            "★★★★",
            "5 stars",
            "خمس نجوم",
            "5/5!!",
        ] {
            assert_eq!(label(text), Some(SentimentLabel::Positive), "{text}");
        }
        for text in ["3/5", "٦/١٠", "7/10", "⭐⭐⭐", "ثلاث نجوم"] {
            assert_eq!(label(text), Some(SentimentLabel::Neutral), "{text}");
        }
        for text in ["1/5", "0/10", "٢/٥", "⭐", "one star", "نجمه واحدة", "نجمتين"] {
            assert_eq!(label(text), Some(SentimentLabel::Negative), "{text}");
        }
    }

    #[test]
    fn emoji_alone_speak() {
        for text in ["👍", "👍🏽", "❤️❤️", "😍🔥 !", "👏👏👏🌹"] {
            assert_eq!(label(text), Some(SentimentLabel::Positive), "{text}");
        }
        for text in ["👎", "😡😡", "💔", "😡👍😡"] {
            assert_eq!(label(text), Some(SentimentLabel::Negative), "{text}");
        }
        for text in ["", "55120", "🚗", "...", "👍👎", "12/2026", "3/4"] {
            assert_eq!(label(text), Some(SentimentLabel::Neutral), "{text}");
        }
    }

    #[test]
    fn words_are_left_to_a_model() {
        for text in ["5/5 خدمة ممتازة", "والله 👍", "not 👍", "من 5 الى 1/5", "five", "stars", "one of us"]
        {
            assert_eq!(label(text), None, "{text}");
        }
    }
}
