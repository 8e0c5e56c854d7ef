//! A pilot first. Of these people the fifth is in the first stage, the second in the next, and all others in the last.

use barid::domain::campaign::{Campaign, Rollout};
use barid::domain::channel::Channel::Whatsapp;
use barid::domain::failure::FailureClass::Undeliverable;
use jiff::{SignedDuration, Timestamp};

use crate::scenario::campaign::plain;
use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Does, Fate};
use crate::scenario::operator::Order;
use crate::scenario::script::Script;
use crate::scenario::time::{Time, seconds};
use crate::scenario::walk::Scene;
use crate::scenario::watch::Said;

/// All goes well: each stage follows the one before it after the wait.
pub(crate) const STAGES: Scene =
    Scene { name: "stages", script: || script(vec![Fate::of_all(ARRIVES)]), arrange: |_| {}, holds: in_stages };

/// The second stage fails: the run halts until an operator has seen it.
pub(crate) const HALTED: Scene = Scene {
    name: "a halted rollout",
    script: || script(vec![Fate::of_person(IN_THE_SECOND, Does::Refuses(Undeliverable)), Fate::of_all(ARRIVES)]),
    arrange: |world| world.order(seconds(20.0), Order::ResumeIfHalted),
    holds: |ending| {
        in_stages(ending);
        let halted = ending.run().stages.as_ref().is_some_and(|stages| stages.stage == 2);
        ending.demand(halted, "the last stage was opened");
        let early = last_stage(ending).any(|at| at < Time::start() + seconds(20.0));
        ending.demand_unbroken(!early, "nobody of the last stage is called before the operator has seen it");
    },
};

const WAIT: SignedDuration = SignedDuration::from_secs(5);
const IN_THE_FIRST: usize = 4;
const IN_THE_SECOND: usize = 1;

fn script(fates: Vec<Fate>) -> Script {
    let rollout = Rollout {
        stages: ["10%", "30%", "100%"].map(|share| share.parse().unwrap()).to_vec(),
        wait: WAIT,
        failed_above: Some("10%".parse().unwrap()),
        opted_out_above: None,
    };
    Script { fates, campaign: Campaign { rollout: Some(rollout), ..plain() }, ..Script::kind(6) }
}

fn last_stage(ending: &Ending) -> impl Iterator<Item = Timestamp> {
    let of_last = |who: usize| who != IN_THE_FIRST && who != IN_THE_SECOND;
    ending.calls.iter().filter(move |call| of_last(call.who)).map(|call| call.at)
}

/// Each stage begins once, the wait after the one before it; who is called in which is looked at for every scenario.
fn in_stages(ending: &Ending) {
    let open = ending.spans(|said| matches!(said, Said::Open(..)));
    let mut begun: Vec<(i64, Timestamp)> = open
        .filter_map(|(said, span)| if let Said::Open(_, lots) = said { Some((*lots, span.at)) } else { None })
        .filter(|(lots, _)| *lots > 0)
        .collect();
    begun.sort_unstable();
    ending.demand(begun.len() == 3, "every stage begins once");
    for pair in begun.windows(2) {
        ending.demand(pair[1].1.duration_since(pair[0].1) >= WAIT, "a stage begins after the wait");
    }
    for who in 0..ending.script.people - 1 {
        ending.demand_unbroken(ending.calls_to(who, Whatsapp).len() == 1, "everybody is called");
    }
}
