//! What is to be told: written with what happened, told at least once, given up, replayed, forgotten in time.

use barid::domain::consent::ConsentChangeKind;
use barid::domain::delivery::Fact;
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::hook::delivery::{DeliveryState, GaveUp, HookAnswer, HookHealth, Next, SICK_AFTER};
use barid::domain::hook::{HookEvent, HookEvents, Subscriptions, envelope};
use barid::domain::ids::{HookDeliveryId, HookName};
use barid::domain::news::{ProviderStatus, Source};
use barid::ports::{
    Contacts as _, HookAttempt, HookDelivery, HookFilter, HookRecorded, Journal as _, Messages as _, Outbox as _,
    RowNews, Store as _,
};
use barid::store::{SqlStore, StoreSettings};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Database, at, callback, change, heard, inbound, on_both_databases, people, phone, run_to, settings, start, status,
    stop, wamid,
};

fn hook(name: &str) -> HookName {
    name.parse().unwrap()
}

/// A store whose hook `crm` wants everything and whose hook `voc` wants feedback.
async fn open(database: &Database) -> SqlStore {
    let hooks =
        vec![(hook("crm"), HookEvents::all()), (hook("voc"), [HookEvent::FeedbackReceived].into_iter().collect())];
    let settings = StoreSettings { hooks: Subscriptions::new(hooks), ..settings() };
    SqlStore::open(&database.url, &settings).await.expect("the database is there")
}

async fn due(store: &SqlStore, name: &str, now: Timestamp) -> Vec<HookDeliveryId> {
    let due = store.due_deliveries(&hook(name), now, 1_000).await.unwrap();
    due.into_iter().map(|(id, _)| id).collect()
}

async fn load(store: &SqlStore, id: HookDeliveryId) -> HookDelivery {
    store.delivery(id).await.unwrap().expect("it is there")
}

/// Everything that is to be told to `crm`: the event's name and its data.
async fn told(store: &SqlStore) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    for id in due(store, "crm", at(1_000_000)).await {
        let delivery = load(store, id).await;
        told.push((delivery.event, serde_json::from_str(&delivery.data).unwrap()));
    }
    told
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(event, _)| event.as_str()).collect()
}

fn answered(status: u16) -> HookAnswer {
    HookAnswer::Answered { status, retry_after: None }
}

async fn record(
    store: &SqlStore,
    id: HookDeliveryId,
    attempts_before: u16,
    answer: HookAnswer,
    now: Timestamp,
) -> Option<HookRecorded> {
    let attempt = HookAttempt { id, attempts_before, answer, fingerprint: "f".to_owned(), now };
    store.record_attempt(attempt).await.unwrap()
}

async fn health(store: &SqlStore, name: &str) -> HookHealth {
    let healths = store.hook_healths().await.unwrap();
    healths.into_iter().find(|(known, _)| known.as_str() == name).map(|(_, health)| health).unwrap_or_default()
}

/// So many pieces of feedback, each to be told to both.
async fn feedback(store: &SqlStore, n: usize) {
    for n in 0..n {
        heard(store, vec![inbound(n, &format!("wamid.in{n}"), "شكرا")]).await;
    }
}

fn undeliverable() -> Refusal {
    Refusal::new(FailureClass::Undeliverable, Some(131_026), "Message undeliverable".to_owned())
}

