//! What the `data` of each event looks like. Receivers read it: fields may be added, none may change or go away without another
//! [`super::VERSION`]. A phone number is E.164 or `null`, a time RFC 3339 in UTC.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::consent::{Consent, Purposes};
use crate::domain::failure::Refusal;
use crate::domain::ids::{ContactId, FeedbackId, HookName, MessageId, RunId};

/// `feedback.received`. The text is in it: that is what it is for.
#[derive(Serialize)]
pub struct FeedbackReceived<'a> {
    /// Our id.
    pub id: FeedbackId,
    /// For people, such as `VOC-7K3F-9Q`.
    pub reference: &'a str,
    /// Who.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// `text`, `image`, `button`, …
    pub kind: &'a str,
    /// What it says.
    pub text: Option<&'a str>,
    /// What a pressed button carries.
    pub payload: Option<&'a str>,
    /// The provider's id of the file.
    pub media_id: Option<&'a str>,
    /// Over which channel it came.
    pub channel: &'a str,
    /// The campaign of the message that it answers.
    pub campaign: Option<&'a str>,
    /// The run of that message.
    pub run: Option<RunId>,
    /// The message of ours that it answers.
    pub message_id: Option<MessageId>,
    /// The provider's id of it.
    pub whatsapp_id: &'a str,
    /// When it was sent, by the provider's clock.
    pub sent_at: Timestamp,
    /// When we had it.
    pub received_at: Timestamp,
}

/// `message.failed`, `message.delivered`, `message.read`.
#[derive(Serialize)]
pub struct MessageChanged<'a> {
    /// Which message.
    pub message_id: MessageId,
    /// To whom.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// Of which campaign, if of one.
    pub campaign: Option<&'a str>,
    /// Of which run.
    pub run: Option<RunId>,
    /// What for: `survey`, `marketing`, `utility`.
    pub purpose: &'a str,
    /// `ar` or `en`.
    pub language: &'a str,
    /// Over which channel its newest attempt went.
    pub channel: &'a str,
    /// Where it stands now: `failed`, `delivered`, `read`.
    pub state: &'a str,
    /// How many attempts were made, over all channels.
    pub attempts: u16,
    /// The provider's id of it, if it ever took it.
    pub whatsapp_id: Option<&'a str>,
    /// Why it failed; `null` where it did not.
    pub failure: Option<Failure<'a>>,
    /// When, by our clock.
    pub changed_at: Timestamp,
}

/// Why a message failed.
#[derive(Serialize)]
pub struct Failure<'a> {
    /// The class of the reason, such as `undeliverable`.
    pub class: &'a str,
    /// The provider's code.
    pub code: Option<i64>,
    /// The provider's words.
    pub details: &'a str,
}

impl<'a> From<&'a Refusal> for Failure<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        Self { class: refusal.class.name(), code: refusal.code, details: &refusal.details }
    }
}

/// `consent.changed`.
#[derive(Serialize)]
pub struct ConsentChanged<'a> {
    /// Whose.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// What was done: `set`, `grant`, `withdraw`, `stop`, `start`.
    pub change: &'a str,
    /// Where it came from: `stop-word`, `start-word`, `unsubscribe-link`, `api`, …
    pub source: &'a str,
    /// When the person said so.
    pub said_at: Timestamp,
    /// What holds now.
    pub consent: ConsentNow,
}

/// What a contact allows.
#[derive(Serialize)]
pub struct ConsentNow {
    /// Nothing at all may be sent.
    pub opted_out: bool,
    /// The purposes granted; none of them counts while `opted_out`.
    pub purposes: Vec<&'static str>,
}

impl From<Consent> for ConsentNow {
    fn from(consent: Consent) -> Self {
        let names = |purposes: Purposes| purposes.iter().map(crate::domain::consent::Purpose::name).collect();
        Self { opted_out: consent.stopped, purposes: names(consent.granted) }
    }
}

/// `hook.test`.
#[derive(Serialize)]
pub struct HookTest<'a> {
    /// The endpoint that is tried.
    pub hook: &'a HookName,
}
