//! `POST /{phone-number-id}/messages`: is the call good, is there room, what is answered, what becomes of the message.

mod fate;
mod template;
mod validate;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

pub(super) use self::fate::hides_phone;
use self::fate::{Begin, Facts};
use self::template::Filled;
use self::validate::Content;
use self::wire::Call;
use super::customers::{IsList, Pressable, Tongue};
use super::dice::{Dice, Stream, mix};
use super::graph_error::GraphError;
use super::json::Json;
use super::ledger::{Kind, NewRow, Row};
use super::limits::take_pair;
use super::people::{calling_code, lock, person_of};
use super::settings::{Category, Fault, Outcome, OutsideWindow, Template};
use super::wamid::Direction;
use super::world::World;

/// What is answered, and when.
#[derive(Debug)]
pub(super) struct Answer {
    /// After so many milliseconds.
    pub(super) after_ms: u64,
    /// Not before this signal.
    pub(super) not_before: Option<oneshot::Receiver<()>>,
    pub(super) reply: Reply,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// JSON with this HTTP status.
    Json(u16, Vec<u8>),
    /// The same for an error that says that the account or app has called too often: with the header that says how long it must wait.
    Exhausted(u16, Vec<u8>),
    /// A page, as from a proxy in front of Meta.
    Html(u16, &'static str),
    /// Nothing: the connection is cut.
    HangUp,
}

const UNAVAILABLE: &str =
    "<html><head><title>503 Service Unavailable</title></head><body><h1>503 Service Unavailable</h1></body></html>";

/// Takes one call to a number and decides everything about it at once; what is left is to wait and to answer.
pub(super) fn receive(world: &World, number: u16, body: &[u8]) -> Answer {
    let call = world.tally.calls.fetch_add(1, Ordering::Relaxed);
    let now_us = world.clock.micros();
    lock(&world.numbers[usize::from(number)].traffic).arrivals.note(now_us);
    let mut dice = Dice::new(world.settings.seed, Stream::Call, call);
    let after_ms = world.settings.latency.at(dice.unit());
    let answer = |reply| Answer { after_ms, not_before: None, reply };
    match take(world, number, body, &mut dice, (now_us, after_ms)) {
        Ok(Taken::Answered(body)) => answer(Reply::Json(200, body)),
        Ok(Taken::Accepted { body, not_before, fault: None }) => {
            Answer { after_ms, not_before, reply: Reply::Json(200, body) }
        }
        Ok(Taken::Accepted { mut body, fault: Some(fault), .. }) => {
            body.truncate(body.len() / 2);
            spoil(world, fault, after_ms, body)
        }
        Ok(Taken::Spoiled(fault)) => spoil(world, fault, after_ms, Vec::new()),
        Err(error) => {
            world.tally.refuse(error.code);
            let status = error.http_status(world.settings.limits.http_status);
            answer(Reply::Json(status, error.body(mix(world.settings.seed, call))))
        }
    }
}

/// What a call came to if it was not refused.
enum Taken {
    /// Not a message: a read receipt.
    Answered(Vec<u8>),
    /// A message that goes out; a fault may still spoil the answer.
    Accepted { body: Vec<u8>, not_before: Option<oneshot::Receiver<()>>, fault: Option<Fault> },
    /// Not accepted because of a fault.
    Spoiled(Fault),
}

fn spoil(world: &World, fault: Fault, after_ms: u64, half: Vec<u8>) -> Answer {
    world.tally.fault(fault.name());
    let stall_ms = world.faults.load().stall_for.millis();
    let (after_ms, reply) = match fault {
        Fault::ResetBeforeAccept | Fault::ResetAfterAccept => (after_ms, Reply::HangUp),
        Fault::Stall | Fault::StallBeforeAccept => (stall_ms, Reply::HangUp),
        Fault::Http503Html | Fault::Http503HtmlAfterAccept => (after_ms, Reply::Html(503, UNAVAILABLE)),
        Fault::MalformedBody => (after_ms, Reply::Json(200, half)),
        Fault::Http500 => error_reply(world, after_ms, 131_000),
        Fault::Error(code) => error_reply(world, after_ms, code),
    };
    Answer { after_ms, not_before: None, reply }
}

fn error_reply(world: &World, after_ms: u64, code: u32) -> (u64, Reply) {
    let error = match code {
        190 => GraphError::token(463, "Error validating access token: Session has expired"),
        code => GraphError::new(code, "Asked for in the simulator's settings."),
    };
    world.tally.refuse(code);
    let (status, body) =
        (error.http_status(world.settings.limits.http_status), error.body(mix(u64::from(code), after_ms)));
    let exhausted = matches!(code, 4 | 17 | 613 | 80_007);
    (after_ms, if exhausted { Reply::Exhausted(status, body) } else { Reply::Json(status, body) })
}

fn take(
    world: &World,
    number: u16,
    body: &[u8],
    dice: &mut Dice,
    (now_us, after_ms): (i64, u64),
) -> Result<Taken, GraphError> {
    let (now_ms, after_ms) = (now_us / 1000, i64::try_from(after_ms).unwrap_or(0));
    let call: Call<'_> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    if call.status.is_some() {
        return receipt(&call).map(Taken::Answered);
    }
    let kind = validate::envelope(&call)?;
    let recipient = recipient(world, number, &call)?;
    let outcome = world.outcome(recipient.digits);
    let calls = world.people.with(number, recipient.digits, |person| {
        person.calls += 1;
        person.calls
    });
    let fault = match outcome {
        Some(Outcome::Fault(fault)) => Some(fault),
        Some(Outcome::FaultOnce(fault)) => (calls == 1).then_some(fault),
        Some(_) => None,
        None => drawn_fault(world, dice),
    };
    if let Some(fault) = fault.filter(|fault| !fault.accepts()) {
        return Ok(Taken::Spoiled(fault));
    }
    let parts = parts(world, &call, kind, recipient.by_user_id)?;
    let in_window = world.people.with(number, recipient.digits, |person| person.window_until_ms > now_ms);
    if parts.template.is_none() && !in_window && world.settings.outside_window == OutsideWindow::Refuse {
        return Err(GraphError::new(
            131_047,
            "More than 24 hours have passed since the customer last replied to this number.",
        ));
    }
    make_room(world, number, recipient.digits, now_us, parts.template.is_some() && !in_window)?;
    let facts = Facts {
        number,
        digits: recipient.digits,
        category: parts.template.as_ref().map(|template| template.category),
        in_window,
        media_known: parts.media_ids.iter().all(|id| world.media.has(id, number, now_ms)),
        outcome,
        now_ms,
    };
    let pacing = pace(world, kind, dice);
    let row = world.ledger.add(NewRow {
        number,
        kind,
        by_user_id: recipient.by_user_id,
        in_window,
        by_entry_point: fate::by_entry_point(world, recipient.digits),
        digits: recipient.digits,
        accepted_ms: now_ms,
        failed_code: match (fate::failure(world, &facts), pacing) {
            (0, Pacing::ThenDropped(_)) => 132_015,
            (code, _) => code,
        },
        template: parts.template,
        content: parts.content,
        opaque: call.biz_opaque_callback_data.as_deref().map(Into::into),
    });
    world.tally.accepted.fetch_add(1, Ordering::Relaxed);
    // Only an answer that does come can be overtaken; without a receiver nothing would ever arrive.
    let overtaken = fault.is_none()
        && pacing == Pacing::None
        && world.settings.statuses.enabled
        && dice.hits(world.settings.statuses.before_answer_share)
        && world.receiver(number).is_some();
    let not_before = overtaken.then(|| world.first_arrival(row.sequence));
    let begin = match pacing {
        _ if overtaken => Begin::Now(now_ms),
        Pacing::None => Begin::After(now_ms + after_ms),
        Pacing::ThenSent(held_ms) | Pacing::ThenDropped(held_ms) => Begin::After(now_ms + after_ms + held_ms),
    };
    fate::plan(world, &row, outcome, begin, &parts.pressable, parts.tongue);
    Ok(Taken::Accepted { body: accepted(world, &recipient, &row, pacing), not_before, fault })
}

