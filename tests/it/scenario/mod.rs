//! Scenarios: the real jobs and the real store, a settable clock, and everything else in the hands of the test. For every effect of every
//! job: the process dies before it, dies after it, the effect fails, its success is lost; then the world goes on to its end, and nobody is
//! lost, told twice, or told after a stop.
//!
//! A scenario is drawn from a seed, and the same seed gives the same journal. `BARID_CHAOS_SEED` tries another one for the plain one;
//! `BARID_SCENARIOS_WHOLE=1` walks over every effect of every scenario, in every way, which takes its minutes.

mod campaign;
mod ending;
mod fates;
mod files;
mod hands;
mod journal;
mod limits;
mod operator;
mod order;
mod people;
mod provider;
mod rest;
mod scenes;
mod script;
mod silence;
mod tap;
mod time;
mod walk;
mod watch;
mod ways;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use barid::domain::delivery::State;

use self::script::Script;
use self::tap::How;
use self::walk::Kind;
use self::world::{World, alone};

/// Files of `src/jobs` that are no jobs of their own: what they do is an effect of the jobs that use them.
const PARTS_OF_JOBS: [&str; 12] = [
    "mod",
    "alerts",
    "first-sight",
    "heed",
    "mail-report",
    "nudge",
    "opt-out",
    "publish-report",
    "react",
    "send-single",
    "standing",
    "wake",
];

/// Jobs that no scenario shows: each of their effects is one transaction that changes nothing when it is made again. Answers, staff and hooks are
/// killed in mid-work over the whole service (`tests/it/answers.rs`, `tests/it/staff.rs`, `tests/it/hooks.rs`), an erasure is gone on with by
/// another store (`tests/it/contracts/erasure.rs`), and two stores ask a person once (`tests/it/contracts/double_opt_in.rs`). The live check
/// changes nothing. Another token takes over in the middle of a campaign in `tests/it/suspensions.rs`. Standing jobs, reports and alerts are killed
/// and doubled in `tests/it/standing_jobs.rs`, `tests/it/report_costs.rs`, `tests/it/review_metrics.rs`, `tests/it/alerts.rs` and `tests/it/contracts/{jobs,alerts}.rs`.
const SHOWN_ELSEWHERE: [&str; 22] = [
    "alert-suspensions",
    "answer",
    "ask-consent",
    "deliver-hook",
    "erase",
    "feed-hooks",
    "live-check",
    "mail-alerts",
    "push-template",
    "read-feedback",
    "replay-news",
    "report-costs",
    "review-metrics",
    "rotate-token",
    "schedule",
    "staff",
    "sync-limits",
    "sync-templates",
    "tidy",
    "tidy-hooks",
    "verify-token",
    "watch-callbacks",
];

/// Of what the plain scenario is walked over for, the others are walked over at each so-manieth effect.
const EACH: usize = 13;
/// Of what is new to them, each so-manieth fails.
const FAILS_EACH: usize = 3;

/// What the plain scenario is walked over for.
static KNOWN: LazyLock<BTreeSet<Kind>> = LazyLock::new(|| scenes::PLAIN.shows());

/// Whether every effect of every scenario breaks in every way.
fn is_whole() -> bool {
    std::env::var_os("BARID_SCENARIOS_WHOLE").is_some()
}

/// The walks over a scenario that adds to the plain one: the process dies at every effect of a new kind, and these fail.
macro_rules! walks {
    ($($module:ident: $scene:ident;)*) => {
        $(mod $module {
            use super::scenes::$scene;
            use super::tap::How;
            use super::{EACH, FAILS_EACH, KNOWN, is_whole};

            #[test]
            fn the_process_may_die_at_any_effect_and_effects_may_fail() {
                for how in [How::DiesBefore, How::DiesAfter] {
                    $scene.walk_over(how, |at, kind| is_whole() || at % EACH == 0 || !KNOWN.contains(kind));
                }
                for how in [How::FailsBefore, How::FailsAfter] {
                    $scene.walk_over(how, |at, kind| {
                        is_whole() || (at % FAILS_EACH == 0 && !KNOWN.contains(kind))
                    });
                }
            }
        })*
    };
}

walks! {
    channels_by_outcome: BY_OUTCOME;
    channels_by_time: BY_TIME;
    credentials: CREDENTIALS;
    template: TEMPLATE;
    account: ACCOUNT;
    notices: NOTICES;
    stages: STAGES;
    halted: HALTED;
    reminders: REMINDERS;
    replays: REPLAYS;
    tier: TIER;
    budget: BUDGET;
    sent_files: FILES;
}

#[test]
fn the_process_may_die_before_any_effect() {
    scenes::PLAIN.walk(How::DiesBefore);
}

#[test]
fn the_process_may_die_after_any_effect() {
    scenes::PLAIN.walk(How::DiesAfter);
}

#[test]
fn any_effect_may_fail_and_its_success_be_lost() {
    for how in [How::FailsBefore, How::FailsAfter] {
        scenes::PLAIN.walk_over(how, |at, _| at % FAILS_EACH == 0);
    }
}

#[test]
fn redis_may_forget_with_leave_to_go_in_hand_without_one_over_the_tier_or_the_budget() {
    for scene in [scenes::TIER, scenes::BUDGET] {
        scene.walk_over(How::Forgets, |_, (job, _)| *job == "send-message");
    }
}

#[test]
fn every_job_has_its_turn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jobs");
    let files = std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("a file").path());
    let names = files.filter_map(|file| Some(file.file_stem()?.to_str()?.replace('_', "-")));
    let elsewhere = |name: &str| PARTS_OF_JOBS.contains(&name) || SHOWN_ELSEWHERE.contains(&name);
    let jobs: BTreeSet<String> = names.filter(|name| !elsewhere(name)).collect();

    let mut shown: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for scene in scenes::ALL {
        for effect in scene.shows() {
            shown.entry(effect).or_default().insert(scene.name);
        }
    }
    let shown_jobs: BTreeSet<String> = shown.keys().map(|(job, _)| (*job).to_owned()).collect();
    assert_eq!(shown_jobs, jobs, "each job has effects in some scenario");
    let lines = shown.keys().map(|(job, effect)| format!("{job}: {effect}"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    for scene in scenes::ALL {
        let breaks = Some((20, How::DiesAfter));
        assert_eq!(scene.journal(breaks), scene.journal(breaks), "{}", scene.name);
    }
}

#[test]
fn a_short_scenario_reads_like_this() {
    let journal = alone(async {
        // The call is the effect that the process dies after.
        let script = |breaks| Script { breaks, wipes: true, ..Script::kind(1) };
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
