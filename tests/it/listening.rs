//! What people and Meta tell, from the simulator through the real binary into the record.

use std::time::{Duration, Instant};

use barid::simulator::Outcome;
use serde_json::{Value, json};

use crate::harness::{Barid, PATIENCE, Setup, people};

async fn contact(barid: &Barid, phone: &str) -> Value {
    let found = barid.get(&format!("/api/v1/contacts?phone={}", phone.replace('+', "%2B"))).await;
    found["items"][0].clone()
}

/// Feedback of these kinds, once it is all there.
async fn feedback(barid: &Barid, n: usize) -> Vec<Value> {
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("everything is told");
    let begin = Instant::now();
    loop {
        let feedback = barid.get("/api/v1/feedback").await["items"].as_array().expect("a list").clone();
        if feedback.len() >= n {
            return feedback;
        }
        assert!(begin.elapsed() < PATIENCE, "{feedback:#?}\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_marketing_is_known_by_their_own_word_and_by_metas_refusal() {
    let mut people = people(3);
    people[0].phone = "+966500009050".to_owned();
    let mut setup = Setup::default();
    setup.simulator.suffixes = [("9050".to_owned(), Outcome::Failed(131_050))].into();
    let barid = Barid::start_with(setup, &people).await;
    barid.inbound(json!({ "from": people[1].phone, "preference": "stop" })).await;
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("everything is told");
    assert_eq!(contact(&barid, &people[1].phone).await["marketing_stopped"], true, "in force before the 200");
    barid.start_campaign("survey").await;
    let run = barid.settle("survey").await["run"].clone();
    // The template that ships is of the category MARKETING, and the purpose of the campaign is a survey.
    let arrived = run["delivered"].as_u64().unwrap() + run["read"].as_u64().unwrap();
    assert_eq!((&run["failed"], &run["suppressed"], arrived), (&1.into(), &1.into(), 1), "{run}");
    let told: Vec<_> = barid.simulator.ledger().iter().map(|row| row.to.clone()).collect();
    assert!(!told.contains(&people[1].phone), "{told:?}");
    for (person, stopped) in people.iter().zip([true, true, false]) {
        let contact = contact(&barid, &person.phone).await;
        assert_eq!(
            (&contact["marketing_stopped"], &contact["opted_out"]),
            (&stopped.into(), &false.into()),
            "{contact}"
        );
    }
    barid.inbound(json!({ "from": people[1].phone, "preference": "resume" })).await;
    tokio::time::timeout(PATIENCE, barid.simulator.quiet()).await.expect("everything is told");
    assert_eq!(contact(&barid, &people[1].phone).await["marketing_stopped"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_person_sends_is_kept_and_a_new_number_is_the_same_person() {
    let people = people(1);
    let (old, new) = (people[0].phone.clone(), "+966500007777");
    let barid = Barid::start_with(Setup::default(), &people).await;
    // The campaign brings its audience into the record.
    barid.start_campaign("survey").await;
    barid.settle("survey").await;
    let id = contact(&barid, &old).await["id"].clone();
    let of_any_kind = [
        json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Omar" }, "phones": [{ "phone": "+966500000303" }] }] }),
        json!({ "type": "order", "order": { "catalog_id": "1", "product_items": [{ "product_retailer_id": "sku", "quantity": 1, "item_price": 2, "currency": "SAR" }] } }),
        json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": { "name": "flow", "body": "Sent", "response_json": "{\"a\":1}" } } }),
        json!({ "type": "unsupported", "unsupported": { "type": "poll_creation" } }),
        json!({ "type": "hologram", "hologram": {} }),
    ];
    for message in &of_any_kind {
        barid.inbound(json!({ "from": old, "message": message })).await;
    }
    barid.inbound(json!({ "from": old, "location": { "latitude": 24.7, "longitude": 46.6 } })).await;
    barid.inbound(json!({ "from": old, "media": { "type": "audio" } })).await;
    barid.inbound(json!({ "from": old, "text": "8 of 10", "id": "wamid.ORIGINAL" })).await;
    let mut kinds: Vec<_> =
        feedback(&barid, 8).await.iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["contacts", "location", "nfm_reply", "order", "text", "unrecognised", "unsupported", "voice"]);

    let edit = json!({ "type": "edit", "edit": { "original_message_id": "wamid.ORIGINAL", "message": { "type": "text", "text": { "body": "3 of 10" } } } });
    barid.inbound(json!({ "from": old, "message": edit })).await;
    let moved =
        json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": new.trim_start_matches('+') } });
    barid.inbound(json!({ "from": old, "message": moved })).await;
    barid.inbound(json!({ "from": new, "text": "hello from my new number" })).await;
    let all = feedback(&barid, 9).await;
    let begin = Instant::now();
    // The callbacks are applied by jobs, in any order.
    while contact(&barid, new).await["id"] != id {
        assert!(begin.elapsed() < PATIENCE, "{all:#?}\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(contact(&barid, new).await["consent"], json!(["survey"]), "consent goes along");
    assert_eq!(contact(&barid, &old).await, Value::Null, "the old number is nobody's");
    let all = feedback(&barid, 9).await;
    assert!(all.iter().all(|item| item["contact"] == id), "{all:#?}");
    let begin = Instant::now();
    while !feedback(&barid, 9).await.iter().any(|item| item["text"] == "3 of 10") {
        assert!(begin.elapsed() < PATIENCE, "the correction is not applied\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_replayed_through_the_daemon_and_change_nothing_twice() {
    let people = people(5);
    let mut barid = Barid::start_with(Setup::default(), &people).await;
    barid.start_campaign("survey").await;
    let before = barid.settle("survey").await;
    barid.simulator_says(&people[0].phone, "thanks").await;
    assert_eq!(feedback(&barid, 1).await.len(), 1);
    let listed: Value =
        serde_json::from_slice(&barid.run(&["news", "list", "--all", "--limit", "1000", "--json"]).stdout).unwrap();
    let rows = listed.as_array().expect("a list").len();
    assert!(rows > 5, "{listed}");
    let dry: Value =
        serde_json::from_slice(&barid.run(&["news", "replay", "--all", "--dry-run", "--json"]).stdout).unwrap();
    assert_eq!(dry["rows"], rows);
    let said = |words: &str| {
        dry["items"].as_array().unwrap().iter().any(|item| item["says"].as_str().unwrap().contains(words))
    };
    assert!(said("status delivered") && said("message (text)"), "{dry}");
    let done = barid.run(&["news", "replay", "--all"]);
    assert!(String::from_utf8_lossy(&done.stdout).contains(&format!("applied again: {rows}")), "{done:?}");
    let after = barid.settle("survey").await;
    assert_eq!((&after["run"], &after["cost"]), (&before["run"], &before["cost"]));
    assert_eq!(feedback(&barid, 1).await.len(), 1);
    let refused = barid.run(&["news", "replay"]);
    assert_eq!(refused.status.code(), Some(64), "it wants to know which");
    assert!(barid.stop().await);
    let offline: Value =
        serde_json::from_slice(&barid.run(&["news", "replay", "--all", "--dry-run", "--json"]).stdout).unwrap();
    assert_eq!(offline["rows"], rows, "the same without a daemon");
}
