//! What the `data` of each event looks like. Receivers read it: fields may be added, none may change or go away without another
//! [`super::VERSION`]. A phone number is E.164 or `null`, a time RFC 3339 in UTC.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::alert::Alert;
use crate::domain::analysis::{Analysis, CategoryFound, Model, Sentiment};
use crate::domain::consent::{Consent, Purposes};
use crate::domain::conversation::{Escalation, Handover};
use crate::domain::failure::Refusal;
use crate::domain::flow::{Answer, FlowResult, Score};
use crate::domain::ids::{AlertId, ContactId, FeedbackId, FlowName, HookName, MessageId, RunId, SenderName};
use crate::domain::language::Language;

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

/// `feedback.read`: what a reader makes of feedback that was told as `feedback.received` before. Told again when it is read again. The
/// text is not repeated.
#[derive(Serialize)]
pub struct FeedbackRead<'a> {
    /// Our id, as in `feedback.received`.
    pub id: FeedbackId,
    /// For people, such as `VOC-7K3F-9Q`.
    pub reference: &'a str,
    /// Who sent it.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// `ar`, `en`, `mixed`, `ar-Latn` or `other`.
    pub language: &'a str,
    /// `{label, score}`: `positive`, `neutral` or `negative`, and how sure from 0 to 1; `null` where nobody reads for it.
    pub sentiment: Option<Sentiment>,
    /// `{name, score}`; `null` where nothing is sure enough.
    pub category: Option<&'a CategoryFound>,
    /// Whether it asks something.
    pub is_question: bool,
    /// Who read it: `{name, version}`.
    pub model: &'a Model,
    /// When, by our clock.
    pub read_at: Timestamp,
}

impl<'a> FeedbackRead<'a> {
    /// What was made of it then.
    pub fn new(
        (id, reference): (FeedbackId, &'a str),
        (contact, phone): (ContactId, Option<&'a str>),
        reading: &'a Analysis,
        read_at: Timestamp,
    ) -> Self {
        Self {
            id,
            reference,
            contact,
            phone,
            language: reading.language.code(),
            sentiment: reading.sentiment,
            category: reading.category.as_ref(),
            is_question: reading.is_question,
            model: &reading.model,
            read_at,
        }
    }
}

/// Whose conversation it is, in every event about one.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// The person.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// The number of ours.
    pub sender: &'a SenderName,
    /// The person's language.
    pub language: Language,
}

/// `escalation.opened`.
#[derive(Serialize)]
pub struct EscalationOpened<'a> {
    /// Who waits for a person.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// The number of ours to which they write.
    pub sender: &'a SenderName,
    /// Their language: `ar` or `en`.
    pub language: &'a str,
    /// Why: `word`, `flow`, `sentiment` or `staff`.
    pub because: &'a str,
    /// The reference of the feedback that called people; `null` where staff took it.
    pub reference: Option<&'a str>,
    /// Who of the staff took it; `null` until somebody has.
    pub taken_by: Option<&'a str>,
    /// When, by our clock.
    pub opened_at: Timestamp,
}

impl<'a> EscalationOpened<'a> {
    /// That talk came to people.
    pub fn new(whose: Whose<'a>, handover: &'a Handover) -> Self {
        let Whose { contact, phone, sender, language } = whose;
        Self {
            contact,
            phone,
            sender,
            language: language.code(),
            because: handover.because.name(),
            reference: handover.reference.as_deref(),
            taken_by: handover.taken_by.as_deref(),
            opened_at: handover.since,
        }
    }
}

/// `escalation.closed`: barid answers again.
#[derive(Serialize)]
pub struct EscalationClosed<'a> {
    /// Whose conversation.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// The number of ours to which they write.
    pub sender: &'a SenderName,
    /// Their language: `ar` or `en`.
    pub language: &'a str,
    /// Why it was opened: `word`, `flow`, `sentiment` or `staff`.
    pub because: &'a str,
    /// The reference of the feedback that called people; `null` where staff took it.
    pub reference: Option<&'a str>,
    /// Why it is closed: `staff` (they handed it back) or `silence` (they did not write for too long).
    pub closed_because: &'a str,
    /// Who of the staff handed it back.
    pub closed_by: Option<&'a str>,
    /// Whether the person still waited for a word of the staff.
    pub unanswered: bool,
    /// When it was opened, by our clock.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Timestamp,
}

impl<'a> EscalationClosed<'a> {
    /// That talk went back to barid: handed back by that person, or by their silence.
    pub fn new(whose: Whose<'a>, handover: &'a Handover, by: Option<&'a str>, closed_at: Timestamp) -> Self {
        let Whose { contact, phone, sender, language } = whose;
        Self {
            contact,
            phone,
            sender,
            language: language.code(),
            because: Escalation::name(handover.because),
            reference: handover.reference.as_deref(),
            closed_because: if by.is_some() { "staff" } else { "silence" },
            closed_by: by,
            unanswered: handover.waits_since.is_some(),
            opened_at: handover.since,
            closed_at,
        }
    }
}

/// `flow.completed`. Conversations that ended before their end are no events; the export of the flow's results has them.
#[derive(Serialize)]
pub struct FlowCompleted<'a> {
    /// With whom it was held.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<&'a str>,
    /// The number of ours to which they write.
    pub sender: &'a SenderName,
    /// Which flow.
    pub flow: &'a FlowName,
    /// The version with which it began.
    pub version: u32,
    /// The language in which it was held: `ar` or `en`.
    pub language: &'a str,
    /// When it began, by our clock.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The answers in their order: `{step, kind, type, value, text, at}`.
    pub answers: &'a [Answer],
    /// The first one on a scale: `{scale, value}`.
    pub score: Option<Score>,
}

impl<'a> FlowCompleted<'a> {
    /// That came of a conversation.
    pub fn new(whose: Whose<'a>, result: &'a FlowResult, now: Timestamp) -> Self {
        Self {
            contact: whose.contact,
            phone: whose.phone,
            sender: whose.sender,
            flow: &result.flow,
            version: result.version,
            language: result.language.code(),
            began_at: result.began_at,
            ended_at: result.ended_at.unwrap_or(now),
            answers: &result.answers,
            score: result.score,
        }
    }
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

/// `alert.raised`, `alert.cleared`. Names nobody.
#[derive(Serialize)]
pub struct AlertChanged<'a> {
    /// Our id, the same in both events.
    pub id: AlertId,
    /// What it is about: `sending-suspended`, `token-expires`, …
    pub kind: &'a str,
    /// `warning` or `critical`.
    pub severity: &'a str,
    /// Of what: `installation`, `account`, `sender`, `campaign`, `template`, `channel`, `country` or `job`.
    pub scope: &'a str,
    /// Which one; empty for the installation.
    pub value: &'a str,
    /// In a sentence, with what to do about it.
    pub text: &'a str,
    /// When it was raised, by our clock.
    pub since: Timestamp,
    /// When it was over; `null` in `alert.raised`.
    pub cleared_at: Option<Timestamp>,
}

impl<'a> AlertChanged<'a> {
    /// That alert, as it is now; `value`: of its scope.
    pub fn new(alert: &'a Alert, value: &'a str) -> Self {
        let Alert { id, kind, scope, severity, text, since, cleared_at, .. } = alert;
        Self {
            id: *id,
            kind: kind.name(),
            severity: severity.name(),
            scope: scope.kind(),
            value,
            text,
            since: *since,
            cleared_at: *cleared_at,
        }
    }
}

/// `hook.test`.
#[derive(Serialize)]
pub struct HookTest<'a> {
    /// The endpoint that is tried.
    pub hook: &'a HookName,
}
