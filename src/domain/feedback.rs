//! What a contact sent back, and the reference under which they can ask about it.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::ids::{ContactId, FeedbackId, MessageId, RunId, WhatsAppId};
use crate::domain::media::MediaFile;

/// No vowels, so no words appear; nothing that sounds or looks like something else.
const ALPHABET: &[u8; 27] = b"23456789BCDFGHJKMNPQRTVWXYZ";
/// The number of references: 27 to the sixth.
const SPACE: u64 = 387_420_489;
/// Makes a reference out of an id, within the space.
const FACTOR: u64 = 236_812_349;
/// Makes the id out of it again: their product is one more than a multiple of the space.
const INVERSE: u64 = 141_100_457;

/// The reference of a feedback: short, unambiguous to read aloud, such as `VOC-7K3F-9Q`.
///
/// It is made from the id by a permutation, so that no two are equal and neighbours do not look alike. Ids beyond the space get
/// one more letter.
pub fn reference(id: FeedbackId) -> String {
    let number = id.number().unsigned_abs();
    let (round, inside) = (number / SPACE, number % SPACE);
    // The factor has no divisor in common with the space (a power of three), so this is a permutation.
    let mut rest = inside.wrapping_mul(FACTOR) % SPACE;
    let mut letters = [0_u8; 6];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[(rest % 27) as usize];
        rest /= 27;
    }
    let text: String = letters.iter().copied().map(char::from).collect();
    let more = if round == 0 { String::new() } else { format!("-{round}") };
    format!("VOC-{}-{}{more}", &text[..4], &text[4..])
}

/// The feedback that has this reference, written as it is or in small letters.
pub fn referenced(text: &str) -> Option<FeedbackId> {
    let text = text.to_ascii_uppercase();
    let mut parts = text.strip_prefix("VOC-")?.split('-');
    let (four, two, round) = (parts.next()?, parts.next()?, parts.next());
    if four.len() != 4 || two.len() != 2 || parts.next().is_some() {
        return None;
    }
    let inside = four.bytes().chain(two.bytes()).try_fold(0_u64, |sum, letter| {
        let digit = ALPHABET.iter().position(|known| *known == letter)?;
        Some(sum * 27 + digit as u64)
    })?;
    let round = match round {
        Some(round) => round.parse::<u64>().ok()?,
        None => 0,
    };
    let number = round.checked_mul(SPACE)?.checked_add(inside * INVERSE % SPACE)?;
    let id = FeedbackId::new(i64::try_from(number).ok()?);
    // Only what we would write ourselves: no leading zeros or signs.
    (reference(id) == text).then_some(id)
}

/// A feedback as the store keeps it. `Debug` shows no personal data.
#[derive(Clone, PartialEq)]
pub struct Feedback {
    /// Our id.
    pub id: FeedbackId,
    /// For people.
    pub reference: String,
    /// Who.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<String>,
    /// Over which channel it came.
    pub channel: Channel,
    /// `text`, `image`, `button`, …
    pub kind: String,
    /// What it says.
    pub text: Option<String>,
    /// What a pressed button carries.
    pub payload: Option<String>,
    /// Meta's id of the file.
    pub media_id: Option<String>,
    /// The file that came with it.
    pub media: Option<MediaFile>,
    /// What a reader makes of it; `None` until it was read, and for what has no words.
    pub reading: Option<Reading>,
    /// The provider's id of it.
    pub whatsapp_id: WhatsAppId,
    /// The message of ours that it answers.
    pub message: Option<MessageId>,
    /// The run of that message.
    pub run: Option<RunId>,
    /// The campaign of that run.
    pub campaign: Option<String>,
    /// When it was sent, by Meta's clock.
    pub provider_at: Timestamp,
    /// When we had it.
    pub received_at: Timestamp,
}

/// What a reader makes of a feedback, as the record keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The language, as [`crate::domain::detected_language::DetectedLanguage`] names it.
    pub language: String,
    /// The sentiment and how sure it is, from 0 to 1.
    pub sentiment: Option<(String, f64)>,
    /// The category and how sure it is, from 0 to 1.
    pub category: Option<(String, f64)>,
    /// Whether it asks something.
    pub is_question: bool,
    /// Who says so: name and version.
    pub model: String,
}

impl std::fmt::Debug for Feedback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feedback").field("reference", &self.reference).field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_unique_and_readable() {
        let made: std::collections::HashSet<String> = (1..20_000).map(|id| reference(FeedbackId::new(id))).collect();
        assert_eq!(made.len(), 19_999);
        let one = reference(FeedbackId::new(1));
        assert_eq!(one.len(), "VOC-7K3F-9Q".len());
        assert!(!one[4..].contains(['0', 'O', '1', 'I', 'L', 'U', 'S', 'A', 'E']), "{one}");
        assert_ne!(reference(FeedbackId::new(1)), reference(FeedbackId::new(1 + SPACE as i64)));
    }

    #[test]
    fn a_reference_leads_back_to_its_feedback() {
        let space = i64::try_from(SPACE).unwrap();
        for id in (1..5_000).chain([space - 1, space, space + 1, 7 * space + 12_345, i64::MAX / 2]) {
            let made = reference(FeedbackId::new(id));
            assert_eq!(referenced(&made), Some(FeedbackId::new(id)), "{made}");
            assert_eq!(referenced(&made.to_lowercase()), Some(FeedbackId::new(id)));
        }
        for wrong in [
            "",
            "VOC-",
            "VOC-7K3F",
            "VOC-7K3F-9",
            "VOC-7K3F9Q",
            "VOC-OOOO-OO",
            "VOC-7K3F-9Q-0",
            "VOC-7K3F-9Q-01",
            "VOC-7K3F-9Q-1-1",
            "7K3F-9Q",
            "VOC-7K3م-9",
        ] {
            assert_eq!(referenced(wrong), None, "{wrong}");
        }
    }
}
