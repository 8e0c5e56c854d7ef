//! Our own webhooks from outside: a receiver on this machine, the real service, and what becomes of an event on its way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barid::domain::hook::signature::HookKey;
use barid::http::ServerSettings;
use bytes::Bytes;
use serde_json::Value;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::{Reply as _, Response};

use crate::harness::{Barid, PATIENCE, Setup, tail};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// One call as the receiver had it.
#[derive(Debug, Clone)]
struct Call {
    id: String,
    timestamp: String,
    signature: String,
    body: Bytes,
}

impl Call {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The secrets that signed it, by the scheme.
    fn signed_by<'a>(&self, secrets: &[&'a str]) -> Vec<&'a str> {
        let timestamp = self.timestamp.parse().expect("seconds");
        let signed = |secret: &&&str| {
            let signature = HookKey::parse(secret).unwrap().sign(&self.id, timestamp, &self.body);
            self.signature.split(' ').any(|one| one == signature)
        };
        secrets.iter().filter(signed).copied().collect()
    }
}

#[derive(Debug, Clone)]
enum Answer {
    Status(u16),
    /// 503, and come back after so many seconds.
    Busy(u32),
    Redirect(String),
    Never,
}

/// Somebody who wants to hear.
struct Receiver {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    /// What the first calls get; the last one is for all that follow.
    answers: Arc<Mutex<Vec<Answer>>>,
    /// Calls that were never answered, at once at most.
    hanging_max: Arc<AtomicUsize>,
}

