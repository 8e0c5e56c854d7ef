//! Meta's door through real HTTP, with stand-ins for store and queue behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::cost_report::{CostReport, WantedDays};
use barid::domain::delivery::SuppressedReason;
use barid::domain::erasure::Erasure;
use barid::domain::ids::{CampaignName, ContactId, FlowName, JobName, JournalId, MessageId};
use barid::domain::language::Language;
use barid::domain::live_check::Step;
use barid::domain::phone_number::PhoneNumber;
use barid::domain::review::{Month, Review};
use barid::domain::signed_reference::ReferenceSigner;
use barid::domain::start::StartAnswer;
use barid::domain::suspension::{KeptSuspension, Suspension};
use barid::domain::waits_for::WaitsFor;
use barid::http::{
    ApiState, CampaignSummary, CampaignVerb, ChannelDoors, HookSummary, HookTried, Integration, JobItem, JobRunItem,
    ListenError, NewsItem, OperationError, Operations, OpsState, PushedItem, ReadyCheck, Replay, ReviewedItem,
    ServerSettings, SuspensionRequest, SyncedItem, TemplateItem, WebhookState, bind, ops_routes, public_routes, serve,
};
use barid::jobs::send_single::{SendRequest, Sent};
use barid::jobs::staff::{StaffDone, StaffRequest};
use barid::ports::{CallbackCheck, Contacts as _, HookFilter, JournalFilter, LoadedMessage, Messages as _, Services};
use barid::telemetry::Metrics;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::contracts::{self, Database, at, begin};
use crate::fakes::{self, Fakes, Noon};

const SECRET: &str = "demo-app-secret";
const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"0","note":"Gr\u00f6\u00dfe\/\u0627"}]}"#;
/// The same body and signature as in Meta's form: characters escaped, slashes too.
const SIGNATURE: &str = "sha256=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0881905fd80cd5ed22948c1da";

/// Nobody operates here.
pub(crate) struct NoOperations;

