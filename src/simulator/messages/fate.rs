//! What becomes of an accepted message: which statuses when, and whether the person answers.

use std::sync::Arc;

use super::super::callbacks::{Event, Inbound};
use super::super::customers::{Pressable, Tongue, answer};
use super::super::dice::{Dice, Stream};
use super::super::ledger::{Kind, Row, Status};
use super::super::people::{belongs, is_us};
use super::super::settings::{Category, Outcome, OutsideWindow, Span};
use super::super::wamid::Direction;
use super::super::world::World;

/// Traits that are fixed for a person.
const HIDES_PHONE: u64 = 1;
const NOT_ON_WHATSAPP: u64 = 2;
const IN_EXPERIMENT: u64 = 3;
const BY_ENTRY_POINT: u64 = 4;

/// A status that comes twice comes again within this time.
const DUPLICATE_AFTER: Span = Span::millis(0, 1_000);
/// Marketing that Meta held back fails again for so long.
const LIMITED_MS: i64 = 86_400_000;

/// What is to be known of a message before it is accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) number: u16,
    pub(super) digits: u64,
    pub(super) category: Option<Category>,
    pub(super) in_window: bool,
    /// All media ids of the call are known.
    pub(super) media_known: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) now_ms: i64,
}

/// Whether the person came by an advertisement a short time ago.
pub(super) fn by_entry_point(world: &World, digits: u64) -> bool {
    let settings = &world.settings;
    belongs(settings.seed, digits, BY_ENTRY_POINT, settings.customers.entry_point_share)
}

/// The code with which the message will fail, 0 if it will not.
pub(super) fn failure(world: &World, facts: &Facts) -> u32 {
    let settings = &world.settings;
    match facts.outcome {
        Some(Outcome::Failed(code)) => return code,
        Some(
            Outcome::Silent | Outcome::SentOnly | Outcome::DeliveredOnly | Outcome::DeliveredLate(_) | Outcome::Read,
        ) => return 0,
        Some(Outcome::Fault(_) | Outcome::FaultOnce(_)) | None => {}
    }
    let customers = &settings.customers;
    let person = |trait_number, share| belongs(settings.seed, facts.digits, trait_number, share);
    if facts.category.is_none() && !facts.in_window && settings.outside_window == OutsideWindow::FailedStatus {
        return 131_047;
    }
    if person(NOT_ON_WHATSAPP, customers.not_on_whatsapp_share) {
        return 131_026;
    }
    if !facts.media_known {
        return 131_053;
    }
    if facts.category == Some(Category::Marketing) && !facts.in_window {
        return marketing_failure(world, facts, person(IN_EXPERIMENT, customers.experiment_share));
    }
    0
}

fn marketing_failure(world: &World, facts: &Facts, in_experiment: bool) -> u32 {
    if is_us(facts.digits) {
        return 131_049;
    }
    world.people.with(facts.number, facts.digits, |person| {
        if person.stopped {
            131_050
        } else if in_experiment {
            130_472
        } else if person.limited_until_ms > facts.now_ms
            || Dice::new(world.settings.seed ^ facts.digits, Stream::Message, u64::from(person.calls))
                .hits(world.settings.customers.marketing_limited_share)
        {
            person.limited_until_ms = facts.now_ms + LIMITED_MS;
            131_049
        } else {
            0
        }
    })
}

/// When the statuses of a message begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// As they fall, after the answer to the call at this time (Unix milliseconds).
    After(i64),
    /// At once: the first one shall arrive before the answer.
    Now(i64),
}

