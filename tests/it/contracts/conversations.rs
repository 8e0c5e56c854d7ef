//! Talks in the record: what is said is written with where the talk stands, what changes hands is told, what came of flows is counted.

use barid::domain::analysis::{Analysis, CategoryFound, Model, Score, Sentiment, SentimentLabel};
use barid::domain::answering::staff::StaffAct;
use barid::domain::conversation::{Conversation, Escalation, Handover, HeldBy, Holder};
use barid::domain::delivery::State;
use barid::domain::detected_language::DetectedLanguage;
use barid::domain::flow::{FlowResult, ResultState, Scale};
use barid::domain::hook::{HookEvent, HookEvents, Subscriptions};
use barid::domain::ids::{ContactId, MessageId, SenderName};
use barid::jobs::staff::{StaffDone, StaffError, StaffRequest, in_record};
use barid::ports::{
    Conversations as _, Exchange, FlowResults as _, Outbox as _, Readings as _, ResultFilter, Said, SingleMessage,
    StaffAction, TalkFilter, TalkId,
};
use barid::store::{SqlStore, StoreSettings};
use serde_json::{Value, json};

use barid::ports::Heard;

use super::{Database, at, heard, inbound, on_both_databases, people, phone, settings, stop, words};
use crate::fakes::Nobody;

/// A store whose hook wants to hear of all that is tried here.
async fn open(database: &Database) -> SqlStore {
    let wanted: HookEvents =
        [HookEvent::EscalationOpened, HookEvent::EscalationClosed, HookEvent::FlowCompleted, HookEvent::FeedbackRead]
            .into_iter()
            .collect();
    let hooks = Subscriptions::new(vec![("crm".parse().unwrap(), wanted)]);
    SqlStore::open(&database.url, &StoreSettings { hooks, ..settings() }).await.expect("the database is there")
}

/// Everything that is to be told.
async fn told(store: &SqlStore) -> Vec<(String, Value)> {
    let mut told = Vec::new();
    for (id, _) in store.due_deliveries(&"crm".parse().unwrap(), at(1_000_000), 1_000).await.unwrap() {
        let delivery = store.delivery(id).await.unwrap().unwrap();
        told.push((delivery.event, serde_json::from_str(&delivery.data).unwrap()));
    }
    told
}

fn default() -> SenderName {
    "default".parse().unwrap()
}

fn talk(contact: ContactId) -> TalkId {
    TalkId { contact, sender: default() }
}

fn human(since: i64) -> Conversation {
    let handover = Handover {
        since: at(since),
        because: Escalation::Word,
        told_at: at(since),
        wrote_at: None,
        waits_since: Some(at(since)),
        reference: Some("VOC-7K3F-9Q".to_owned()),
        taken_by: None,
    };
    Conversation { held: HeldBy::Human(handover), due_at: Some(at(since + 60)), ..Conversation::default() }
}

/// Nothing is said by barid; the talk stands there now.
fn stands(contact: ContactId, version: i64, conversation: Conversation) -> Said {
    Said {
        talk: talk(contact),
        version,
        conversation,
        answered: Vec::new(),
        messages: Vec::new(),
        results: Vec::new(),
        by: None,
    }
}

/// Person `n` writes, in an open service window.
async fn writes(store: &SqlStore, n: usize, id: &str, text: &str) {
    heard(store, vec![Heard { window_until: Some(at(80_000)), ..inbound(n, id, text) }]).await;
}

fn request(contact: ContactId, act: StaffAct, key: Option<&str>) -> StaffRequest {
    let once = key.map(|key| (key.to_owned(), format!("{act:?}")));
    StaffRequest { contact, sender: None, act, who: "amal".to_owned(), once }
}

fn answer(text: &str) -> StaffAct {
    StaffAct::Answer(text.to_owned())
}

async fn does(store: &SqlStore, request: &StaffRequest, second: i64) -> Result<StaffDone, StaffError> {
    in_record(store, &Nobody, request, at(second)).await
}

