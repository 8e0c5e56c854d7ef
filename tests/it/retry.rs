//! Refusals and what follows, over the whole service: which are tried again and when, what a restart forgets (nothing), and that a
//! storm of retries does not hold up fresh work.

use std::time::Duration;

use barid::simulator::{Fault, Outcome, Statuses};
use serde_json::Value;

use crate::harness::account::reconcile;
use crate::harness::{Barid, Contact, PATIENCE, Setup, people};

/// Leases and pauses as short as the faults of the test.
const SHORT: &str = "[delivery]\nlease = \"6s\"\nanswer_timeout = \"3s\"\nconnect_timeout = \"1s\"\n[queue]\nlease = \"2s\"\nsweep = \"1s\"\n";

/// People whose numbers end with these digits.
fn people_ending(n: usize, ending: &str) -> Vec<Contact> {
    let mut people = people(n);
    for (i, person) in people.iter_mut().enumerate() {
        let middle = 8 - ending.len();
        person.phone = format!("+9665{i:0middle$}{ending}");
    }
    people
}

fn setup(waits: &'static [&'static str], suffixes: &[(&str, Outcome)]) -> Setup {
    let mut setup = Setup { waits, ..Setup::default() };
    setup.simulator.statuses = Statuses::prompt();
    setup.simulator.suffixes = suffixes.iter().map(|(suffix, outcome)| ((*suffix).to_owned(), *outcome)).collect();
    setup
}

async fn history(barid: &Barid, message: &Value) -> Vec<(u64, String, String)> {
    let id = message["id"].as_str().unwrap();
    let message = barid.get(&format!("/api/v1/messages/{id}")).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = message["history"].as_array().unwrap_or_else(|| panic!("{message}")).iter();
    events
        .map(|event| (event["attempt"].as_u64().unwrap_or(0), text(&event["event"]), text(&event["detail"])))
        .collect()
}

/// The value of a metric with these labels.
async fn metric(barid: &Barid, name: &str) -> f64 {
    let metrics = barid.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).trim().parse().unwrap()
}