/// Schedules all that will be told of an accepted message.
pub(super) fn plan(
    world: &World,
    row: &Arc<Row>,
    outcome: Option<Outcome>,
    begin: Begin,
    pressable: &Pressable,
    tongue: Tongue,
) {
    let settings = &world.settings;
    let mut dice = Dice::new(settings.seed, Stream::Message, u64::from(row.sequence));
    let mut events: Vec<(i64, Event)> = Vec::with_capacity(4);
    let statuses = &settings.statuses;
    let first = match begin {
        Begin::After(answer_ms) => answer_ms + dice.within(statuses.sent_after),
        Begin::Now(now_ms) => now_ms,
    };
    let tell = |status, at_ms, priced| (at_ms, Event::Status { row: Arc::clone(row), status, at_ms, priced });
    let mut last = first;
    let mut received = false;
    if row.failed_code != 0 {
        events.push(tell(Status::Failed, first, false));
    } else if outcome != Some(Outcome::Silent) && !dice.hits(statuses.lost_share) {
        events.push(tell(Status::Sent, first, true));
        received =
            !(outcome == Some(Outcome::SentOnly) || (outcome.is_none() && dice.hits(statuses.undelivered_share)));
        // A reaction is only ever sent.
        if received && row.kind != Kind::Reaction {
            let usual = dice.within(statuses.delivered_after);
            last += match outcome {
                Some(Outcome::DeliveredLate(wait)) => i64::try_from(wait.millis()).unwrap_or(i64::MAX / 2),
                _ => usual,
            };
            let read = match outcome {
                Some(Outcome::Read) => true,
                Some(Outcome::DeliveredOnly | Outcome::DeliveredLate(_)) => false,
                _ => dice.hits(statuses.read_share),
            };
            let skipped = read && dice.hits(statuses.skip_delivered_share);
            if !skipped {
                events.push(tell(Status::Delivered, last, true));
            }
            if read {
                last += dice.within(statuses.read_after);
                events.push(tell(Status::Read, last, skipped));
            }
        }
    }
    disorder(world, &mut dice, &mut events);
    if !statuses.enabled {
        events.clear();
    }
    if events.is_empty() {
        world.nothing_to_tell(row.sequence);
    }
    if received {
        people_answer(world, row, &mut dice, &mut events, last, (pressable, tongue));
    }
    world.schedule.add(events);
}

/// Swaps and repeats statuses; their time stays that of the event, only the telling changes.
fn disorder(world: &World, dice: &mut Dice, events: &mut Vec<(i64, Event)>) {
    let statuses = &world.settings.statuses;
    if events.len() >= 2 && dice.hits(statuses.reorder_share) {
        let at = events.len() - 2;
        let (earlier, later) = (events[at].0, events[at + 1].0);
        // In the order of telling, so that two with the same time are swapped as well.
        events.swap(at, at + 1);
        events[at].0 = earlier;
        events[at + 1].0 = later;
    }
    if statuses.duplicate_share > 0.0 {
        for at in 0..events.len() {
            if dice.hits(statuses.duplicate_share) {
                let (due, event) = events[at].clone();
                events.push((due + dice.within(DUPLICATE_AFTER), event));
            }
        }
    }
}

fn people_answer(
    world: &World,
    row: &Row,
    dice: &mut Dice,
    events: &mut Vec<(i64, Event)>,
    last: i64,
    (pressable, tongue): (&Pressable, Tongue),
) {
    let customers = &world.settings.customers;
    let says = |said, context| {
        let inbound = Inbound {
            number: row.number,
            digits: row.digits,
            hidden: row.by_user_id || hides_phone(world, row.digits),
            at_ms: 0,
            id: world.inbound_id(row.digits),
            context,
            said,
        };
        Event::Inbound(Box::new(inbound))
    };
    let marketing = row.template.as_ref().is_some_and(|template| template.category == Category::Marketing);
    if marketing && dice.hits(customers.preference_stop_share) {
        events.push((
            last + dice.within(customers.reply_after),
            says(super::super::callbacks::Said::Preference { stop: true }, None),
        ));
    }
    if let Some((said, quotes)) = answer(customers, dice, tongue, pressable) {
        let context = quotes.then(|| world.ids.wamid(Direction::Outbound, row.digits, row.sequence));
        events.push((last + dice.within(customers.reply_after), says(said, context)));
    }
}

/// Whether this person appears by business-scoped user id only.
pub(in crate::simulator) fn hides_phone(world: &World, digits: u64) -> bool {
    belongs(world.settings.seed, digits, HIDES_PHONE, world.settings.customers.hidden_phone_share)
}
