//! Old rows that go while messages are sent: how many in a second, and what sending loses by it.

#![expect(clippy::disallowed_methods, reason = "what is sent meanwhile is sent in real time")]

use std::time::{Duration, Instant};

use barid::simulator::{Settings, Statuses};
use jiff::{SignedDuration, Timestamp};
use sea_orm::ConnectionTrait as _;

use crate::harness::{Barid, Setup, people};
use crate::measure::Report;

/// What sending keeps of its rate, by the issue.
const GOAL_RATIO: f64 = 0.9;
/// Messages each second.
const MPS: u32 = 500;
/// How long is measured without tidying.
const ALONE: Duration = Duration::from_secs(20);
/// Of ten old rows so many are callbacks, messages and their steps.
const SHARES: [usize; 3] = [4, 2, 4];
/// Rows that one statement writes.
const PART: usize = 250_000;

/// Writes old rows into the file past the service, which is not there yet.
async fn fill(url: &str, rows: usize) {
    let database = crate::direct::connect(url).await;
    let old = (Timestamp::now() - SignedDuration::from_hours(900 * 24)).as_millisecond();
    let some = |from: usize, n: usize, what: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {from} + {n}) {what}"
        )
    };
    let contact = format!(
        "INSERT INTO contacts (id, language, timezone, tags, attributes, granted, stopped, created_at, updated_at) \
         VALUES (1, 'ar', 'Asia/Riyadh', '[]', '{{}}', 0, 0, {old}, {old})"
    );
    database.execute_unprepared(&contact).await.expect("a contact");
    let [callbacks, messages, steps] = SHARES.map(|share| rows * share / SHARES.iter().sum::<usize>());
    let kinds = [
        (
            callbacks,
            format!(
                "INSERT INTO journal (received_at, applied_at, body) SELECT {old} + i, {old} + i, randomblob(400) FROM n"
            ),
        ),
        (
            messages,
            format!(
                "INSERT INTO messages (id, contact_id, sender, language, purpose, state, price_micros, expires_at, planned_at, called_at, \
                 changed_at, attempt, whatsapp_id) SELECT i + 1, 1, 'default', 'ar', 'survey', 'read', 2500, {old}, {old}, {old}, {old}, 1, \
                 'wamid.' || hex(randomblob(20)) FROM n"
            ),
        ),
        (
            steps,
            format!(
                "INSERT INTO history (message_id, seq, at, attempt, event, detail) SELECT 1 + i / 2, 1 + i % 2, {old}, 1, 'read', '' FROM n"
            ),
        ),
    ];
    for (n, what) in kinds {
        for from in (0..n).step_by(PART) {
            database.execute_unprepared(&some(from, PART.min(n - from), &what)).await.expect("old rows");
        }
    }
    database.close().await.expect("nothing is under way");
}

fn run(barid: &Barid, arguments: &[&str]) -> String {
    let output = barid.run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Messages that were accepted in each second while `going` is true; looked at twice a second.
async fn rate(barid: &Barid, mut going: impl AsyncFnMut() -> bool) -> (f64, Duration) {
    let (begin, before) = (Instant::now(), barid.simulator.counts().accepted);
    while going().await {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let took = begin.elapsed();
    ((barid.simulator.counts().accepted - before) as f64 / took.as_secs_f64(), took)
}

/// `rows` that are older than anything is kept, beside a campaign of 500 messages/s. The reference is the same sending before it.
pub(crate) async fn measure(rows: usize, recipients: usize) {
    let simulator = Settings { statuses: Statuses::off(), ..Setup::default().simulator };
    let mut barid = Barid::prepare(Setup { mps: MPS, simulator, ..Setup::default() }).await;
    run(&barid, &["migrate"]);
    let file = barid.dir.path().join("state/barid.db");
    fill(&format!("sqlite:{}", file.display()), rows).await;
    let megabytes = || std::fs::metadata(&file).map_or(0, |file| file.len()) as f64 / 1e6;
    let filled = megabytes();
    barid.write_campaign("survey", &people(recipients), "");
    barid.start().await;
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the audience to be planned", |_, run| run["total"] == recipients).await;

    let begin = Instant::now();
    let (alone, _) = rate(&barid, async || begin.elapsed() < ALONE).await;
    let asked = barid.post("/api/v1/jobs/tidy/run").await;
    assert!(asked.0 < 300, "{asked:?}");
    let (beside, took) = rate(&barid, async || {
        let history = barid.get("/api/v1/jobs/tidy/history").await;
        history["items"][0]["finished_at"].is_null()
    })
    .await;
    let history = barid.get("/api/v1/jobs/tidy/history").await;
    let details = &history["items"][0]["details"];
    let removed = ["journal", "messages"].map(|kind| details[kind].as_u64().unwrap_or(0)).iter().sum::<u64>();
    let steps = details["history"].as_u64().unwrap_or(0);
    let total = barid.simulator.counts().accepted;
    assert!(total < recipients as u64, "the campaign ended before the tidying; give it more with --recipients");
    Report::new("tidying beside a campaign")
        .with("old_rows", rows)
        .with("rows_removed", removed + steps)
        .with("seconds", took.as_secs_f64())
        .with("rows_per_second", (removed + steps) as f64 / took.as_secs_f64())
        .with("sent_per_second_alone", alone)
        .with("sent_per_second_beside", beside)
        .with("ratio_to_alone", beside / alone)
        .with("goal_ratio", GOAL_RATIO)
        .with("file_mb_before", filled)
        .with("file_mb_after", megabytes())
        .print();
}
