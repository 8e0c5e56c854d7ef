//! Meta's door of the running service, for those who are not Meta and for Meta on a bad day.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::harness::{Barid, Setup, people};

fn door(barid: &Barid) -> String {
    format!("http://{}/api/whatsapp/webhook", barid.listen)
}

fn signature(barid: &Barid, body: &[u8]) -> String {
    let secret = &barid.simulator.settings().app_secret;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Delivers a body as Meta does; answers the status.
pub(super) async fn post(barid: &Barid, body: Vec<u8>) -> u16 {
    let signature = signature(barid, &body);
    let request = barid.http.post(door(barid)).header("x-hub-signature-256", signature).body(body);
    request.send().await.expect("it answers").status().as_u16()
}

fn text_message(phone_number_id: &str, from: &str, id: &str, text: &str) -> Vec<u8> {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550100001", "phone_number_id": phone_number_id },
        "contacts": [{ "profile": { "name": "Somebody" }, "wa_id": from }],
        "messages": [{ "from": from, "id": id, "timestamp": "1795000000", "type": "text", "text": { "body": text } }],
    });
    let entry = json!([{ "id": "800000000000001", "changes": [{ "field": "messages", "value": value }] }]);
    serde_json::to_vec(&json!({ "object": "whatsapp_business_account", "entry": entry })).unwrap()
}

async fn metric(barid: &Barid, name: &str) -> u64 {
    let metrics = barid.metrics().await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("there is no {name}")).trim().parse().unwrap()
}

/// Waits until a metric has this value.
async fn reaches(barid: &Barid, name: &str, value: u64) {
    let begin = std::time::Instant::now();
    while metric(barid, name).await != value {
        assert!(begin.elapsed() < crate::harness::PATIENCE, "{name} does not become {value}\n{}", barid.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

const RESULT: &str = "barid_webhook_requests_total";

#[tokio::test(flavor = "multi_thread")]
async fn the_door_takes_what_is_signed_once_and_nothing_else() {
    let barid = Barid::start_with(Setup::default(), &people(1)).await;
    let own = barid.simulator.settings().numbers[0].phone_number_id.clone();
    let body = text_message(&own, "966510000000", "wamid.FIRST", "thank you");

    let unsigned = barid.http.post(door(&barid)).body(body.clone()).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    for wrong in [signature(&barid, b"another body"), "sha256=abc".to_owned(), "nonsense".to_owned()] {
        let request = barid.http.post(door(&barid)).header("x-hub-signature-256", wrong).body(body.clone());
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    assert_eq!(post(&barid, vec![b' '; 4 * 1024 * 1024]).await, 413);

    let verify = |token: &str| {
        let query = [("hub.mode", "subscribe"), ("hub.challenge", "1158201444"), ("hub.verify_token", token)];
        barid.http.get(door(&barid)).query(&query).send()
    };
    let right = verify(&barid.simulator.settings().verify_token).await.unwrap();
    assert_eq!((right.status().as_u16(), right.text().await.unwrap().as_str()), (200, "1158201444"));
    let wrong = verify("not the token").await.unwrap();
    assert_eq!(wrong.status(), 403);
    assert!(!wrong.text().await.unwrap().contains("1158201444"));

    // Nobody without a signature left a trace.
    assert_eq!(metric(&barid, "barid_news_waiting ").await, 0);
    assert_eq!(metric(&barid, &format!("{RESULT}{{result=\"kept\"}} ")).await, 0);
    for (result, n) in [("bad-signature", 4), ("too-large", 1), ("verified", 1), ("bad-token", 1)] {
        assert_eq!(metric(&barid, &format!("{RESULT}{{result=\"{result}\"}} ")).await, n, "{result}");
    }

    // Signed and no JSON: Meta would send it for days if it were refused. Kept, counted, told; not tried again and again.
    assert_eq!(post(&barid, b"{\"object\":".to_vec()).await, 200);
    reaches(&barid, "barid_news_total{effect=\"set-aside\"} ", 1).await;
    reaches(&barid, "barid_news_waiting ", 0).await;
    assert!(barid.log().contains("it is set aside and kept"), "{}", barid.log());

    // The same callback ten times at once.
    let statuses = futures_util::future::join_all((0..10).map(|_| post(&barid, body.clone()))).await;
    assert_eq!(statuses, [200; 10]);
    reaches(&barid, "barid_feedback_total{language=\"en\",sentiment=\"positive\"} ", 1).await;
    reaches(&barid, "barid_news_waiting ", 0).await;
    let feedback = barid.get("/api/v1/feedback").await;
    assert_eq!(feedback["items"].as_array().unwrap().len(), 1, "{feedback}");
    assert_eq!(feedback["items"][0]["text"], "thank you");

    // Several numbers may share an app: what is for another one is acknowledged.
    let foreign = text_message("999999999999999", "966510000001", "wamid.SECOND", "not for you");
    assert_eq!(post(&barid, foreign).await, 200);
    reaches(&barid, "barid_news_waiting ", 0).await;
    reaches(&barid, "barid_news_total{effect=\"foreign\"} ", 1).await;
    assert_eq!(barid.get("/api/v1/feedback").await["items"].as_array().map(Vec::len), Some(1), "not our feedback");
    assert_eq!(metric(&barid, &format!("{RESULT}{{result=\"kept\"}} ")).await, 12);
}
