//! What the simulator tells the receiver: when (`schedule`), in which words (`body`), and until it is heard (`deliver`).

pub(super) mod body;
pub(super) mod deliver;
pub(super) mod schedule;

use std::sync::Arc;

use super::ledger::{Row, Status};

/// Something that happened and is to be told.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A message of the business got further.
    Status {
        row: Arc<Row>,
        status: Status,
        /// When it happened, in Unix milliseconds; it may be told much later.
        at_ms: i64,
        /// Says what it costs: `sent` does, and the first of `delivered` and `read`.
        priced: bool,
    },
    /// A person wrote.
    Inbound(Box<Inbound>),
    /// Any other change, told as it is given.
    Change { number: u16, field: Box<str>, value: Box<serde_json::Value> },
}

impl Event {
    /// Place of the business's number that it is about.
    pub(super) fn number(&self) -> u16 {
        match self {
            Self::Status { row, .. } => row.number,
            Self::Inbound(inbound) => inbound.number,
            Self::Change { number, .. } => *number,
        }
    }
}

/// What a person sent.
#[derive(Debug, Clone)]
pub(super) struct Inbound {
    /// Place of the business's number in the settings.
    pub(super) number: u16,
    /// The person.
    pub(super) digits: u64,
    /// The person hides the phone number.
    pub(super) hidden: bool,
    /// When, in Unix milliseconds; set when it happens.
    pub(super) at_ms: i64,
    /// Its wamid.
    pub(super) id: String,
    /// The wamid of the message it answers.
    pub(super) context: Option<String>,
    pub(super) said: Said,
}

/// What a message of a person holds.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// Written text.
    Text(String),
    /// A quick reply of a template was pressed.
    Button { payload: String, text: String },
    /// A reply button of an interactive message was pressed.
    ButtonReply { id: String, title: String },
    /// A row of a list was chosen.
    ListReply { id: String, title: String },
    /// A reaction to a message; without emoji: taken back.
    Reaction { message_id: String, emoji: Option<String> },
    /// A picture, voice message, document, …
    Media { kind: String, media: serde_json::Value },
    /// A place.
    Location { latitude: f64, longitude: f64 },
    /// Any other kind, with the members that its element has beside writer, id and time.
    Any(serde_json::Map<String, serde_json::Value>),
    /// Not a message: WhatsApp's own "stop" or "resume" for marketing.
    Preference { stop: bool },
}