/// Whether Meta holds a template message back to see how others are taken, for how many milliseconds, and what it does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pacing {
    None,
    ThenSent(i64),
    ThenDropped(i64),
}

fn pace(world: &World, kind: Kind, dice: &mut Dice) -> Pacing {
    let statuses = &world.settings.statuses;
    if kind != Kind::Template || !dice.hits(statuses.paced_share) {
        return Pacing::None;
    }
    let held_ms = dice.within(statuses.paced_for);
    if dice.hits(statuses.paced_dropped_share) { Pacing::ThenDropped(held_ms) } else { Pacing::ThenSent(held_ms) }
}

fn drawn_fault(world: &World, dice: &mut Dice) -> Option<Fault> {
    let faults = world.faults.load();
    let mut drawn = dice.unit();
    faults.shares().find_map(|(fault, share)| {
        drawn -= share;
        (drawn < 0.0 && share > 0.0).then_some(fault)
    })
}

/// To whom.
struct Recipient<'a> {
    /// As the call says it.
    input: &'a str,
    digits: u64,
    by_user_id: bool,
}

fn recipient<'a>(world: &World, number: u16, call: &'a Call<'_>) -> Result<Recipient<'a>, GraphError> {
    let own = &world.settings.numbers[usize::from(number)].display_phone_number;
    let Some(to) = call.to.as_deref().filter(|to| !to.is_empty()) else {
        let input = call.recipient.as_deref().ok_or_else(|| GraphError::missing("The parameter to is required."))?;
        let digits = person_of(input)
            .ok_or_else(|| GraphError::value("Param recipient is not a valid business-scoped user id."))?;
        return Ok(Recipient { input, digits, by_user_id: true });
    };
    let invalid = || GraphError::value("Param to is not a valid phone number.");
    let mut text = String::with_capacity(20);
    for sign in to.chars() {
        match sign {
            '0'..='9' => text.push(sign),
            '+' | ' ' | '-' | '(' | ')' | '\u{a0}' => {}
            _ => return Err(invalid()),
        }
    }
    // Without a plus sign Meta puts the calling code of the business's own number in front (business-phone-numbers, February 2026).
    if !to.trim_start().starts_with('+') {
        text.insert_str(0, calling_code(own).unwrap_or_default());
    }
    if !(7..=15).contains(&text.len()) || text.starts_with('0') {
        return Err(invalid());
    }
    if text == *own {
        return Err(GraphError::new(131_021, "Recipient phone number cannot be the sender's phone number."));
    }
    Ok(Recipient { input: to, digits: text.parse().map_err(|_| invalid())?, by_user_id: false })
}