/// Counts a call while it hangs, also when whoever made it gives up.
struct Hanging<'a>(&'a AtomicUsize);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Receiver {
    async fn start(answers: Vec<Answer>) -> Self {
        let listener = barid::http::bind("receiver", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, answers) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(answers)));
        let (hanging, hanging_max) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let shared = (Arc::clone(&calls), Arc::clone(&answers), Arc::clone(&hanging_max));
        let route = warp::post()
            .and(warp::header("webhook-id"))
            .and(warp::header("webhook-timestamp"))
            .and(warp::header("webhook-signature"))
            .and(warp::body::bytes())
            .then(move |id, timestamp, signature, body| {
                let ((calls, answers, hanging_max), hanging) = (shared.clone(), Arc::clone(&hanging));
                async move {
                    calls.lock().unwrap().push(Call { id, timestamp, signature, body });
                    let answer = {
                        let mut answers = answers.lock().unwrap();
                        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
                    };
                    if let Answer::Never = answer {
                        hanging_max.fetch_max(hanging.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let _hanging = Hanging(&hanging);
                        std::future::pending::<()>().await;
                    }
                    answered(&answer)
                }
            })
            .boxed();
        tokio::spawn(barid::http::serve(listener, route, ServerSettings::PUBLIC, std::future::pending()));
        Self { address, calls, answers, hanging_max }
    }

    /// The block of the configuration.
    fn hook(&self, name: &str, events: &str) -> String {
        let address = self.address;
        format!(
            "[[hooks]]\nname = \"{name}\"\nurl = \"http://{address}/in\"\nevents = {events}\nallow_private = true\n"
        )
    }

    fn answer(&self, answer: Answer) {
        *self.answers.lock().unwrap() = vec![answer];
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    async fn wait_for(&self, barid: &Barid, what: &str, until: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let begin = Instant::now();
        loop {
            let calls = self.calls();
            if until(&calls) {
                return calls;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}\n{calls:?}\n{}", tail(&barid.log()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn answered(answer: &Answer) -> Response {
    let response = |status: u16| StatusCode::from_u16(status).unwrap().into_response();
    match answer {
        Answer::Status(status) => response(*status),
        Answer::Busy(seconds) => warp::reply::with_header(response(503), "retry-after", *seconds).into_response(),
        Answer::Redirect(to) => warp::reply::with_header(response(307), "location", to).into_response(),
        Answer::Never => unreachable!("it hangs"),
    }
}

fn ids(calls: &[Call]) -> BTreeSet<&str> {
    calls.iter().map(|call| call.id.as_str()).collect()
}

async fn prepare(more: String) -> Barid {
    let mut barid = Barid::prepare(Setup { more, ..Setup::default() }).await;
    barid.environment.push(("BARID_HOOK_CRM_SECRET", SECRET.to_owned()));
    barid
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    texts(output).0
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_until_it_is_taken_under_one_id_signed_with_both_secrets() {
    let receiver = Receiver::start(vec![Answer::Busy(1), Answer::Status(500), Answer::Status(204)]).await;
    let mut barid = prepare(receiver.hook("crm", r#"["feedback.received"]"#)).await;
    barid.environment.push(("BARID_HOOK_CRM_SECRET_PREVIOUS", OLD_SECRET.to_owned()));
    barid.start().await;
    barid.simulator_says("+966510000001", "الخدمة ممتازة").await;
    let calls = receiver.wait_for(&barid, "the third call", |calls| calls.len() >= 3).await;
    assert_eq!(ids(&calls).len(), 1, "{calls:?}");
    assert!(calls.iter().all(|call| call.body == calls[0].body), "what is signed is what was signed before");
    for call in &calls {
        assert_eq!(call.signed_by(&[SECRET, OLD_SECRET]), [SECRET, OLD_SECRET]);
    }
    let body = calls[0].json();
    assert_eq!((&body["type"], &body["id"]), (&"feedback.received".into(), &calls[0].id.clone().into()));
    assert_eq!((&body["data"]["text"], &body["version"]), (&"الخدمة ممتازة".into(), &1.into()));
    // The signed time is that of the attempt: 1 s and 5 s lie between them at least.
    let times: Vec<i64> = calls.iter().map(|call| call.timestamp.parse().unwrap()).collect();
    assert!(times[1] > times[0] && times[2] >= times[1] + 4, "{times:?}");

    let begin = Instant::now();
    loop {
        let delivered = barid.get("/api/v1/hooks/deliveries?state=delivered").await;
        if let Some(item) = delivered["items"].get(0) {
            assert_eq!((&item["id"], &item["attempts"], &item["why"]), (&body["id"], &3.into(), &Value::Null));
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{delivered}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = barid.metrics().await;
    for line in [
        "barid_hook_deliveries_total{hook=\"crm\",outcome=\"again\"} 2",
        "barid_hook_deliveries_total{hook=\"crm\",outcome=\"delivered\"} 1",
        "barid_hook_waiting{hook=\"crm\"} 0",
        "barid_hook_up{hook=\"crm\"} 1",
        "barid_worker_up{queue=\"hooks\"} 1",
    ] {
        assert!(metrics.lines().any(|there| there == line), "{line} is missing in\n{metrics}");
    }
    // Neither the address nor what was said is in the log.
    let log = barid.log();
    assert!(!log.contains(&receiver.address.to_string()) && !log.contains("ممتازة"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_call_and_an_emptied_redis_lose_nothing() {
    let receiver = Receiver::start(vec![Answer::Never]).await;
    let mut barid = prepare(format!("[queue]\nlease = \"1s\"\n{}", receiver.hook("crm", r#""*""#))).await;
    barid.start().await;
    for n in 1..=3 {
        barid.simulator_says(&format!("+96651000000{n}"), "hello").await;
    }
    receiver.wait_for(&barid, "all calls under way", |calls| ids(calls).len() == 3).await;
    barid.kill();
    assert!(barid.redis_cli(&["flushall"]).status.success());
    let before = receiver.calls();
    receiver.answer(Answer::Status(200));
    barid.start().await;
    let after = receiver.wait_for(&barid, "all of them again", |calls| ids(&calls[before.len()..]).len() == 3).await;
    assert_eq!(ids(&after), ids(&before), "the same events under the same ids");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    const EVENTS: usize = 20;
    let (slow, good) = (Receiver::start(vec![Answer::Never]).await, Receiver::start(vec![Answer::Status(200)]).await);
    let hooks = format!("{}{}", slow.hook("slow", r#""*""#), good.hook("crm", r#""*""#));
    let mut barid = prepare(format!("[queue.concurrency]\nhooks = 4\n{hooks}")).await;
    barid.environment.push(("BARID_HOOK_SLOW_SECRET", OLD_SECRET.to_owned()));
    barid.start().await;
    for n in 0..EVENTS {
        barid.simulator_says(&format!("+9665100001{n:02}"), "hello").await;
    }
    let calls = good.wait_for(&barid, "all events", |calls| ids(calls).len() == EVENTS).await;
    assert_eq!(calls[0].signed_by(&[SECRET, OLD_SECRET]), [SECRET], "each has a secret of its own");
    slow.wait_for(&barid, "a call", |calls| !calls.is_empty()).await;
    assert!(slow.hanging_max.load(Ordering::SeqCst) <= 2, "it has its share of the lane and no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_nothing_any_more_is_left_alone_until_a_test_and_a_replay() {
    let receiver = Receiver::start(vec![Answer::Status(410)]).await;
    let mut barid = prepare(receiver.hook("crm", r#"["feedback.received"]"#)).await;
    barid.start().await;
    let state = async |state: &str, n: usize| {
        let begin = Instant::now();
        loop {
            let items = barid.get(&format!("/api/v1/hooks/deliveries?state={state}")).await["items"].clone();
            let items = items.as_array().unwrap().clone();
            if items.len() == n {
                return items;
            }
            assert!(begin.elapsed() < PATIENCE, "{items:?}\n{}", tail(&barid.log()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    barid.simulator_says("+966510000001", "one").await;
    state("dead", 1).await;
    barid.simulator_says("+966510000002", "two").await;
    let dead = state("dead", 2).await;
    assert_eq!(receiver.calls().len(), 1, "the second one was not called");
    assert!(dead.iter().all(|item| item["why"].as_str().unwrap().contains("410")), "{dead:?}");
    assert_eq!(barid.get("/api/v1/hooks").await["items"][0]["state"], "gone");
    assert_eq!(barid.log().lines().filter(|line| line.contains("answered 410 and is told nothing")).count(), 1);

    receiver.answer(Answer::Status(200));
    assert!(said(&barid.run(&["hooks", "test", "crm"])).contains("answered 200"));
    let listed: Value = serde_json::from_str(&said(&barid.run(&["hooks", "list", "--json"]))).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["dead"]), (&"well".into(), &2.into()));
    let since = "2020-01-01T00:00:00Z";
    let replay = ["hooks", "replay", "--since", since, "--hook", "crm"];
    assert_eq!(said(&barid.run(&[&replay[..], &["--dry-run"]].concat())), "would be told once more: 2\n");
    assert_eq!(said(&barid.run(&replay)), "to be told once more: 2\n");
    let wanted: BTreeSet<&str> = dead.iter().map(|item| item["id"].as_str().unwrap()).collect();
    state("delivered", 3).await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert_eq!(calls[1].json()["type"], "hook.test");
    assert_eq!(ids(&calls[2..]), wanted, "a replay keeps the ids");
    // One that was taken is told again only when it is named.
    let one = dead[0]["id"].as_str().unwrap();
    assert_eq!(said(&barid.run(&replay)), "to be told once more: 0\n");
    assert_eq!(said(&barid.run(&["hooks", "replay", "--id", one])), "to be told once more: 1\n");
    receiver.wait_for(&barid, "the one", |calls| calls.len() == 5 && calls[4].id == one).await;

    let (_, wrong) = texts(&barid.run(&["hooks", "test", "crn"]));
    assert!(wrong.contains("did you mean `crm`?"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed_and_private_networks_are_barred_unless_allowed() {
    let elsewhere = Receiver::start(vec![Answer::Status(200)]).await;
    let receiver = Receiver::start(vec![Answer::Redirect(format!("http://{}/in", elsewhere.address))]).await;
    let private = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    private.set_nonblocking(true).unwrap();
    let port = private.local_addr().unwrap().port();
    // No daemon runs: the command makes the call, by the same client.
    let barred = format!("[[hooks]]\nname = \"barred\"\nurl = \"https://localhost:{port}/\"\nevents = \"*\"\n");
    let mut barid = prepare(format!("{}{barred}", receiver.hook("crm", r#""*""#))).await;
    barid.environment.push(("BARID_HOOK_BARRED_SECRET", SECRET.to_owned()));

    let output = barid.run(&["hooks", "test", "crm"]);
    assert!(!output.status.success() && texts(&output).1.contains("redirects are not followed"), "{output:?}");
    assert_eq!((receiver.calls().len(), elsewhere.calls().len()), (1, 0));

    let output = barid.run(&["hooks", "test", "barred"]);
    assert!(
        !output.status.success() && texts(&output).1.contains("barred: the name leads into a private"),
        "{output:?}"
    );
    let connection = private.accept();
    assert!(connection.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "somebody connected");
    let listed = said(&barid.run(&["hooks", "deliveries", "--hook", "barred", "--json"]));
    assert!(listed.contains("\"hook.test\"") && listed.contains("\"dead\""), "{listed}");
}