/// The one message to a number with this ending.
fn to<'a>(messages: &'a [Value], ending: &str) -> &'a Value {
    let mut found = messages.iter().filter(|message| message["phone"].as_str().is_some_and(|to| to.ends_with(ending)));
    found.next().unwrap_or_else(|| panic!("nobody ends with {ending}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_metas_is_tried_again_after_each_wait_and_then_it_fails_with_a_history_that_says_so() {
    let outcomes = [
        // In the answer, in a later status, and one that heals.
        ("1", Outcome::Fault(Fault::Error(131_000))),
        ("2", Outcome::Failed(131_000)),
        ("3", Outcome::FaultOnce(Fault::Error(131_016))),
        ("4", Outcome::Fault(Fault::Error(987_654))),
        ("5", Outcome::Fault(Fault::Error(131_021))),
    ];
    let people: Vec<Contact> = ["1", "2", "3", "4", "5"].iter().flat_map(|ending| people_ending(4, ending)).collect();
    let barid = Barid::start_with(setup(&["1s", "2s"], &outcomes), &people).await;
    barid.start_campaign("survey").await;
    let campaign = barid.settle("survey").await;
    assert_eq!(
        (&campaign["run"]["failed"], &campaign["run"]["read"]),
        (&16.into(), &4.into()),
        "{campaign}\n{}",
        barid.log()
    );
    let counts = barid.simulator.counts();
    // Three tries each for what lasts, two for what heals, one for what would be refused again.
    assert_eq!(counts.calls, 4 * (3 + 3 + 2 + 1 + 1), "{counts:?}");
    assert_eq!(
        (counts.refused[&131_000], counts.refused[&987_654], counts.refused[&131_021]),
        (12, 4, 4),
        "{counts:?}"
    );

    let messages = barid.messages("survey").await;
    let refused_in_answer = history(&barid, to(&messages, "1")).await;
    let attempts: Vec<_> = refused_in_answer.iter().filter(|(_, event, _)| event == "started").collect();
    assert_eq!(attempts.len(), 3, "{refused_in_answer:?}");
    let last = refused_in_answer.last().unwrap();
    assert!(last.0 == 3 && last.2.contains("transient") && last.2.contains("131000"), "{refused_in_answer:?}");
    let failed_later = history(&barid, to(&messages, "2")).await;
    assert_eq!(failed_later.iter().filter(|(_, event, _)| event == "started").count(), 3, "{failed_later:?}");

    // As a person reads it.
    let id = to(&messages, "1")["id"].as_str().unwrap().to_owned();
    let trace = String::from_utf8(barid.run(&["trace", &id]).stdout).unwrap();
    for said in ["failed", "transient 131000", "attempts", "3"] {
        assert!(trace.contains(said), "{said}\n{trace}");
    }

    assert_eq!(metric(&barid, r#"barid_retries_total{class="transient"}"#).await, 8.0 + 8.0 + 4.0);
    assert_eq!(metric(&barid, r#"barid_failures_total{class="unrecognised"}"#).await, 4.0);
    assert_eq!(metric(&barid, r#"barid_failures_total{class="transient"}"#).await, 12.0 + 12.0 + 4.0);
    assert_eq!(
        metric(&barid, "barid_send_lateness_seconds_count").await,
        f64::from(u32::try_from(counts.calls).unwrap())
    );
    let unknown = to(&messages, "4");
    assert!(unknown["reason"].as_str().is_some_and(|reason| reason.contains("unrecognised")), "{unknown}");
    let told = barid.log().lines().filter(|line| line.contains("ERROR") && line.contains("987654")).count();
    assert_eq!(told, 1, "an unknown code is told aloud once\n{}", barid.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_slows_down_takes_none_of_the_waits() {
    // Should one be taken, the message would wait for an hour, which is longer than the test.
    let outcomes = [
        ("1", Outcome::FaultOnce(Fault::Error(130_429))),
        ("2", Outcome::FaultOnce(Fault::Error(131_056))),
        ("3", Outcome::FaultOnce(Fault::Error(131_057))),
    ];
    let people: Vec<Contact> = ["1", "2", "3", "7"].iter().flat_map(|ending| people_ending(5, ending)).collect();
    let barid = Barid::start_with(setup(&["1h"], &outcomes), &people).await;
    barid.start_campaign("survey").await;
    let campaign = barid.settle("survey").await;
    assert_eq!(campaign["run"]["read"], 20, "{campaign}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert_eq!(barid.simulator.counts().calls, 35);
    for class in ["number-throttled", "pair-throttled", "maintenance"] {
        assert_eq!(metric(&barid, &format!("barid_retries_total{{class=\"{class}\"}}")).await, 5.0, "{class}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_account_waits_as_long_as_meta_says() {
    let people = people_ending(1, "1");
    let barid = Barid::start_with(setup(&["1s"], &[("1", Outcome::FaultOnce(Fault::Error(4)))]), &people).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the message to be held", |_, run| run["held"] == 1).await;
    let messages = barid.messages("survey").await;
    let (message, now) = (&messages[0], barid.get("/api/v1/messages?campaign=survey").await);
    let until: jiff::Timestamp = message["until"].as_str().unwrap_or_else(|| panic!("{now}")).parse().unwrap();
    let events = history(&barid, message).await;
    let detail = barid.get(&format!("/api/v1/messages/{}", message["id"].as_str().unwrap())).await;
    let refused_at = detail["history"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap().to_owned();
    let wait = until.duration_since(refused_at.parse().unwrap());
    // The simulator says three minutes; up to a fifth is added so that not all come back at once.
    let asked = jiff::SignedDuration::from_mins(3);
    assert!(asked <= wait && wait <= asked * 6 / 5, "{wait:?} {events:?} {message}");
    assert!(message["reason"].as_str().is_some_and(|reason| reason.contains("throttled")), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_until_it_is_there_and_a_kill_in_between_forgets_nothing() {
    let people = people(60);
    let mut setup = setup(&["1s", "1s"], &[]);
    // What was in the middle of a call at the kill is unknown, and nothing else was heard of: the rule decides, soon.
    setup.more = SHORT.to_owned();
    let mut barid = Barid::prepare(setup).await;
    barid.write_campaign("survey", &people, "unknown_after = \"2s\"\non_unknown = \"send-again\"");
    let good = std::fs::read_to_string(barid.config()).unwrap();
    // Nobody listens on port 1.
    std::fs::write(barid.config(), good.replace(&barid.simulator.url(), "http://127.0.0.1:1")).unwrap();
    barid.start().await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "all to be held", |_, run| run["held"] == 60).await;
    let messages = barid.messages("survey").await;
    let events = history(&barid, &messages[0]).await;
    assert!(events.iter().any(|(_, event, _)| event == "not-sent"), "{events:?}");
    assert_eq!(messages[0]["reason"], "backoff", "{}", messages[0]);
    // More tries than there are waits: nothing was refused, so nothing is given up.
    barid
        .wait_for_messages("survey", "four tries of each", |all| {
            all.iter().all(|message| message["attempt"].as_u64() >= Some(4))
        })
        .await;
    barid.kill();
    std::fs::write(barid.config(), good).unwrap();
    barid.start().await;
    let campaign = barid.settle("survey").await;
    assert_eq!(campaign["run"]["read"], 60, "{campaign}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_two_tries_costs_nobody_their_message_or_a_wait() {
    let people = people_ending(400, "1");
    let mut setup = setup(&["3s", "3s", "3s", "3s"], &[("1", Outcome::FaultOnce(Fault::Http500))]);
    setup.more = SHORT.to_owned();
    setup.unknown_after = "2s";
    let mut barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "first tries", |_, run| run["held"].as_u64() >= Some(100)).await;
    barid.kill();
    barid.start().await;
    let campaign = barid.settle("survey").await;
    let messages = barid.messages("survey").await;
    let failed = messages.iter().find(|message| message["state"] == "failed");
    let why = match failed {
        Some(message) => history(&barid, message).await,
        None => Vec::new(),
    };
    assert_eq!(campaign["run"]["read"], 400, "{campaign} {why:?}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    // What was in the middle of a call at the kill is called once more at most.
    let calls = barid.simulator.counts().calls;
    assert!((800..=1_200).contains(&calls), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_would_come_too_late_is_not_waited_for() {
    let people = people_ending(3, "1");
    let barid = Barid::start_with(setup(&["37h"], &[("1", Outcome::Fault(Fault::Http500))]), &people).await;
    // The campaign's messages are too old after 36 hours.
    barid.start_campaign("survey").await;
    let campaign = barid.settle("survey").await;
    assert_eq!((&campaign["run"]["failed"], barid.simulator.counts().calls), (&3.into(), 3), "{campaign}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_retries_is_drained_in_batches_and_fresh_work_passes_it() {
    let storm = people_ending(5_000, "1");
    let fresh = people_ending(100, "2");
    let mut setup = setup(&["20s", "5s", "5s", "5s"], &[("1", Outcome::FaultOnce(Fault::Http500))]);
    setup.mps = 800;
    setup.more = SHORT.to_owned();
    setup.unknown_after = "2s";
    let mut barid = Barid::start_with(setup, &storm).await;
    barid.write_campaign("fresh", &fresh, "");
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "first tries", |_, run| run["held"].as_u64() > Some(3_500)).await;
    barid.kill();
    let accepted = barid.simulator.counts().accepted;
    // The service is away while they become due, so that all are due in the same moment.
    tokio::time::sleep(Duration::from_secs(25)).await;
    barid.start().await;
    let in_the_storm = async {
        while barid.simulator.counts().accepted < accepted + 50 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, in_the_storm).await.expect("the storm begins");
    barid.start_campaign("fresh").await;
    barid.settle("fresh").await;
    let campaign = barid.settle("survey").await;
    assert_eq!(campaign["run"]["read"], 5_000, "{campaign}");
    // The order of acceptance tells: how much of the storm was still to come when the last of the fresh ones was taken.
    let ledger = barid.simulator.ledger();
    let first_fresh = ledger.iter().position(|row| row.to.ends_with('2')).expect("told");
    let last_fresh = ledger.iter().rposition(|row| row.to.ends_with('2')).expect("told");
    let behind = ledger[last_fresh..].iter().filter(|row| row.to.ends_with('1')).count();
    println!("fresh between {first_fresh} and {last_fresh} of {}; {behind} of the storm came behind", ledger.len());
    assert!(behind > 500, "fresh work waited behind the storm: {behind}");
    reconcile(&barid, "survey", &storm).await.assert_clean(&barid);
    reconcile(&barid, "fresh", &fresh).await.assert_clean(&barid);
}