/// What a valid message is made of.
struct Parts {
    template: Option<Arc<Template>>,
    content: Option<Box<str>>,
    media_ids: Vec<String>,
    pressable: Pressable,
    tongue: Tongue,
}

fn parts(world: &World, call: &Call<'_>, kind: Kind, by_user_id: bool) -> Result<Parts, GraphError> {
    if let Some(given) = call.template.as_ref().filter(|_| kind == Kind::Template) {
        let (name, language) = template::wanted(given)?;
        let (template, filled) = match world.templates.find(name, language) {
            Some(template) => {
                template::sendable(&template)?;
                let filled = template::fill(&template, given)?;
                (template, filled)
            }
            None if world.settings.accept_unknown_templates => {
                (Arc::new(Template::approved(name, language, Category::Utility, "?")), template::unchecked(given))
            }
            None => return Err(template::unknown(name, language)),
        };
        if by_user_id && template.category == Category::Authentication {
            return Err(GraphError::new(131_062, "Authentication templates need a phone number."));
        }
        let Filled { parameters, buttons, media_ids } = filled;
        let pressable = Pressable::of_template(&template, &buttons);
        let content = serde_json::to_string(&(&parameters, &buttons)).ok().map(String::into_boxed_str);
        let tongue = if template.language.starts_with("ar") { Tongue::Arabic } else { Tongue::English };
        return Ok(Parts { template: Some(template), content, media_ids, pressable, tongue });
    }
    let Content { text, choices, media_ids } = validate::content(kind, call)?;
    let list = call.interactive.as_ref().and_then(|message| message.kind.as_deref()) == Some("list");
    let arabic = text.as_deref().is_some_and(|text| text.chars().any(|c| ('\u{600}'..='\u{6ff}').contains(&c)));
    Ok(Parts {
        template: None,
        content: text.map(String::into_boxed_str),
        media_ids,
        pressable: Pressable::of_interactive(kind, if list { IsList::Yes } else { IsList::No }, choices),
        tongue: if arabic { Tongue::Arabic } else { Tongue::English },
    })
}

