//! What comes back from `POST /{phone-number-id}/messages`, read leniently.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages and …/support/error-codes, as
//! checked on 2026-11-22.

use std::borrow::Cow;

use serde::Deserialize;

/// What comes back: a receipt or an error, told apart by what is there and not by the HTTP status.
#[derive(Deserialize)]
pub(super) struct Reception<'a> {
    #[serde(borrow, default)]
    pub(super) messages: Vec<Receipt<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<Error<'a>>,
}

/// `messages[]` of a 2xx.
#[derive(Deserialize)]
pub(super) struct Receipt<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
}

/// Meta's error object (page *error-codes*).
#[derive(Deserialize)]
pub(super) struct Error<'a> {
    pub(super) code: Number,
    pub(super) error_subcode: Option<Number>,
    #[serde(borrow)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) fbtrace_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) is_transient: bool,
    #[serde(borrow)]
    pub(super) error_data: Option<ErrorData<'a>>,
}

impl Error<'_> {
    /// Whether it is Meta who says so. Gateways also answer `{"error": {"code": 502, …}}`; only Meta adds a type or a trace id, and
    /// taking a gateway's word for Meta's would make a message that may have been taken look refused.
    pub(super) fn is_metas(&self) -> bool {
        self.kind.is_some() || self.fbtrace_id.is_some()
    }

    /// The words that say most.
    pub(super) fn words(&self) -> &str {
        match &self.error_data {
            Some(ErrorData::Object { details: Some(details) } | ErrorData::Text(details)) => details,
            _ => self.message.as_deref().unwrap_or_default(),
        }
    }
}

/// An object with `details`; a plain string in old payloads.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorData<'a> {
    Object {
        #[serde(borrow)]
        details: Option<Cow<'a, str>>,
    },
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

/// An integer, written as one or as a string.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an integer, or a string of digits")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Number, E> {
                i64::try_from(number).map(Number).map_err(E::custom)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.trim().parse().map(Number).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
