//! Who is forgotten leaves nothing, whatever is under way with them; and everybody else stays.

use barid::domain::consent::Purposes;
use barid::domain::conversation::Conversation;
use barid::domain::delivery::{Delivery, Fact, State, SuppressedReason};
use barid::domain::hook::{HookEvents, Subscriptions};
use barid::domain::ids::{ContactId, JournalId};
use barid::domain::news::{PersonChange, PersonNews, ProviderStatus, Source, StatusNews};
use barid::ports::{
    AboutPerson, Applied, Contacts as _, Conversations as _, Erasures as _, Heard, Journal as _, Messages as _,
    RowNews, Said, TalkId,
};
use barid::store::{SqlStore, StoreSettings};
use serde_json::{Value, json};

use super::{
    Database, at, begin, delivery, inbound, on_both_databases, people, person, phone, run_to, settings, state, status,
    stop, words,
};

/// A store that tells everything to somebody.
async fn open(database: &Database) -> SqlStore {
    let hooks = vec![("crm".parse().unwrap(), HookEvents::all())];
    let settings = StoreSettings { hooks: Subscriptions::new(hooks), ..settings() };
    SqlStore::open(&database.url, &settings).await.expect("the database is there")
}

fn digits(n: usize) -> String {
    phone(n).trim_start_matches('+').to_owned()
}

/// A callback of Meta's, as it comes.
fn body(value: &Value) -> bytes::Bytes {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }] })
        .to_string()
        .into()
}

fn wrote(n: usize, id: &str, text: &str) -> Value {
    json!({ "from": digits(n), "id": id, "timestamp": "1764000020", "type": "text", "text": { "body": text } })
}

async fn hear(store: &SqlStore, messages: Vec<(usize, &str, &str)>) -> Applied {
    let row = store.append(Source::Meta, written(&messages), at(20)).await.unwrap();
    store.apply(row, heard(&messages), at(21)).await.unwrap()
}

fn written(messages: &[(usize, &str, &str)]) -> bytes::Bytes {
    let contacts: Vec<Value> = messages
        .iter()
        .map(|(n, ..)| json!({ "wa_id": digits(*n), "profile": { "name": format!("Person {n}") } }))
        .collect();
    let messages: Vec<Value> = messages.iter().map(|(n, id, text)| wrote(*n, id, text)).collect();
    body(&json!({ "contacts": contacts, "messages": messages }))
}

fn heard(messages: &[(usize, &str, &str)]) -> RowNews {
    let heard = messages.iter().map(|(n, id, text)| Heard { window_until: Some(at(90_000)), ..inbound(*n, id, text) });
    RowNews { heard: heard.collect(), ..RowNews::default() }
}

/// Looks through whatever can be looked through.
async fn to_the_end(store: &SqlStore, id: barid::domain::ids::ErasureId) {
    while !store.erase_further(id, at(60)).await.unwrap() {}
}

fn talk(contact: ContactId) -> TalkId {
    TalkId { contact, sender: "default".parse().unwrap() }
}