/// Takes what the message needs from throughput, pair and tier, in the order in which Meta's front door would see them.
fn make_room(world: &World, number: u16, digits: u64, now_us: i64, counts_for_tier: bool) -> Result<(), GraphError> {
    let limits = &world.settings.limits;
    let state = &world.numbers[usize::from(number)];
    let now_ms = now_us / 1000;
    if state.upgrading_until_ms.load(Ordering::Relaxed) > now_ms {
        return Err(GraphError::new(131_057, "Business account is being upgraded; try again in a minute."));
    }
    if !lock(&state.traffic).throughput.take(now_us) {
        return Err(GraphError::new(
            130_429,
            "Message failed to send because there were too many messages sent from this phone number in a short period of time.",
        ));
    }
    if limits.pair {
        let interval = i64::try_from(limits.pair_interval.millis()).unwrap_or(i64::MAX);
        let free = world
            .people
            .with(number, digits, |person| take_pair(&mut person.pair_next_ms, now_ms, limits.pair_burst, interval));
        if !free {
            return Err(GraphError::new(
                131_056,
                "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.",
            ));
        }
    }
    match world.tier(number) {
        Some(tier) if counts_for_tier && !lock(tier).take(digits, now_ms) => {
            // Meta does not say which code it is; 131048 is the one that senders report.
            Err(GraphError::new(
                131_048,
                "Message failed to send because the messaging limit of the business portfolio is reached.",
            ))
        }
        _ => Ok(()),
    }
}

fn receipt(call: &Call<'_>) -> Result<Vec<u8>, GraphError> {
    if call.messaging_product.as_deref() != Some("whatsapp") {
        return Err(GraphError::invalid("The parameter messaging_product is required."));
    }
    if call.status.as_deref() != Some("read") {
        return Err(GraphError::invalid("Param status must be one of {READ}."));
    }
    if !call.message_id.as_deref().is_some_and(|id| id.starts_with("wamid.")) {
        return Err(GraphError::value("Param message_id is not a valid whatsapp message id."));
    }
    if call.typing_indicator.as_ref().is_some_and(|typing| typing.kind.as_deref() != Some("text")) {
        return Err(GraphError::invalid("Param typing_indicator['type'] must be one of {TEXT}."));
    }
    Ok(b"{\"success\":true}".to_vec())
}

fn accepted(world: &World, recipient: &Recipient<'_>, row: &Row, pacing: Pacing) -> Vec<u8> {
    let mut json = Json::with_capacity(256);
    json.raw("{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":").string(recipient.input);
    if recipient.by_user_id {
        json.raw(",\"user_id\":").string(recipient.input);
    } else {
        json.raw(",\"wa_id\":\"").number(row.digits as i64).raw("\"");
    }
    json.raw("}],\"messages\":[{\"id\":").string(&world.ids.wamid(Direction::Outbound, row.digits, row.sequence));
    if row.kind == Kind::Template {
        let status = if pacing == Pacing::None { "accepted" } else { "held_for_quality_assessment" };
        json.raw(",\"message_status\":").string(status);
    }
    json.raw("}]}");
    json.into_bytes()
}

fn unreadable(error: &serde_json::Error) -> GraphError {
    use serde_json::error::Category as Why;
    match error.classify() {
        Why::Data => GraphError::invalid(format!("Invalid parameter: {error}")),
        Why::Syntax | Why::Eof | Why::Io => GraphError::invalid(format!("The body is not JSON: {error}")),
    }
}