#[async_trait]
impl Operations for NoOperations {
    async fn live_check(&self) -> Vec<Step> {
        unreachable!("nobody asks Meta")
    }
    async fn report_costs(&self, _: WantedDays) -> Result<CostReport, OperationError> {
        unreachable!("nobody asks for costs")
    }
    async fn report_review(&self, _: Option<Month>) -> Result<Review, OperationError> {
        unreachable!("nobody asks for a review")
    }
    async fn erase(&self, _: ContactId, _: &str) -> Result<Erasure, OperationError> {
        unreachable!("nobody erases")
    }
    async fn campaigns(&self) -> Result<Vec<CampaignSummary>, OperationError> {
        Ok(Vec::new())
    }
    async fn campaign(&self, name: &CampaignName) -> Result<CampaignSummary, OperationError> {
        Err(OperationError::NotFound(format!("there is no campaign `{name}`")))
    }
    async fn command(&self, name: &CampaignName, _: CampaignVerb) -> Result<CampaignSummary, OperationError> {
        self.campaign(name).await
    }
    async fn test(&self, _: &CampaignName, _: &PhoneNumber, _: Option<Language>) -> Result<MessageId, OperationError> {
        Err(OperationError::NotFound("a test".to_owned()))
    }
    async fn send(&self, _: SendRequest) -> Result<Sent, OperationError> {
        Err(OperationError::NotFound("sending".to_owned()))
    }
    async fn staff(&self, _: StaffRequest) -> Result<StaffDone, OperationError> {
        Err(OperationError::NotFound("an answer".to_owned()))
    }
    fn flows(&self) -> Vec<FlowName> {
        Vec::new()
    }
    async fn replay(&self, _: &Replay) -> Result<u64, OperationError> {
        Err(OperationError::NotFound("a replay".to_owned()))
    }
    async fn retry_failed(&self, _: &CampaignName, replay: &Replay) -> Result<u64, OperationError> {
        self.replay(replay).await
    }
    async fn replay_news(&self, _: &JournalFilter) -> Result<u64, OperationError> {
        Err(OperationError::NotFound("a replay".to_owned()))
    }
    async fn look_at_news(&self, _: &JournalFilter) -> Result<(u64, Vec<NewsItem>), OperationError> {
        Err(OperationError::NotFound("a replay".to_owned()))
    }
    async fn suspend(&self, _: SuspensionRequest) -> Result<(Suspension, bool), OperationError> {
        Err(OperationError::NotFound("a suspension".to_owned()))
    }
    async fn release(&self, _: i64, _: String) -> Result<KeptSuspension, OperationError> {
        Err(OperationError::NotFound("a release".to_owned()))
    }
    async fn waits_for(&self, _: &LoadedMessage, _: Option<&CampaignName>) -> Result<Option<WaitsFor>, OperationError> {
        Ok(None)
    }
    async fn hooks(&self) -> Result<Vec<HookSummary>, OperationError> {
        Ok(Vec::new())
    }
    async fn replay_hooks(&self, _: &HookFilter, _: bool) -> Result<u64, OperationError> {
        unreachable!("callbacks replay nothing")
    }
    async fn test_hook(&self, _: &str) -> Result<HookTried, OperationError> {
        unreachable!("callbacks try nothing")
    }
    async fn jobs(&self) -> Result<Vec<JobItem>, OperationError> {
        unreachable!("callbacks ask for no schedule")
    }
    async fn run_job(&self, _: &JobName, _: &str) -> Result<JobRunItem, OperationError> {
        unreachable!("callbacks start no job")
    }
    async fn templates(&self) -> Result<Vec<TemplateItem>, OperationError> {
        Err(OperationError::NotFound("the list of templates".to_owned()))
    }
    async fn push_template(&self, _: &str) -> Result<Vec<PushedItem>, OperationError> {
        Err(OperationError::NotFound("pushing".to_owned()))
    }
    async fn sync_templates(&self) -> Result<SyncedItem, OperationError> {
        Err(OperationError::NotFound("reading templates".to_owned()))
    }
    async fn review_templates(&self) -> Result<Vec<ReviewedItem>, OperationError> {
        Err(OperationError::NotFound("the review of templates".to_owned()))
    }
    async fn agree_template(&self, _: &str, _: &str) -> Result<TemplateItem, OperationError> {
        Err(OperationError::NotFound("agreeing".to_owned()))
    }
    async fn import(&self, _: Vec<ContactUpdate>) -> Result<Vec<(Contact, bool)>, OperationError> {
        Err(OperationError::NotFound("an import".to_owned()))
    }
}

/// Takes everything for Twilio's.
struct Genuine;

impl CallbackCheck for Genuine {
    fn is_genuine(&self, _: Option<&str>, _: &str, _: &[u8]) -> bool {
        true
    }
}

