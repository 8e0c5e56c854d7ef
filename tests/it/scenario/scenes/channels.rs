//! Other channels take over where WhatsApp refused, failed, or had its time; and do not where the message arrives after all, or the person
//! says stop.

use barid::domain::campaign::{Campaign, Delivery};
use barid::domain::channel::Channel::{Email, Sms, Whatsapp};
use barid::domain::failure::FailureClass::{OptedOut, Transient, Undeliverable};
use jiff::SignedDuration;

use crate::scenario::campaign::plain;
use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Does, Fate};
use crate::scenario::people::phone;
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;
use crate::scenario::watch::Said;
use crate::scenario::world::World;

/// WhatsApp refuses or fails.
pub(crate) const BY_OUTCOME: Scene =
    Scene { name: "other channels by outcome", script: by_outcome, arrange: |_| {}, holds: after_outcomes };

/// WhatsApp takes it, and it does not arrive in time.
pub(crate) const BY_TIME: Scene =
    Scene { name: "other channels by time", script: by_time, arrange: late_news, holds: after_time };

const NOT_DELIVERED_AFTER: SignedDuration = SignedDuration::from_secs(20);

fn by_outcome() -> Script {
    let refuses = Does::Refuses(Undeliverable);
    let fates = vec![
        // Refused in the answer: the text message goes.
        Fate::of_person(0, refuses),
        // Failed after it was taken: likewise.
        Fate::of_person(1, Does::Takes(&[("sent", 1.0), ("undeliverable", 2.0)])),
        // The text message is refused, too: the e-mail goes.
        Fate::of_person(2, refuses),
        Fate::of_person(2, refuses).on(Sms),
        // A stop ends it everywhere.
        Fate::of_person(3, refuses),
        Fate::of_person(3, Does::Refuses(OptedOut)).on(Sms),
        Fate::of_all(ARRIVES),
    ];
    let campaign = Campaign {
        delivery: Delivery { fallback: vec![Sms, Email], ..plain().delivery },
        expires_after: SignedDuration::from_secs(100),
        ..plain()
    };
    Script { fates, campaign, stopped_elsewhere: vec![3], ..Script::kind(5) }
}

fn after_outcomes(ending: &Ending) {
    for who in [0, 1, 2, 3] {
        ending.demand(ending.times_told(who, Whatsapp) == 0, "WhatsApp refused it");
    }
    for who in [0, 1] {
        ending.demand(ending.times_told(who, Email) == 0, "a text message is enough");
        ending.demand_unbroken(ending.times_told(who, Sms) == 1, "the text message takes over");
    }
    ending.demand(ending.times_told(2, Sms) == 0, "the text message was refused");
    ending.demand_unbroken(ending.times_told(2, Email) == 1, "the e-mail takes over");
    let is_noted = ending.spans(|said| *said == Said::Stopped(phone(3))).next().is_some();
    ending.demand_unbroken(is_noted, "a stop that the carrier knows is noted");
    ending.demand(ending.calls_to(3, Email).is_empty(), "a stop that the carrier knows is a stop");
}

fn by_time() -> Script {
    let silent = Does::Takes(&[("sent", 1.0)]);
    let fates = vec![
        // Never arrives: the text message goes.
        Fate::of_person(0, silent),
        // Arrives while the text message waits for its carrier: it does not go.
        Fate::of_person(1, Does::Takes(&[("sent", 1.0), ("delivered", 22.5)])),
        // Says stop while the text message waits.
        Fate::of_person(2, silent),
        Fate::of_person(1, Does::Refuses(Transient)).on(Sms).call(1),
        Fate::of_person(2, Does::Refuses(Transient)).on(Sms).call(1),
        // In time: nothing takes over.
        Fate::of_all(ARRIVES),
    ];
    let delivery = Delivery { fallback: vec![Sms], not_delivered_after: Some(NOT_DELIVERED_AFTER), ..plain().delivery };
    // Nothing is heard of other text messages, so a lost answer is looked at until the end: soon.
    let campaign = Campaign { delivery, expires_after: SignedDuration::from_secs(100), ..plain() };
    Script { fates, campaign, ..Script::kind(5) }
}

fn late_news(world: &mut World) {
    world.stop_word(seconds(22.5), 2);
}

fn after_time(ending: &Ending) {
    for who in [0, 1, 2] {
        let first = ending.calls_to(who, Whatsapp).iter().map(|call| call.at).min();
        for call in ending.calls_to(who, Sms) {
            let waited = first.map(|first| call.at.duration_since(first));
            ending.demand(waited >= Some(NOT_DELIVERED_AFTER), "a text message before the time ran out");
        }
    }
    ending.demand_unbroken(ending.times_told(0, Sms) == 1, "the text message takes over");
    ending.demand_unbroken(ending.standing(0) == "delivered", "it arrived by text message");
    for who in [1, 2] {
        ending.demand_unbroken(ending.calls_to(who, Sms).len() == 1, "it took over, and waited for its carrier");
        ending.demand_unbroken(ending.times_told(who, Sms) == 0, "it is called off");
    }
    ending.demand_unbroken(ending.standing(1) == "delivered", "it arrived late");
    ending.demand_unbroken(ending.standing(2) == "suppressed", "a stop ends it on every channel");
    ending.demand(ending.calls_to(3, Sms).is_empty() || !ending.is_unbroken(), "who has it in time gets nothing else");
}