on_both_databases! {
    async fn nothing_is_left_of_who_is_forgotten_and_everything_of_the_others(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 2).await;
        let (run, messages) = run_to(&store, &contacts).await;
        let (other, waiting) = run_to(&store, &contacts[..1]).await;
        // Under way: a call, a message that waits, free words, a talk, a callback that nobody applied yet.
        for (n, message) in messages.iter().enumerate() {
            store.start(begin(*message, 0, at(160), at(10))).await.unwrap();
            let id = format!("wamid.OUT{n}").parse().unwrap();
            store.learn(*message, 1, Fact::Accepted(id), at(11)).await.unwrap();
        }
        let (again, calling) = run_to(&store, &contacts[..1]).await;
        store.start(begin(calling[0], 0, at(160), at(12))).await.unwrap();
        store.create(words(contacts[0], "only for PERSON0"), at(13)).await.unwrap();
        hear(&store, vec![(0, "wamid.IN0", "SECRET0"), (1, "wamid.IN1", "SECRET1")]).await;
        let seen = store.talk(&talk(contacts[0])).await.unwrap().unwrap();
        let said = || Said {
            talk: talk(contacts[0]),
            version: seen.version,
            conversation: Conversation::default(),
            answered: seen.unanswered.iter().map(|received| received.id).collect(),
            messages: vec![words(contacts[0], "thank you, PERSON0")],
            results: Vec::new(),
            by: None,
        };
        store.say(said(), at(22)).await.unwrap().unwrap();
        let late = [(0, "wamid.LATE0", "SECRET0 again"), (1, "wamid.LATE1", "SECRET1 again")];
        let row = store.append(Source::Meta, written(&late), at(23)).await.unwrap();

        let receipt = store.erase(contacts[0], "request 7", at(30)).await.unwrap().unwrap();
        assert_eq!((receipt.contact, receipt.messages, receipt.feedback), (contacts[0], 5, 1));
        assert_eq!(state(&store, waiting[0]).await, State::Suppressed);
        assert_eq!(delivery(&store, waiting[0]).await, Delivery::Suppressed(SuppressedReason::Erased));
        // Whoever looked before writes nothing after.
        assert_eq!(store.say(said(), at(31)).await.unwrap(), None);
        let stale = store.create(words(contacts[0], "PERSON0, are you there?"), at(31)).await.unwrap().id();
        assert_eq!(delivery(&store, stale).await, Delivery::Suppressed(SuppressedReason::Erased));
        to_the_end(&store, receipt.id).await;
        let so_far = store.erasure(receipt.id).await.unwrap().unwrap();
        assert_eq!((so_far.callbacks, so_far.finished_at), (1, None), "one is not applied yet");
        assert_eq!(store.unfinished_erasures().await.unwrap(), [receipt.id]);
        let applied = store.apply(row, heard(&late), at(32)).await.unwrap();
        assert_eq!(applied.feedback, 1, "only of the other");
        to_the_end(&store, receipt.id).await;
        assert!(store.erasure(receipt.id).await.unwrap().unwrap().finished_at.is_some());

        // What comes still later: the outcome of the call, and what Meta tells of it.
        store.learn(calling[0], 1, Fact::Accepted("wamid.OUT0-2".parse().unwrap()), at(33)).await.unwrap();
        let told = json!({
            "contacts": [{ "wa_id": digits(0) }],
            "statuses": [
                { "id": "wamid.OUT0-2", "recipient_id": digits(0), "status": "delivered" },
                { "id": "wamid.OUT1", "recipient_id": digits(1), "status": "delivered" },
            ],
        });
        let statuses = vec![
            StatusNews { whatsapp_id: "wamid.OUT0-2".parse().unwrap(), ..status(&store, calling[0], ProviderStatus::Delivered) },
            StatusNews { whatsapp_id: "wamid.OUT1".parse().unwrap(), ..status(&store, messages[1], ProviderStatus::Delivered) },
        ];
        let row = store.append(Source::Meta, body(&told), at(34)).await.unwrap();
        store.apply(row, RowNews { statuses, ..RowNews::default() }, at(35)).await.unwrap();
        assert_eq!(state(&store, calling[0]).await, State::Delivered);

        let left = database.everything().await;
        for name in [digits(0).as_str(), "Person 0", "PERSON0", "SECRET0", "wamid.IN0", "wamid.OUT0", "wamid.LATE0"] {
            assert!(!left.contains(name), "`{name}` is left in:\n{left}");
        }
        for name in [digits(1).as_str(), "Person 1", "SECRET1", "SECRET1 again", "wamid.OUT1"] {
            assert!(left.contains(name), "`{name}` is gone from:\n{left}");
        }
        assert!(store.by_phone(&phone(0)).await.unwrap().is_none());
        let listed: Vec<_> = store.page(None, 10).await.unwrap().items.into_iter().map(|contact| contact.id).collect();
        assert_eq!(listed, contacts[1..]);
        for run in [run.id, other.id, again.id] {
            database.assert_counts_are_exact(&store, run).await;
        }
        assert_eq!(store.erase(contacts[0], "again", at(40)).await.unwrap().unwrap().id, receipt.id);
        assert!(store.erase(ContactId::new(999), "nobody", at(40)).await.unwrap().is_none());
    }

    async fn a_file_that_still_names_them_does_not_bring_them_back_and_an_import_does(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 2).await;
        let receipt = store.erase(contacts[0], "request", at(30)).await.unwrap().unwrap();
        to_the_end(&store, receipt.id).await;
        let audience = store.upsert_audience(vec![person(0), person(1)], at(31)).await.unwrap();
        let ids: Vec<_> = audience.iter().map(|(contact, is_new)| (contact.id, *is_new)).collect();
        assert_eq!(ids, [(contacts[0], false), (contacts[1], false)]);
        assert!(audience[0].0.phone.is_none() && audience[0].0.name.is_none() && audience[0].0.consent.stopped);
        assert!(!database.everything().await.contains(&digits(0)));
        let (back, is_new) = store.upsert(vec![person(0)], at(32)).await.unwrap().remove(0);
        assert!(is_new && back.id != contacts[0] && !back.consent.stopped);
        assert_eq!(back.consent.granted, Purposes::all());
        assert_eq!(store.upsert_audience(vec![person(0)], at(33)).await.unwrap()[0].0.id, back.id, "known again");
    }

    async fn a_stop_outlives_the_person_data(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 1).await;
        let row = store.append(Source::Meta, written(&[(0, "wamid.stop", "stop")]), at(20)).await.unwrap();
        store.apply(row, RowNews { heard: vec![stop(0, "wamid.stop")], ..RowNews::default() }, at(21)).await.unwrap();
        store.erase(contacts[0], "request", at(30)).await.unwrap().unwrap();
        let (back, is_new) = store.upsert(vec![person(0)], at(32)).await.unwrap().remove(0);
        assert!(is_new && back.consent.stopped, "an import does not undo what the person said");
    }

    async fn what_was_said_before_does_not_come_in_after_and_what_is_said_later_is_of_somebody_new(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 1).await;
        let receipt = store.erase(contacts[0], "request", at(20)).await.unwrap().unwrap();
        to_the_end(&store, receipt.id).await;
        // Meta tells once more what was said in the second of the erasure, and before.
        let old = hear(&store, vec![(0, "wamid.IN0", "SECRET0")]).await;
        assert_eq!(old.feedback, 0);
        let change = PersonNews {
            sender: None,
            whatsapp_id: Some("wamid.MOVED0".parse().unwrap()),
            phone: Some(phone(0)),
            bsuid: None,
            provider_at: at(19),
            change: PersonChange::Number { phone: phone(5) },
        };
        let about = AboutPerson {
            news: change,
            consent: None,
            language: barid::domain::language::Language::Ar,
            timezone: "Asia/Riyadh".to_owned(),
        };
        let moved = json!({ "messages": [{ "from": digits(0), "id": "wamid.MOVED0", "system": { "wa_id": digits(5) } }] });
        let row = store.append(Source::Meta, body(&moved), at(22)).await.unwrap();
        store.apply(row, RowNews { people: vec![about], ..RowNews::default() }, at(22)).await.unwrap();
        let left = database.everything().await;
        assert!(!left.contains(&digits(0)) && !left.contains("SECRET0"), "{left}");

        let mut anew = inbound(0, "wamid.NEW", "hello");
        anew.news.provider_at = at(50);
        let row = store.append(Source::Meta, written(&[(0, "wamid.NEW", "hello")]), at(51)).await.unwrap();
        let applied = store.apply(row, RowNews { heard: vec![anew], ..RowNews::default() }, at(51)).await.unwrap();
        assert_eq!(applied.feedback, 1);
        let back = store.by_phone(&phone(0)).await.unwrap().unwrap();
        assert!(back.id != contacts[0] && database.everything().await.contains(&digits(0)));
    }

    async fn many_callbacks_are_looked_through_in_steps_and_another_process_goes_on(database: Database) {
        const ROWS: usize = 12_000;
        let store = open(&database).await;
        let contacts = people(&store, 1).await;
        // Each three hundredth is about the person.
        let bodies = (0..ROWS).map(|n| written(&[(if n % 300 == 0 { 0 } else { 1 }, "wamid.X", "words")]));
        let rows: Vec<JournalId> =
            futures_util::future::join_all(bodies.map(|body| store.append(Source::Meta, body, at(1)))).await.into_iter().map(Result::unwrap).collect();
        database.change("UPDATE journal SET applied_at = 1").await;
        assert_eq!(rows.len(), ROWS);
        let id = store.erase(contacts[0], "request", at(30)).await.unwrap().unwrap().id;
        assert!(!store.erase_further(id, at(31)).await.unwrap(), "there is more");
        store.close().await;
        let store = open(&database).await;
        assert_eq!(store.unfinished_erasures().await.unwrap(), [id]);
        to_the_end(&store, id).await;
        let receipt = store.erasure(id).await.unwrap().unwrap();
        assert_eq!((receipt.callbacks, receipt.finished_at.is_some()), (40, true));
        assert!(!database.everything().await.contains(&digits(0)));
    }
}