struct Door {
    address: SocketAddr,
    fakes: Fakes,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn open() -> Door {
    open_with(ServerSettings::PUBLIC).await
}

async fn open_with(settings: ServerSettings) -> Door {
    let fakes = Fakes::default();
    let services = fakes.services_with(&["another".into(), SECRET.into()]);
    open_over(services, fakes, settings).await
}

async fn open_over(services: Services, fakes: Fakes, settings: ServerSettings) -> Door {
    let metrics = Arc::new(Metrics::new());
    let mut doors = ChannelDoors::new(services.clone(), Arc::clone(&metrics), ReferenceSigner::new(b"key"));
    doors.twilio = Some(Arc::new(Genuine));
    let mut webhook = WebhookState::new(services, Arc::clone(&metrics));
    webhook.verify_token = Some("verify-me".into());
    let api = ApiState {
        clock: Arc::new(Noon),
        store: Arc::clone(&fakes.store) as _,
        media: Arc::new(crate::fakes::Nobody),
        limits: Arc::new(crate::fakes::Nobody),
        queue: Arc::clone(&fakes.queue) as _,
        operations: Arc::new(NoOperations),
        token: None,
        integration: Integration::default(),
    };
    let listener = bind("server.listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let routes =
        public_routes(Arc::new(webhook), &Arc::new(doors), crate::fakes::no_links(&fakes.store), Arc::new(api));
    let server = tokio::spawn(serve(listener, routes, settings, async { drop(stopped.await) }));
    Door { address, fakes, metrics, stop, server }
}

impl Door {
    fn url(&self) -> String {
        format!("http://{}/api/whatsapp/webhook", self.address)
    }

    async fn post(&self, body: impl Into<reqwest::Body>, signature: Option<&str>) -> reqwest::Response {
        let request = http().post(self.url()).body(body);
        let request = match signature {
            Some(signature) => request.header("X-Hub-Signature-256", signature),
            None => request,
        };
        request.send().await.unwrap()
    }

    fn kept(&self) -> Vec<Vec<u8>> {
        self.fakes.store.bodies.lock().unwrap().iter().map(|body| body.to_vec()).collect()
    }

    fn counted(&self, result: &str) -> u64 {
        self.metrics.webhook_requests.with_label_values(&[result]).get()
    }
}

pub(crate) fn http() -> reqwest::Client {
    barid::whatsapp::install_tls_provider();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap()
}

fn sign(body: &[u8]) -> String {
    signature(SECRET, body)
}

/// As Meta signs with that app secret.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn meta_is_answered_its_challenge_for_the_right_token_only() {
    let door = open().await;
    let ask = |query: &str| http().get(format!("{}?{query}", door.url())).send();
    let good = ask("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me").await.unwrap();
    assert_eq!((good.status().as_u16(), good.text().await.unwrap().as_str()), (200, "1158201444"));
    for query in [
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guess",
        "hub.mode=subscribe&hub.challenge=1158201444",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify-me",
        "hub.mode=subscribe&hub.verify_token=verify-me",
        "",
    ] {
        assert_eq!(ask(query).await.unwrap().status(), 403, "{query}");
    }
    assert_eq!((door.counted("verified"), door.counted("bad-token")), (1, 5));
}

#[tokio::test]
async fn a_signed_body_is_kept_as_it_came_and_queued_before_the_answer() {
    let door = open().await;
    let answer = door.post(BODY, Some(SIGNATURE)).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.unwrap().is_empty());
    assert_eq!(door.kept(), [BODY.as_bytes()]);
    assert_eq!(*door.fakes.queue.rows.lock().unwrap(), [JournalId::new(1)]);
    assert_eq!(door.counted("kept"), 1);
}

/// What somebody writes to us, as Meta tells it.
fn written(from: &str, id: &str, text: &str) -> String {
    serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "0", "changes": [{ "field": "messages", "value": {
            "metadata": { "phone_number_id": "900000000000001" },
            "messages": [{ "from": from, "id": id, "timestamp": "1764000020", "type": "text", "text": { "body": text } }],
        } }] }],
    })
    .to_string()
}

