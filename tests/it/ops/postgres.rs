//! The main job on PostgreSQL.

use barid::simulator::{Latency, Millis};

use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, disorder, people};
use crate::postgres::fresh_database;

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_people_on_postgresql_with_a_kill_in_the_middle() {
    let people = people(2_000);
    let mut setup = Setup {
        mps: 800,
        unknown_after: "8s",
        more: "[delivery]\nlease = \"6s\"\nanswer_timeout = \"3s\"\nconnect_timeout = \"1s\"\n[queue]\nlease = \"2s\"\nsweep = \"1s\"\n"
            .to_owned(),
        store_url: Some(fresh_database().await),
        ..Setup::default()
    };
    setup.simulator.latency = Latency { min: Millis::new(2), median: Millis::new(20), max: Millis::new(60) };
    setup.simulator.statuses = disorder();
    setup.simulator.callbacks.redelivery = vec![Millis::new(100), Millis::new(200), Millis::new(500)];
    let mut barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    super::wait_until("half of the calls", || barid.simulator.counts().calls >= 1_000).await;
    barid.kill();
    barid.start().await;
    let campaign = barid.settle("survey").await;
    assert_eq!(campaign["run"]["total"], 2_000, "{campaign}");
    let account = reconcile(&barid, "survey", &people).await;
    account.assert_clean(&barid);
    for state in ["sent", "delivered", "read", "submitted", "failed"] {
        let counted = account.states.get(state).copied().unwrap_or(0);
        assert_eq!(campaign["run"][state], counted, "{state} in {campaign}");
    }
    assert!(barid.stop().await);
}
