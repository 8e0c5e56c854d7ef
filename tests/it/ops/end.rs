//! The end when it is asked for, in mid-run and in mid-start.

use std::process::{Command, Stdio};

use barid::simulator::{Latency, Millis, Statuses};

use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, people};

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_in_mid_run_it_ends_calls_keeps_the_rest_and_leaves_no_process() {
    let people = people(1_500);
    let mut setup = Setup { mps: 300, ..Setup::default() };
    // Many calls are under way at any moment.
    setup.simulator.latency = Latency { min: Millis::new(50), median: Millis::new(200), max: Millis::new(500) };
    setup.simulator.statuses = Statuses::prompt();
    setup.simulator.callbacks.redelivery = vec![Millis::new(100), Millis::new(200), Millis::new(500)];
    let mut barid = Barid::start_with(setup, &people).await;
    let folder = barid.dir.path().to_owned();
    assert!(!super::processes_in(&folder.join("state")).is_empty(), "a redis-server of its own runs");
    barid.start_campaign("survey").await;
    super::wait_until("calls under way", || barid.simulator.counts().calls > 300).await;

    assert!(barid.stop().await, "exit status 0\n{}", barid.log());
    assert_eq!(super::processes_in(&folder), Vec::<String>::new());
    let accepted = barid.simulator.counts().accepted;
    assert!((300..1_500).contains(&accepted), "it was in mid-run: {accepted}");
    let shown = barid.run(&["campaign", "show", "survey", "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let run = &shown["run"];
    assert_eq!((&run["calling"], &run["unknown"]), (&0.into(), &0.into()), "{shown}");
    let told: u64 = ["submitted", "sent", "delivered", "read"].iter().filter_map(|state| run[state].as_u64()).sum();
    assert_eq!(told, accepted, "each call has its answer: {shown}");

    barid.start().await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let message = &barid.messages("survey").await[0];
    let traced = barid.run(&["trace", message["id"].as_str().unwrap(), "--json"]);
    let traced: serde_json::Value = serde_json::from_slice(&traced.stdout).expect("JSON");
    assert_eq!((&traced["state"], &traced["attempt"]), (&"read".into(), &1.into()), "{traced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_while_it_starts_it_leaves_no_process() {
    let barid = Barid::prepare(Setup::default()).await;
    let mut serve = barid.command();
    serve.args(["serve", "--config"]).arg(barid.config()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = serve.spawn().unwrap();
    super::wait_until("its redis-server", || barid.redis_pid_file().exists()).await;
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is everywhere");
    let ended = tokio::task::spawn_blocking(move || child.wait().expect("it is ours")).await.unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(super::processes_in(barid.dir.path()), Vec::<String>::new());
}