#[tokio::test]
async fn what_changes_consent_is_not_left_to_a_job() {
    let door = open().await;
    for (nth, text) in ["إيقاف", "STOP", "ابدأ"].into_iter().enumerate() {
        let body = written("966500000000", &format!("wamid.{nth}"), text);
        assert_eq!(door.post(body.clone(), Some(&sign(body.as_bytes()))).await.status(), 200);
    }
    assert!(door.fakes.queue.rows.lock().unwrap().is_empty(), "nothing is left to do");
    // Other words and the words of other installations' customers have time.
    for body in [
        written("966500000000", "wamid.4", "stop, the parcel is not coming"),
        written("966500000000", "wamid.5", "STOP").replace("900000000000001", "900000000000002"),
    ] {
        assert_eq!(door.post(body.clone(), Some(&sign(body.as_bytes()))).await.status(), 200);
    }
    assert_eq!(*door.fakes.queue.rows.lock().unwrap(), [JournalId::new(4), JournalId::new(5)]);
    assert_eq!(door.kept().len(), 5);
    door.fakes.store.fail();
    let body = written("966500000000", "wamid.6", "STOP");
    assert_eq!(door.post(body.clone(), Some(&sign(body.as_bytes()))).await.status(), 503, "Meta brings it again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_a_stop_of_marketing_is_acknowledged_no_marketing_begins() {
    let database = Database::sqlite();
    let store = Arc::new(database.open().await);
    let contacts = contracts::people(&store, 1).await;
    let (_, messages) = contracts::run_to(&store, &contacts).await;
    let fakes = Fakes::default();
    let services = fakes::services(Arc::clone(&store) as _, Arc::clone(&fakes.queue) as _, &[SECRET.into()]);
    let door = open_over(services, fakes, ServerSettings::PUBLIC).await;
    let stop = serde_json::json!({ "object": "whatsapp_business_account", "entry": [{ "id": "0", "changes": [{
        "field": "user_preferences", "value": {
            "metadata": { "phone_number_id": "900000000000001" },
            "user_preferences": [{ "wa_id": contracts::phone(0).trim_start_matches('+'), "category": "marketing_messages",
                "value": "stop", "timestamp": 1_764_000_020, "detail": "User requested to stop marketing messages" }],
        } }] }] });
    let body = stop.to_string();
    for _ in 0..2 {
        assert_eq!(door.post(body.clone(), Some(&sign(body.as_bytes()))).await.status(), 200);
    }
    let marketing = barid::ports::Start { marketing: true, ..begin(messages[0], 0, at(60), at(30)) };
    assert_eq!(store.start(marketing).await.unwrap(), StartAnswer::Suppress(SuppressedReason::MarketingStopped));
    assert!(door.fakes.queue.rows.lock().unwrap().is_empty(), "nothing is left to do");
    assert_eq!(store.consent_history(contacts[0]).await.unwrap().len(), 2, "an import and one wish");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_were_set_aside_are_applied_when_they_can_be_read_and_nothing_follows_twice() {
    use barid::domain::news::Source;
    use barid::domain::standing_job::JobTrigger;
    use barid::ports::{JobRuns as _, Journal as _, Suspensions as _};
    let database = Database::sqlite();
    let store = Arc::new(database.open().await);
    let fakes = Fakes::default();
    let mut services = fakes::services(Arc::clone(&store) as _, Arc::clone(&fakes.queue) as _, &[]);
    services.rules.accounts = [("default".parse().unwrap(), None)].into();
    let said = store.append(Source::Meta, written("966500000000", "wamid.1", "thanks").into(), at(1)).await.unwrap();
    store.set_aside(said, "an older version could not read it", at(2)).await.unwrap();
    let banned = r#"{"entry":[{"time":1764000003,"changes":[{"field":"account_update","value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE"}}}]}]}"#;
    let banned = store.append(Source::Meta, banned.into(), at(3)).await.unwrap();
    barid::jobs::apply_news::run(&services, banned).await.unwrap();
    let in_force = store.suspensions(at(4)).await.unwrap();
    assert_eq!(in_force.len(), 1);
    store.release(in_force[0].id, barid::domain::suspension::ReleasedBy::Announced, at(5)).await.unwrap();

    let everything = JournalFilter::default();
    for round in 0..2 {
        assert_eq!(barid::jobs::replay_news::run(&services, &everything).await.unwrap(), 2);
        assert_eq!(std::mem::take(&mut *fakes.queue.rows.lock().unwrap()), [said, banned]);
        for row in [said, banned] {
            barid::jobs::apply_news::run(&services, row).await.unwrap();
        }
        assert_eq!(store.feedback(None, 10).await.unwrap().items.len(), 1, "round {round}");
    }
    assert!(store.suspensions(at(9)).await.unwrap().is_empty(), "what is over does not begin again");
    let asked = store.job_runs(None, None, 10).await.unwrap().items;
    let asked: Vec<_> = asked.iter().map(|run| (run.job.as_str(), &run.trigger)).collect();
    let by_the_notice = JobTrigger::Notice("account_update".to_owned());
    assert_eq!(asked, [("sync-limits", &by_the_notice)], "how the account stands is asked once for each notice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_a_stop_is_acknowledged_no_call_to_that_person_begins() {
    let database = Database::sqlite();
    let store = Arc::new(database.open().await);
    let contacts = contracts::people(&store, 6).await;
    let (run, messages) = contracts::run_to(&store, &contacts).await;
    let fakes = Fakes::default();
    let services = fakes::services(Arc::clone(&store) as _, Arc::clone(&fakes.queue) as _, &[SECRET.into()]);
    let door = open_over(services, fakes, ServerSettings::PUBLIC).await;
    for (n, text) in ["إيقاف", "Unsubscribe", "STOP"].into_iter().enumerate() {
        let body = written(contracts::phone(n).trim_start_matches('+'), &format!("wamid.s{n}"), text);
        // Twice, as Meta does when it is not sure.
        for _ in 0..2 {
            assert_eq!(door.post(body.clone(), Some(&sign(body.as_bytes()))).await.status(), 200);
            let answer = store.start(begin(messages[n], 0, at(60), at(30))).await.unwrap();
            assert!(matches!(answer, StartAnswer::NotNow { .. } | StartAnswer::Suppress(_)), "{answer:?} to {text}");
        }
        assert_eq!(store.consent_history(contacts[n]).await.unwrap().len(), 2, "an import and one stop");
    }
    for (n, said) in [(3, "Body=%D9%82%D9%81"), (4, "Body=arret&OptOutType=STOP")] {
        let form = format!("MessageSid=SM{n}&From=%2B{}&{said}", contracts::phone(n).trim_start_matches('+'));
        let url = format!("http://{}/api/twilio/inbound", door.address);
        assert_eq!(http().post(url).body(form).send().await.unwrap().status(), 200);
        let answer = store.start(begin(messages[n], 0, at(60), at(30))).await.unwrap();
        assert_ne!(answer, StartAnswer::Go);
    }
    for id in &messages[..5] {
        let delivery = contracts::delivery(&store, *id).await;
        assert_eq!(delivery, barid::domain::delivery::Delivery::Suppressed(SuppressedReason::OptedOut));
    }
    assert!(door.fakes.queue.rows.lock().unwrap().is_empty());
    assert_eq!(store.start(begin(messages[5], 0, at(60), at(30))).await.unwrap(), StartAnswer::Go, "others are told");
    database.assert_counts_are_exact(&store, run.id).await;
}

#[tokio::test]
async fn a_body_that_was_not_signed_by_meta_is_refused_and_not_kept() {
    let door = open().await;
    let other_body = BODY.replace("\\/", "/");
    for (body, signature) in [
        (BODY, None),
        (BODY, Some("sha256=00")),
        (other_body.as_str(), Some(SIGNATURE)),
        (BODY, Some("sha1=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0")),
    ] {
        assert_eq!(door.post(body.to_owned(), signature).await.status(), 401, "{signature:?}");
    }
    assert!(door.kept().is_empty());
    assert_eq!(door.counted("bad-signature"), 4);
}

#[tokio::test]
async fn guessers_are_slowed_down_and_signed_callbacks_from_there_are_not() {
    let door = open().await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(door.post(BODY, Some("sha256=00")).await.status().as_u16());
    }
    assert_eq!((statuses[0], statuses[11]), (401, 429));
    assert_eq!(door.post(BODY, Some(SIGNATURE)).await.status(), 200);
}

#[tokio::test]
async fn signed_nonsense_is_kept_too() {
    let door = open().await;
    for body in ["", "not json", "[1,2]", "{\"object\":"] {
        assert_eq!(door.post(body, Some(&sign(body.as_bytes()))).await.status(), 200, "{body}");
    }
    assert_eq!(door.kept().len(), 4);
}

#[tokio::test]
async fn three_megabytes_are_taken_and_more_is_refused_announced_or_not() {
    let door = open().await;
    let largest = vec![b'x'; 3 * 1024 * 1024];
    assert_eq!(door.post(largest.clone(), Some(&sign(&largest))).await.status(), 200);
    assert_eq!(door.kept()[0].len(), largest.len());

    let too_large = vec![b'x'; 4 * 1024 * 1024];
    let signature = sign(&too_large);
    assert_eq!(door.post(too_large.clone(), Some(&signature)).await.status(), 413);
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = too_large.chunks(64 * 1024).map(|it| Ok(it.to_vec())).collect();
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    assert_eq!(door.post(chunked, Some(&signature)).await.status(), 413);
    assert_eq!((door.kept().len(), door.counted("too-large")), (1, 2));
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_taken_whole() {
    let door = open().await;
    let pieces: Vec<Result<&[u8], std::io::Error>> = BODY.as_bytes().chunks(7).map(Ok).collect();
    let pieces: Vec<_> = pieces.into_iter().map(|piece| piece.map(<[u8]>::to_vec)).collect();
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    assert_eq!(door.post(chunked, Some(SIGNATURE)).await.status(), 200);
    assert_eq!(door.kept(), [BODY.as_bytes()]);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    let door = open().await;
    door.fakes.store.fail();
    assert_eq!(door.post(BODY, Some(SIGNATURE)).await.status(), 503);
    assert_eq!(door.counted("store-unavailable"), 1);
}

#[tokio::test]
async fn what_is_kept_is_acknowledged_although_the_queue_is_away() {
    let door = open().await;
    door.fakes.queue.fail();
    assert_eq!(door.post(BODY, Some(SIGNATURE)).await.status(), 200);
    assert_eq!(door.kept().len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_kept() {
    let door = open().await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\nX-Hub-Signature-256: {SIGNATURE}\r\n\r\n{BODY}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(!answer.contains(" 200 "), "{answer}");
    assert!(door.kept().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let settings = ServerSettings { head_within: Duration::from_millis(200), ..ServerSettings::PUBLIC };
    let door = open_with(settings).await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(b"POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the server closes.
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(door.post(BODY, Some(SIGNATURE)).await.status(), 200);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_room() {
    let settings = ServerSettings { connections_max: 1, ..ServerSettings::PUBLIC };
    let door = open_with(settings).await;
    let request = format!(
        "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nX-Hub-Signature-256: {SIGNATURE}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut first = TcpStream::connect(door.address).await.unwrap();
    first.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 512];
    assert!(first.read(&mut buffer).await.unwrap() > 0);

    // The second is connected by the kernel and answered only when the first is gone.
    let mut second = TcpStream::connect(door.address).await.unwrap();
    second.write_all(request.as_bytes()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.read(&mut buffer)).await;
    assert!(early.is_err(), "answered although there was no room");
    drop(first);
    assert!(second.read(&mut buffer).await.unwrap() > 0);
    assert_eq!(door.kept().len(), 2);
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_cuts_off_those_that_do_not_end() {
    let settings = ServerSettings { drain_within: Duration::from_millis(300), ..ServerSettings::PUBLIC };
    let door = open_with(settings).await;
    assert_eq!(door.post(BODY, Some(SIGNATURE)).await.status(), 200);
    let mut stuck = TcpStream::connect(door.address).await.unwrap();
    stuck.write_all(b"POST /api/whatsapp/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab").await.unwrap();
    door.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), door.server).await.expect("the drain has an end").unwrap();
    assert!(TcpStream::connect(door.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_error() {
    let door = open().await;
    let error = bind("server.listen", door.address).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }));
    let expected =
        format!("`server.listen = \"{}\"` is in use by another process; stop it or choose another port", door.address);
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn ready_asks_the_real_things_and_says_what_is_wrong() {
    let fakes = Fakes::default();
    let checks =
        vec![ReadyCheck::store(Arc::clone(&fakes.store) as _), ReadyCheck::queue(Arc::clone(&fakes.queue) as _)];
    let ops = OpsState { metrics: Arc::new(Metrics::new()), refresh: Box::new(|| Box::pin(async {})), checks };
    let listener = bind("server.ops_listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, ops_routes(Arc::new(ops)), ServerSettings::OPS, std::future::pending()));
    let get = async |path: &str| {
        let answer = http().get(format!("{base}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };

    assert_eq!(get("/health/live").await.0, 200);
    assert_eq!(
        get("/health/ready").await,
        (200, r#"{"status":"ready","checks":{"queue":"ok","store":"ok"}}"#.to_owned())
    );
    fakes.queue.fail();
    let (status, body) = get("/health/ready").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""queue":"the queue is not available: connection refused""#), "{body}");
    assert_eq!(get("/health/live").await.0, 200);

    let (status, metrics) = get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("# TYPE barid_messages_total counter"), "{metrics}");
    assert_eq!(get("/api/v1/campaigns").await.0, 404, "the API is not on this address");
}
