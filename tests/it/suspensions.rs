//! Stops of the whole service: who stops, who may go on, and that nobody is lost or told twice on the way.

use std::time::{Duration, Instant};

use barid::simulator::{ErrorShare, Faults, Latency, Millis, Statuses, TokenState};
use serde_json::{Value, json};

use crate::harness::account::reconcile;
use crate::harness::{Barid, Contact, PATIENCE, Setup, people};

/// Calls at once, so that what is in flight is known.
const IN_FLIGHT_MAX: usize = 40;

/// Everything that waits for minutes in real life waits for a second.
fn setup() -> Setup {
    let mut setup = Setup { mps: 300, ..Setup::default() };
    setup.simulator.statuses = Statuses::prompt();
    setup.more = format!(
        "[suspend]\nask_waits = [\"1s\"]\nlet_through_waits = [\"1s\"]\n[queue]\nsweep = \"1s\"\n\
         [queue.concurrency]\nsending = {IN_FLIGHT_MAX}\n"
    );
    setup
}

fn refusing(code: u32) -> Faults {
    Faults { errors: vec![ErrorShare { code, share: 1.0 }], ..Faults::default() }
}

async fn suspensions(barid: &Barid, query: &str) -> Vec<Value> {
    barid.get(&format!("/api/v1/suspensions{query}")).await["items"].as_array().unwrap().clone()
}

