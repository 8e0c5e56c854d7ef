//! Everything that can break, breaks in the middle of a campaign: barid killed with -9, its Redis killed and wiped, the network cut, blocked
//! and slow, the provider failing in every way that it knows, people saying stop. Afterwards nobody is lost, nobody was told twice, and
//! everybody stands in one end state.
//!
//! The short form runs with all tests, the long one with `make chaos`. What happens is drawn from a seed, which is printed;
//! `BARID_CHAOS_SEED` repeats it, and `BARID_CHAOS_KILLS` says how often barid is killed on each database.

mod books;
mod plan;
mod storm;
mod wire;

use self::books::assert_in_order;
use self::plan::Plan;
use self::storm::Storm;
use crate::contracts::Database;
use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, people};

/// Kills on each database in the short form, and how many people the campaign has for each.
const KILLS: usize = 5;
/// In the long form.
const KILLS_LONG: usize = 30;
/// Enough that some are under way at each kill.
const PEOPLE_FOR_EACH_KILL: usize = 250;
const SEED: u64 = 20_261_122;

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("`{name}` is not a whole number")))
}

async fn storm(database: Database, kills: usize) {
    let kills = setting("BARID_CHAOS_KILLS").map_or(kills, |kills| usize::try_from(kills).expect("a few"));
    let plan = Plan::draw(setting("BARID_CHAOS_SEED").unwrap_or(SEED), kills, kills.max(2) * PEOPLE_FOR_EACH_KILL);
    let mut storm = Storm::ride(&plan, &database).await;
    assert_eq!(storm.kills, kills, "every kill happened");
    assert_in_order(&mut storm, &database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_on_sqlite_loses_nobody_and_tells_nobody_twice() {
    storm(Database::sqlite(), KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_on_postgres_loses_nobody_and_tells_nobody_twice() {
    storm(Database::postgres().await, KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make chaos`"]
async fn a_long_storm_on_both_databases_loses_nobody_and_tells_nobody_twice() {
    storm(Database::sqlite(), KILLS_LONG).await;
    storm(Database::postgres().await, KILLS_LONG).await;
}

/// Every twentieth answer is lost, and the rule is to send again: while callbacks flow, they decide, and not the rule.
async fn every_twentieth_answer_is_lost(recipients: usize) {
    let people = people(recipients);
    let mut setup =
        Setup { unknown_after: "12s", delivery: "on_unknown = \"send-again\"\n".to_owned(), ..Setup::default() };
    setup.simulator.seed = setting("BARID_CHAOS_SEED").unwrap_or(SEED);
    setup.simulator.statuses = crate::harness::disorder();
    setup.simulator.faults.reset_after_accept = 0.05;
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert_eq!(barid.simulator.ledger().len(), recipients, "everybody got one");
    let lost = barid.simulator.counts().faults["reset_after_accept"];
    assert!(lost > recipients as u64 / 30, "the faults did happen: {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_settled_by_callbacks_though_the_rule_is_to_send_again() {
    every_twentieth_answer_is_lost(2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: `make chaos`"]
async fn a_thousand_lost_answers_of_twenty_thousand_are_settled_by_callbacks() {
    every_twentieth_answer_is_lost(20_000).await;
}
