//! People of the staff in conversations: through the real service and its API, and by the clock.

use std::sync::{Arc, Mutex};

use barid::config::{Config, Environment};
use barid::daemon::files;
use barid::domain::hook::{HookEvent, HookEvents, Subscriptions};
use barid::domain::ids::ContactId;
use barid::jobs::answer;
use barid::ports::{Clock, Conversations as _, Exchange, Heard, Outbox as _, Services, TalkId};
use barid::store::{SqlStore, StoreSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answers::{NADIA, OMAR, said_to, serving, until};
use crate::contracts::{at, heard, inbound, on_both_databases, people, settings};
use crate::fakes::{FakeQueue, services};
use crate::harness::{Barid, TOKEN};

/// Tells the daemon something.
async fn post(barid: &Barid, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = barid.http.post(format!("http://{}{path}", barid.listen)).bearer_auth(TOKEN).json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = request.send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Both numbers belong to somebody; answers the address of the conversation with the first.
async fn conversation_of(barid: &Barid, phone: &str) -> String {
    let found = barid.get(&format!("/api/v1/contacts?phone=%2B{}", &phone[1..])).await;
    format!("/api/v1/conversations/{}", found["items"][0]["id"].as_str().expect("they wrote"))
}

fn texts(barid: &Barid, phone: &str) -> Vec<String> {
    said_to(barid, phone).into_iter().map(|row| row.text.unwrap_or_default()).collect()
}

// Commands block a thread; on another one it is noticed when the service closes a connection that nobody used meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_answer_through_the_api_once_and_hand_back() {
    let barid = serving().await;
    barid.simulator_says(NADIA, "agent").await;
    until(&barid, "people to be called", async || said_to(&barid, NADIA).len() == 1).await;
    barid.simulator_says(NADIA, "is anybody there?").await;
    barid.simulator_says(OMAR, "hello").await;
    until(&barid, "the other to be answered", async || said_to(&barid, OMAR).len() == 1).await;

    let waiting = barid.get("/api/v1/conversations?state=person").await;
    let item = &waiting["items"][0];
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1, "{waiting}");
    assert_eq!((&item["phone"], &item["because"], &item["state"]), (&json!(NADIA), &json!("word"), &json!("person")));
    assert!(
        item["reference"].is_string() && item["waits_since"].is_string() && item["window_until"].is_string(),
        "{item}"
    );
    assert_eq!((&item["sender"], &item["taken_by"]), (&json!("default"), &json!(null)));
    let bots = barid.get("/api/v1/conversations?state=bot").await;
    assert_eq!(bots["items"][0]["phone"], OMAR, "{bots}");

    let at = conversation_of(&barid, NADIA).await;
    let says = json!({"text": "Amal here: your parcel comes today.", "by": "amal"});
    let (status, answered) = post(&barid, &format!("{at}/answer"), Some("case-7"), &says).await;
    assert_eq!(
        (status, &answered["state"], &answered["repeated"]),
        (202, &json!("planned"), &json!(false)),
        "{answered}"
    );
    let (status, again) = post(&barid, &format!("{at}/answer"), Some("case-7"), &says).await;
    assert_eq!(
        (status, &again["repeated"], &again["message_id"]),
        (202, &json!(true), &answered["message_id"]),
        "{again}"
    );
    let other = json!({"text": "Something else", "by": "amal"});
    let (status, problem) = post(&barid, &format!("{at}/answer"), Some("case-7"), &other).await;
    assert_eq!((status, &problem["type"]), (422, &json!("urn:barid:problem:idempotency-key-reused")));
    until(&barid, "the answer to come", async || said_to(&barid, NADIA).len() == 2).await;
    assert_eq!(texts(&barid, NADIA)[1], "Amal here: your parcel comes today.");

    let shown = barid.get(&format!("{at}?limit=2")).await;
    assert_eq!((&shown["taken_by"], &shown["waits_since"]), (&json!("amal"), &json!(null)), "{shown}");
    let exchanges = shown["exchanges"].as_array().unwrap();
    assert_eq!(
        (exchanges.len(), &exchanges[0]["by"], &exchanges[0]["kind"]),
        (2, &json!("amal"), &json!("answer")),
        "{shown}"
    );
    assert_eq!((&exchanges[1]["direction"], &exchanges[1]["text"]), (&json!("received"), &json!("is anybody there?")));

    // The same from the terminal, through the daemon.
    let done = barid.run(&["conversation", "answer", NADIA, "It is at your door.", "--by", "omar"]);
    assert!(done.status.success(), "{done:?}");
    until(&barid, "what the terminal said to come", async || said_to(&barid, NADIA).len() == 3).await;
    let listed = barid.run(&["conversation", "list", "--state", "person", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["phone"], &listed[0]["taken_by"]), (&json!(NADIA), &json!("amal")));

    let (status, back) = post(&barid, &format!("{at}/hand-back"), None, &json!({"by": "amal"})).await;
    assert_eq!(
        (status, &back["changed"], &back["conversation"]["state"]),
        (200, &json!(true), &json!("bot")),
        "{back}"
    );
    let (_, again) = post(&barid, &format!("{at}/hand-back"), None, &json!({})).await;
    assert_eq!(again["changed"], false, "{again}");
    barid.simulator_says(NADIA, "Thank you, it is here").await;
    until(&barid, "barid to answer again", async || said_to(&barid, NADIA).len() == 4).await;
    let texts = texts(&barid, NADIA);
    assert!(texts[3].contains("VOC-"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.starts_with("Amal here")).count(), 1, "{texts:?}");
}

