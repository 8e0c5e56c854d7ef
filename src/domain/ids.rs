//! Typed identifiers: a log line or a support ticket tells what an id is, and no two kinds can be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Crockford's alphabet, lower case: no `i`, `l`, `o`, `u`, so an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.to_owned(), expected }
    }
}

fn encode(prefix: &str, number: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [b'0'; 13];
    let mut rest = number.unsigned_abs();
    let mut start = digits.len();
    while start > 5 || rest > 0 {
        start -= 1;
        digits[start] = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(prefix)?;
    digits[start..].iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
}

fn decode(prefix: &str, text: &str) -> Option<i64> {
    let digits = text.strip_prefix(prefix)?;
    if digits.is_empty() || digits.len() > 13 {
        return None;
    }
    let number = digits.bytes().try_fold(0_u64, |sum, byte| {
        let digit = ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase())?;
        sum.checked_mul(32)?.checked_add(digit as u64)
    })?;
    i64::try_from(number).ok()
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// From the number that the store gave; never negative.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number under which the store keeps it.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode($prefix, self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode($prefix, text)
                    .map(Self)
                    .ok_or_else(|| InvalidId::new(text, concat!("an id that begins with `", $prefix, "`")))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

numbered!(
    /// One thing told to one contact.
    MessageId, "msg_");
numbered!(
    /// One firing of a campaign.
    RunId, "run_");
numbered!(
    /// A person we may write to.
    ContactId, "con_");
numbered!(
    /// One callback body as it came, in the journal.
    JournalId, "jrn_");
numbered!(
    /// One thing that a contact sent back.
    FeedbackId, "fbk_");
numbered!(
    /// One thing that happened and that a webhook of ours tells.
    HookEventId, "evt_");
numbered!(
    /// The telling of one event to one endpoint.
    HookDeliveryId, "dlv_");
numbered!(
    /// One person who was forgotten.
    ErasureId, "ers_");

numbered!(
    /// One firing of a standing job.
    JobRunId, "job_");
numbered!(
    /// One thing that somebody should look at, from when on until it is over.
    AlertId, "alr_");

macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId::new(&text, $expected)) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

fn is_word(text: &str) -> bool {
    text.len() <= 40
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_opaque(text: &str) -> bool {
    !text.is_empty() && text.len() <= 512 && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

named!(
    /// A campaign: the stem of its file.
    CampaignName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// One of our templates: its folder under `templates/messages/`.
    TemplateName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// A flow: the stem of its file under `jobs/flows/`.
    FlowName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// A step of a flow. No `-`, so that `{{answers.STEP}}` can name it.
    FlowStepId, is_word, "a name of at most 40 lower-case letters, digits and `_` that begins with a letter");
named!(
    /// An entry of the schedule of standing jobs.
    JobName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// One of our WhatsApp numbers, by the name that the configuration gives it.
    SenderName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// One of the endpoints that our webhooks go to, by the name that the configuration gives it.
    HookName, is_slug, "a name of at most 64 lower-case letters, digits, `-` and `_`");
named!(
    /// Meta's id of one of our numbers (Meta calls it *phone number id*); digits.
    SenderId, |text| !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_digit()),
    "a phone number id: digits only, as shown in Meta's dashboard");
named!(
    /// Meta's id of a message; opaque text, no length promised by Meta.
    WhatsAppId, is_opaque, "a WhatsApp message id");

/// What we give Meta with each call and get back with each status: which message, which attempt, of which store.
///
/// The store's tag keeps callbacks of another installation (or of a database that was thrown away) from being taken for ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackReference {
    /// The tag of the store that made the message.
    pub store: String,
    /// The message.
    pub message: MessageId,
    /// Which attempt of it, from 1.
    pub attempt: u16,
}

impl fmt::Display for CallbackReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "barid:{}:{}:{}", self.store, self.message, self.attempt)
    }
}

impl FromStr for CallbackReference {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parts: Vec<&str> = text.split(':').collect();
        let parsed = match parts.as_slice() {
            ["barid", store, message, attempt] => message
                .parse()
                .ok()
                .zip(attempt.parse().ok())
                .map(|(message, attempt)| Self { store: (*store).to_owned(), message, attempt }),
            _ => None,
        };
        parsed.ok_or_else(|| InvalidId::new(text, "a reference that this service made"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_are_and_come_back() {
        for number in [0, 1, 31, 32, 1_000_000, i64::MAX] {
            let id = MessageId::new(number);
            assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        }
        assert_eq!(MessageId::new(1).to_string(), "msg_00000001");
        assert!("run_00000001".parse::<MessageId>().is_err());
        assert!("msg_".parse::<MessageId>().is_err());
        assert!("msg_zzzzzzzzzzzzz".parse::<MessageId>().is_err(), "beyond 63 bits");
    }

    #[test]
    fn a_callback_reference_comes_back_whole_and_foreign_text_does_not() {
        let reference = CallbackReference { store: "k7q2".into(), message: MessageId::new(77), attempt: 3 };
        assert_eq!(reference.to_string().parse(), Ok(reference));
        for foreign in ["", "job=77;row=12", "barid:k7q2:msg_1", "barid:k7q2:run_00000001:1", "barid:a:msg_00000001:-1"]
        {
            assert!(foreign.parse::<CallbackReference>().is_err(), "{foreign}");
        }
    }

    #[test]
    fn names_are_slugs() {
        assert!("welcome-2026".parse::<CampaignName>().is_ok());
        for bad in ["", "Welcome", "a b", "-x", "../etc", &"x".repeat(65)] {
            assert!(bad.parse::<CampaignName>().is_err(), "{bad}");
        }
    }
}