on_both_databases! {
    async fn feedback_is_told_once_to_each_who_wants_it_however_often_it_comes(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        callback(&store, vec![status(&store, messages[0], ProviderStatus::Sent)]).await;
        let mut answer = inbound(0, "wamid.in", "ممتاز \"جدا\"");
        answer.news.in_reply_to = Some(wamid(messages[0]));
        // Twice in one callback, and in another one.
        heard(&store, vec![answer.clone(), answer.clone()]).await;
        heard(&store, vec![answer]).await;
        let told = told(&store).await;
        assert_eq!(names(&told), ["feedback.received"]);
        assert_eq!(due(&store, "voc", at(1_000)).await.len(), 1);
        let data = &told[0].1;
        assert_eq!((&data["text"], &data["phone"]), (&"ممتاز \"جدا\"".into(), &phone(0).into()));
        assert_eq!(data["message_id"], messages[0].to_string());
        assert_eq!((&data["run"], &data["campaign"]), (&run.id.to_string().into(), &run.campaign.as_str().into()));
        let listed = store.feedback(None, 10).await.unwrap().items;
        assert_eq!((&data["reference"], &data["id"]), (&listed[0].reference.clone().into(), &listed[0].id.to_string().into()));
        let delivery = load(&store, due(&store, "crm", at(1_000)).await[0]).await;
        assert_eq!(delivery.webhook_id.store, store.tag());
        let body = envelope(&delivery.webhook_id, &delivery.event, delivery.version, delivery.at, &delivery.data);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["type"], &body["version"], &body["data"]), (&"feedback.received".into(), &1.into(), data));
        store.close().await;
    }

    async fn whoever_configures_nothing_writes_nothing(database: Database) {
        let store = database.open().await;
        let contacts = people(&store, 1).await;
        let (_, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        callback(&store, vec![status(&store, messages[0], ProviderStatus::Failed(undeliverable()))]).await;
        heard(&store, vec![stop(0, "wamid.stop")]).await;
        store.close().await;
        assert_eq!(database.ask("SELECT CAST(COUNT(*) AS TEXT) FROM hook_events").await, ["0"]);
    }

    async fn a_message_is_told_when_it_comes_to_stand_elsewhere_and_not_when_that_is_repeated(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 2).await;
        let (_, messages) = run_to(&store, &contacts).await;
        for id in &messages {
            start(&store, *id).await;
        }
        let of = |n: usize, news| status(&store, messages[n], news);
        callback(&store, vec![of(0, ProviderStatus::Sent), of(0, ProviderStatus::Delivered), of(0, ProviderStatus::Delivered)]).await;
        callback(&store, vec![of(0, ProviderStatus::Read), of(0, ProviderStatus::Delivered)]).await;
        callback(&store, vec![of(1, ProviderStatus::Failed(undeliverable())), of(1, ProviderStatus::Failed(undeliverable()))]).await;
        // A late arrival after a failure is told as well.
        callback(&store, vec![of(1, ProviderStatus::Delivered)]).await;
        let told = told(&store).await;
        assert_eq!(names(&told), ["message.delivered", "message.read", "message.failed", "message.delivered"]);
        let failed = &told[2].1;
        assert_eq!(failed["failure"]["class"], "undeliverable");
        assert_eq!((&failed["failure"]["code"], &failed["attempts"], &failed["state"]), (&131_026.into(), &1.into(), &"failed".into()));
        assert_eq!((&failed["phone"], &failed["message_id"]), (&phone(1).into(), &messages[1].to_string().into()));
        assert!(told[3].1["failure"].is_null());
        store.close().await;
    }

    async fn a_refusal_with_the_answer_of_the_call_is_told_in_its_transaction(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 1).await;
        let (run, messages) = run_to(&store, &contacts).await;
        start(&store, messages[0]).await;
        store.learn(messages[0], 1, Fact::Refused(undeliverable()), at(3)).await.unwrap();
        let told = told(&store).await;
        assert_eq!(names(&told), ["message.failed"]);
        assert_eq!(told[0].1["campaign"], run.campaign.as_str());
        store.close().await;
    }

    async fn consent_is_told_where_it_changes_and_not_where_it_is_imported_or_said_again(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 2).await;
        assert_eq!(told(&store).await.len(), 0, "who imports knows");
        heard(&store, vec![stop(0, "wamid.stop")]).await;
        heard(&store, vec![stop(0, "wamid.stop2")]).await;
        let started = change(ConsentChangeKind::Start, "api");
        store.change_consent(contacts[0], started, at(30)).await.unwrap();
        let told = told(&store).await;
        let consents: Vec<_> = told.iter().filter(|(event, _)| event == "consent.changed").map(|(_, data)| data).collect();
        assert_eq!(consents.len(), 2, "{told:?}");
        let told = |n: usize| (consents[n]["change"].as_str(), consents[n]["consent"]["opted_out"].as_bool());
        assert_eq!((told(0), told(1)), ((Some("stop"), Some(true)), (Some("start"), Some(false))));
        assert_eq!(consents[1]["consent"]["purposes"], serde_json::json!(["survey", "marketing", "utility"]));
        assert_eq!((&consents[0]["phone"], &consents[0]["source"]), (&phone(0).into(), &"stop-word".into()));
        store.close().await;
    }

    async fn what_is_rolled_back_is_not_told(database: Database) {
        let store = open(&database).await;
        people(&store, 1).await;
        // The feedback cannot be written: its table is gone.
        let row = store.append(Source::Meta, "{}".into(), at(20)).await.unwrap();
        database.change("ALTER TABLE feedback RENAME TO elsewhere").await;
        assert!(store.apply(row, RowNews { heard: vec![inbound(0, "wamid.in", "hello")], ..RowNews::default() }, at(21)).await.is_err());
        assert_eq!(told(&store).await.len(), 0);
        database.change("ALTER TABLE elsewhere RENAME TO feedback").await;
        store.apply(row, RowNews { heard: vec![inbound(0, "wamid.in", "hello")], ..RowNews::default() }, at(22)).await.unwrap();
        assert_eq!(told(&store).await.len(), 1);
        store.close().await;
    }

    async fn an_answer_counts_once_and_the_next_attempt_has_its_time(database: Database) {
        let store = open(&database).await;
        feedback(&store, 1).await;
        let id = due(&store, "crm", at(21)).await[0];
        let recorded = record(&store, id, 0, answered(500), at(30)).await.expect("it waits");
        let Next::Again { at: next, takes_wait: true } = recorded.next else { panic!("{recorded:?}") };
        assert!(record(&store, id, 0, answered(200), at(31)).await.is_none(), "the answer to an attempt of old");
        assert!(due(&store, "crm", next - SignedDuration::from_millis(1)).await.is_empty());
        assert_eq!(due(&store, "crm", next).await, [id]);
        let waiting = load(&store, id).await;
        assert_eq!((waiting.attempts, waiting.progress.waits_used, waiting.health.failures), (1, 1, 1));
        assert_eq!(record(&store, id, 1, answered(204), next).await.unwrap().next, Next::Delivered);
        let delivered = load(&store, id).await;
        assert_eq!((delivered.state, delivered.attempts, delivered.health), (DeliveryState::Delivered, 2, HookHealth::default()));
        assert!(record(&store, id, 2, answered(200), next).await.is_none());
        assert_eq!(due(&store, "voc", at(21)).await.len(), 1, "the other endpoint is another matter");
        store.close().await;
    }

    async fn an_endpoint_that_fails_is_sick_as_a_whole_and_a_success_ends_it(database: Database) {
        let store = open(&database).await;
        feedback(&store, 6).await;
        let ids = due(&store, "crm", at(21)).await;
        for id in &ids[..SICK_AFTER as usize] {
            record(&store, *id, 0, HookAnswer::NoAnswer { because: "no connection".to_owned() }, at(30)).await;
        }
        let sick = health(&store, "crm").await;
        assert_eq!((sick.failures, sick.rest_until, sick.allowance("f", 9, at(30))), (5, Some(at(35)), 0));
        assert_eq!(health(&store, "voc").await, HookHealth::default());
        let recorded = record(&store, ids[5], 0, answered(200), at(35)).await.unwrap();
        assert_eq!((recorded.before, recorded.after), (sick, HookHealth::default()));
        assert_eq!(health(&store, "crm").await, HookHealth::default());
        let gone = due(&store, "crm", at(1_000)).await[0];
        assert_eq!(record(&store, gone, 1, answered(410), at(1_000)).await.unwrap().next, Next::GiveUp(GaveUp::Gone));
        assert!(health(&store, "crm").await.is_gone("f"));
        store.close().await;
    }

    async fn what_waits_for_too_long_is_given_up_and_replayed_with_all_its_tries(database: Database) {
        let store = open(&database).await;
        feedback(&store, 3).await;
        let (crm, voc) = (hook("crm"), hook("voc"));
        assert_eq!(store.give_up_deliveries(&crm, at(20), GaveUp::Spent, at(90)).await.unwrap(), 0, "none is that old");
        let ids = due(&store, "crm", at(21)).await;
        record(&store, ids[0], 0, answered(500), at(30)).await;
        assert_eq!(store.give_up_deliveries(&crm, at(21), GaveUp::Spent, at(90)).await.unwrap(), 3);
        let dead = HookFilter { hook: Some(crm.clone()), state: Some(DeliveryState::Dead), ..HookFilter::default() };
        let listed = store.deliveries(&dead, None, 2).await.unwrap();
        assert_eq!(listed.items.iter().map(|item| item.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
        let rest = store.deliveries(&dead, listed.next, 2).await.unwrap();
        assert_eq!((rest.items.len(), rest.items[0].why.as_str()), (1, "answered 500; could not be told for 3 days"));
        let mut counts = store.hook_counts().await.unwrap();
        counts.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(counts, [(crm, DeliveryState::Dead, 3), (voc, DeliveryState::Waiting, 3)]);

        let event = load(&store, ids[0]).await.webhook_id.event;
        let one = HookFilter { id: Some(event), ..dead.clone() };
        assert_eq!(store.replayable_deliveries(&one).await.unwrap(), 1);
        assert_eq!(store.replay_deliveries(&one, None, at(100)).await.unwrap(), (1, None));
        let again = load(&store, ids[0]).await;
        assert_eq!((again.state, again.attempts, again.progress.waits_used), (DeliveryState::Waiting, 1, 0));
        assert_eq!((again.progress.since, again.webhook_id.event), (at(100), event));
        let later = HookFilter { since: Some(at(22)), ..dead.clone() };
        assert_eq!(store.replayable_deliveries(&later).await.unwrap(), 0);
        let wrong_kind = HookFilter { event: Some(HookEvent::MessageFailed), ..dead.clone() };
        assert_eq!(store.replayable_deliveries(&wrong_kind).await.unwrap(), 0);
        assert_eq!(store.replay_deliveries(&dead, None, at(100)).await.unwrap(), (2, None));
        assert_eq!(due(&store, "crm", at(100)).await.len(), 3);
        store.close().await;
    }

    async fn a_replay_of_many_goes_in_steps(database: Database) {
        let store = open(&database).await;
        let many: Vec<_> = (0..600).map(|n| inbound(n, &format!("wamid.in{n}"), "x")).collect();
        heard(&store, many).await;
        let voc = hook("voc");
        assert_eq!(store.give_up_deliveries(&voc, at(21), GaveUp::Gone, at(90)).await.unwrap(), 500);
        assert_eq!(store.give_up_deliveries(&voc, at(21), GaveUp::Gone, at(90)).await.unwrap(), 100);
        let filter = HookFilter { hook: Some(voc), ..HookFilter::default() };
        let (first, next) = store.replay_deliveries(&filter, None, at(100)).await.unwrap();
        let (second, end) = store.replay_deliveries(&filter, next, at(100)).await.unwrap();
        assert_eq!((first, second, end), (500, 100, None));
        assert_eq!(due(&store, "voc", at(100)).await.len(), 600);
        store.close().await;
    }

    async fn a_test_is_left_to_who_asked_and_is_never_replayed(database: Database) {
        let store = open(&database).await;
        let id = store.add_test(&hook("voc"), at(1)).await.unwrap();
        let given_up = store.give_up_deliveries(&hook("voc"), at(60), GaveUp::Gone, at(60)).await.unwrap();
        assert_eq!(given_up, 0, "whoever looks meanwhile whether the endpoint is gone takes no test away");
        assert!(due(&store, "voc", at(60)).await.is_empty() && due(&store, "crm", at(1_000)).await.is_empty());
        assert_eq!(due(&store, "voc", at(61)).await, [id]);
        let test = load(&store, id).await;
        assert_eq!((test.event.as_str(), test.data.as_str()), ("hook.test", r#"{"hook":"voc"}"#));
        assert_eq!(record(&store, id, 0, answered(500), at(2)).await.unwrap().next, Next::GiveUp(GaveUp::Test));
        let filter = HookFilter { id: Some(test.webhook_id.event), ..HookFilter::default() };
        assert_eq!(store.replayable_deliveries(&filter).await.unwrap(), 0);
        assert_eq!(store.replay_deliveries(&filter, None, at(3)).await.unwrap(), (0, None));
        store.close().await;
    }

    async fn what_was_told_is_forgotten_in_time_and_what_waits_is_not(database: Database) {
        let store = open(&database).await;
        feedback(&store, 2).await;
        for name in ["crm", "voc"] {
            let first = due(&store, name, at(21)).await[0];
            record(&store, first, 0, answered(200), at(22)).await;
        }
        assert_eq!(store.tidy_events(at(21)).await.unwrap(), 0, "it is not that old");
        assert_eq!(store.tidy_events(at(22)).await.unwrap(), 1);
        assert_eq!(store.tidy_events(at(22)).await.unwrap(), 0);
        assert_eq!((told(&store).await.len(), due(&store, "voc", at(21)).await.len()), (1, 1));
        let rows = "SELECT CAST(COUNT(*) AS TEXT) FROM hook_events UNION ALL SELECT CAST(COUNT(*) AS TEXT) FROM hook_deliveries";
        assert_eq!(database.ask(rows).await, ["1", "2"]);
        store.close().await;
    }

    async fn whoever_feeds_the_queue_is_woken_by_what_is_written_and_by_what_has_ended(database: Database) {
        let store = open(&database).await;
        feedback(&store, 1).await;
        store.stirred().await;
        let id = due(&store, "crm", at(21)).await[0];
        record(&store, id, 0, answered(200), at(22)).await;
        store.stirred().await;
        store.close().await;
    }
}
