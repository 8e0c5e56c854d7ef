//! Domain values as columns and back: the only place that knows which column means what.

use jiff::Timestamp;

use super::changes::Told;
use super::sql::{Row, Sql};
use crate::domain::channel::Channel;
use crate::domain::consent::{Consent, ConsentChange, ConsentChangeKind, Purpose, Purposes};
use crate::domain::contact::Contact;
use crate::domain::delivery::{Delivery, HeldReason, Standing, State, SuppressedReason};
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{ContactId, MessageId, RunId, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::message::{Content, Rendered};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::ToldPrice;
use crate::domain::rollout::StageStanding;
use crate::domain::run::{Run, RunState};
use crate::ports::LoadedMessage;

/// What stands in the column `reason` of a message that is taken as submitted because nobody ever said otherwise.
const ASSUMED: &str = "assumed";

/// Under which reason a message is counted that has left and over which another channel may still take over.
const AWAITING_DELIVERY: &str = "awaiting-delivery";

/// The columns that [`standing`] reads, in its order, of a table named `m`.
pub(super) const STANDING_COLUMNS: &str = "m.state, m.reason, m.code, m.details, m.due_at, m.attempt, m.whatsapp_id, m.channel, m.waits_used, \
                                           m.given_up";

/// Reads [`STANDING_COLUMNS`].
pub(super) fn standing(row: &mut Row<'_>) -> Sql<Standing> {
    let state = row.parsed(State::named)?;
    let reason = row.opt_text()?;
    let code = row.opt_int()?;
    let details = row.opt_text()?;
    let due_at = row.opt_time()?;
    let due = |row: &Row<'_>| due_at.ok_or_else(|| row.impossible());
    let reason_text = reason.as_deref().unwrap_or_default();
    let delivery = match state {
        State::Planned => Delivery::Planned,
        State::Held => {
            Delivery::Held { reason: HeldReason::named(reason_text).ok_or_else(|| row.impossible())?, until: due(row)? }
        }
        State::Calling => Delivery::Calling { lease_until: due(row)? },
        State::Unknown => Delivery::Unknown { decide_at: due(row)? },
        State::Submitted => Delivery::Submitted { assumed: reason_text == ASSUMED, fall_back_at: due_at },
        State::Sent => Delivery::Sent { fall_back_at: due_at },
        State::Delivered => Delivery::Delivered,
        State::Read => Delivery::Read,
        State::Failed => Delivery::Failed(Refusal {
            class: FailureClass::named(reason_text).ok_or_else(|| row.impossible())?,
            code,
            details: details.unwrap_or_default(),
            wait: None,
        }),
        State::Suppressed => {
            Delivery::Suppressed(SuppressedReason::named(reason_text).ok_or_else(|| row.impossible())?)
        }
        State::Expired => Delivery::Expired,
    };
    let attempt = row.small()?;
    let whatsapp_id = row.opt_parsed(|text| text.parse::<WhatsAppId>().ok())?;
    let channel = row.parsed(Channel::named)?;
    let (waits_used, given_up) = (row.small()?, row.small()?);
    Ok(Standing { delivery, channel, attempt, waits_used, given_up, whatsapp_id })
}

/// The columns `reason`, `code` and `details` of a delivery.
pub(super) fn why(delivery: &Delivery) -> (Option<&'static str>, Option<i64>, Option<&str>) {
    match delivery {
        Delivery::Held { reason, .. } => (Some(reason.name()), None, None),
        Delivery::Submitted { assumed: true, .. } => (Some(ASSUMED), None, None),
        Delivery::Failed(refusal) => {
            (Some(refusal.class.name()), refusal.code, Some(refusal.details.as_str()).filter(|text| !text.is_empty()))
        }
        Delivery::Suppressed(reason) => (Some(reason.name()), None, None),
        _ => (None, None, None),
    }
}

/// Under which reason a delivery is counted.
pub(super) fn counted_reason(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Held { reason, .. } => reason.name().to_owned(),
        Delivery::Failed(refusal) => refusal_text(refusal),
        Delivery::Suppressed(reason) => reason.name().to_owned(),
        // Another channel may still take over: the run is not finished before that is decided.
        Delivery::Submitted { fall_back_at: Some(_), .. } | Delivery::Sent { fall_back_at: Some(_) } => {
            AWAITING_DELIVERY.to_owned()
        }
        _ => String::new(),
    }
}

/// Class and code of a refusal, such as `undeliverable 131026`.
pub(super) fn refusal_text(refusal: &Refusal) -> String {
    match refusal.code {
        Some(code) => format!("{} {code}", refusal.class.name()),
        None => refusal.class.name().to_owned(),
    }
}

/// A language as we write it.
pub(super) fn language(code: &str) -> Option<Language> {
    Language::ALL.into_iter().find(|language| language.code() == code)
}

/// The columns that [`contact`] reads, in its order, of a table named `c`.
pub(super) const CONTACT_COLUMNS: &str = "c.id, c.phone, c.bsuid, c.name, c.language, c.timezone, c.email, c.tags, \
                                          c.attributes, c.granted, c.stopped, c.marketing_stopped";

/// Reads [`CONTACT_COLUMNS`].
pub(super) fn contact(row: &mut Row<'_>) -> Sql<Contact> {
    Ok(Contact {
        id: ContactId::new(row.int()?),
        phone: row.opt_parsed(|text| PhoneNumber::from_e164(text).ok())?,
        bsuid: row.opt_text()?,
        name: row.opt_text()?,
        language: row.parsed(language)?,
        timezone: row.text()?,
        email: row.opt_text()?,
        tags: row.parsed(|text| if text == "[]" { Some(Vec::new()) } else { serde_json::from_str(text).ok() })?,
        attributes: row
            .parsed(|text| if text == "{}" { Some(Default::default()) } else { serde_json::from_str(text).ok() })?,
        consent: consent(row)?,
    })
}

