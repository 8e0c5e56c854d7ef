//! `kill -9` at any moment, Redis wiped, Redis killed: nobody is lost, nobody is told twice. What is expected at which point stands in
//! ARCHITECTURE.md, "A crash, point by point".

use std::time::Duration;

use barid::simulator::{Latency, Millis, Span, Statuses};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, people};

/// Leases and pauses as short as the faults of the test, in proportion to those of a real service.
const SHORT: &str = "[delivery]\nlease = \"6s\"\nanswer_timeout = \"3s\"\nconnect_timeout = \"1s\"\n[queue]\nlease = \"2s\"\nsweep = \"1s\"\n";

fn setup(seed: u64) -> Setup {
    let mut setup = Setup { mps: 400, unknown_after: "8s", more: SHORT.to_owned(), ..Setup::default() };
    setup.simulator.seed = seed;
    setup.simulator.latency = Latency { min: Millis::new(5), median: Millis::new(30), max: Millis::new(90) };
    setup.simulator.statuses = Statuses {
        sent_after: Span::millis(0, 200),
        delivered_after: Span::millis(0, 300),
        read_after: Span::millis(0, 300),
        duplicate_share: 0.05,
        reorder_share: 0.1,
        ..Statuses::default()
    };
    // Meta delivers again for days; here the service is away for a second at most.
    setup.simulator.callbacks.redelivery = vec![Millis::new(100), Millis::new(200), Millis::new(500)];
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_dozen_times_in_one_run_nobody_is_lost_and_nobody_is_told_twice() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let people = people(6_000);
    let mut barid = Barid::start_with(setup(seed), &people).await;
    barid.start_campaign("survey").await;
    for kill in 0..12 {
        // The moment is drawn as a number of calls, not as a time: it means the same on a busy machine.
        let calls = barid.simulator.counts().calls + dice.random_range(1..400);
        let reached = tokio::time::timeout(Duration::from_secs(60), async {
            while barid.simulator.counts().calls < calls {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(reached.await.is_ok(), "no further calls before kill {kill}\n{}", barid.log());
        barid.kill();
        barid.start().await;
    }
    let campaign = barid.settle("survey").await;
    println!("{campaign}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_wiped_in_mid_run_costs_time_not_messages() {
    let people = people(3_000);
    let barid = Barid::start_with(setup(7), &people).await;
    barid.start_campaign("survey").await;
    for part in 1..=3_u64 {
        barid
            .wait_for("survey", "progress", |_, run| {
                run["queued"].as_u64().zip(run["planned"].as_u64()).is_some_and(|(q, p)| q + p < 3_000 - part * 600)
            })
            .await;
        let wiped = barid.redis_cli(&["FLUSHALL"]);
        assert!(wiped.status.success(), "{wiped:?}");
    }
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_in_mid_run_is_started_anew_and_the_run_completes() {
    let people = people(2_000);
    let barid = Barid::start_with(setup(8), &people).await;
    barid.start_campaign("survey").await;
    let mut killed = String::new();
    for part in 1..=2_u64 {
        barid
            .wait_for("survey", "progress", |_, run| {
                run["queued"].as_u64().zip(run["planned"].as_u64()).is_some_and(|(q, p)| q + p < 2_000 - part * 500)
            })
            .await;
        killed = barid.kill_redis(&killed).await;
    }
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_reset_after_acceptance_are_settled_by_callbacks() {
    let people = people(2_000);
    let mut setup = setup(9);
    setup.simulator.faults.reset_after_accept = 0.05;
    setup.simulator.faults.reset_before_accept = 0.02;
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let resets = barid.simulator.counts().faults;
    assert!(resets.values().sum::<u64>() > 50, "the faults did happen: {resets:?}");
}
