//! Scenarios: the real jobs and the real store, a settable clock, and everything else in the hands of the test. For every effect of every
//! job: the process dies before it, dies after it, the effect fails, its success is lost; then the world goes on to its end, and nobody is
//! lost, told twice, or told after a stop.
//!
//! A scenario is drawn from a seed, and the same seed gives the same journal. `BARID_CHAOS_SEED` tries another one.

mod outside;
mod silence;
mod tap;
mod world;

use std::collections::BTreeSet;

use barid::domain::delivery::State;
use barid::domain::run::RunCommand;
use jiff::SignedDuration;

use self::tap::How;
use self::world::{Script, World, alone};

/// Every job that has effects. A new one gets its name here and its turn in [`World::turn`] or [`World::queued`]; the walk below fails
/// for as long as nothing of it breaks.
const JOBS: [&str; 8] =
    ["fire", "run-campaign", "feed", "send-message", "webhook", "apply-news", "sweep", "command-run"];

const PEOPLE: usize = 6;

fn seed() -> u64 {
    let chosen = std::env::var_os("BARID_CHAOS_SEED").and_then(|text| text.to_str()?.parse().ok());
    chosen.unwrap_or(20_261_122)
}

fn script(breaks: Option<(usize, How)>) -> Script {
    // Each second time the queue dies with the process.
    let wipes = breaks.is_some_and(|(at, _)| at % 2 == 0);
    Script { seed: seed(), people: PEOPLE, breaks, wipes, is_kind: false }
}

/// A campaign from its firing to its end: one person without consent, two who say stop, an operator who pauses and resumes.
async fn campaign(script: Script) -> World {
    let mut world = World::new(script).await;
    world.stop_word(SignedDuration::ZERO, 1);
    world.stop_word(SignedDuration::from_secs(2), 4);
    world.command(SignedDuration::from_millis(500), RunCommand::Pause);
    world.command(SignedDuration::from_secs(3), RunCommand::Resume);
    world.settle().await;
    world
}

/// Breaks the effects of the campaign in turn, in this way: every one, or every second or third.
fn walk(how: How, each: usize) {
    let unbroken = alone(async {
        let mut world = campaign(script(None)).await;
        world.assert_in_order().await;
        let n = world.tap.count();
        let jobs: BTreeSet<&str> = world.tap.jobs().into_iter().collect();
        let missing: Vec<_> = JOBS.iter().filter(|job| !jobs.contains(*job)).collect();
        assert!(missing.is_empty(), "these jobs have no effect in the scenario: {missing:?}");
        world.end().await;
        n
    });
    println!("seed {}, {unbroken} effects", seed());
    for at in (1..=unbroken).step_by(each) {
        alone(async {
            let mut world = campaign(script(Some((at, how)))).await;
            world.assert_in_order().await;
            world.end().await;
        });
    }
}

#[test]
fn the_process_may_die_before_any_effect() {
    walk(How::DiesBefore, 1);
}

#[test]
fn the_process_may_die_after_any_effect() {
    walk(How::DiesAfter, 1);
}

#[test]
fn any_effect_may_fail() {
    walk(How::FailsBefore, 3);
}

#[test]
fn the_success_of_any_effect_may_be_lost() {
    walk(How::FailsAfter, 3);
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    for breaks in [None, Some((9, How::DiesAfter)), Some((40, How::FailsAfter))] {
        let tell = || {
            alone(async {
                let world = campaign(script(breaks)).await;
                let journal = world.journal().await;
                world.end().await;
                journal
            })
        };
        let (first, second) = (tell(), tell());
        assert_eq!(first, second);
    }
}

#[test]
fn a_short_scenario_reads_like_this() {
    let journal = alone(async {
        // The call is the effect that the process dies after.
        let script = |breaks| Script { seed: 1, people: 1, breaks, wipes: true, is_kind: true };
        let mut world = World::new(script(None)).await;
        world.settle().await;
        let call = world.tap.journal().lines().position(|line| line.contains("call of")).expect("a call");
        let at = world.tap.journal().lines().nth(call).and_then(|line| line.split_whitespace().next()?.parse().ok());
        world.end().await;
        let mut world = World::new(script(Some((at.expect("a number"), How::DiesAfter)))).await;
        world.settle().await;
        assert_eq!(world.how_many(State::Read).await + world.how_many(State::Delivered).await, 1);
        let journal = world.journal().await;
        world.end().await;
        journal
    });
    insta::assert_snapshot!(journal);
}
