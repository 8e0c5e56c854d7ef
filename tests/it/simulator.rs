//! The simulator over HTTP: what a client and a receiver of callbacks see.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barid::simulator::{
    Button, Category, Customers, Faults, Latency, Number, Settings, Simulator, SimulatorError, Statuses, Template,
    TokenState,
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use warp::Filter;

/// Nothing here takes long; a test that hangs shall say so.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a receiver got: signature and body, as they came.
#[derive(Debug, Default)]
struct Inbox {
    callbacks: Mutex<Vec<(String, Bytes)>>,
    /// So many of the next callbacks are answered with 500.
    refuse: AtomicUsize,
}

impl Inbox {
    /// Everything told so far, refused callbacks too: the elements of all `statuses` (or `messages`, …), in the order of telling.
    fn all(&self, kind: &str) -> Vec<Value> {
        let callbacks = self.callbacks.lock().unwrap();
        let bodies = callbacks.iter().map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap());
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        bodies
            .flat_map(|body| list(&body["entry"]))
            .flat_map(|entry| list(&entry["changes"]))
            .flat_map(|change| list(&change["value"][kind]))
            .collect()
    }
}

/// A receiver of callbacks that counts, keeps and answers 200 unless told otherwise.
async fn receiver() -> (String, Arc<Inbox>) {
    let inbox = Arc::new(Inbox::default());
    let keep = {
        let inbox = Arc::clone(&inbox);
        warp::post().and(warp::header::<String>("x-hub-signature-256")).and(warp::body::bytes()).map(
            move |signature, body| {
                inbox.callbacks.lock().unwrap().push((signature, body));
                let refused =
                    inbox.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                warp::http::Response::builder().status(if refused { 500 } else { 200 }).body(String::new())
            },
        )
    };
    let verify = warp::get().and(warp::query::<BTreeMap<String, String>>()).map(|query: BTreeMap<String, String>| {
        let good = query.get("hub.verify_token").is_some_and(|token| token == "simulator-verify-token");
        let challenge = query.get("hub.challenge").cloned().unwrap_or_default();
        warp::http::Response::builder().status(if good { 200 } else { 403 }).body(challenge)
    });
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(keep.or(verify)).incoming(listener).run());
    (url, inbox)
}

