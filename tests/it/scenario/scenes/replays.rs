//! An operator sends once more what failed: those who were told meanwhile, and those who said stop, hear nothing.

use barid::domain::channel::Channel::Whatsapp;
use barid::domain::failure::FailureClass::{ContentRefused, Transient, Undeliverable};

use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Does, Fate};
use crate::scenario::operator::Order;
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;

pub(crate) const REPLAYS: Scene = Scene {
    name: "replays",
    script,
    arrange: |world| {
        world.stop_word(seconds(10.0), STOPS);
        world.order(seconds(20.0), Order::RetryFailed);
    },
    holds,
};

const MENDED: usize = 0;
const HOPELESS: usize = 1;
const STOPS: usize = 2;
/// Failed, and arrived before the operator came.
const ARRIVED: usize = 3;
/// Failed, and arrives while the replay waits for its next try; early enough for a sweep, should its callback not be queued.
const ARRIVES_LATE: usize = 4;
const TOLD: usize = 5;

fn script() -> Script {
    let fates = vec![
        Fate::of_person(MENDED, Does::Refuses(Undeliverable)).call(1),
        Fate::of_person(HOPELESS, Does::Refuses(ContentRefused)),
        Fate::of_person(STOPS, Does::Refuses(Undeliverable)),
        Fate::of_person(ARRIVED, Does::Takes(&[("undeliverable", 1.0), ("delivered", 10.0)])),
        Fate::of_person(ARRIVES_LATE, Does::Takes(&[("undeliverable", 1.0), ("delivered", 20.5)])).call(1),
        Fate::of_person(ARRIVES_LATE, Does::Refuses(Transient)).call(2),
        Fate::of_person(ARRIVES_LATE, Does::Refuses(Transient)).call(3),
        Fate::of_all(ARRIVES),
    ];
    Script { fates, ..Script::kind(7) }
}

fn holds(ending: &Ending) {
    let calls = |who| ending.calls_to(who, Whatsapp).len();
    ending.demand(ending.times_told(HOPELESS, Whatsapp) == 0, "what cannot be said is refused again");
    ending.demand(ending.times_told(STOPS, Whatsapp) == 0, "whoever said stop is not told");
    for who in [ARRIVED, TOLD] {
        ending.demand_unbroken(calls(who) == 1, "whoever was told is not called again");
    }
    ending.demand_unbroken(calls(MENDED) == 2 && ending.times_told(MENDED, Whatsapp) == 1, "it is sent once more");
    ending.demand_unbroken(calls(HOPELESS) == 2, "it is tried once more");
    ending.demand_unbroken(calls(STOPS) == 1, "a stop holds for replays, too");
    ending.demand_unbroken(calls(ARRIVES_LATE) == 2, "the late arrival ends the replay");
    ending.demand_unbroken(ending.standing(ARRIVES_LATE) == "delivered", "it arrived after all");
}