/// Reads `granted, stopped, marketing_stopped`.
pub(super) fn consent(row: &mut Row<'_>) -> Sql<Consent> {
    Ok(Consent { granted: purposes(row)?, stopped: row.flag()?, marketing_stopped: row.flag()? })
}

/// Reads a set of purposes.
pub(super) fn purposes(row: &mut Row<'_>) -> Sql<Purposes> {
    row.small().map(Purposes::from_bits)
}

/// The columns that [`loaded`] reads, in its order.
pub(super) fn loaded_columns() -> String {
    format!(
        "m.id, m.run_id, r.state, m.sender, m.purpose, m.marketing, m.language, {STANDING_COLUMNS}, m.expires_at, m.content, \
         m.price_micros, m.planned_at, m.called_at, {CONTACT_COLUMNS}"
    )
}

/// The tables behind [`loaded_columns`].
pub(super) const LOADED_FROM: &str =
    "FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN runs r ON r.id = m.run_id";

/// Reads [`loaded_columns`].
pub(super) fn loaded(row: &mut Row<'_>) -> Sql<LoadedMessage> {
    Ok(LoadedMessage {
        id: MessageId::new(row.int()?),
        run: row.opt_int()?.map(RunId::new),
        run_state: row.opt_parsed(RunState::named)?,
        sender: row.parsed(|text| text.parse::<SenderName>().ok())?,
        purpose: row.parsed(Purpose::of_message)?,
        marketing: row.flag()?,
        language: row.parsed(language)?,
        standing: standing(row)?,
        expires_at: row.time()?,
        frozen: row.opt_parsed(frozen)?,
        price_micros: row.int()?,
        planned_at: row.time()?,
        called_at: row.opt_time()?,
        contact: contact(row)?,
    })
}

/// The columns that [`run`] reads, in its order, of a table named `r`.
pub(super) const RUN_COLUMNS: &str = "r.id, r.campaign, r.due_at, r.state, r.definition, r.planning_cursor, r.planned_whole, r.created_at, r.ended_at, r.stages, \
     r.reminder_of, r.reminder, CAST(CASE WHEN r.reminders_left > 0 THEN 1 ELSE 0 END AS BIGINT)";

/// Reads [`RUN_COLUMNS`].
pub(super) fn run(row: &mut Row<'_>) -> Sql<Run> {
    Ok(Run {
        id: RunId::new(row.int()?),
        campaign: row.parsed(|text| text.parse().ok())?,
        due_at: row.time()?,
        state: row.parsed(RunState::named)?,
        definition: row.text()?,
        planning_cursor: row.opt_text()?,
        planned_whole: row.flag()?,
        created_at: row.time()?,
        ended_at: row.opt_time()?,
        stages: row.opt_parsed(|text| serde_json::from_str(text).ok())?,
        reminder: {
            let (of, number) = (row.opt_int()?, row.small()?);
            of.map(|of| (RunId::new(of), number))
        },
        reminders_left: row.flag()?,
    })
}

/// How far the stages of a run have come, as text.
pub(super) fn stages(stages: &StageStanding) -> String {
    serde_json::to_string(stages).expect("numbers, times and a text are always JSON")
}

/// Reads `kind, purposes, at, source, evidence`.
pub(super) fn consent_change(row: &mut Row<'_>) -> Sql<ConsentChange> {
    let kind = row.text()?;
    let purposes = purposes(row)?;
    let kind = match kind.as_str() {
        "set" => ConsentChangeKind::Set(purposes),
        "grant" => ConsentChangeKind::Grant(purposes),
        "withdraw" => ConsentChangeKind::Withdraw(purposes),
        "stop" => ConsentChangeKind::Stop,
        "start" => ConsentChangeKind::Start,
        "stop-marketing" => ConsentChangeKind::StopMarketing,
        "resume-marketing" => ConsentChangeKind::ResumeMarketing,
        "ask" => ConsentChangeKind::Ask(purposes),
        _ => return Err(row.impossible()),
    };
    Ok(ConsentChange { kind, at: row.time()?, source: row.text()?, evidence: row.text()? })
}

/// What callbacks say of the price, as words.
pub(super) fn told(told: &Told) -> String {
    let when = if told.at_arrival { "arrived" } else { "sent" };
    format!("{} {when} {}", told.attempt, told.price.to_words())
}

/// Reads what [`told`] wrote.
pub(super) fn told_of(words: &str) -> Option<Told> {
    let (attempt, rest) = words.split_once(' ')?;
    let (when, price) = rest.split_once(' ')?;
    let at_arrival = match when {
        "arrived" => true,
        "sent" => false,
        _ => return None,
    };
    Some(Told { attempt: attempt.parse().ok()?, at_arrival, price: ToldPrice::from_words(price)? })
}

/// A frozen message as text.
pub(super) fn rendered(rendered: &Rendered) -> String {
    storable(serde_json::to_string(rendered).expect("a message is texts and numbers, which is always JSON"))
}

/// A frozen message; records of version 0.1 hold the content alone.
pub(super) fn frozen(text: &str) -> Option<Rendered> {
    let whole = serde_json::from_str::<Rendered>(text).ok();
    whole.or_else(|| serde_json::from_str::<Content>(text).ok().map(Rendered::only))
}

/// A time as the store keeps it.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Text without the one character that PostgreSQL cannot keep.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}