fn settings() -> Settings {
    let mut survey = Template::approved("survey", "ar", Category::Utility, "مرحبا {{1}}");
    survey.buttons = vec![Button::quick_reply("ابدأ")];
    Settings {
        latency: Latency::NONE,
        statuses: Statuses::prompt(),
        customers: Customers::silent(),
        numbers: vec![Number { throughput: 0, ..Number::default() }],
        templates: vec![survey, Template::approved("plain", "en", Category::Marketing, "Hello")],
        builtin_suffixes: false,
        ..Settings::default()
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap()
}

/// A client that knows the simulator's address and token.
struct Business {
    client: reqwest::Client,
    url: String,
}

impl Business {
    fn of(simulator: &Simulator) -> Self {
        Self { client: client(), url: simulator.url() }
    }

    async fn post(&self, path: &str, body: Value) -> reqwest::Result<reqwest::Response> {
        let request = self.client.post(format!("{}/{path}", self.url)).bearer_auth("simulator-token");
        request.header("content-type", "application/json").body(body.to_string()).send().await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let path = if path.starts_with("http") { path.to_owned() } else { format!("{}/{path}", self.url) };
        let response = self.client.get(path).bearer_auth("simulator-token").send().await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn send(&self, to: &str, reference: &str) -> reqwest::Result<reqwest::Response> {
        let component = json!({"type": "body", "parameters": [{"type": "text", "text": "نورة"}]});
        let template = json!({"name": "survey", "language": {"code": "ar"}, "components": [component]});
        let body = json!({
            "messaging_product": "whatsapp", "to": to, "type": "template", "template": template, "biz_opaque_callback_data": reference,
        });
        self.post("v26.0/900000000000001/messages", body).await
    }
}

async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

async fn quiet(simulator: &Simulator) {
    tokio::time::timeout(PATIENCE, simulator.quiet()).await.expect("all callbacks arrive");
}

#[tokio::test]
async fn every_message_is_told_to_its_end_with_signatures_over_the_escaped_bytes() {
    let (url, inbox) = receiver().await;
    let simulator = Simulator::start(Settings { webhook_url: Some(url), ..settings() }).await.unwrap();
    let business = Business::of(&simulator);
    for n in 0..20 {
        let response = business.send(&format!("+9665000001{n:02}"), &format!("job/{n}")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["facebook-api-version"], "v26.0");
    }
    quiet(&simulator).await;
    for (signature, body) in inbox.callbacks.lock().unwrap().iter() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"simulator-app-secret").unwrap();
        mac.update(body);
        assert_eq!(*signature, format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
        assert!(body.is_ascii() && body.windows(5).any(|five| five == br"job\/"), "slashes are escaped");
    }
    let statuses = inbox.all("statuses");
    assert_eq!(statuses.len(), 60);
    let ledger = simulator.ledger();
    assert_eq!(ledger.len(), 20);
    for row in &ledger {
        assert_eq!(row.statuses, ["sent", "delivered", "read"]);
        assert_eq!(row.parameters, ["نورة"]);
        let told = statuses.iter().filter(|status| status["id"] == row.wamid.as_str());
        assert!(
            told.clone()
                .all(|status| status["biz_opaque_callback_data"] == row.biz_opaque_callback_data.as_deref().unwrap())
        );
        assert_eq!(told.count(), 3);
    }
    let ids: BTreeSet<&str> = ledger.iter().map(|row| row.wamid.as_str()).collect();
    assert_eq!(ids.len(), 20);
    simulator.shutdown().await;
}

#[tokio::test]
async fn disorder_happens_and_everything_still_arrives() {
    let (url, inbox) = receiver().await;
    let statuses = Statuses { duplicate_share: 0.3, reorder_share: 0.5, batch_max: 40, ..Statuses::prompt() };
    let seed = 20_261_122;
    println!("seed {seed}");
    let simulator = Simulator::start(Settings { webhook_url: Some(url), statuses, seed, ..settings() }).await.unwrap();
    let business = Business::of(&simulator);
    for n in 0..100 {
        business.send(&format!("+966500000{n:03}"), "x").await.unwrap();
    }
    quiet(&simulator).await;
    let counts = simulator.counts();
    assert_eq!((counts.statuses["sent"], counts.statuses["delivered"], counts.statuses["read"]), (100, 100, 100));
    assert!(counts.statuses_repeated > 50, "{counts:?}");
    let told = inbox.all("statuses");
    assert_eq!(told.len() as u64, 300 + counts.statuses_repeated);
    let order = |row: &str| -> Vec<String> {
        told.iter()
            .filter(|status| status["id"] == row)
            .map(|status| status["status"].as_str().unwrap().to_owned())
            .collect()
    };
    let upside_down = simulator.ledger().into_iter().filter(|row| {
        let order = order(&row.wamid);
        let place = |word: &str| order.iter().position(|told| told == word);
        place("read") < place("delivered")
    });
    assert!(upside_down.count() > 20);
    assert!((counts.posts as usize) < told.len() / 2, "events share callbacks");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_reset_after_acceptance_leaves_the_row_and_one_before_leaves_none() {
    let (url, inbox) = receiver().await;
    let simulator = Simulator::start(Settings { webhook_url: Some(url), ..settings() }).await.unwrap();
    let business = Business::of(&simulator);
    simulator.set_faults(Faults { reset_after_accept: 1.0, ..Faults::default() }).unwrap();
    let error = business.send("+966500000101", "after").await.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    simulator.set_faults(Faults { reset_before_accept: 1.0, ..Faults::default() }).unwrap();
    business.send("+966500000102", "before").await.unwrap_err();
    simulator.set_faults(Faults { malformed_body: 1.0, ..Faults::default() }).unwrap();
    let broken = business.send("+966500000103", "broken").await.unwrap();
    assert_eq!(broken.status(), 200);
    assert!(serde_json::from_slice::<Value>(&broken.bytes().await.unwrap()).is_err());
    simulator.set_faults(Faults { http_503_html: 1.0, ..Faults::default() }).unwrap();
    let page = business.send("+966500000104", "page").await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    quiet(&simulator).await;
    let references: Vec<String> =
        simulator.ledger().into_iter().filter_map(|row| row.biz_opaque_callback_data).collect();
    assert_eq!(references, ["after", "broken"]);
    assert_eq!(inbox.all("statuses").len(), 6, "what was accepted is told, answer or not");
    assert_eq!(simulator.counts().faults["reset_before_accept"], 1);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_stalled_call_gets_no_answer_and_ends_with_the_simulator() {
    let simulator = Simulator::start(settings()).await.unwrap();
    simulator.set_faults(Faults { stall: 1.0, ..Faults::default() }).unwrap();
    let business = Business::of(&simulator);
    let call = tokio::spawn(async move { business.send("+966500000101", "x").await.map(|response| response.status()) });
    while simulator.ledger().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    simulator.shutdown().await;
    call.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn callbacks_that_are_not_answered_with_200_come_again() {
    let (url, inbox) = receiver().await;
    inbox.refuse.store(2, Ordering::SeqCst);
    let mut settings = Settings { webhook_url: Some(url), ..settings() };
    settings.callbacks.redelivery = vec![barid::simulator::Millis::new(1)];
    let simulator = Simulator::start(settings).await.unwrap();
    Business::of(&simulator).send("+966500000101", "x").await.unwrap();
    quiet(&simulator).await;
    let counts = simulator.counts();
    assert_eq!((counts.posts_failed, counts.statuses["read"], counts.pending), (2, 1, 0));
    assert_eq!(simulator.ledger()[0].statuses, ["sent", "delivered", "read"]);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_status_can_arrive_before_the_answer() {
    let (url, inbox) = receiver().await;
    let statuses = Statuses { before_answer_share: 1.0, ..Statuses::prompt() };
    let simulator = Simulator::start(Settings { webhook_url: Some(url), statuses, ..settings() }).await.unwrap();
    let business = Business::of(&simulator);
    let answer = json_of(business.send("+966500000101", "x").await.unwrap()).await;
    let told = inbox.all("statuses");
    assert!(told.iter().any(|status| status["id"] == answer["messages"][0]["id"]), "{told:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn people_answer_and_press_and_their_window_opens() {
    let (url, inbox) = receiver().await;
    let customers = Customers {
        reply_share: 1.0,
        press_share: 1.0,
        reply_after: barid::simulator::Span::ZERO,
        ..Customers::default()
    };
    let simulator = Simulator::start(Settings { webhook_url: Some(url), customers, ..settings() }).await.unwrap();
    let business = Business::of(&simulator);
    business.send("+966500000101", "x").await.unwrap();
    quiet(&simulator).await;
    let messages = inbox.all("messages");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["button"], json!({"payload": "ابدأ", "text": "ابدأ"}));
    assert_eq!(messages[0]["context"]["id"], simulator.ledger()[0].wamid.as_str());
    let free =
        json!({"messaging_product": "whatsapp", "to": "+966500000101", "type": "text", "text": {"body": "شكراً"}});
    business.post("900000000000001/messages", free).await.unwrap();
    assert_eq!(simulator.ledger()[1].failed_code, None, "inside the window free text goes through");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_person_can_be_made_to_write_over_http() {
    let (url, inbox) = receiver().await;
    let simulator = Simulator::start(settings()).await.unwrap();
    let business = Business::of(&simulator);
    let verified = business.post("_simulator/webhook", json!({"url": url, "verify": true})).await.unwrap();
    assert_eq!(verified.status(), 200);
    for wish in [
        json!({"from": "+966500000101", "text": "إيقاف"}),
        json!({"from": "966500000101", "button": {"payload": "p"}, "context": "wamid.x"}),
        json!({"from": "966500000101", "media": {"type": "audio", "hex": "4f676753"}}),
        json!({"from": "966500000101", "preference": "stop"}),
    ] {
        let response = business.post("_simulator/inbound", wish.clone()).await.unwrap();
        assert_eq!(response.status(), 200, "{wish}");
    }
    let nothing = business.post("_simulator/inbound", json!({"from": "1"})).await.unwrap();
    assert_eq!(nothing.status(), 400);
    assert_eq!(business.get("_simulator/quiet").await.0, 200);
    let kinds: Vec<Value> = inbox.all("messages").iter().map(|message| message["type"].clone()).collect();
    assert_eq!(kinds, ["text", "button", "audio"]);
    assert_eq!(inbox.all("user_preferences")[0]["value"], "stop");

    let audio = inbox.all("messages")[2]["audio"].clone();
    let id = audio["id"].as_str().unwrap();
    let (_, media) = business.get(&format!("v26.0/{id}")).await;
    let url = media["url"].as_str().unwrap();
    let bytes = business.client.get(url).bearer_auth("simulator-token").send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes, "OggS");
    assert_eq!(business.client.get(url).send().await.unwrap().status(), 401);
    simulator.shutdown().await;
}

#[tokio::test]
async fn the_token_is_checked_and_can_be_spoilt() {
    let simulator = Simulator::start(settings()).await.unwrap();
    let business = Business::of(&simulator);
    let messages = format!("{}/v26.0/900000000000001/messages", simulator.url());
    let foreign = business.client.post(&messages).bearer_auth("other").body("{}").send().await.unwrap();
    assert_eq!(foreign.status(), 401);
    assert_eq!(json_of(foreign).await["error"]["code"], 190);
    simulator.set_faults(Faults { token: TokenState::Expired, ..Faults::default() }).unwrap();
    let expired = business.send("+966500000101", "x").await.unwrap();
    assert_eq!(expired.status(), 401);
    assert_eq!(json_of(expired).await["error"]["error_subcode"], 463);
    let (status, debug) = business.get("v26.0/debug_token?input_token=simulator-token").await;
    assert_eq!((status, &debug["data"]["is_valid"]), (200, &json!(false)));
    simulator.set_faults(Faults::default()).unwrap();
    let (_, debug) = business.get("v26.0/debug_token?input_token=simulator-token").await;
    assert_eq!(debug["data"]["scopes"], json!(["whatsapp_business_management", "whatsapp_business_messaging"]));
    assert_eq!(business.send("+966500000101", "x").await.unwrap().status(), 200);
    simulator.shutdown().await;
}

#[tokio::test]
async fn numbers_templates_and_subscriptions_can_be_read_and_changed() {
    let (url, _) = receiver().await;
    let mut many = settings();
    many.templates
        .extend((0..60).map(|n| Template::approved(&format!("t{n:02}"), "en", Category::Utility, "x {{1}} y")));
    let simulator = Simulator::start(many).await.unwrap();
    let business = Business::of(&simulator);
    let (_, number) = business.get("v26.0/900000000000001?fields=throughput,quality_rating,health_status").await;
    assert_eq!(number["throughput"]["level"], "HIGH");
    assert_eq!(number["health_status"]["can_send_message"], "AVAILABLE");
    assert!(number["display_phone_number"].is_null());
    let (status, unknown) = business.get("v26.0/42").await;
    assert_eq!((status, &unknown["error"]["error_subcode"]), (400, &json!(33)));

    let (mut names, mut next) = (Vec::new(), Some("v26.0/800000000000001/message_templates?limit=25".to_owned()));
    while let Some(page) = next {
        let (_, page) = business.get(&page).await;
        names.extend(page["data"].as_array().unwrap().iter().map(|template| template["name"].to_string()));
        next = page["paging"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(names.len(), 62);
    let (_, one) = business.get("v26.0/800000000000001/message_templates?name=survey&fields=components,status").await;
    assert_eq!(one["data"][0]["status"], "APPROVED");
    assert_eq!(one["data"][0]["components"][0], json!({"type": "BODY", "text": "مرحبا {{1}}"}));
    let (status, _) = business.get("v26.0/800000000000001/message_templates?after=nowhere").await;
    assert_eq!(status, 400);

    let new = json!({"name": "fresh", "language": "en", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Hi {{1}}!", "example": {"body_text": [["N"]]}}]});
    let created = business.post("v26.0/800000000000001/message_templates", new).await.unwrap();
    assert_eq!(json_of(created).await["status"], "PENDING");

    let wish = json!({"override_callback_uri": url, "verify_token": "simulator-verify-token"});
    let subscribed = business.post("v26.0/800000000000001/subscribed_apps", wish).await.unwrap();
    assert_eq!(subscribed.status(), 200);
    let (_, apps) = business.get("v26.0/800000000000001/subscribed_apps").await;
    assert_eq!(apps["data"][0]["override_callback_uri"], url.as_str());
    let wish = json!({"override_callback_uri": url, "verify_token": "wrong"});
    let refused = business.post("v26.0/800000000000001/subscribed_apps", wish).await.unwrap();
    assert_eq!(refused.status(), 400);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_media_header_needs_the_handle_of_a_file_of_its_kind_that_was_uploaded() {
    let simulator = Simulator::start(settings()).await.unwrap();
    let business = Business::of(&simulator);
    let refused = |body: &Value| body["error"]["error_data"]["details"].as_str().unwrap_or_default().to_owned();
    let session = business
        .post("v26.0/700000000000001/uploads?file_name=a.pdf&file_length=9&file_type=application/pdf", Value::Null)
        .await
        .unwrap();
    let session = json_of(session).await["id"].as_str().unwrap().to_owned();
    assert!(session.starts_with("upload:") && session.contains("?sig="), "{session}");
    let upload = async |scheme: &str, bytes: &'static [u8]| {
        let url = format!("{}/v26.0/{session}", simulator.url());
        let request = business.client.post(url).header("authorization", format!("{scheme} simulator-token"));
        json_of(request.header("file_offset", "0").body(bytes).send().await.unwrap()).await
    };
    let bearer = upload("Bearer", b"%PDF-1.7\n").await;
    assert!(refused(&bearer).contains("OAuth"), "{bearer}");
    let short = upload("OAuth", b"%PDF").await;
    assert!(refused(&short).contains("file_length was 9"), "{short}");
    let handle = upload("OAuth", b"%PDF-1.7\n").await["h"].as_str().unwrap().to_owned();

    let create = async |format: &str, handle: &str| {
        let header = json!({"type": "HEADER", "format": format, "example": {"header_handle": [handle]}});
        let body = json!({"type": "BODY", "text": "Here it is"});
        let new = json!({"name": "slip", "language": "en", "category": "UTILITY", "components": [header, body]});
        json_of(business.post("v26.0/800000000000001/message_templates", new).await.unwrap()).await
    };
    for (format, handle) in [("DOCUMENT", "4::aW0"), ("IMAGE", handle.as_str())] {
        let answer = create(format, handle).await;
        assert!(refused(&answer).contains("header_handle"), "{answer}");
    }
    assert_eq!(create("DOCUMENT", &handle).await["status"], "PENDING");
    simulator.shutdown().await;
}

#[tokio::test]
async fn media_goes_up_and_down_unchanged() {
    let simulator = Simulator::start(settings()).await.unwrap();
    let business = Business::of(&simulator);
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let file = reqwest::multipart::Part::bytes(bytes.clone()).file_name("a.png").mime_str("image/png").unwrap();
    let form = reqwest::multipart::Form::new()
        .text("messaging_product", "whatsapp")
        .text("type", "image/png")
        .part("file", file);
    let upload = format!("{}/v26.0/900000000000001/media", simulator.url());
    let response = business.client.post(upload).bearer_auth("simulator-token").multipart(form).send().await.unwrap();
    let id = json_of(response).await["id"].as_str().unwrap().to_owned();
    let (_, media) = business.get(&format!("v26.0/{id}")).await;
    assert_eq!(media["file_size"], 10_000);
    let url = media["url"].as_str().unwrap();
    let down = business.client.get(url).bearer_auth("simulator-token").send().await.unwrap();
    assert_eq!(down.headers()["content-type"], "image/png");
    assert_eq!(down.bytes().await.unwrap(), bytes);
    simulator.shutdown().await;
}

#[tokio::test]
async fn the_ledger_and_the_counts_can_be_read_over_http() {
    let simulator = Simulator::start(settings()).await.unwrap();
    let business = Business::of(&simulator);
    for n in 0..5 {
        business.send(&format!("+96650000010{n}"), &n.to_string()).await.unwrap();
    }
    quiet(&simulator).await;
    let (_, first) = business.get("_simulator/ledger?limit=3").await;
    assert_eq!((first["rows"].as_array().unwrap().len(), &first["next"]), (3, &json!(3)));
    let (_, rest) = business.get("_simulator/ledger?after=3&limit=3").await;
    assert_eq!((rest["rows"][1]["biz_opaque_callback_data"].as_str(), rest["next"].is_null()), (Some("4"), true));
    let (_, counts) = business.get("_simulator/counts").await;
    assert_eq!((&counts["accepted"], &counts["dropped"], &counts["pending"]), (&json!(5), &json!(15), &json!(0)));
    let changed = business.post("_simulator/faults", json!({"http_500": 1.0})).await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_eq!(business.send("+966500000101", "x").await.unwrap().status(), 500);
    assert_eq!(business.post("_simulator/faults", json!({"http_500": 7.0})).await.unwrap().status(), 400);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let simulator = Simulator::start(settings()).await.unwrap();
    let taken = Settings { listen: simulator.addr(), ..settings() };
    match Simulator::start(taken).await {
        Err(error @ SimulatorError::Listen { .. }) => {
            assert!(error.to_string().contains(&simulator.addr().to_string()))
        }
        other => panic!("{other:?}"),
    }
    simulator.shutdown().await;
}
