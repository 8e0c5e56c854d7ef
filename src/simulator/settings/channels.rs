//! The other channels that are played: Twilio's messages on the same listener, and a mail server on one of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Faults, Millis, Outcome, Span};

/// Twilio as it is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twilio {
    /// The account that works.
    pub account_sid: String,
    /// Its token; callbacks are signed with it.
    pub auth_token: String,
    /// Where what people write is posted; none: nowhere. Statuses go where each message says.
    pub inbound_url: Option<String>,
    /// From the answer to `sent`.
    pub sent_after: Span,
    /// From `sent` to `delivered`, `undelivered` or `failed`.
    pub delivered_after: Span,
    /// Whether WhatsApp's `read` follows.
    pub read: bool,
    /// What goes wrong, by share of all calls. Codes in `errors` are Twilio's here.
    pub faults: Faults,
    /// What happens for numbers with these last digits; the longest match wins. `failed` and `error` take Twilio's codes.
    pub suffixes: BTreeMap<String, Outcome>,
    /// Waits before a callback that could not be delivered is tried again; after the last one it is given up.
    pub redelivery: Vec<Millis>,
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: "simulator-twilio-token".to_owned(),
            inbound_url: None,
            sent_after: Span::millis(20, 100),
            delivered_after: Span::millis(50, 400),
            read: false,
            faults: Faults::default(),
            suffixes: BTreeMap::new(),
            redelivery: vec![Millis::new(200), Millis::from_secs(1), Millis::from_secs(5)],
        }
    }
}

/// A mail server as it is played.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Where it listens; port 0 takes a free one. None: there is no mail server.
    pub listen: Option<SocketAddr>,
    /// Who may send; none: everybody.
    pub user: Option<String>,
    /// With which password.
    pub password: String,
}
