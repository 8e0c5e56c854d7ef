//! What a campaign file can ask for beside its message, over the whole service: stages, reminders, quiet hours, recent contacts, a replay of
//! what failed, and turns between campaigns.

#![expect(clippy::disallowed_methods, reason = "the service under test lives in real time")]

use barid::simulator::{ErrorShare, Faults, Statuses};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::harness::{Barid, Contact, Setup, people};

/// As in the harness, with more lines at the end of the file, and in `[audience]`.
fn add_to_campaign(barid: &Barid, name: &str, audience: &str, rest: &str) {
    let path = barid.dir.path().join(format!("jobs/campaigns/{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("[audience]\n", &format!("[audience]\n{audience}\n"));
    std::fs::write(&path, format!("{text}\n{rest}\n")).unwrap();
}

fn prompt(mps: u32) -> Setup {
    let mut setup = Setup { mps, ..Setup::default() };
    setup.simulator.statuses = Statuses::prompt();
    setup
}

/// Meta refuses so many of the calls as undeliverable, from now on.
fn undeliverable(barid: &Barid, share: f64) {
    let errors = if share > 0.0 { vec![ErrorShare { code: 131_026, share }] } else { Vec::new() };
    barid.simulator.set_faults(Faults { errors, ..Faults::default() }).unwrap();
}

async fn shown(barid: &Barid, name: &str) -> serde_json::Value {
    barid.get(&format!("/api/v1/campaigns/{name}")).await
}

/// How often each number was told, in the order of these people.
fn told(barid: &Barid, people: &[Contact]) -> Vec<usize> {
    let ledger = barid.simulator.ledger();
    people.iter().map(|person| ledger.iter().filter(|row| row.to == person.phone).count()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_that_fails_pauses_the_run_and_whoever_resumes_it_reaches_the_rest() {
    let people = people(150);
    let mut barid = Barid::prepare(prompt(100_000)).await;
    barid.write_campaign("survey", &people, "");
    let rollout = "[rollout]\nstages = [\"20%\", \"100%\"]\nwait = \"1s\"\nhalt_when = { failed_above = \"10%\" }";
    add_to_campaign(&barid, "survey", "", rollout);
    undeliverable(&barid, 1.0);
    barid.start().await;
    barid.start_campaign("survey").await;
    let halted = barid.wait_for("survey", "the halt", |state, _| state == "paused").await;
    assert_eq!(halted["halted"], "failed 100.0% > 10%", "{halted}");
    let (pilot, rest) = (halted["run"]["failed"].as_u64().unwrap(), halted["run"]["planned"].as_u64().unwrap());
    assert!(pilot.abs_diff(30) <= 3 && pilot + rest == 150, "a fifth of the people: {halted}");
    assert_eq!((&halted["rollout"]["stage"], &halted["rollout"]["stages"]), (&1.into(), &2.into()), "{halted}");
    assert!(barid.log().contains("the rollout is halted"), "somebody is told");

    undeliverable(&barid, 0.0);
    let (status, resumed) = barid.post("/api/v1/campaigns/survey/resume").await;
    assert_eq!((status, &resumed["halted"]), (200, &serde_json::Value::Null), "{resumed}");
    let done = barid.settle("survey").await;
    assert_eq!((&done["run"]["failed"], done["run"]["total"].as_u64()), (&pilot.into(), Some(150)), "{done}");

    // And then what failed, once more: first counted, then sent; nobody twice.
    let dry = barid.run(&["campaign", "retry-failed", "survey", "--code", "131026", "--dry-run"]);
    let said = String::from_utf8(dry.stdout).unwrap();
    assert_eq!(said.trim(), format!("would be sent once more: {pilot}"));
    let letters = barid.get("/api/v1/dead-letters?campaign=survey&class=undeliverable").await;
    assert_eq!(letters["items"].as_array().unwrap().len() as u64, pilot);
    let retried = barid.run(&["campaign", "retry-failed", "survey"]);
    let said = String::from_utf8(retried.stdout).unwrap();
    assert_eq!(said.trim(), format!("sent once more: {pilot}"), "{}", String::from_utf8_lossy(&retried.stderr));
    barid.wait_for("survey", "the replay", |_, run| run["failed"] == 0).await;
    barid.settle("survey").await;
    assert!(told(&barid, &people).iter().all(|n| *n == 1), "everybody, and nobody twice");
    assert!(barid.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_that_goes_well_leads_to_everybody_by_itself() {
    let people = people(60);
    let mut barid = Barid::prepare(prompt(100_000)).await;
    barid.write_campaign("survey", &people, "");
    let rollout =
        "[rollout]\nstages = [\"10%\", \"50%\", \"100%\"]\nwait = \"1s\"\nhalt_when = { failed_above = \"10%\" }";
    let budget = "[budget]\nmax = { amount = \"0.10\", currency = \"USD\" }";
    add_to_campaign(&barid, "survey", "", &format!("{rollout}\n{budget}"));
    let plan = barid.run(&["campaign", "plan", "survey", "--json"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let stages: Vec<u64> =
        plan["stages"].as_array().unwrap().iter().map(|stage| stage["recipients"].as_u64().unwrap()).collect();
    assert_eq!(stages, [6, 30, 60], "{plan}");
    assert!(plan["warnings"].to_string().contains("the budget of 0.10 USD ends after"), "{plan}");
    barid.write_campaign("survey", &people, "");
    add_to_campaign(&barid, "survey", "", rollout);
    barid.start().await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the pilot", |_, run| run["read"].as_u64() >= Some(4)).await;
    let done = barid.settle("survey").await;
    assert_eq!(done["run"]["read"], 60, "{done}");
    assert_eq!(done["rollout"]["stage"], 3, "{done}");
    assert!(told(&barid, &people).iter().all(|n| *n == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_message_and_did_not_answer_is_reminded() {
    let people = people(20);
    let mut barid = Barid::prepare(prompt(100_000)).await;
    barid.write_campaign("survey", &people, "");
    // The first message is a recent contact, and not one that keeps the reminder away.
    add_to_campaign(&barid, "survey", "not_contacted_for = \"30d\"", "[reminder]\nafter = \"8s\"");
    barid.start().await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the first run to end", |state, run| state == "finished" && run["read"] == 20).await;
    barid.simulator_says(&people[3].phone, "الخدمة ممتازة").await;
    barid.simulator_says(&people[4].phone, "STOP").await;
    let waiting = shown(&barid, "survey").await;
    assert_eq!((&waiting["reminders"][0]["number"], &waiting["reminders"][0]["state"]), (&1.into(), &"waiting".into()));
    let begin = std::time::Instant::now();
    let reminded = loop {
        let campaign = shown(&barid, "survey").await;
        if campaign["reminders"][0]["state"] == "finished" && campaign["reminders"][0]["run"]["read"] == 18 {
            break campaign;
        }
        assert!(begin.elapsed() < crate::harness::PATIENCE, "{campaign}\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(
        (&reminded["state"], &reminded["run"]["total"]),
        (&"finished".into(), &20.into()),
        "the run itself is as it was"
    );
    assert_eq!(reminded["reminders"].as_array().unwrap().len(), 1, "once: {reminded}");
    let told = told(&barid, &people);
    let expected: Vec<usize> = (0..20).map(|n| if n == 3 || n == 4 { 1 } else { 2 }).collect();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_hours_of_the_person_nobody_is_written_to() {
    let mut people = people(12);
    // Half of them live in New Zealand, ten hours ahead and more.
    for (n, person) in people[..6].iter_mut().enumerate() {
        person.phone = format!("+64211234{n:03}");
    }
    let riyadh = TimeZone::get("Asia/Riyadh").unwrap();
    let clock = |hours: i64| {
        let at = Timestamp::now() + SignedDuration::from_hours(hours);
        at.to_zoned(riyadh.clone()).strftime("%H:%M").to_string()
    };
    let quiet = format!("quiet_hours = {{ from = \"{}\", to = \"{}\" }}", clock(-2), clock(3));
    let mut barid = Barid::prepare(prompt(100_000)).await;
    barid.write_campaign("survey", &people, &quiet);
    barid.start().await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "half to be told, half to wait", |_, run| run["held"] == 6 && run["read"] == 6).await;
    let campaign = shown(&barid, "survey").await;
    assert_eq!(
        (&campaign["waits_for"], &campaign["held_for"]["quiet-hours"]),
        (&"quiet-hours".into(), &6.into()),
        "{campaign}"
    );
    let held = barid.get("/api/v1/messages?campaign=survey&state=held").await;
    let until: Timestamp = held["items"][0]["until"].as_str().unwrap().parse().unwrap();
    let wait = Timestamp::now().duration_until(until);
    assert!(wait > SignedDuration::from_mins(110) && wait < SignedDuration::from_mins(181), "{wait}");
    let told = told(&barid, &people);
    assert!(told[..6].iter().all(|n| *n == 1) && told[6..].iter().all(|n| *n == 0), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_heard_from_another_campaign_lately_is_left_alone_and_counted() {
    let people = people(10);
    let mut barid = Barid::prepare(prompt(100_000)).await;
    barid.write_campaign("first", &people[..4], "");
    barid.write_campaign("second", &people, "");
    add_to_campaign(&barid, "second", "not_contacted_for = \"30d\"", "");
    barid.start().await;
    barid.start_campaign("first").await;
    barid.settle("first").await;
    let plan = barid.run(&["campaign", "plan", "second", "--json"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((&plan["recipients"], &plan["skipped"]["contacted-recently"]), (&6.into(), &4.into()), "{plan}");
    barid.start_campaign("second").await;
    let done = barid.settle("second").await;
    assert_eq!((&done["run"]["read"], &done["suppressed_for"]["contacted-recently"]), (&6.into(), &4.into()), "{done}");
    assert!(told(&barid, &people).iter().all(|n| *n == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_campaign_and_a_single_message_have_their_turn_beside_a_large_one() {
    const MPS: usize = 70;
    let everybody = people(4_000);
    let (large, small, alone) = (&everybody[..3_900], &everybody[3_900..3_930], &everybody[3_999]);
    let mut barid = Barid::prepare(prompt(70)).await;
    barid.write_campaign("large", large, "");
    barid.write_campaign("small", small, "");
    barid.write_campaign("other", std::slice::from_ref(alone), "");
    barid.start().await;
    barid.start_campaign("large").await;
    barid
        .wait_for("large", "the large one to be under way", |_, run| {
            run["planned"].as_u64() > Some(3_000) && run["read"].as_u64() > Some(20)
        })
        .await;
    let csv = barid.dir.path().join("jobs/campaigns/other.csv");
    let imported = barid.run(&["contacts", "import", csv.to_str().unwrap()]);
    assert!(imported.status.success(), "{imported:?}");

    let before = barid.simulator.ledger().len();
    barid.start_campaign("small").await;
    barid.wait_for("small", "the small one to be done", |state, _| state == "finished").await;
    let ledger = barid.simulator.ledger();
    let places: Vec<usize> = ledger
        .iter()
        .enumerate()
        .filter(|(_, row)| small.iter().any(|person| person.phone == row.to))
        .map(|(at, _)| at - before)
        .collect();
    // Its audience is resolved, which takes as long as it takes here, it is fed, and then each second call is its own.
    assert_eq!(places.len(), 30);
    assert!(places[0] < 20 * MPS && places[29] < places[0] + 3 * MPS, "{places:?}");

    let path = format!("http://{}/api/v1/campaigns/other/test", barid.listen);
    let body = serde_json::json!({ "phone": alone.phone }).to_string();
    let answer = barid.http.post(path).bearer_auth(crate::harness::TOKEN).body(body).send().await.unwrap();
    let before = barid.simulator.ledger().len();
    assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    let begin = std::time::Instant::now();
    let place = loop {
        let ledger = barid.simulator.ledger();
        if let Some(at) = ledger.iter().position(|row| row.to == alone.phone) {
            break at.saturating_sub(before);
        }
        assert!(begin.elapsed() < crate::harness::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert!(place < 10 * MPS, "a single message does not wait for bulk: {place}");
    barid.post("/api/v1/campaigns/large/cancel").await;
}
