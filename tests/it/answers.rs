//! What people send is answered: once, in their language, also when the process dies and callbacks come again and again.

use std::time::{Duration, Instant};

use barid::simulator::LedgerRow;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Barid, PATIENCE, Setup};

pub(crate) const NADIA: &str = "+966500000101";
pub(crate) const OMAR: &str = "+966500000102";

pub(crate) async fn serving() -> Barid {
    let mut barid = Barid::prepare(Setup { answers: true, ..Setup::default() }).await;
    let flows = barid.dir.path().join("jobs/flows");
    std::fs::create_dir_all(&flows).unwrap();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs/flows/csat.toml");
    std::fs::copy(shipped, flows.join("csat.toml")).unwrap();
    barid.start().await;
    barid
}

pub(crate) fn said_to(barid: &Barid, phone: &str) -> Vec<LedgerRow> {
    barid.simulator.ledger().into_iter().filter(|row| row.to == phone).collect()
}

pub(crate) async fn until(barid: &Barid, what: &str, holds: impl AsyncFn() -> bool) {
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

#[expect(clippy::disallowed_methods, reason = "the service in the other process goes by the clock of this machine")]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_callback_delivered_ten_times_at_once_is_one_feedback_and_one_confirmation() {
    let barid = serving().await;
    let settings = barid.simulator.settings();
    let number = &settings.numbers[0];
    let (from, now) = (NADIA.trim_start_matches('+'), jiff::Timestamp::now().as_second().to_string());
    let said = json!({ "from": from, "id": "wamid.SAME", "timestamp": now, "type": "text", "text": { "body": "الموظفون رائعون" } });
    let metadata =
        json!({ "display_phone_number": number.display_phone_number, "phone_number_id": number.phone_number_id });
    let value = json!({ "messaging_product": "whatsapp", "metadata": metadata, "contacts": [{ "wa_id": from }], "messages": [said] });
    let change = json!({ "field": "messages", "value": value });
    let entry = json!({ "id": number.business_account_id, "changes": [change] });
    let body = json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(settings.app_secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let url = format!("http://{}/api/whatsapp/webhook", barid.listen);
    let post = || barid.http.post(&url).header("x-hub-signature-256", &signature).body(body.clone()).send();
    let answers = futures_util::future::join_all((0..10).map(|_| post())).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 200));

    until(&barid, "the confirmation", async || !said_to(&barid, NADIA).is_empty()).await;
    until(&barid, "all ten to be applied", async || {
        barid.get("/api/whatsapp/status").await["callbacks"]["waiting"] == 0
    })
    .await;
    // Whoever writes after that is answered, so whatever else there was to say to the first would have been said.
    barid.simulator_says(OMAR, "The staff were very helpful").await;
    until(&barid, "the next to be answered", async || !said_to(&barid, OMAR).is_empty()).await;
    assert_eq!(said_to(&barid, NADIA).len(), 1, "{:?}", said_to(&barid, NADIA));
    assert_eq!(feedback(&barid).await.iter().filter(|item| item["phone"] == NADIA).count(), 1);
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

// Commands block a thread; on another one it is noticed when the service closes a connection that nobody used meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survey_in_the_chat_survives_a_kill_and_is_kept_as_a_result() {
    let mut barid = serving().await;
    barid.simulator_presses(NADIA, "start-csat", "ابدأ التقييم").await;
    until(&barid, "the first question", async || said_to(&barid, NADIA).len() == 1).await;
    barid.kill();
    barid.start().await;
    barid.simulator_says(NADIA, "٥").await;
    until(&barid, "the second question", async || said_to(&barid, NADIA).len() == 2).await;
    barid.kill();
    // Said while nobody listens: the callback is delivered again.
    barid.simulator_says(NADIA, "=1+1 كل شيء ممتاز").await;
    barid.start().await;
    until(&barid, "the thanks", async || said_to(&barid, NADIA).len() == 3).await;
    let thanks = said_to(&barid, NADIA)[2].text.clone().unwrap();
    assert!(thanks.contains('5') && thanks.contains("شكرًا"), "{thanks}");

    let results = barid.get("/api/v1/flows/csat/results").await;
    let [row] = &results["items"].as_array().unwrap()[..] else { panic!("one result: {results}") };
    assert_eq!((&row["state"], &row["phone"], &row["language"]), (&"completed".into(), &NADIA.into(), &"ar".into()));
    let answers = serde_json::json!({ "score": 5, "comment": "=1+1 كل شيء ممتاز" });
    assert_eq!(row["answers"], answers, "{row}");
    let exported = barid.run(&["flow", "results", "csat"]);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let lines: Vec<&str> = exported.lines().collect();
    let columns = "contact,phone,version,language,state,began_at,ended_at,answer_score,answer_topic,answer_comment";
    assert_eq!((lines[0], lines.len()), (columns, 2), "{exported}");
    assert!(lines[1].ends_with(",5,,'=1+1 كل شيء ممتاز"), "no formula: {exported}");
    let json = barid.run(&["flow", "results", "csat", "--format", "json", "--until", "2100-01-01T00:00:00Z"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["answers"]), (1, &answers));

    let scores = barid.get("/api/v1/flows/csat/scores").await;
    let version = &scores["versions"][0];
    assert_eq!((&version["ended"], &version["completion_rate"]), (&1.into(), &1.0.into()), "{scores}");
    let csat = serde_json::json!({ "question": "score", "scale": "csat", "answered": 1, "satisfied": 1,
                                   "satisfied_share": 1.0, "mean": 5.0 });
    assert_eq!(version["questions"], serde_json::json!([csat]));
    let metrics = barid.metrics().await;
    for line in [
        r#"barid_flow_results_total{flow="csat",state="completed"} 1"#,
        r#"barid_flow_results_total{flow="csat",state="partial"} 0"#,
        r#"barid_flow_scores_total{flow="csat",scale="csat",score="5"} 1"#,
        r#"barid_flow_scores_total{flow="csat",scale="csat",score="1"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let misspelt = barid.http.get(format!("http://{}/api/v1/flows/csta/results", barid.listen));
    let misspelt = misspelt.bearer_auth(crate::harness::TOKEN).send().await.unwrap();
    assert_eq!(misspelt.status().as_u16(), 404);
    assert!(misspelt.text().await.unwrap().contains("did you mean `csat`"));
}

#[tokio::test]
async fn people_are_called_by_a_word_and_barid_stays_silent_through_a_kill() {
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
