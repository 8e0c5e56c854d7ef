//! Single messages that are asked for while a large campaign is planned and sent: how long until their calls.

#![expect(clippy::disallowed_methods, reason = "what is asked for now is called in real time")]

use std::time::Duration;

use barid::simulator::{Settings, Statuses};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Barid, Setup, TOKEN, people};
use crate::measure::Report;

/// Messages each second of the number: as fast as Meta lets one be.
const MPS: u32 = 1_000;
/// Between two single messages.
const PAUSE: Duration = Duration::from_millis(250);

/// When a message was first called; `None`: not yet.
async fn called_at(barid: &Barid, id: &str) -> Option<Timestamp> {
    let message = barid.get(&format!("/api/v1/messages/{id}")).await;
    let started = message["history"].as_array()?.iter().find(|event| event["event"] == "started")?;
    started["at"].as_str()?.parse().ok()
}

async fn ask_for(barid: &Barid, phone: &str) -> (String, Timestamp) {
    let path = format!("http://{}/api/v1/campaigns/single/test", barid.listen);
    let asked_at = Timestamp::now();
    let answer = barid.http.post(path).bearer_auth(TOKEN).body(json!({ "phone": phone }).to_string()).send().await;
    let answer: Value = answer.expect("it answers").json().await.expect("JSON");
    (answer["message_id"].as_str().unwrap_or_else(|| panic!("no message: {answer}")).to_owned(), asked_at)
}

/// `singles` of them beside a campaign of `n`. The reference is the second that nobody may have to wait.
pub(crate) async fn measure(n: usize, singles: usize) {
    let everybody = people(n + singles);
    let simulator = Settings { statuses: Statuses::off(), ..Setup::default().simulator };
    let mut barid = Barid::prepare(Setup { mps: MPS, simulator, ..Setup::default() }).await;
    barid.write_campaign("large", &everybody[..n], "");
    barid.write_campaign("single", &everybody[n..], "");
    barid.start().await;
    let file = barid.dir.path().join("jobs/campaigns/single.csv");
    let imported = barid.run(&["contacts", "import", file.to_str().expect("the path is text")]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    barid.start_campaign("large").await;
    let mut asked = Vec::with_capacity(singles);
    for person in &everybody[n..] {
        asked.push(ask_for(&barid, &person.phone).await);
        tokio::time::sleep(PAUSE).await;
    }
    let mut waits = Vec::with_capacity(singles);
    for (id, asked_at) in &asked {
        let called_at = loop {
            match called_at(&barid, id).await {
                Some(called_at) => break called_at,
                None => tokio::time::sleep(PAUSE).await,
            }
        };
        waits.push(called_at.duration_since(*asked_at).as_secs_f64());
    }
    waits.sort_by(f64::total_cmp);
    let sent = barid.simulator.counts().accepted;
    assert!(sent < n as u64, "the large campaign ended before the last single message");
    Report::new("single messages beside a large campaign")
        .with("recipients", n)
        .with("singles", singles)
        .with("wait_p50_seconds", waits[singles / 2])
        .with("wait_max_seconds", waits[singles - 1])
        .with("sent_meanwhile", sent)
        .print();
}
