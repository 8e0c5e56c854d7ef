//! Campaign files that come while the service runs, are broken, or say when to start.

use std::time::{Duration, Instant};

use barid::simulator::Statuses;
use serde_json::Value;

use crate::harness::account::reconcile;
use crate::harness::{Barid, PATIENCE, Setup, people};

async fn campaigns(barid: &Barid) -> Vec<String> {
    let list = barid.get("/api/v1/campaigns").await;
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    list["items"].as_array().unwrap().iter().map(name).collect()
}

async fn until_known(barid: &Barid, name: &str) {
    let begin = Instant::now();
    while !campaigns(barid).await.iter().any(|known| known == name) {
        assert!(begin.elapsed() < PATIENCE, "`{name}` does not become known\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A campaign that was due a second ago.
fn write_due(barid: &Barid, name: &str, people: &[crate::harness::Contact]) {
    barid.write_campaign(name, people, "");
    let file = barid.dir.path().join(format!("jobs/campaigns/{name}.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the service in the other process goes by the clock of this machine")]
    let now = jiff::Timestamp::now();
    let due = (now - jiff::SignedDuration::from_secs(1)).to_zoned(jiff::tz::TimeZone::get("Asia/Riyadh").unwrap());
    std::fs::write(file, format!("start = {}\n{text}", due.datetime().strftime("%Y-%m-%dT%H:%M:%S"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_are_refused_by_name_and_start_by_themselves_once() {
    let people = people(40);
    let mut setup = Setup::default();
    setup.simulator.statuses = Statuses::prompt();
    let mut barid = Barid::start_with(setup, &people).await;
    assert_eq!(campaigns(&barid).await, ["survey"]);
    barid.write_campaign("late-comer", &people, "");
    until_known(&barid, "late-comer").await;

    let broken = barid.dir.path().join("jobs/campaigns/broken.toml");
    std::fs::write(&broken, "template = \"survey-invitation\"\npurpoze = \"survey\"\n").unwrap();
    super::wait_until("the broken file to be told", || {
        let log = barid.log();
        log.contains("broken.toml") && log.contains("purpoze") && log.contains("left out")
    })
    .await;
    assert_eq!(campaigns(&barid).await, ["late-comer", "survey"]);
    let (status, _) = barid.post("/api/v1/campaigns/broken/start").await;
    assert_eq!(status, 404);

    write_due(&barid, "due-first", &people);
    until_known(&barid, "due-first").await;
    barid.settle("due-first").await;
    assert_eq!(barid.simulator.counts().accepted, 40);
    assert!(barid.stop().await);
    barid.start().await;
    assert_eq!(campaigns(&barid).await, ["due-first", "late-comer", "survey"], "at a start, too");
    barid.kill();
    barid.start().await;
    // Campaigns are looked at in the order of their names: when the second has fired, the first was looked at after both starts.
    let second = &crate::harness::people(50)[40..];
    write_due(&barid, "due-second", second);
    until_known(&barid, "due-second").await;
    barid.settle("due-second").await;
    assert_eq!(barid.simulator.counts().accepted, 50, "each fired once");
    reconcile(&barid, "due-first", &people).await.assert_clean(&barid);
    reconcile(&barid, "due-second", second).await.assert_clean(&barid);
    let runs: std::collections::BTreeSet<String> =
        barid.messages("due-first").await.iter().map(|message| message["run"].to_string()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_campaign_file_passes_check() {
    let barid = Barid::prepare(Setup::default()).await;
    let parts = [
        "quiet_hours = { from = \"21:00\", to = \"08:00\", days_off = [\"FRI\", 2026-12-02, \"2026-12-03\"] }",
        "[rollout]\nstages = [\"10%\", \"100%\"]\nwait = \"30m\"\nhalt_when = { failed_above = \"5%\" }",
        "[budget]\nmax = { amount = \"250.00\", currency = \"USD\" }",
        "[reminder]\nafter = \"72h\"\ntimes = 2",
    ];
    barid.write_campaign("survey", &people(1), &parts.join("\n"));
    let fine = barid.run(&["check"]);
    assert_eq!(fine.status.code(), Some(0), "{fine:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_not_set_up_is_refused_by_check() {
    let barid = Barid::prepare(Setup::default()).await;
    barid.write_campaign("survey", &people(1), "fallback = [\"sms\"]");
    let refused = barid.run(&["check"]);
    let said = String::from_utf8(refused.stdout).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    let line = said.lines().find(|line| line.contains("`fallback`")).unwrap_or_default();
    assert!(line.contains("not set up") && line.contains("survey.toml:"), "{said}");
}
