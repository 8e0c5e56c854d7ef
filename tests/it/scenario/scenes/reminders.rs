//! Those who have the message and do not answer hear of it again, twice; nobody else does.

use std::collections::BTreeMap;

use barid::domain::campaign::{Campaign, Reminder};
use barid::domain::channel::Channel::Whatsapp;
use jiff::SignedDuration;

use crate::scenario::campaign::plain;
use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Does, Fate};
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;

pub(crate) const REMINDERS: Scene = Scene {
    name: "reminders",
    script,
    arrange: |world| {
        world.says(seconds(48.0), ANSWERS, "شكرا");
        world.stop_word(seconds(48.0), STOPS);
        world.says(seconds(110.0), ANSWERS_LATER, "thanks");
    },
    holds,
};

const AFTER: SignedDuration = SignedDuration::from_secs(60);
const SILENT: usize = 0;
const ANSWERS: usize = 1;
const STOPS: usize = 2;
const NOT_REACHED: usize = 3;
/// After the first reminder.
const ANSWERS_LATER: usize = 4;

fn script() -> Script {
    let fates = vec![Fate::of_person(NOT_REACHED, Does::Takes(&[("sent", 1.0)])), Fate::of_all(ARRIVES)];
    let reminder = Reminder { after: AFTER, times: 2, template: None };
    Script { fates, campaign: Campaign { reminder: Some(reminder), ..plain() }, ..Script::kind(6) }
}

fn holds(ending: &Ending) {
    let numbers: Vec<u32> = ending.runs.iter().filter_map(|run| Some(run.reminder?.1)).collect();
    ending.demand(numbers == [1, 2], "each reminder is opened once");
    let reminded = ending.runs.windows(2).map(|runs| (runs[0].ended_at, runs[1].due_at));
    for (before, due_at) in reminded {
        let waited = before.map(|before| due_at.duration_since(before));
        ending.demand(waited >= Some(AFTER), "whoever was told last has had the whole time to answer");
    }
    // Told of the campaign and by each reminder, each time once at most.
    let mut told: BTreeMap<usize, BTreeMap<i64, usize>> = BTreeMap::new();
    for call in &ending.calls {
        *told.entry(call.who).or_default().entry(ending.message(call.message()).run).or_default() += 1;
    }
    let reminders_of = |who: usize| ending.messages.iter().filter(|told| told.who == who).count() - 1;
    for who in [ANSWERS, STOPS, NOT_REACHED, ending.script.people - 1] {
        let called = told.get(&who).map_or(0, BTreeMap::len);
        ending.demand(called <= 1 && reminders_of(who) == 0, &format!("{who} is not reminded"));
    }
    ending.demand(reminders_of(ANSWERS_LATER) <= 1, "whoever answered is not reminded any more");
    for (who, times) in [(SILENT, 3), (ANSWERS_LATER, 2)] {
        ending.demand_unbroken(ending.times_told(who, Whatsapp) == times, &format!("{who} is told {times} times"));
    }
}