/// Waits until what is suspended is as `until` wants it.
pub(crate) async fn wait_until(barid: &Barid, what: &str, until: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let found = suspensions(barid, "").await;
        if until(&found) {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{found:?}\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_for_calls(barid: &Barid, n: usize) {
    let begin = Instant::now();
    while barid.simulator.ledger().len() < n {
        assert!(begin.elapsed() < PATIENCE, "no {n} calls\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn times_said(barid: &Barid, words: &str) -> usize {
    barid.log().lines().filter(|line| line.contains(words)).count()
}

fn said(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Refuses everything with this code in the middle of a campaign, until the sender is suspended; answers the suspension.
async fn refused_in_the_middle(barid: &Barid, faults: Faults, class: &str) -> Value {
    barid.start_campaign("survey").await;
    wait_for_calls(barid, 100).await;
    barid.simulator.set_faults(faults).unwrap();
    let found = wait_until(barid, "a suspension", |found| !found.is_empty()).await;
    assert_eq!((&found[0]["scope"], &found[0]["value"]), (&"sender".into(), &"default".into()), "{found:?}");
    assert_eq!((&found[0]["cause"], &found[0]["by"]), (&class.into(), &"barid".into()), "{found:?}");
    let status = barid.get("/api/whatsapp/status").await;
    assert_eq!((&status["healthy"], &status["senders"][0]["suspensions"][0]["cause"]), (&false.into(), &class.into()));
    found[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_in_mid_campaign_stops_the_number_and_a_good_one_lets_it_go_on() {
    let people = people(600);
    let barid = Barid::start_with(setup(), &people).await;
    let expired = Faults { token: TokenState::Expired, ..Faults::default() };
    let suspension = refused_in_the_middle(&barid, expired, "credentials").await;
    assert_eq!((&suspension["probe"], &suspension["code"]), (&"ask".into(), &190.into()));
    // Whoever is not fed any more says why.
    let waiting = barid.get("/api/v1/messages?state=planned&limit=1").await;
    let id = waiting["items"][0]["id"].as_str().expect("somebody waits").to_owned();
    let message = barid.get(&format!("/api/v1/messages/{id}")).await;
    assert_eq!(message["waits_for"]["suspension"], suspension["id"], "{message}");
    assert!(said(&barid.run(&["trace", &id])).contains("sender default is suspended"));
    assert!(said(&barid.run(&["campaign", "show", "survey"])).contains("sender default"));
    assert!(barid.metrics().await.contains("barid_suspensions{scope=\"sender\"} 1"));

    barid.simulator.set_faults(Faults::default()).unwrap();
    wait_until(&barid, "the release", <[Value]>::is_empty).await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let past = suspensions(&barid, "?all=1").await;
    assert_eq!(past.last().unwrap()["released_by"], "asked", "{past:?}");
    assert_eq!(times_said(&barid, "sending is suspended"), past.len(), "each is told once");
    assert_eq!(barid.get("/api/whatsapp/status").await["healthy"], true);
    assert!(barid.metrics().await.contains("barid_suspensions{scope=\"sender\"} 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_lets_one_through_now_and_then_until_one_leaves() {
    let people = people(500);
    let barid = Barid::start_with(setup(), &people).await;
    refused_in_the_middle(&barid, refusing(368), "account-restricted").await;
    // Calls that were under way when it stopped come to an end.
    barid.wait_for("survey", "the last calls", |_, run| run["calling"] == 0).await;
    let refused = barid.simulator.counts().refused.values().sum::<u64>();
    let begin = Instant::now();
    while barid.simulator.counts().refused.values().sum::<u64>() < refused + 2 {
        assert!(begin.elapsed() < PATIENCE, "nothing is let through\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let in_force = suspensions(&barid, "").await;
    assert_eq!(in_force.len(), 1, "it is one suspension all the time: {in_force:?}");
    barid.simulator.set_faults(Faults::default()).unwrap();
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let past = suspensions(&barid, "?all=1").await;
    assert_eq!((past.len(), &past[0]["released_by"]), (1, &"let-through".into()), "{past:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_people_report_rests_until_somebody_lets_it_go_on() {
    let people = people(400);
    let mut barid = Barid::start_with(setup(), &people).await;
    let suspension = refused_in_the_middle(&barid, refusing(131_048), "quality-limited").await;
    assert_eq!((&suspension["probe"], suspension["until"].is_string()), (&"never".into(), true));
    barid.simulator.set_faults(Faults::default()).unwrap();
    // A restart forgets nothing, and the store tells without a service.
    assert!(barid.stop().await);
    let told = barid.simulator.ledger().len();
    assert!(said(&barid.run(&["suspend", "--list"])).contains("people block or report this number"));
    barid.start().await;
    let listed: Value = serde_json::from_str(&said(&barid.run(&["suspend", "--list", "--json"]))).unwrap();
    assert_eq!(listed[0]["id"], suspension["id"]);
    assert!(barid.get("/api/v1/campaigns/survey").await["run"]["held"].as_u64() > Some(0));
    assert_eq!(barid.simulator.ledger().len(), told, "nobody is told meanwhile");
    assert_eq!(said(&barid.run(&["release", "--all"])), "sender default goes on\n");
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    let past: Value = serde_json::from_str(&said(&barid.run(&["suspend", "--list", "--all", "--json"]))).unwrap();
    assert!(past[0]["released_by"].as_str().unwrap().starts_with("operator "), "{past}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_is_stopped_alone() {
    let mut people = people(60);
    for (n, person) in people.iter_mut().enumerate().filter(|(n, _)| n % 3 == 0) {
        *person = Contact { phone: format!("+2010{:08}", 10_000_000 + n), ..person.clone() };
    }
    let mut barid = Barid::start_with(setup(), &people).await;
    let wrong = barid.run(&["suspend", "country", "Egypt", "--reason", "rates changed"]);
    assert_eq!(wrong.status.code(), Some(65), "{wrong:?}");
    let stopped = said(&barid.run(&["suspend", "country", "eg", "--reason", "rates changed", "--for", "2h"]));
    assert!(stopped.starts_with("country EG is suspended until "), "{stopped}");
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "all others", |_, run| run["read"] == 40 && run["held"] == 20).await;
    assert!(barid.simulator.ledger().iter().all(|row| row.to.starts_with("+966")));
    let held = barid.get("/api/v1/messages?state=held&limit=1").await;
    let id = held["items"][0]["id"].as_str().unwrap();
    let message = barid.get(&format!("/api/v1/messages/{id}")).await;
    assert_eq!(message["waits_for"]["because"], "country EG is suspended: rates changed");
    // Without a service the release waits in the store for the next one.
    let id = suspensions(&barid, "").await[0]["id"].to_string();
    assert!(barid.stop().await);
    assert_eq!(said(&barid.run(&["release", &id])), "country EG goes on\n");
    assert_eq!(barid.run(&["release", &id]).status.code(), Some(65), "it is over");
    assert_eq!(barid.run(&["release", "999"]).status.code(), Some(66));
    barid.start().await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_template_stops_its_campaign_and_its_approval_lets_it_go_on() {
    let people = people(400);
    let mut setup = setup();
    // Slow enough to be stopped on the way; and only the provider's word ends it.
    setup.mps = 60;
    setup.more = setup.more.replace("let_through_waits = [\"1s\"]", "let_through_waits = [\"1h\"]");
    let barid = Barid::start_with(setup, &people).await;
    barid.start_campaign("survey").await;
    wait_for_calls(&barid, 50).await;
    let tell = async |event: &str, name: &str| {
        let value = json!({"event": event, "message_template_id": 1_300_000_000_000_001_u64, "message_template_name": name,
                           "message_template_language": "ar", "reason": "NONE", "message_template_category": "MARKETING"});
        let body = json!({"field": "message_template_status_update", "value": value});
        let answer = barid.http.post(format!("{}/_simulator/change", barid.simulator.url())).json(&body).send().await;
        assert!(answer.unwrap().status().is_success());
    };
    tell("PAUSED", "another_template").await;
    tell("PAUSED", "survey_invitation").await;
    let found = wait_until(&barid, "the suspension", |found| !found.is_empty()).await;
    assert_eq!((found.len(), &found[0]["scope"], &found[0]["value"]), (1, &"campaign".into(), &"survey".into()));
    assert_eq!(found[0]["cause"], "template-unavailable");
    assert!(found[0]["reason"].as_str().unwrap().ends_with("(PAUSED in ar)"), "{found:?}");
    barid.wait_for("survey", "the last calls", |_, run| run["calling"] == 0).await;
    assert!(barid.counts("survey").await["planned"].as_u64() > Some(0), "it was stopped on the way");
    tell("APPROVED", "survey_invitation").await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert_eq!(suspensions(&barid, "?all=1").await[0]["released_by"], "announced");
}

/// Meta takes its time, so that there is something in flight.
async fn with_slow_answers(people: &[Contact]) -> Barid {
    let mut setup = setup();
    setup.mps = 100_000;
    setup.simulator.latency = Latency { min: Millis::new(200), median: Millis::new(300), max: Millis::new(400) };
    let barid = Barid::start_with(setup, people).await;
    barid.start_campaign("survey").await;
    wait_for_calls(&barid, 2 * IN_FLIGHT_MAX).await;
    barid
}

/// How many were taken by the simulator after `command` was answered, once everything has come to rest.
async fn taken_after(barid: &Barid, command: &str) -> usize {
    let (status, body) = barid.post(&format!("/api/v1/campaigns/survey/{command}")).await;
    let told = barid.simulator.ledger().len();
    assert_eq!(status, 200, "{body}");
    // What waits in the lane comes up meanwhile and finds that it may not go.
    barid.wait_for("survey", "the last calls", |_, run| run["calling"] == 0).await;
    let begin = Instant::now();
    loop {
        let metrics = barid.metrics().await;
        if metrics.contains("barid_queue_depth{queue=\"sending\"} 0") {
            return barid.simulator.ledger().len() - told;
        }
        assert!(begin.elapsed() < PATIENCE, "the lane is never empty\n{metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pause_only_calls_in_flight_still_leave_and_after_the_resume_everybody_is_told() {
    let people = people(1_000);
    let barid = with_slow_answers(&people).await;
    for _ in 0..2 {
        let after = taken_after(&barid, "pause").await;
        assert!(after <= IN_FLIGHT_MAX, "{after} left after the pause");
        let waiting = barid.get("/api/v1/messages?state=planned&limit=1").await;
        let id = waiting["items"][0]["id"].as_str().expect("it was paused on the way");
        assert_eq!(barid.get(&format!("/api/v1/messages/{id}")).await["waits_for"]["reason"], "paused");
        let told = barid.simulator.ledger().len();
        assert_eq!(barid.post("/api/v1/campaigns/survey/resume").await.0, 200);
        wait_for_calls(&barid, told + IN_FLIGHT_MAX).await;
    }
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_cancel_only_calls_in_flight_still_leave_and_everybody_is_counted() {
    let people = people(1_000);
    let barid = with_slow_answers(&people).await;
    let after = taken_after(&barid, "cancel").await;
    assert!(after <= IN_FLIGHT_MAX, "{after} left after the cancel");
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("the simulator becomes quiet");
    let told = barid.simulator.ledger().len() as u64;
    let campaign = barid.wait_for("survey", "all callbacks", |_, run| run["read"] == told).await;
    assert_eq!(campaign["run"]["suppressed"].as_u64(), Some(1_000 - told), "{campaign}");
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_is_proved_before_it_takes_over_and_what_the_old_one_stopped_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;

    let people = people(400);
    let mut setup = setup();
    // A question that is asked again would end the suspension, too; here the new token does.
    setup.more = setup.more.replace("ask_waits = [\"1s\"]", "ask_waits = [\"1h\"]");
    setup.more += "[secrets]\nwhatsapp_api_token_next_file = \"next-token\"\n";
    setup.simulator.next_token = Some("second-simulator-token".to_owned());
    let barid = Barid::start_with(setup, &people).await;
    let revoked = Faults { token: TokenState::Revoked, ..Faults::default() };
    refused_in_the_middle(&barid, revoked, "credentials").await;

    let file = barid.dir.path().join("next-token");
    let wish = |token: &str| {
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        crate::queue::harness::send_signal(barid.pid(), "-HUP");
    };
    let alerts = async || {
        let open = barid.get("/api/v1/alerts").await;
        let about =
            |alert: &Value| (alert["kind"] == "token-rotation").then(|| alert["text"].as_str().unwrap().to_owned());
        open["items"].as_array().unwrap().iter().find_map(about)
    };
    wish("second-simulator-token-with-a-slip");
    let begin = Instant::now();
    let told = loop {
        if let Some(text) = alerts().await {
            break text;
        }
        assert!(begin.elapsed() < PATIENCE, "{}", barid.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(told.contains("Meta refuses it") && told.contains("stays in force"), "{told}");
    assert_eq!(suspensions(&barid, "").await.len(), 1, "a token that is no good releases nothing");

    wish("second-simulator-token");
    wait_until(&barid, "the release", <[Value]>::is_empty).await;
    barid.settle("survey").await;
    reconcile(&barid, "survey", &people).await.assert_clean(&barid);
    assert_eq!(alerts().await, None);
    let history = barid.get("/api/v1/jobs/verify-token/history").await;
    assert_eq!(history["items"][0]["trigger"], "notice", "{history}");
    assert!(!barid.log().contains("second-simulator-token"), "the token is in no log");
}
