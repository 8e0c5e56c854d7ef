//! Campaigns from file to finish, against the simulator, with the real binary.

use barid::simulator::Statuses;

use crate::harness::account::reconcile;
use crate::harness::{Barid, Setup, disorder, people};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_people_are_told_once_and_both_books_agree() {
    let people = people(20_000);
    let mut setup = Setup::default();
    setup.simulator.statuses = disorder();
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    let campaign = barid.settle("survey").await;
    let account = reconcile(&barid, "survey", &people).await;
    account.assert_clean(&barid);
    let run = &campaign["run"];
    assert_eq!(run["total"], 20_000, "{campaign}");
    for state in ["sent", "delivered", "read", "submitted", "failed"] {
        assert_eq!(run[state], account.states.get(state).copied().unwrap_or(0), "{state} in {campaign}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_agree_or_said_stop_is_counted_and_not_told() {
    let mut people = people(60);
    for person in &mut people[..7] {
        person.consent = "no";
    }
    let mut setup = Setup::default();
    setup.simulator.statuses = Statuses::prompt();
    let mut barid = Barid::start_with(setup, &people).await;
    let outsider = &people[20].phone;
    barid.simulator_says(outsider, "توقّف").await;
    barid.start_campaign("survey").await;
    let campaign = barid.settle("survey").await;
    assert_eq!((&campaign["run"]["suppressed"], &campaign["run"]["read"]), (&8.into(), &52.into()), "{campaign}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert!(barid.stop().await, "it ends well when asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_word_ends_what_is_still_to_come() {
    let people = people(400);
    let setup = Setup { mps: 40, ..Setup::default() };
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    // It is fed two seconds of its pace ahead: eighty of them.
    barid.wait_for("survey", "the first to be queued", |_, run| run["queued"].as_u64() > Some(20)).await;
    let last = &people[399].phone;
    barid.simulator_says(last, "STOP").await;
    barid.wait_for("survey", "the stop to count", |_, run| run["suppressed"].as_u64() == Some(1)).await;
    let (status, body) = barid.post("/api/v1/campaigns/survey/cancel").await;
    assert!(status < 300, "{body}");
    let told = barid.simulator.ledger().iter().any(|row| &row.to == last);
    assert!(!told, "nothing leaves after a stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_holds_resume_goes_on_and_nobody_is_told_twice() {
    let people = people(600);
    let setup = Setup { mps: 150, ..Setup::default() };
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "some calls", |_, run| run["queued"].as_u64() < Some(550)).await;
    let (status, body) = barid.post("/api/v1/campaigns/survey/pause").await;
    assert_eq!((status, body["state"].as_str()), (200, Some("paused")), "{body}");
    barid.wait_for("survey", "the calls in flight to end", |_, run| run["calling"] == 0).await;
    let paused_at = barid.simulator.counts().accepted;
    let run = barid.counts("survey").await;
    assert_eq!(run["queued"], 0, "what is paused is not queued: {run}");
    assert!(paused_at < 600);
    barid.post("/api/v1/campaigns/survey/resume").await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_becomes_feedback_that_names_the_message_it_answers() {
    let people = people(3);
    let mut setup = Setup::default();
    setup.simulator.statuses = Statuses::prompt();
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    barid.settle("survey").await;
    let row = barid.simulator.ledger().into_iter().find(|row| row.to == people[0].phone).expect("told");
    barid.simulator_answers(&row.to, "الخدمة ممتازة شكرا", &row.wamid).await;
    barid.settle("survey").await;
    let feedback = barid.get("/api/v1/feedback").await;
    let items = feedback["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{feedback}");
    assert_eq!(items[0]["text"], "الخدمة ممتازة شكرا");
    assert_eq!(items[0]["campaign"], "survey");
    assert!(items[0]["message_id"].as_str().unwrap().starts_with("msg_"));
    assert!(items[0]["reference"].as_str().unwrap().starts_with("VOC-"));
}