#[tokio::test]
async fn a_conversation_is_taken_though_nobody_asked_for_it_and_wrong_calls_are_refused() {
    let barid = serving().await;
    barid.simulator_says(NADIA, "hello").await;
    until(&barid, "the confirmation", async || said_to(&barid, NADIA).len() == 1).await;
    let at = conversation_of(&barid, NADIA).await;
    let (status, taken) = post(&barid, &format!("{at}/take"), None, &json!({"by": "amal"})).await;
    assert_eq!(
        (status, &taken["changed"], &taken["conversation"]["because"]),
        (200, &json!(true), &json!("staff")),
        "{taken}"
    );
    barid.simulator_says(NADIA, "one more thing").await;
    barid.simulator_says(OMAR, "hello").await;
    until(&barid, "the other to be answered", async || said_to(&barid, OMAR).len() == 1).await;
    assert_eq!(said_to(&barid, NADIA).len(), 1, "it was taken: barid is silent");

    for (path, body, status, says) in [
        ("/api/v1/conversations/con_0000zzzz/take".to_owned(), json!({}), 404, "there is no contact"),
        ("/api/v1/conversations/nadia/take".to_owned(), json!({}), 404, "there is no contact `nadia`"),
        (format!("{at}/give"), json!({}), 404, "there are `answer`, `take`, `hand-back`"),
        (format!("{at}/answer"), json!({"by": "amal"}), 422, "1 to 4096 characters"),
        (format!("{at}/answer"), json!({"txt": "x"}), 400, "unknown field `txt`"),
        (format!("{at}/answer"), json!({"text": "x", "by": " "}), 422, "must be named"),
        (format!("{at}/take"), json!({"sender": "second"}), 404, "never wrote to `second`"),
    ] {
        let (answered, problem) = post(&barid, &path, None, &body).await;
        assert_eq!(answered, status, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
    }
    let unauthorised = barid.http.get(format!("http://{}{at}", barid.listen)).send().await.unwrap();
    assert_eq!(unauthorised.status().as_u16(), 401);
    let misspelt = barid.http.get(format!("http://{}/api/v1/conversations?state=human", barid.listen));
    assert_eq!(misspelt.bearer_auth(TOKEN).send().await.unwrap().status().as_u16(), 400);

    // Whoever says stop is not answered by people either.
    barid.simulator_says(NADIA, "STOP").await;
    until(&barid, "the notice", async || said_to(&barid, NADIA).len() == 2).await;
    let (status, problem) = post(&barid, &format!("{at}/answer"), None, &json!({"text": "wait!"})).await;
    assert_eq!((status, &problem["type"]), (422, &json!("urn:barid:problem:opted-out")), "{problem}");
}

/// A clock that is set.
struct SetClock(Mutex<Timestamp>);

impl SetClock {
    fn set(&self, second: i64) {
        *self.0.lock().unwrap() = at(second);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// The jobs over a real store, with the shipped templates, answers and flows, and a clock that is set.
async fn by_the_clock(store: &Arc<SqlStore>, more: &str) -> (Services, Arc<SetClock>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    let jobs = concat!(env!("CARGO_MANIFEST_DIR"), "/jobs");
    let file = folder.path().join("barid.toml");
    std::fs::write(&file, format!("[templates]\ndir = \"{templates}\"\n[jobs]\ndir = \"{jobs}\"\n{more}")).unwrap();
    let config = Config::load(Some(&file), &Environment::default()).map_err(|errors| errors.to_string()).unwrap();
    let clock = Arc::new(SetClock(Mutex::new(at(0))));
    let services = Services {
        clock: Arc::clone(&clock) as _,
        catalogue: Arc::new(files::shelf(&config, files::read(&config).0)),
        ..services(Arc::clone(store) as _, Arc::new(FakeQueue::default()), &[])
    };
    (services, clock, folder)
}

async fn writes(store: &SqlStore, id: &str, text: &str) {
    heard(store, vec![Heard { window_until: Some(at(80_000)), ..inbound(0, id, text) }]).await;
}

fn talk(contact: ContactId) -> TalkId {
    TalkId { contact, sender: "default".parse().unwrap() }
}

/// What was said last, by whom.
async fn last(store: &SqlStore, contact: ContactId) -> String {
    match store.exchanges(&talk(contact), 1).await.unwrap().remove(0) {
        Exchange::Sent { text, .. } => text.unwrap_or_default(),
        Exchange::Received { .. } => "nothing since they wrote".to_owned(),
    }
}

on_both_databases! {
    async fn people_who_stay_silent_are_told_again_and_relieved_and_the_person_is_told(database: Database) {
        let wanted: HookEvents = [HookEvent::EscalationOpened, HookEvent::EscalationClosed].into_iter().collect();
        let hooks = Subscriptions::new(vec![("crm".parse().unwrap(), wanted)]);
        let store = SqlStore::open(&database.url, &StoreSettings { hooks, ..settings() }).await.unwrap();
        let store = Arc::new(store);
        let contact = people(&store, 1).await[0];
        let (services, clock, _folder) = by_the_clock(&store, "").await;
        writes(&store, "wamid.1", "موظف").await;
        clock.set(30);
        assert_eq!(answer::run(&services).await.unwrap(), 1);
        assert!(last(&store, contact).await.contains("سيتولى أحد موظفينا"));

        // Half an hour after they were called, and each half hour; nothing is said.
        let told_at = async || store.listed_talk(&talk(contact)).await.unwrap().unwrap().conversation.handover().map(|handover| handover.told_at);
        for (now, told) in [(1_829, 30), (1_830, 1_830), (3_629, 1_830), (3_630, 3_630), (43_229, 43_229)] {
            clock.set(now);
            assert_eq!(answer::run(&services).await.unwrap(), 0, "at {now}");
            assert_eq!(told_at().await, Some(at(told)), "at {now}");
        }
        clock.set(43_230);
        assert_eq!(answer::run(&services).await.unwrap(), 1, "twelve hours are over");
        assert!(last(&store, contact).await.contains("لم يتمكن أحد من موظفينا"));
        assert_eq!(told_at().await, None);
        assert_eq!(answer::run(&services).await.unwrap(), 0, "once");
        let told = store.due_deliveries(&"crm".parse().unwrap(), at(50_000), 9).await.unwrap();
        let closed = store.delivery(told[1].0).await.unwrap().unwrap();
        let closed: Value = serde_json::from_str(&closed.data).unwrap();
        assert_eq!((told.len(), &closed["closed_because"], &closed["unanswered"]), (2, &json!("silence"), &json!(true)));

        // barid answers again.
        writes(&store, "wamid.2", "التوصيل تأخر ثلاثة أيام").await;
        clock.set(43_300);
        assert_eq!(answer::run(&services).await.unwrap(), 1);
        assert!(last(&store, contact).await.contains("VOC-"));
    }

    async fn a_conversation_that_went_to_sleep_is_handed_back_without_a_word(database: Database) {
        let store = Arc::new(database.open().await);
        let contact = people(&store, 1).await[0];
        let (services, clock, _folder) = by_the_clock(&store, "").await;
        writes(&store, "wamid.1", "موظف").await;
        clock.set(30);
        answer::run(&services).await.unwrap();
        let act = barid::domain::answering::staff::StaffAct::Answer("تفضل، كيف أساعدك؟".to_owned());
        let request = barid::jobs::staff::StaffRequest { contact, sender: None, act, who: "amal".to_owned(), once: None };
        clock.set(60);
        assert!(barid::jobs::staff::run(&services, &request).await.unwrap().has_changed);
        for now in [1_900, 43_259, 43_260] {
            clock.set(now);
            assert_eq!(answer::run(&services).await.unwrap(), 0, "at {now}");
        }
        assert_eq!(last(&store, contact).await, "تفضل، كيف أساعدك؟");
        assert!(!store.listed_talk(&talk(contact)).await.unwrap().unwrap().conversation.is_human());
    }

    async fn nobody_is_told_where_the_configuration_says_so(database: Database) {
        let store = Arc::new(database.open().await);
        let contact = people(&store, 1).await[0];
        let more = "[answers]\nsilence_is_told = false\nhanded_back_after = \"1h\"\n";
        let (services, clock, _folder) = by_the_clock(&store, more).await;
        writes(&store, "wamid.1", "موظف").await;
        for (now, said) in [(30, 1), (3_629, 0), (3_630, 0)] {
            clock.set(now);
            assert_eq!(answer::run(&services).await.unwrap(), said, "at {now}");
        }
        assert!(!store.listed_talk(&talk(contact)).await.unwrap().unwrap().conversation.is_human());
    }
}