/// A conversation of that flow that ended then with these answers.
fn result(version: u32, state: &str, ended: i64, answers: Value) -> FlowResult {
    serde_json::from_value(json!({
        "flow": "csat", "version": version, "language": "ar", "began_at": at(0), "ended_at": at(ended),
        "state": state, "answers": answers, "score": null,
    }))
    .unwrap()
}

fn scored(step: &str, scale: &str, value: u8) -> Value {
    json!({"step": step, "kind": scale, "type": "score", "value": value, "text": "x", "at": at(1)})
}

fn commented(text: &str) -> Value {
    json!({"step": "comment", "kind": "text", "type": "text", "value": text, "text": text, "at": at(2)})
}

fn csat() -> ResultFilter {
    ResultFilter { flow: "csat".parse().unwrap(), since: None, until: None, state: None }
}

async fn ended(store: &SqlStore, contact: ContactId, version: i64, results: Vec<FlowResult>) {
    let said = Said { results, ..stands(contact, version, Conversation::default()) };
    store.say(said, at(50)).await.unwrap().expect("nobody was faster");
}

on_both_databases! {
    async fn an_escalation_is_told_when_it_opens_and_when_it_closes_and_only_where_it_was_written(database: Database) {
        let store = open(&database).await;
        let contact = people(&store, 1).await[0];
        store.say(stands(contact, 0, Conversation::default()), at(1)).await.unwrap().expect("it is the first");
        assert_eq!(told(&store).await, []);
        store.say(stands(contact, 1, human(10)), at(10)).await.unwrap().expect("it is the next");
        assert!(store.say(stands(contact, 1, human(11)), at(11)).await.unwrap().is_none(), "somebody was faster");
        let told_again = Conversation { due_at: None, ..human(10) };
        store.say(stands(contact, 2, told_again), at(12)).await.unwrap().expect("it is the next");
        // Handed back by the clock, and called again by what was written in the same moment.
        store.say(stands(contact, 3, human(20)), at(20)).await.unwrap().expect("it is the next");
        store.say(stands(contact, 4, Conversation::default()), at(30)).await.unwrap().expect("it is the next");
        let told = told(&store).await;
        let names: Vec<&str> = told.iter().map(|(event, _)| event.as_str()).collect();
        assert_eq!(names, ["escalation.opened", "escalation.closed", "escalation.opened", "escalation.closed"]);
        assert_eq!(told[0].1, json!({
            "contact": contact, "phone": phone(0), "sender": "default", "language": "ar", "because": "word",
            "reference": "VOC-7K3F-9Q", "taken_by": null, "opened_at": at(10),
        }));
        assert_eq!(told[1].1, json!({
            "contact": contact, "phone": phone(0), "sender": "default", "language": "ar", "because": "word",
            "reference": "VOC-7K3F-9Q", "closed_because": "silence", "closed_by": null, "unanswered": true,
            "opened_at": at(10), "closed_at": at(20),
        }));
        assert_eq!(told[3].1["opened_at"], json!(at(20)));
        store.close().await;
    }

    async fn staff_take_answer_and_hand_back_and_who_it_was_is_kept(database: Database) {
        let store = open(&database).await;
        let contact = people(&store, 2).await[0];
        let never = does(&store, &request(contact, StaffAct::Take, None), 30).await.unwrap_err();
        assert!(matches!(never, StaffError::NoTalk { .. }), "{never}");
        writes(&store, 0, "wamid.1", "is anybody there?").await;
        let taken = does(&store, &request(contact, StaffAct::Take, None), 31).await.unwrap();
        assert!(taken.has_changed && taken.talk.conversation.is_human() && taken.answer.is_none());
        assert!(!does(&store, &request(contact, StaffAct::Take, None), 32).await.unwrap().has_changed);
        let said = does(&store, &request(contact, answer("Yes, Amal here"), None), 33).await.unwrap();
        let (message, state) = said.answer.unwrap();
        assert_eq!((state, said.queue), (State::Planned, vec![message]));
        let back = does(&store, &request(contact, StaffAct::HandBack, None), 34).await.unwrap();
        assert!(back.has_changed && !back.talk.conversation.is_human());
        assert!(!does(&store, &request(contact, StaffAct::HandBack, None), 35).await.unwrap().has_changed);
        let kept = "SELECT act || ' ' || by_whom || ' ' || CASE WHEN message_id IS NULL THEN '-' ELSE 'said' END FROM staff_actions ORDER BY id";
        assert_eq!(database.ask(kept).await, ["take amal -", "answer amal said", "hand-back amal -"]);
        let told = told(&store).await;
        let [opened, closed] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&opened.1["because"], &opened.1["taken_by"]), (&json!("staff"), &json!("amal")));
        assert_eq!((&closed.1["closed_because"], &closed.1["closed_by"]), (&json!("staff"), &json!("amal")));
        assert_eq!(closed.1["unanswered"], false);
        let exchanges = store.exchanges(&talk(contact), 10).await.unwrap();
        let [Exchange::Sent { id, text, by, .. }, Exchange::Received { text: heard, .. }] = &exchanges[..] else {
            panic!("{exchanges:?}")
        };
        assert_eq!((*id, text.as_deref(), by.as_deref()), (message, Some("Yes, Amal here"), Some("amal")));
        assert_eq!(heard.as_deref(), Some("is anybody there?"));
        assert_eq!(store.exchanges(&talk(contact), 1).await.unwrap().len(), 1, "the newest");
        store.close().await;
    }

    async fn an_answer_is_given_once_for_each_key_and_never_to_who_said_stop(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 2).await;
        for n in 0..2 {
            writes(&store, n, &format!("wamid.{n}"), "hello").await;
        }
        let ask = |text: &str| request(contacts[0], answer(text), Some("k"));
        let asked = ask("One moment please");
        let done = futures_util::future::join_all((0..4).map(|_| does(&store, &asked, 40))).await;
        let done: Vec<StaffDone> = done.into_iter().map(Result::unwrap).collect();
        assert_eq!(done.iter().filter(|done| done.has_changed).count(), 1, "{done:?}");
        let messages: std::collections::BTreeSet<MessageId> = done.iter().map(|done| done.answer.unwrap().0).collect();
        assert_eq!(messages.len(), 1);
        let other = StaffRequest { once: Some(("k".to_owned(), "another".to_owned())), ..ask("Something else") };
        assert!(matches!(does(&store, &other, 41).await.unwrap_err(), StaffError::NameTaken));
        // The key is one of this conversation.
        let second = StaffRequest { contact: contacts[1], ..ask("One moment please") };
        assert!(does(&store, &second, 42).await.unwrap().has_changed);
        heard(&store, vec![stop(0, "wamid.stop")]).await;
        let refused = does(&store, &request(contacts[0], answer("please wait"), None), 43).await.unwrap_err();
        assert!(refused.to_string().contains("asked for no more messages"), "{refused}");
        let n = "SELECT CAST(COUNT(*) AS TEXT) FROM messages";
        assert_eq!(database.ask(n).await, ["2"]);
        // Outside of the service window the words wait for it.
        let late = in_record(&store, &Nobody, &request(contacts[1], answer("still there?"), None), at(80_001)).await.unwrap();
        assert_eq!(late.answer.unwrap().1, State::Held);
        store.close().await;
    }

    async fn lists_show_who_answers_and_numbers_are_told_apart(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 3).await;
        for (n, contact) in contacts.iter().enumerate() {
            writes(&store, n, &format!("wamid.{n}"), "hello").await;
            let conversation = if n == 1 { human(10) } else { Conversation::default() };
            store.say(stands(*contact, 0, conversation), at(22)).await.unwrap().unwrap();
        }
        let page = async |holder, before, limit| {
            let filter = TalkFilter { holder, contact: None };
            let page = store.talks(filter, before, limit).await.unwrap();
            let contacts: Vec<ContactId> = page.items.iter().map(|listed| listed.talk.contact).collect();
            (contacts, page.next)
        };
        assert_eq!(page(Some(Holder::Person), None, 9).await, (vec![contacts[1]], None));
        assert_eq!(page(Some(Holder::Bot), None, 9).await, (vec![contacts[2], contacts[0]], None));
        let (first, next) = page(None, None, 2).await;
        assert_eq!(first, [contacts[2], contacts[1]]);
        assert_eq!(page(None, next, 2).await, (vec![contacts[0]], None));
        let one = store.talks(TalkFilter { holder: None, contact: Some(contacts[1]) }, None, 9).await.unwrap().items;
        let listed = &one[0];
        assert_eq!((listed.phone.as_deref(), listed.window.open_until), (Some(phone(1).as_str()), Some(at(80_000))));
        assert_eq!(listed.conversation.handover().map(|handover| handover.since), Some(at(10)));

        let second = Heard { sender: Some("second".parse().unwrap()), window_until: Some(at(70_000)), ..inbound(0, "wamid.x", "hi") };
        heard(&store, vec![second]).await;
        assert_eq!(store.senders_talked_to(contacts[0]).await.unwrap(), [default(), "second".parse().unwrap()]);
        let which = does(&store, &request(contacts[0], StaffAct::Take, None), 30).await.unwrap_err();
        assert!(which.to_string().contains("`default`, `second`"), "{which}");
        let named = StaffRequest { sender: Some("second".parse().unwrap()), ..request(contacts[0], StaffAct::Take, None) };
        assert_eq!(does(&store, &named, 31).await.unwrap().talk.talk.sender.as_str(), "second");
        let wrong = StaffRequest { sender: Some("secnd".parse().unwrap()), ..named };
        assert!(does(&store, &wrong, 31).await.unwrap_err().to_string().contains("did you mean `second`"));
        let nobody = does(&store, &request(ContactId::new(99), StaffAct::Take, None), 31).await.unwrap_err();
        assert!(matches!(nobody, StaffError::NoContact(_)), "{nobody}");
        store.close().await;
    }

    async fn what_came_of_flows_is_listed_counted_and_told_where_it_was_completed(database: Database) {
        let store = open(&database).await;
        let contacts = people(&store, 3).await;
        let good = result(2, "completed", 100, json!([scored("score", "csat", 5), commented("=1+1")]));
        ended(&store, contacts[0], 0, vec![good.clone()]).await;
        let bad = result(2, "completed", 200, json!([scored("score", "csat", 2), scored("again", "nps", 0)]));
        ended(&store, contacts[1], 0, vec![bad]).await;
        let left = result(2, "abandoned", 300, json!([]));
        let old = result(1, "partial", 50, json!([scored("score", "csat", 1)]));
        ended(&store, contacts[2], 0, vec![left, old]).await;

        let all = store.flow_results(&csat(), None, 10).await.unwrap();
        let states: Vec<_> = all.items.iter().filter_map(|kept| kept.result.state).collect();
        assert_eq!(states, [ResultState::Partial, ResultState::Abandoned, ResultState::Completed, ResultState::Completed]);
        assert_eq!((&all.items[3].result, all.items[3].phone.as_deref()), (&good, Some(phone(0).as_str())));
        let first = store.flow_results(&csat(), None, 3).await.unwrap();
        assert_eq!(store.flow_results(&csat(), first.next, 3).await.unwrap().items.len(), 1);
        let narrow = ResultFilter { since: Some(at(100)), until: Some(at(300)), state: Some(ResultState::Completed), ..csat() };
        assert_eq!(store.flow_results(&narrow, None, 10).await.unwrap().items.len(), 2);
        let until = ResultFilter { until: Some(at(200)), ..narrow };
        assert_eq!(store.flow_results(&until, None, 10).await.unwrap().items.len(), 1, "before that moment, not at it");

        let counts = store.flow_counts(&csat()).await.unwrap();
        let step = |name: &str| name.parse().unwrap();
        assert_eq!(counts.ended, [(1, ResultState::Partial, 1), (2, ResultState::Abandoned, 1), (2, ResultState::Completed, 2)]);
        assert_eq!(counts.chosen, [
            (1, step("score"), Scale::Csat, 1, 1),
            (2, step("again"), Scale::Nps, 0, 1),
            (2, step("score"), Scale::Csat, 2, 1),
            (2, step("score"), Scale::Csat, 5, 1),
        ]);
        let since = ResultFilter { since: Some(at(150)), ..csat() };
        assert_eq!(store.flow_counts(&since).await.unwrap().chosen.len(), 2);
        let other = ResultFilter { flow: "nps".parse().unwrap(), ..csat() };
        assert_eq!(store.flow_counts(&other).await.unwrap(), Default::default());

        let told = told(&store).await;
        assert_eq!(told.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["flow.completed", "flow.completed"]);
        let data = &told[0].1;
        assert_eq!((&data["flow"], &data["version"], &data["ended_at"]), (&json!("csat"), &json!(2), &json!(at(100))));
        assert_eq!((&data["answers"][0]["value"], &data["answers"][1]["value"]), (&json!(5), &json!("=1+1")));
        store.close().await;
    }

    async fn the_scores_of_results_that_are_older_than_their_table_are_counted(database: Database) {
        let store = open(&database).await;
        let contact = people(&store, 1).await[0];
        ended(&store, contact, 0, vec![result(1, "completed", 100, json!([scored("score", "csat", 4), commented("\0 x")]))]).await;
        let before = store.flow_counts(&csat()).await.unwrap();
        store.close().await;
        for statement in [
            "DROP TABLE flow_scores",
            "DROP TABLE staff_actions",
            "DROP INDEX flow_results_by_time",
            "DELETE FROM seaql_migrations WHERE version = 'm0009_staff'",
        ] {
            database.change(statement).await;
        }
        let store = open(&database).await;
        assert_eq!(before.chosen.len(), 1);
        assert_eq!(store.flow_counts(&csat()).await.unwrap(), before);
        store.close().await;
    }

    async fn what_a_reader_makes_of_feedback_is_told_when_it_is_noted(database: Database) {
        let store = open(&database).await;
        let contact = people(&store, 1).await[0];
        writes(&store, 0, "wamid.1", "the delivery was late").await;
        writes(&store, 0, "wamid.2", "").await;
        let unread = store.unread(10).await.unwrap();
        let reading = Analysis {
            language: DetectedLanguage::En,
            sentiment: Some(Sentiment { label: SentimentLabel::Negative, score: Score::new(0.75) }),
            category: Some(CategoryFound { name: "delivery".to_owned(), score: Score::new(0.5) }),
            is_question: false,
            model: Model { name: "n-grams".to_owned(), version: "3".to_owned() },
        };
        let readings = vec![(unread[0].0, Some(reading)), (unread[1].0, None)];
        store.note_readings(readings, at(25)).await.unwrap();
        let told = told(&store).await;
        let [(event, data)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(event, "feedback.read");
        let reference = data["reference"].as_str().unwrap();
        assert!(reference.starts_with("VOC-"), "{reference}");
        assert_eq!(*data, json!({
            "id": unread[0].0, "reference": reference, "contact": contact, "phone": phone(0), "language": "en",
            "sentiment": {"label": "negative", "score": 0.75}, "category": {"name": "delivery", "score": 0.5},
            "is_question": false, "model": {"name": "n-grams", "version": "3"}, "read_at": at(25),
        }));
        store.close().await;
    }

    async fn nothing_is_told_of_what_was_rolled_back(database: Database) {
        let store = open(&database).await;
        let contact = people(&store, 1).await[0];
        let broken = SingleMessage { contact: ContactId::new(77), ..words(contact, "hello") };
        let by = Some(StaffAction { act: answer("hello"), who: "amal".to_owned() });
        let said = Said { messages: vec![broken], by, ..stands(contact, 0, human(10)) };
        assert!(store.say(said, at(10)).await.is_err(), "there is no such person");
        assert_eq!(told(&store).await, []);
        let listed = store.listed_talk(&talk(contact)).await.unwrap().unwrap();
        assert_eq!((listed.id, listed.conversation.is_human()), (0, false));
        assert_eq!(database.ask("SELECT act FROM staff_actions").await, Vec::<String>::new());
        store.close().await;
    }
}
