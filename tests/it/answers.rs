//! What people send is answered: once, in their language, also when the process dies and callbacks come again and again.

use std::time::{Duration, Instant};

use barid::simulator::LedgerRow;
use serde_json::Value;

use crate::harness::{Barid, PATIENCE, Setup};

const NADIA: &str = "+966500000101";
const OMAR: &str = "+966500000102";

async fn serving() -> Barid {
    let mut barid = Barid::prepare(Setup { answers: true, ..Setup::default() }).await;
    let flows = barid.dir.path().join("jobs/flows");
    std::fs::create_dir_all(&flows).unwrap();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs/flows/csat.toml");
    std::fs::copy(shipped, flows.join("csat.toml")).unwrap();
    barid.start().await;
    barid
}

fn said_to(barid: &Barid, phone: &str) -> Vec<LedgerRow> {
    barid.simulator.ledger().into_iter().filter(|row| row.to == phone).collect()
}

async fn until(barid: &Barid, what: &str, holds: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(
            begin.elapsed() < PATIENCE,
            "waited in vain for: {what}\n{:?}\n{}",
            barid.simulator.ledger(),
            barid.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn feedback(barid: &Barid) -> Vec<Value> {
    barid.get("/api/v1/feedback").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_burst_is_confirmed_once_in_the_language_of_its_words() {
    let barid = serving().await;
    for text in ["السلام عليكم", "التوصيل تأخر ثلاثة أيام", "والكرتون تالف"]
    {
        barid.simulator_says(NADIA, text).await;
    }
    barid.simulator_says(OMAR, "The staff were very helpful").await;
    until(&barid, "both to be answered", async || {
        !said_to(&barid, NADIA).is_empty() && !said_to(&barid, OMAR).is_empty()
    })
    .await;
    let kept = feedback(&barid).await;
    assert_eq!(kept.len(), 4);
    let reference_of_first =
        kept.iter().rev().find(|item| item["phone"] == NADIA).unwrap()["reference"].as_str().unwrap();
    let [row] = &said_to(&barid, NADIA)[..] else { panic!("one confirmation") };
    let text = row.text.as_deref().unwrap();
    assert!(text.contains(reference_of_first) && text.contains("شكرًا"), "{text}");
    assert!(said_to(&barid, OMAR)[0].text.as_deref().unwrap().contains("Thank you"));
}

#[tokio::test]
async fn a_stop_gets_one_notice_and_then_silence() {
    let barid = serving().await;
    barid.simulator_says(NADIA, "STOP").await;
    until(&barid, "the notice", async || !said_to(&barid, NADIA).is_empty()).await;
    barid.simulator_says(NADIA, "are you there?").await;
    barid.simulator_says(OMAR, "hello").await;
    until(&barid, "the other to be answered", async || !said_to(&barid, OMAR).is_empty()).await;
    let said = said_to(&barid, NADIA);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].text.as_deref().unwrap().contains("START"), "{said:?}");
}

#[tokio::test]
async fn a_survey_in_the_chat_survives_a_kill_and_is_kept_as_a_result() {
    let mut barid = serving().await;
    barid.simulator_says(NADIA, "hello").await;
    until(&barid, "the confirmation", async || said_to(&barid, NADIA).len() == 1).await;
    barid.kill();
    barid.start().await;
    barid.simulator_says(NADIA, "agent").await;
    until(&barid, "people to be called", async || said_to(&barid, NADIA).len() == 2).await;
    assert!(said_to(&barid, NADIA)[1].text.as_deref().unwrap().contains("member of our team"));
    barid.kill();
    barid.start().await;
    barid.simulator_says(NADIA, "are you there?").await;
    barid.simulator_says(OMAR, "hello").await;
    until(&barid, "the other to be answered", async || !said_to(&barid, OMAR).is_empty()).await;
    assert_eq!(said_to(&barid, NADIA).len(), 2, "people hold the talk: barid is silent");
}
