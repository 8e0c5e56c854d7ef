//! One message to one person, from the API to the simulator's ledger.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Barid, PATIENCE, Setup, TOKEN};

const NADIA: &str = "+966500000101";

async fn serving() -> Barid {
    let more = "[links]\nallowed_hosts = [\"survey.example.com\"]\n".to_owned();
    let mut barid = Barid::prepare(Setup { more, ..Setup::default() }).await;
    barid.environment.push(("BARID__SERVER__PUBLIC_URL", "https://voice.example.com".to_owned()));
    barid.start().await;
    barid
}

async fn ask(barid: &Barid, call: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request =
        barid.http.post(format!("http://{}/api/whatsapp/{call}", barid.listen)).bearer_auth(TOKEN).json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = request.send().await.expect("it answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn wait_until(barid: &Barid, id: &str, what: &str, until: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let message = barid.get(&format!("/api/v1/messages/{id}")).await;
        if until(&message) {
            return message;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{message:#}\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn has_left(message: &Value) -> bool {
    ["submitted", "sent", "delivered", "read"].contains(&message["state"].as_str().unwrap_or_default())
}

fn consent(purpose: &str) -> Value {
    json!({ "purpose": purpose, "source": "shop", "evidence": "form 7 of 2026-11-01" })
}

fn accepted(barid: &Barid) -> usize {
    barid.simulator.ledger().len()
}

#[tokio::test]
async fn a_message_leaves_with_consent_once_for_each_key() {
    let barid = serving().await;
    let body = |consent: Value| {
        json!({ "phone_number": NADIA, "template": "feedback-confirmation", "language": "en",
                "values": { "reference": "VOC-7K3F-9Q", "response_hours": 24 }, "consent": consent })
    };
    let (status, problem) = ask(&barid, "send-message", None, &body(Value::Null)).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:barid:problem:no-consent")), "{problem}");
    let unknown = json!({ "phone_number": NADIA, "template": "feedback-confirmation", "values": { "referense": "x" } });
    let (status, problem) = ask(&barid, "send-message", None, &unknown).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("did you mean `reference`"), "{problem}");

    let first = ask(&barid, "send-message", Some("order-7"), &body(consent("utility"))).await;
    assert_eq!((first.0, &first.1["repeated"]), (202, &json!(false)), "{first:?}");
    let id = first.1["message_id"].as_str().unwrap().to_owned();
    wait_until(&barid, &id, "the message to leave", has_left).await;
    let again = ask(&barid, "send-message", Some("order-7"), &body(consent("utility"))).await;
    assert_eq!((again.0, &again.1["repeated"], &again.1["message_id"]), (202, &json!(true), &json!(id)), "{again:?}");
    assert_ne!(again.1["state"], "planned", "where the first one stands now");
    let (status, problem) = ask(&barid, "send-message", Some("order-7"), &body(consent("survey"))).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:barid:problem:idempotency-key-reused")));
    assert_eq!(accepted(&barid), 1);
    let contact = barid.get(&format!("/api/v1/contacts?phone=%2B{}", &NADIA[1..])).await;
    assert_eq!(contact["items"][0]["consent"], json!(["utility"]), "the consent was recorded");

    barid.simulator_says(NADIA, "إيقاف").await;
    let begin = Instant::now();
    loop {
        let contact = barid.get(&format!("/api/v1/contacts?phone=%2B{}", &NADIA[1..])).await;
        if contact["items"][0]["opted_out"] == true {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "the stop did not come\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (status, problem) = ask(&barid, "send-message", None, &body(consent("utility"))).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("urn:barid:problem:opted-out")), "{problem}");
}

#[tokio::test]
async fn free_words_wait_for_the_window_that_a_nudge_asks_to_open() {
    let barid = serving().await;
    let text =
        |text: &str| json!({ "phone_number": NADIA, "text": text, "language": "ar", "consent": consent("utility") });
    let (status, held) = ask(&barid, "send-message", None, &text("وصلنا ردّ على ملاحظتك")).await;
    assert_eq!((status, held["state"].as_str()), (202, Some("held")), "{held}");
    let (_, second) = ask(&barid, "send-message", None, &text("وهذه رسالة أخرى")).await;
    let ids = [&held, &second].map(|answer| answer["message_id"].as_str().unwrap().to_owned());
    for id in &ids {
        let parked = wait_until(&barid, id, "the words to be held", |message| message["state"] == "held").await;
        assert_eq!(parked["reason"], "window");
    }
    let begin = Instant::now();
    while accepted(&barid) < 1 {
        assert!(begin.elapsed() < PATIENCE, "no nudge came\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let nudges = barid.simulator.ledger();
    assert_eq!(
        nudges.iter().map(|row| row.template.as_deref()).collect::<Vec<_>>(),
        [Some("window_nudge")],
        "one for both"
    );

    barid.simulator_says(NADIA, "نعم").await;
    for id in &ids {
        wait_until(&barid, id, "the words to leave", has_left).await;
    }
    // Inside the window words go at once, and they need no consent of their own.
    let answer = json!({ "phone_number": NADIA, "text": "شكرًا لك" });
    let (status, sent) = ask(&barid, "send-message", None, &answer).await;
    assert_eq!((status, sent["state"].as_str()), (202, Some("planned")), "{sent}");
    let message = wait_until(&barid, sent["message_id"].as_str().unwrap(), "the answer to leave", has_left).await;
    assert_eq!(message["purpose"], "answer");
}

#[tokio::test]
async fn the_link_of_a_survey_leads_on_and_counts_people() {
    let barid = serving().await;
    let body = |link: &str| json!({ "phone_number": NADIA, "survey_title": "Visit", "survey_link": link, "language": "en", "consent": consent("survey") });
    for (link, says) in [("http://survey.example.com/s", "https"), ("https://evil.example.org/s", "survey.example.com")]
    {
        let (status, problem) = ask(&barid, "send-survey", None, &body(link)).await;
        assert_eq!((status, problem["type"].as_str()), (422, Some("urn:barid:problem:bad-link")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    let (status, sent) = ask(&barid, "send-survey", None, &body("https://survey.example.com/s?x=1")).await;
    assert_eq!((status, &sent["tracked"]), (202, &json!(true)), "{sent}");
    let id = sent["message_id"].as_str().unwrap();
    wait_until(&barid, id, "the invitation to leave", has_left).await;
    let row = barid.simulator.ledger().pop().unwrap();
    let link = row.parameters.iter().find_map(|value| value.strip_prefix("https://voice.example.com/r/"));
    let token = link.expect("the link is ours");

    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let open = async |agent: &str, token: &str| {
        let answer =
            client.get(format!("http://{}/r/{token}", barid.listen)).header("user-agent", agent).send().await.unwrap();
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), to)
    };
    let there = (302, Some("https://survey.example.com/s?x=1".to_owned()));
    assert_eq!(open("Mozilla/5.0", token).await, there);
    assert_eq!(open("WhatsApp/2.24", token).await, there, "whoever shows a card sees the page, and is not counted");
    assert_eq!(open("Mozilla/5.0", &"a".repeat(24)).await, (404, None));
    assert_eq!(open("Mozilla/5.0", "x").await, (404, None));
    let clicks = barid.get(&format!("/api/v1/messages/{id}")).await["clicks"].clone();
    assert_eq!(clicks["n"], 1, "{clicks}");
}
