//! Never one over the tier or the budget, although what is counted in Redis is lost at any moment, with leave to go in hand.

use barid::domain::campaign::Campaign;
use barid::domain::money::Money;
use jiff::SignedDuration;

use crate::scenario::campaign::{PRICE, plain};
use crate::scenario::ending::Ending;
use crate::scenario::fates::{ARRIVES, Fate};
use crate::scenario::script::Script;
use crate::scenario::walk::Scene;

/// More people than the portfolio may write to in a day.
pub(crate) const TIER: Scene = Scene { name: "a tier", script: tier, arrange: |_| {}, holds: within_tier };
/// More people than there is money for.
pub(crate) const BUDGET: Scene = Scene { name: "a budget", script: budget, arrange: |_| {}, holds: within_budget };

const A_DAY: usize = 2;
const A_DAYS_TIME: SignedDuration = SignedDuration::from_hours(24);
const AFFORDED: i64 = 2;

fn tier() -> Script {
    let campaign = Campaign { expires_after: SignedDuration::from_hours(60), ..plain() };
    let tier = u32::try_from(A_DAY).ok();
    Script { fates: vec![Fate::of_all(ARRIVES)], campaign, tier, ..Script::kind(5) }
}

fn within_tier(ending: &Ending) {
    for call in &ending.calls {
        let window = ending.calls.iter().filter(|other| other.at >= call.at && other.at < call.at + A_DAYS_TIME);
        let mut people: Vec<usize> = window.map(|call| call.who).collect();
        people.sort_unstable();
        people.dedup();
        ending.demand(people.len() <= A_DAY, &format!("{people:?} were called within a day"));
    }
    ending.demand_unbroken(ending.calls.len() == ending.script.people - 1, "everybody is called in the end");
}

fn budget() -> Script {
    let budget = Money { micros: AFFORDED * PRICE, currency: "USD".parse().unwrap() };
    let campaign = Campaign { expires_after: SignedDuration::from_secs(40), budget: Some(budget), ..plain() };
    Script { fates: vec![Fate::of_all(ARRIVES)], campaign, ..Script::kind(4) }
}

fn within_budget(ending: &Ending) {
    let charged = ending.reached_provider().count() as i64;
    ending.demand(charged <= AFFORDED, &format!("{charged} messages are charged"));
    ending.demand_unbroken(charged == AFFORDED, "the budget is used");
}
