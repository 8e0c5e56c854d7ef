//! Opt-in by keyword and double opt-in over the whole service: said, asked, confirmed, and only then written to.

use std::time::Instant;

use barid::simulator::LedgerRow;
use serde_json::{Value, json};

use crate::harness::{Barid, Contact, PATIENCE, Setup, TOKEN};

const NADIA: &str = "+966500000101";
const OMAR: &str = "+966500000102";
const SALMA: &str = "+966500000103";

async fn serving() -> Barid {
    let more =
        "[consent]\ndouble_opt_in = [\"marketing\"]\nkeywords = { marketing = [\"عروض\", \"offers\"] }\n".to_owned();
    let mut barid = Barid::prepare(Setup { answers: true, more, ..Setup::default() }).await;
    let people = [NADIA, OMAR].map(|phone| Contact {
        phone: phone.to_owned(),
        name: "Nadia".to_owned(),
        language: "en",
        consent: "marketing",
    });
    barid.write_campaign("offers", &people, "");
    let file = barid.dir.path().join("jobs/campaigns/offers.toml");
    let campaign = std::fs::read_to_string(&file).unwrap().replace("purpose = \"survey\"", "purpose = \"marketing\"");
    std::fs::write(file, campaign).unwrap();
    barid.start().await;
    barid
}

fn sent(barid: &Barid, phone: &str, template: &str) -> Vec<LedgerRow> {
    let rows = barid.simulator.ledger().into_iter();
    rows.filter(|row| row.to == phone && row.template.as_deref() == Some(template)).collect()
}

async fn until(barid: &Barid, what: &str, holds: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn contact(barid: &Barid, phone: &str) -> Value {
    let found = barid.get(&format!("/api/v1/contacts?phone={}", phone.replace('+', "%2B"))).await;
    found["items"][0].clone()
}

#[tokio::test]
async fn who_confirms_is_written_to_and_who_does_not_is_not() {
    let barid = serving().await;
    barid.simulator_says(NADIA, "Offers!").await;
    until(&barid, "the question", async || !sent(&barid, NADIA, "consent_request").is_empty()).await;
    let question = sent(&barid, NADIA, "consent_request").remove(0);
    assert!(question.parameters.iter().any(|value| value.contains("offers and news")), "{question:?}");
    assert_eq!(question.buttons, [Some("consent-yes".to_owned()), Some("consent-no".to_owned())]);
    assert_eq!(contact(&barid, NADIA).await["unconfirmed"], json!(["marketing"]));

    let button = json!({ "payload": "consent-yes", "text": "Yes, I agree" });
    barid.inbound(json!({ "from": NADIA, "button": button, "context": question.wamid })).await;
    until(&barid, "the consent", async || contact(&barid, NADIA).await["consent"] == json!(["marketing"])).await;
    assert_eq!(contact(&barid, NADIA).await["unconfirmed"], json!([]));

    let (status, started) = barid.post("/api/v1/campaigns/offers/start").await;
    assert!((200..300).contains(&status), "{started}");
    until(&barid, "the campaign", async || !sent(&barid, NADIA, "survey_invitation").is_empty()).await;
    until(&barid, "the other to be asked", async || !sent(&barid, OMAR, "consent_request").is_empty()).await;
    let messages = barid.get("/api/v1/messages?campaign=offers").await;
    let of_omar = messages["items"].as_array().unwrap().iter().find(|item| item["phone"] == OMAR).unwrap().clone();
    assert_eq!((&of_omar["state"], &of_omar["reason"]), (&json!("suppressed"), &json!("no-consent")), "{of_omar}");
    assert!(sent(&barid, OMAR, "survey_invitation").is_empty());
    assert_eq!(sent(&barid, NADIA, "consent_request").len(), 1, "asked once");
}

#[tokio::test]
async fn a_request_to_send_with_consent_that_must_be_confirmed_is_refused_and_the_person_asked() {
    let barid = serving().await;
    let body = json!({ "phone_number": SALMA, "template": "feedback-confirmation", "language": "en", "purpose": "marketing",
                       "values": { "reference": "VOC-7K3F-9Q", "response_hours": 24 },
                       "consent": { "purpose": "marketing", "source": "shop", "evidence": "form 7" } });
    let url = format!("http://{}/api/whatsapp/send-message", barid.listen);
    let answer = barid.http.post(url).bearer_auth(TOKEN).json(&body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:barid:problem:consent-unconfirmed", "{problem}");
    until(&barid, "the question", async || !sent(&barid, SALMA, "consent_request").is_empty()).await;
    assert!(sent(&barid, SALMA, "feedback_confirmation").is_empty());
}
