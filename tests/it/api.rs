//! The API through real HTTP, with stand-ins behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::daemon::suspending::{Known, wanted};
use barid::domain::alert::{Alert, AlertKind, AlertScope, Severity};
use barid::domain::channel::Channel;
use barid::domain::consent::{Consent, Purpose, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::cost_report::{CallDay, CostDay, CostReport, Facts, WantedDays};
use barid::domain::delivery::{Delivery, Standing};
use barid::domain::erasure::Erasure;
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::feedback::Feedback;
use barid::domain::hook::delivery::DeliveryState;
use barid::domain::hook::{HookEvent, WebhookId};
use barid::domain::ids::{
    AlertId, CampaignName, ContactId, ErasureId, FeedbackId, FlowName, HookDeliveryId, HookEventId, JobName, JobRunId,
    JournalId, MessageId,
};
use barid::domain::language::Language;
use barid::domain::live_check::{Step, Verdict};
use barid::domain::money::{Currency, Money};
use barid::domain::news::Source;
use barid::domain::phone_number::PhoneNumber;
use barid::domain::pricing::{self, Basis, Difference, PriceCategory};
use barid::domain::review::{Month, MonthFacts, Review, SaidFacts};
use barid::domain::standing_job::{JobOutcome, JobResult, JobRun, JobTrigger, ScheduledJob, StandingJob};
use barid::domain::suspension::{Cause, KeptSuspension, NewSuspension, Probe, ReleasedBy, Scope, Suspension, Target};
use barid::domain::waits_for::{WaitsFor, waits_for};
use barid::http::{
    ApiState, CampaignSummary, CampaignVerb, HookSummary, HookTried, Integration, JobItem, JobRunItem, NewsItem,
    OperationError, Operations, PushedItem, Replay, ReviewedItem, ServerSettings, StateCounts, SuspensionRequest,
    SyncedItem, TemplateItem, WebhookState, bind, public_routes, serve,
};
use barid::jobs::send_single::{SendRequest, Sent};
use barid::jobs::staff::{StaffDone, StaffRequest};
use barid::ports::{
    Clock, DeadLetter, HistoryEntry, HookFilter, JournalFilter, JournalRow, ListedDelivery, ListedMessage,
    LoadedMessage,
};
use barid::telemetry::Metrics;
use serde_json::{Value, json};

use crate::fakes::{FakeQueue, FakeStore, Fakes, Noon, closed_doors, no_links};
use crate::webhook::http;

#[derive(Default)]
struct Operator {
    verbs: Mutex<Vec<CampaignVerb>>,
    replays: Mutex<Vec<(Option<CampaignName>, Replay)>>,
    hook_replays: Mutex<Vec<(HookFilter, bool)>>,
    news_replays: Mutex<Vec<JournalFilter>>,
}

fn summary() -> CampaignSummary {
    CampaignSummary {
        state: "running",
        run: StateCounts { total: 3, planned: 1, read: 2, ..StateCounts::default() },
        ..CampaignSummary::waiting("welcome".parse().unwrap(), Money { micros: 250_000, currency: Currency::USD })
    }
}

#[async_trait]
impl Operations for Operator {
    async fn live_check(&self) -> Vec<Step> {
        let ok = Step { what: "token".to_owned(), verdict: Verdict::Ok, detail: "valid".to_owned(), remedy: None };
        vec![ok, Step::unanswered("number default", "answered 500")]
    }
    async fn report_costs(&self, wanted: WantedDays) -> Result<CostReport, OperationError> {
        let days = wanted.days("2026-11-22".parse().unwrap());
        let day = CostDay {
            day: days.from,
            campaign: "welcome".to_owned(),
            channel: Channel::Whatsapp,
            country: Some("SA".parse().unwrap()),
            category: PriceCategory::Utility,
            language: Language::Ar,
            currency: Currency::USD,
            basis: Basis::Callback,
            source: Some(pricing::Source::Card),
            free: None,
            difference: Difference::None,
            n: 3,
            micros: 32_100,
            estimated_micros: 32_100,
        };
        let facts = Facts { costs: vec![day], ..Facts::default() };
        Ok(CostReport::new(days, "2026-11-22T09:00:00Z".parse().unwrap(), Currency::USD, facts))
    }
    async fn report_review(&self, month: Option<Month>) -> Result<Review, OperationError> {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let month = month.unwrap_or_else(|| Month::before("2026-11-22".parse().unwrap()));
        let day = CallDay {
            day: month.days().from,
            campaign: "welcome".to_owned(),
            channel: Channel::Whatsapp,
            language: Language::Ar,
            called: 40,
            delivered: 30,
            read: 15,
            failed: 10,
            took_over: 0,
        };
        let facts = MonthFacts { calls: vec![day], ..MonthFacts::default() };
        Ok(Review::new(month, now, facts, MonthFacts::default(), Default::default(), SaidFacts::default()))
    }
    async fn erase(&self, contact: ContactId, by: &str) -> Result<Erasure, OperationError> {
        let at = "2026-12-01T09:00:00Z".parse().unwrap();
        // The second contact has so many callbacks that they are looked through later.
        let finished_at = (contact.number() == 1).then_some(at);
        match contact.number() {
            1 | 2 => Ok(Erasure {
                id: ErasureId::new(7),
                contact,
                by: by.to_owned(),
                at,
                messages: 3,
                feedback: 2,
                callbacks: 5,
                finished_at,
            }),
            _ => Err(OperationError::NotFound("there is no contact with this id".to_owned())),
        }
    }
    async fn campaigns(&self) -> Result<Vec<CampaignSummary>, OperationError> {
        Ok(vec![summary()])
    }
    async fn campaign(&self, name: &CampaignName) -> Result<CampaignSummary, OperationError> {
        if name.as_str() == "welcome" {
            Ok(summary())
        } else {
            Err(OperationError::NotFound(format!("there is no campaign `{name}`")))
        }
    }
    async fn command(&self, name: &CampaignName, verb: CampaignVerb) -> Result<CampaignSummary, OperationError> {
        self.verbs.lock().unwrap().push(verb);
        if verb == CampaignVerb::Resume {
            return Err(OperationError::Conflict("a run that is finished cannot be resumed".to_owned()));
        }
        self.campaign(name).await
    }
    async fn test(&self, _: &CampaignName, _: &PhoneNumber, _: Option<Language>) -> Result<MessageId, OperationError> {
        Ok(MessageId::new(5))
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
    async fn replay(&self, replay: &Replay) -> Result<u64, OperationError> {
        self.replays.lock().unwrap().push((None, replay.clone()));
        Ok(2)
    }
    async fn retry_failed(&self, name: &CampaignName, replay: &Replay) -> Result<u64, OperationError> {
        self.campaign(name).await?;
        self.replays.lock().unwrap().push((Some(name.clone()), replay.clone()));
        Ok(3)
    }
    async fn replay_news(&self, filter: &JournalFilter) -> Result<u64, OperationError> {
        self.news_replays.lock().unwrap().push(filter.clone());
        Ok(4)
    }
    async fn look_at_news(&self, filter: &JournalFilter) -> Result<(u64, Vec<NewsItem>), OperationError> {
        let item = NewsItem {
            says: Some("1 × message (text)".to_owned()),
            ..NewsItem::from(journal_row(filter.rows[0].number(), None))
        };
        Ok((1, vec![item]))
    }
    async fn suspend(&self, request: SuspensionRequest) -> Result<(Suspension, bool), OperationError> {
        let known = Known { senders: vec!["default".to_owned()], campaigns: vec!["welcome".to_owned()] };
        let NewSuspension { scope, cause, by, until, probe, .. } = wanted(&request, &known, Noon.now())?;
        Ok((Suspension { scope, cause, by, until, probe, ..stop() }, true))
    }
    async fn release(&self, id: i64, by: String) -> Result<KeptSuspension, OperationError> {
        match id {
            1 => Ok(KeptSuspension { suspension: stop(), released: Some((Noon.now(), ReleasedBy::Operator(by))) }),
            id => Err(OperationError::Conflict(format!("the suspension `{id}` is over already"))),
        }
    }
    async fn waits_for(
        &self,
        message: &LoadedMessage,
        campaign: Option<&CampaignName>,
    ) -> Result<Option<WaitsFor>, OperationError> {
        let channel = message.standing.channel;
        let target = Target { sender: &message.sender, campaign, channel, country: None };
        Ok(waits_for(&message.standing.delivery, message.run_state, &target, &[stop()], None, Noon.now()))
    }
    async fn hooks(&self) -> Result<Vec<HookSummary>, OperationError> {
        Ok(vec![HookSummary {
            name: "crm".to_owned(),
            host: "https://crm.example.com".to_owned(),
            events: vec!["message.failed".to_owned()],
            state: "resting".to_owned(),
            failing_since: Some(Noon.now()),
            rests_until: Some(Noon.now()),
            waiting: 3,
            dead: 1,
        }])
    }
    async fn replay_hooks(&self, filter: &HookFilter, is_dry: bool) -> Result<u64, OperationError> {
        self.hook_replays.lock().unwrap().push((filter.clone(), is_dry));
        Ok(2)
    }
    async fn test_hook(&self, name: &str) -> Result<HookTried, OperationError> {
        if name != "crm" {
            return Err(OperationError::NotFound(format!("there is no hook `{name}`")));
        }
        let answer = "answered 500".to_owned();
        Ok(HookTried { id: "evt_test_00000001".to_owned(), delivered: false, status: Some(500), answer, took_ms: 7 })
    }
    async fn jobs(&self) -> Result<Vec<JobItem>, OperationError> {
        let entry = ScheduledJob {
            name: "tidy".parse().unwrap(),
            job: StandingJob::Tidy,
            arguments: BTreeMap::new(),
            schedule: "30 3 * * *".parse().unwrap(),
            timezone: "Asia/Riyadh".parse().unwrap(),
        };
        Ok(vec![JobItem::new(&entry, Some(Noon.now()), Some(job_run(7, true)))])
    }
    async fn run_job(&self, name: &JobName, by: &str) -> Result<JobRunItem, OperationError> {
        if name.as_str() != "tidy" {
            return Err(OperationError::NotFound(format!("there is no job `{name}`")));
        }
        let trigger = JobTrigger::Operator(by.to_owned());
        Ok(JobRun { trigger, ..job_run(8, false) }.into())
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
    async fn import(&self, updates: Vec<ContactUpdate>) -> Result<Vec<(Contact, bool)>, OperationError> {
        let written =
            |(update, id): (ContactUpdate, i64)| (Contact { phone: Some(update.phone), ..nadia(id) }, id == 1);
        Ok(updates.into_iter().zip(1..).map(written).collect())
    }
}

fn job_run(id: i64, has_ended: bool) -> JobRun {
    let outcome =
        JobOutcome { details: Some(json!({"files": 2})), ..JobOutcome::new(JobResult::Ok, "deleted: 2 files") };
    JobRun {
        id: JobRunId::new(id),
        name: "tidy".parse().unwrap(),
        job: "tidy".to_owned(),
        arguments: BTreeMap::new(),
        trigger: JobTrigger::Schedule,
        due_at: Noon.now(),
        tries: u16::from(has_ended),
        started_at: has_ended.then(|| Noon.now()),
        ended: has_ended.then(|| (Noon.now(), outcome)),
    }
}

fn alert(id: i64, is_over: bool) -> Alert {
    Alert {
        id: AlertId::new(id),
        kind: AlertKind::TokenExpires,
        scope: AlertScope::Installation,
        severity: Severity::Warning,
        text: "the access token ends soon".to_owned(),
        since: Noon.now(),
        changed_at: Noon.now(),
        cleared_at: is_over.then(|| Noon.now()),
    }
}

fn journal_row(id: i64, set_aside: Option<&str>) -> JournalRow {
    JournalRow {
        id: JournalId::new(id),
        source: Source::Meta,
        received_at: Noon.now(),
        set_aside: set_aside.map(str::to_owned),
        bytes: 321,
    }
}

/// Number 1 of ours is stopped because its account is not paid.
fn stop() -> Suspension {
    Suspension {
        id: 1,
        scope: Scope::Sender("default".parse().unwrap()),
        cause: Cause::Refusal { class: FailureClass::AccountRestricted, code: Some(131_042) },
        by: "barid".to_owned(),
        since: Noon.now(),
        until: None,
        probe: Probe::LetOneThrough,
        probe_at: "2026-11-22T12:30:00Z".parse().ok(),
        probes: 0,
        probe_message: None,
    }
}

fn nadia(id: i64) -> Contact {
    Contact {
        id: ContactId::new(id),
        phone: Some(PhoneNumber::from_e164(&format!("+96650000010{id}")).unwrap()),
        bsuid: None,
        name: Some("نادية".into()),
        language: Language::Ar,
        timezone: "Asia/Riyadh".into(),
        email: None,
        tags: vec!["buyer".into()],
        attributes: BTreeMap::from([("city".into(), "Riyadh".into())]),
        consent: Consent { granted: Purposes::NONE.with(Purpose::Survey), stopped: id == 2, ..Consent::default() },
    }
}

fn message(id: i64, delivery: Delivery) -> ListedMessage {
    let noon = Noon.now();
    ListedMessage {
        message: LoadedMessage {
            marketing: false,
            id: MessageId::new(id),
            run: None,
            run_state: None,
            sender: "default".parse().unwrap(),
            purpose: Purpose::Survey,
            language: Language::Ar,
            standing: Standing {
                delivery,
                attempt: 1,
                whatsapp_id: Some("wamid.A==".parse().unwrap()),
                ..Standing::planned()
            },
            expires_at: noon,
            frozen: None,
            price_micros: 2_500,
            contact: nadia(1),
            planned_at: noon,
            called_at: Some(noon),
        },
        campaign: Some("welcome".parse().unwrap()),
        changed_at: noon,
    }
}

fn dead_letter(id: i64) -> DeadLetter {
    DeadLetter {
        id: MessageId::new(id),
        campaign: Some("welcome".parse().unwrap()),
        channel: barid::domain::channel::Channel::Whatsapp,
        last: Refusal::new(FailureClass::Undeliverable, Some(131026), "No"),
        first: "transient 131000".to_owned(),
        attempts: 3,
        failed_at: Noon.now(),
        expires_at: Noon.now(),
    }
}

struct Api {
    base: String,
    operator: Arc<Operator>,
    store: Arc<FakeStore>,
}

async fn open() -> Api {
    let undeliverable = Refusal::new(FailureClass::Undeliverable, Some(131026), "No");
    let noon = Noon.now();
    let store = Arc::new(FakeStore {
        contacts: vec![nadia(1), nadia(2), nadia(3)],
        messages: vec![
            message(9, Delivery::Failed(undeliverable)),
            message(8, Delivery::Unknown { decide_at: noon }),
            message(7, Delivery::Read),
            message(6, Delivery::Planned),
        ],
        dead_letters: [12, 10].map(dead_letter).to_vec(),
        journal_rows: vec![
            journal_row(4, None),
            journal_row(5, Some("not JSON, at line 1 column 1")),
            journal_row(6, None),
        ],
        suspensions: vec![stop()],
        job_runs: vec![job_run(7, true), job_run(6, true)],
        alerts: vec![alert(1, true), alert(2, false)],
        history: vec![HistoryEntry {
            at: noon,
            provider_at: None,
            attempt: 0,
            event: "planned".into(),
            detail: String::new(),
        }],
        feedback: vec![Feedback {
            id: FeedbackId::new(1),
            reference: "VOC-7K3F-9Q".into(),
            contact: ContactId::new(1),
            phone: Some("+966500000101".into()),
            channel: Channel::Whatsapp,
            kind: "text".into(),
            text: Some("شكرا".into()),
            payload: None,
            media_id: None,
            media: None,
            reading: None,
            whatsapp_id: "wamid.IN==".parse().unwrap(),
            message: Some(MessageId::new(7)),
            run: None,
            campaign: Some("welcome".into()),
            provider_at: noon,
            received_at: noon,
        }],
        deliveries: [DeliveryState::Dead, DeliveryState::Waiting].into_iter().zip(1..).map(delivery).collect(),
        ..FakeStore::default()
    });
    let (queue, operator) = (Arc::new(FakeQueue::default()), Arc::new(Operator::default()));
    let fakes = Fakes { store: Arc::clone(&store), queue: Arc::clone(&queue) };
    let webhook = WebhookState::new(fakes.services(), Arc::new(Metrics::new()));
    let api = ApiState {
        clock: Arc::new(Noon),
        store: Arc::clone(&store) as _,
        media: Arc::new(crate::fakes::Nobody),
        limits: Arc::new(crate::fakes::Nobody),
        queue: Arc::clone(&queue) as _,
        operations: Arc::clone(&operator) as _,
        token: Some("api-token".into()),
        integration: Integration {
            missing: vec!["WHATSAPP_API_TOKEN".into()],
            senders: vec![("default".parse().unwrap(), "900000000000001".parse().unwrap(), 70)],
            channels: [
                (Channel::TwilioWhatsapp, "TWILIO_AUTH_TOKEN"),
                (Channel::Sms, "TWILIO_ACCOUNT_SID"),
                (Channel::Email, ""),
            ]
            .map(|(channel, name)| {
                let missing = Some(name).filter(|name| !name.is_empty());
                (channel, missing.map(|name| format!("{name} is not set")).into_iter().collect())
            })
            .to_vec(),
            sick: Arc::default(),
        },
    };
    let listener = bind("server.listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let routes = public_routes(Arc::new(webhook), &closed_doors(&fakes), no_links(&store), Arc::new(api));
    tokio::spawn(serve(listener, routes, ServerSettings::PUBLIC, std::future::pending()));
    Api { base, operator, store }
}

impl Api {
    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.bearer_auth("api-token").send().await.unwrap();
        let status = answer.status().as_u16();
        let form = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(form == "application/problem+json", status >= 400, "{status} {form}");
        (status, answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(http().get(format!("{}{path}", self.base))).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        self.ask(http().delete(format!("{}{path}", self.base))).await
    }

    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        self.ask(http().post(format!("{}{path}", self.base)).body(body.to_owned())).await
    }
}

#[tokio::test]
async fn nobody_is_answered_without_the_token() {
    let api = open().await;
    for header in [None, Some("Bearer wrong"), Some("Basic api-token"), Some("api-token"), Some("Bearer ")] {
        for path in ["/api/v1/campaigns", "/api/v1/nothing", "/api/whatsapp/status", "/api/v1/messages/msg_00000007"] {
            let request = http().get(format!("{}{path}", api.base));
            let request =
                header.map(|header| request.try_clone().unwrap().header("authorization", header)).unwrap_or(request);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{header:?} {path}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert_eq!(answer.json::<Value>().await.unwrap()["type"], "urn:barid:problem:unauthorised");
        }
    }
    assert_eq!(http().get(format!("{}/nothing", api.base)).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_campaign_has_its_fixed_shape() {
    let api = open().await;
    let (status, campaign) = api.get("/api/v1/campaigns/welcome").await;
    assert_eq!(status, 200);
    let expected = json!({
        "name": "welcome", "state": "running", "halted": null, "waits_for": null, "held_for": {}, "suppressed_for": {},
        "rollout": null, "reminders": [], "budget": null, "forecast": null,
        "responses": {"people": 0, "rate": null},
        "run": {"total": 3, "planned": 1, "queued": 0, "calling": 0, "held": 0, "unknown": 0, "submitted": 0, "sent": 0,
                "delivered": 0, "read": 2, "failed": 0, "suppressed": 0, "expired": 0},
        "fallback": {}, "cost": {"amount": "0.25", "currency": "USD"},
    });
    assert_eq!(campaign, expected);
    assert_eq!(api.get("/api/v1/campaigns").await, (200, json!({"items": [expected], "next": null})));
    let (status, problem) = api.get("/api/v1/campaigns/other").await;
    assert_eq!((status, &problem["detail"]), (404, &"there is no campaign `other`".into()));
    assert_eq!(api.get("/api/v1/campaigns/No%20Name").await.0, 404);
}

#[tokio::test]
async fn campaigns_are_told_what_to_do() {
    let api = open().await;
    for verb in ["start", "pause", "cancel"] {
        assert_eq!(api.post(&format!("/api/v1/campaigns/welcome/{verb}"), "").await.0, 200, "{verb}");
    }
    let (status, problem) = api.post("/api/v1/campaigns/welcome/resume", "").await;
    assert_eq!((status, &problem["detail"]), (409, &"a run that is finished cannot be resumed".into()));
    assert_eq!(api.post("/api/v1/campaigns/welcome/explode", "").await.0, 404);
    assert_eq!(api.operator.verbs.lock().unwrap().len(), 4);
    let (status, tested) =
        api.post("/api/v1/campaigns/welcome/test", r#"{"phone":"+966500000101","language":"ar"}"#).await;
    assert_eq!((status, &tested["message_id"]), (202, &"msg_00000005".into()));
    for bad in ["", "{}", r#"{"phone":"12"}"#, r#"{"phone":"+966500000101","lang":"ar"}"#] {
        assert_eq!(api.post("/api/v1/campaigns/welcome/test", bad).await.0, 400, "{bad}");
    }
    assert_eq!(api.get("/api/v1/campaigns/welcome/start").await.0, 405);
}

#[tokio::test]
async fn dead_letters_are_listed_by_what_is_wrong_with_them() {
    let api = open().await;
    let (status, list) = api.get("/api/v1/dead-letters?campaign=welcome&class=undeliverable&code=131026&limit=1").await;
    assert_eq!((status, &list["next"]), (200, &"12".into()), "{list}");
    assert_eq!(
        list["items"][0],
        json!({
            "message_id": "msg_0000000c", "campaign": "welcome", "channel": "whatsapp", "class": "undeliverable", "code": 131026,
            "details": "No", "first_error": "transient 131000", "attempts": 3, "failed_at": "2026-11-22T12:00:00Z",
            "expires_at": "2026-11-22T12:00:00Z",
        })
    );
    assert_eq!(api.get("/api/v1/dead-letters?since=2026-11-22T12:00:01Z").await.1["items"], json!([]));
    for bad in ["class=lost", "code=x", "since=yesterday", "campain=welcome"] {
        assert_eq!(api.get(&format!("/api/v1/dead-letters?{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn callbacks_that_are_kept_are_listed_and_applied_again() {
    let api = open().await;
    let (status, list) = api.get("/api/v1/news?set_aside=true").await;
    let item = json!({
        "id": "jrn_00000005", "source": "meta", "received_at": "2026-11-22T12:00:00Z", "set_aside": "not JSON, at line 1 column 1",
        "bytes": 321,
    });
    assert_eq!((status, &list), (200, &json!({"items": [item], "next": null})));
    let (_, page) = api.get("/api/v1/news?limit=1").await;
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&"jrn_00000004".into(), &"4".into()));
    assert_eq!(api.get("/api/v1/news?cursor=4").await.1["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(api.get("/api/v1/news?since=2026-11-22T12:00:01Z").await.1["items"], json!([]));
    for bad in ["set_aside=maybe", "since=yesterday", "aside=true"] {
        assert_eq!(api.get(&format!("/api/v1/news?{bad}")).await.0, 400, "{bad}");
    }
    let dry = api.post("/api/v1/news/replay", r#"{"rows":["jrn_00000004"],"dry_run":true}"#).await;
    assert_eq!((dry.0, &dry.1["rows"], &dry.1["items"][0]["says"]), (200, &1.into(), &"1 × message (text)".into()));
    assert!(api.operator.news_replays.lock().unwrap().is_empty(), "only said, not done");
    let (status, done) = api.post("/api/v1/news/replay", r#"{"set_aside":true,"since":"2026-11-22T00:00:00Z"}"#).await;
    assert_eq!((status, done), (200, json!({"rows": 4, "dry_run": false, "items": []})));
    let wanted = api.operator.news_replays.lock().unwrap().remove(0);
    assert!(wanted.set_aside && wanted.since.is_some() && wanted.rows.is_empty());
    for bad in ["", "{}", r#"{"dry_run":true}"#, r#"{"rows":["msg_00000001"]}"#, r#"{"every":1}"#] {
        assert_eq!(api.post("/api/v1/news/replay", bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_replay_says_which_and_how() {
    let api = open().await;
    let answered = json!({"messages": 2, "dry_run": true});
    let body = r#"{"campaign":"welcome","class":"transient","expires_after":"36h","dry_run":true}"#;
    assert_eq!(api.post("/api/v1/dead-letters/replay", body).await, (200, answered));
    let body = r#"{"messages":["msg_00000009"]}"#;
    assert_eq!(api.post("/api/v1/dead-letters/replay", body).await.0, 200);
    assert_eq!(api.post("/api/v1/dead-letters/replay", r#"{"all":true}"#).await.0, 200);
    let retried = api.post("/api/v1/campaigns/welcome/retry-failed", "").await;
    assert_eq!(retried, (200, json!({"messages": 3, "dry_run": false})));
    assert_eq!(api.post("/api/v1/campaigns/other/retry-failed", r#"{"code":131026}"#).await.0, 404);
    {
        let replays = api.operator.replays.lock().unwrap();
        let (_, first) = &replays[0];
        assert_eq!((first.filter.class, first.is_dry), (Some(FailureClass::Transient), true));
        assert_eq!(first.expires_after, Some(jiff::SignedDuration::from_hours(36)));
        assert_eq!(replays[1].1.filter.messages, [MessageId::new(9)]);
        assert_eq!(replays[3].0.as_ref().map(CampaignName::as_str), Some("welcome"));
        assert_eq!(replays.len(), 4);
    }
    for bad in [
        "",
        "{}",
        r#"{"dry_run":true}"#,
        r#"{"class":"lost"}"#,
        r#"{"all":true,"expires_after":"soon"}"#,
        r#"{"every":1}"#,
    ] {
        assert_eq!(api.post("/api/v1/dead-letters/replay", bad).await.0, 400, "{bad}");
    }
    assert_eq!(api.post("/api/v1/campaigns/welcome/retry-failed", r#"{"campaign":"other"}"#).await.0, 400);
}

#[tokio::test]
async fn messages_say_why_they_are_where_they_are() {
    let api = open().await;
    let (status, list) = api.get("/api/v1/messages?campaign=welcome&limit=2").await;
    assert_eq!((status, list["items"].as_array().unwrap().len(), &list["next"]), (200, 2, &"8".into()));
    let failed = &list["items"][0];
    assert_eq!(
        (&failed["state"], &failed["reason"], &failed["code"]),
        (&"failed".into(), &"undeliverable".into(), &131026.into())
    );
    let unknown = &list["items"][1];
    assert_eq!((&unknown["state"], &unknown["until"]), (&"unknown".into(), &"2026-11-22T12:00:00Z".into()));
    let (_, rest) = api.get("/api/v1/messages?campaign=welcome&limit=2&cursor=8").await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
    assert_eq!(api.get("/api/v1/messages?state=read").await.1["items"][0]["id"], "msg_00000007");
    assert_eq!(api.get("/api/v1/messages?phone=%2B966500000101").await.1["items"].as_array().unwrap().len(), 4);
    for bad in ["state=lost", "phone=x", "limit=0", "cursor=x", "campain=welcome", "campaign=Not%20One"] {
        assert_eq!(api.get(&format!("/api/v1/messages?{bad}")).await.0, 400, "{bad}");
    }

    let (status, one) = api.get("/api/v1/messages/msg_00000007").await;
    assert_eq!((status, &one["state"], &one["history"][0]["event"]), (200, &"read".into(), &"planned".into()));
    assert_eq!(api.get("/api/v1/messages/msg_0000000z").await.0, 404);
    assert_eq!(api.get("/api/v1/messages/run_00000001").await.0, 404);
}

#[tokio::test]
async fn contacts_are_found_by_number_and_paged() {
    let api = open().await;
    let (status, found) = api.get("/api/v1/contacts?phone=%2B966500000102").await;
    let contact = &found["items"][0];
    assert_eq!((status, &contact["id"], &contact["opted_out"]), (200, &"con_00000002".into(), &true.into()));
    assert_eq!((&contact["language"], &contact["consent"]), (&"ar".into(), &json!(["survey"])));
    assert_eq!(api.get("/api/v1/contacts?phone=%2B966500000109").await, (200, json!({"items": [], "next": null})));
    let (_, first) = api.get("/api/v1/contacts?limit=2").await;
    assert_eq!(first["next"], "2");
    assert_eq!(api.get("/api/v1/contacts?limit=2&cursor=2").await.1["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_import_keeps_the_good_lines_and_names_the_bad_ones() {
    let api = open().await;
    let lines = [
        r#"{"line":12,"phone":"+966500000101","name":"نادية","language":"ar","tags":["buyer"],"consent":{"change":"set","purposes":["survey"],"source":"import","evidence":"a.csv:12"}}"#,
        r#"{"line":13,"phone":"0500000101"}"#,
        "",
        r#"{"line":14,"phone":"+966500000102","nmae":"x"}"#,
        r#"{"line":15,"phone":"+966500000103","timezone":"Mars/Olympus"}"#,
        r#"{"phone":"+966500000104","consent":{"change":"maybe","source":"x","evidence":"y"}}"#,
        r#"{"phone":"+966500000105","timezone":"Asia/Riyadh"}"#,
    ];
    let (status, result) = api.post("/api/v1/contacts/import", &lines.join("\n")).await;
    assert_eq!(status, 200);
    let items = result["items"].as_array().unwrap();
    let shown: Vec<(u64, bool)> =
        items.iter().map(|item| (item["line"].as_u64().unwrap(), item["error"].is_null())).collect();
    assert_eq!(shown, [(12, true), (2, false), (4, false), (15, false), (6, false), (7, true)]);
    assert_eq!(
        (&items[0]["new"], &items[5]["new"], &items[5]["id"]),
        (&true.into(), &false.into(), &"con_00000002".into())
    );
    let many = vec![r#"{"phone":"+966500000101"}"#; 501].join("\n");
    assert_eq!(api.post("/api/v1/contacts/import", &many).await.0, 400);
}

#[tokio::test]
async fn feedback_and_status_have_their_fixed_shapes() {
    let api = open().await;
    let (_, list) = api.get("/api/v1/feedback").await;
    let item = list["items"][0].as_object().unwrap();
    for member in [
        "reference",
        "contact",
        "phone",
        "kind",
        "text",
        "language",
        "sentiment",
        "category",
        "channel",
        "platform",
        "campaign",
        "message_id",
        "whatsapp_id",
        "received_at",
    ] {
        assert!(item.contains_key(member), "{member}");
    }
    let (_, status) = api.get("/api/whatsapp/status").await;
    assert_eq!((&status["configured"], &status["missing"]), (&false.into(), &json!(["WHATSAPP_API_TOKEN"])));
    assert_eq!((&status["queues"]["sending"], &status["unknown_messages"]), (&42.into(), &3.into()));
    assert_eq!(status["callbacks"], json!({"waiting": 7, "oldest_seconds": 1.5}));
}

#[tokio::test]
async fn the_live_check_says_step_by_step_what_is_wrong_and_what_to_do() {
    let (status, checked) = open().await.post("/api/whatsapp/test", "").await;
    assert_eq!((status, &checked["result"]), (200, &"failed".into()));
    assert_eq!(checked["steps"][0], json!({ "step": "token", "result": "ok", "detail": "valid", "remedy": null }));
    assert!(checked["steps"][1]["remedy"].is_string(), "{checked}");
}

#[tokio::test]
async fn a_person_is_erased_by_id_and_the_receipt_says_whether_it_is_done() {
    let api = open().await;
    let (status, receipt) = api.delete("/api/v1/contacts/con_00001?by=request%207").await;
    assert_eq!((status, &receipt["by"], &receipt["messages"]), (200, &"request 7".into(), &3.into()), "{receipt}");
    let (status, receipt) = api.delete("/api/v1/contacts/con_00002").await;
    assert_eq!((status, &receipt["finished_at"], &receipt["by"]), (202, &Value::Null, &"api".into()), "{receipt}");
    for nobody in ["con_00003", "msg_00001", "%2B966500000101"] {
        assert_eq!(api.delete(&format!("/api/v1/contacts/{nobody}")).await.0, 404, "{nobody}");
    }
    assert_eq!(api.delete("/api/v1/contacts/con_00001?who=me").await.0, 400);
}

#[tokio::test]
async fn every_channel_says_whether_it_can_be_used() {
    let (_, list) = open().await.get("/api/integrations").await;
    let shown: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["integration"].as_str().unwrap(), item["priority"].clone(), item["status"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            ("whatsapp", "HIGH".into(), "NOT_CONFIGURED".into()),
            ("twilio-whatsapp", "MEDIUM".into(), "NOT_CONFIGURED".into()),
            ("sms", "MEDIUM".into(), "NOT_CONFIGURED".into()),
            ("email", "LOW".into(), "CONFIGURED".into()),
        ]
    );
    let whatsapp = &list["items"][0];
    assert_eq!((&whatsapp["category"], &whatsapp["group"]), (&"COMMUNICATION".into(), &"Feedback Channels".into()));
    assert!(whatsapp["dependencies"].as_array().unwrap().contains(&"meta-graph-api".into()), "{whatsapp}");
    assert_eq!(list["items"][2]["missing"], json!(["TWILIO_ACCOUNT_SID is not set"]));
}

#[tokio::test]
async fn costs_are_reported_in_three_forms_and_wrong_wishes_are_told() {
    let api = open().await;
    let (status, report) = api.get("/api/v1/reports/costs").await;
    assert_eq!((status, &report["from"], &report["to"]), (200, &"2026-10-01".into(), &"2026-10-31".into()));
    assert_eq!((&report["total"]["cost"], &report["total"]["charged"]), (&"0.0321".into(), &3.into()), "{report}");
    assert_eq!(report["rows"][0]["country"], "SA");
    let text = async |query: &str| {
        let answer = http().get(format!("{}/api/v1/reports/costs?{query}", api.base)).bearer_auth("api-token");
        let answer = answer.send().await.unwrap();
        let of_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (of_type, answer.text().await.unwrap())
    };
    let (of_type, csv) = text("format=csv&from=2026-11-20&to=2026-11-21").await;
    assert!(of_type.starts_with("text/csv"));
    assert_eq!(csv.lines().nth(1), Some("2026-11-20,welcome,whatsapp,SA,utility,ar,3,0,0.0321,0.0321,USD"));
    let (of_type, page) = text("format=html&language=ar&period=day").await;
    assert!(of_type.starts_with("text/html") && page.contains("dir=\"rtl\"") && !page.contains("<script"));
    for wrong in ["period=year", "from=2026-11-21&to=2026-11-20", "to=2026-11-20", "format=pdf", "form=csv", "from=x"] {
        assert_eq!(api.get(&format!("/api/v1/reports/costs?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_month_is_reviewed_in_three_forms_and_wrong_wishes_are_told() {
    let api = open().await;
    let (status, review) = api.get("/api/v1/reports/review").await;
    assert_eq!((status, &review["month"], &review["month_before"]), (200, &"2026-10".into(), &"2026-09".into()));
    assert_eq!(review["total"]["delivery_percent"], "75.00");
    assert_eq!(review["worst"]["delivered"], json!(["welcome"]));
    let text = async |query: &str| {
        let answer = http().get(format!("{}/api/v1/reports/review?{query}", api.base)).bearer_auth("api-token");
        let answer = answer.send().await.unwrap();
        let of_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (of_type, answer.text().await.unwrap())
    };
    let (of_type, csv) = text("format=csv&month=2026-05").await;
    assert!(of_type.starts_with("text/csv"));
    assert_eq!(csv.lines().nth(3), Some("2026-05,campaign,welcome,40,10,30,15,0,75.00,50.00,0.00,,,,"));
    let (of_type, page) = text("format=html&language=ar").await;
    assert!(of_type.starts_with("text/html") && page.contains("dir=\"rtl\"") && !page.contains("<script"));
    for wrong in ["month=2026-13", "month=may", "period=month", "format=text", "language=fr"] {
        assert_eq!(api.get(&format!("/api/v1/reports/review?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn what_is_not_built_says_so_and_what_is_down_too() {
    let api = open().await;
    for path in ["/api/v1/reports/other", "/api/v1/queues"] {
        let (status, problem) = api.get(path).await;
        assert_eq!((status, &problem["type"]), (501, &"urn:barid:problem:not-yet-supported".into()), "{path}");
    }
    assert_eq!(api.get("/api/v1/reportage").await.0, 404);
    api.store.fail();
    assert_eq!(api.get("/api/v1/contacts").await.0, 503);
}

#[tokio::test]
async fn suspensions_are_made_shown_and_ended_and_a_wrong_name_is_told_with_the_right_one() {
    let api = open().await;
    let body = r#"{"scope": "country", "value": "sa", "reason": "rates changed", "until": "2026-11-23T12:00:00Z", "by": "amal"}"#;
    let (status, item) = api.post("/api/v1/suspensions", body).await;
    assert_eq!((status, &item["scope"], &item["value"]), (201, &"country".into(), &"SA".into()));
    assert_eq!(
        (&item["reason"], &item["by"], &item["in_force"]),
        (&"rates changed".into(), &"amal".into(), &true.into())
    );
    assert_eq!((&item["until"], &item["cause"]), (&"2026-11-23T12:00:00Z".into(), &"operator".into()));
    let refused = [
        (r#"{"scope": "sender", "value": "defualt", "reason": "x"}"#, "unknown-name", "did you mean `default`?"),
        (r#"{"scope": "campaign", "value": "welcom", "reason": "x"}"#, "unknown-name", "did you mean `welcome`?"),
        (r#"{"scope": "channel", "value": "telegraph", "reason": "x"}"#, "unknown-name", "there are `whatsapp`"),
        (r#"{"scope": "country", "value": "Mars", "reason": "x"}"#, "unknown-country", "two letters"),
        (r#"{"scope": "planet", "value": "mars", "reason": "x"}"#, "unknown-scope", "there are `sender`"),
        (r#"{"scope": "sender", "value": "default", "reason": " "}"#, "bad-reason", "why"),
        (
            r#"{"scope": "sender", "value": "default", "reason": "x", "until": "2026-11-22T12:00:00Z"}"#,
            "bad-until",
            "over",
        ),
    ];
    for (body, code, words) in refused {
        let (status, problem) = api.post("/api/v1/suspensions", body).await;
        assert_eq!((status, &problem["type"]), (422, &format!("urn:barid:problem:{code}").into()), "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    for bad in ["", "{}", r#"{"scope": "sender", "value": "default", "reason": "x", "til": 3}"#] {
        assert_eq!(api.post("/api/v1/suspensions", bad).await.0, 400, "{bad}");
    }

    let (status, list) = api.get("/api/v1/suspensions").await;
    assert_eq!((status, list["items"].as_array().unwrap().len(), &list["next"]), (200, 1, &Value::Null));
    let item = &list["items"][0];
    assert_eq!((&item["cause"], &item["code"]), (&"account-restricted".into(), &131_042.into()));
    assert_eq!((&item["probe"], &item["probe_at"]), (&"let-one-through".into(), &"2026-11-22T12:30:00Z".into()));
    assert_eq!(api.get("/api/v1/suspensions?all=1").await.1["items"][0], *item);
    assert_eq!(api.get("/api/v1/suspensions/1").await.1, *item);
    assert_eq!(api.get("/api/v1/suspensions/7").await.0, 404);
    assert_eq!(api.get("/api/v1/suspensions?al=1").await.0, 400);

    let delete = |path: &str| api.ask(http().delete(format!("{}{path}", api.base)));
    let (status, item) = delete("/api/v1/suspensions/1?by=amal").await;
    assert_eq!((status, &item["in_force"], &item["released_by"]), (200, &false.into(), &"operator amal".into()));
    assert_eq!(delete("/api/v1/suspensions/2").await.0, 409);
    assert_eq!(delete("/api/v1/suspensions/x").await.0, 404);
}

#[tokio::test]
async fn what_is_suspended_shows_in_the_status_and_in_each_message_that_waits() {
    let api = open().await;
    let (_, status) = api.get("/api/whatsapp/status").await;
    assert_eq!((&status["healthy"], &status["senders"][0]["healthy"]), (&false.into(), &false.into()));
    assert_eq!(status["senders"][0]["suspensions"][0]["code"], 131_042);
    assert_eq!(status["suspensions"], json!([]));
    let (_, message) = api.get("/api/v1/messages/msg_00000006").await;
    assert_eq!(message["waits_for"]["reason"], "suspended", "{message}");
    assert_eq!(
        (&message["waits_for"]["suspension"], &message["waits_for"]["until"]),
        (&1.into(), &"2026-11-22T12:30:00Z".into())
    );
    assert_eq!(api.get("/api/v1/messages/msg_00000007").await.1["waits_for"], Value::Null, "it was read");
}

fn delivery((state, id): (DeliveryState, i64)) -> ListedDelivery {
    ListedDelivery {
        id: HookDeliveryId::new(id),
        webhook_id: WebhookId { store: "test".to_owned(), event: HookEventId::new(id) },
        event: "message.failed".to_owned(),
        hook: "crm".parse().unwrap(),
        state,
        attempts: 2,
        at: Noon.now(),
        due_at: Some(Noon.now()).filter(|_| state == DeliveryState::Waiting),
        changed_at: Noon.now(),
        status: Some(500),
        why: "answered 500".to_owned(),
    }
}

#[tokio::test]
async fn hooks_are_listed_tried_and_replayed() {
    let api = open().await;
    let (status, hooks) = api.get("/api/v1/hooks").await;
    assert_eq!((status, &hooks["items"][0]["state"]), (200, &"resting".into()), "{hooks}");
    let (_, page) = api.get("/api/v1/hooks/deliveries?hook=crm&state=dead").await;
    assert_eq!(
        page,
        json!({"items": [{"id": "evt_test_00000001", "event": "message.failed", "hook": "crm", "state": "dead", "attempts": 2,
            "at": "2026-11-22T12:00:00Z", "due_at": null, "changed_at": "2026-11-22T12:00:00Z", "status": 500,
            "why": "answered 500"}], "next": null})
    );
    for wrong in ["hok=crm", "hook=No%20Name", "state=lost", "event=message.lost", "since=soon", "id=evt_1"] {
        assert_eq!(api.get(&format!("/api/v1/hooks/deliveries?{wrong}")).await.0, 400, "{wrong}");
    }
    // An event of another record is none of ours, whatever its number.
    assert_eq!(api.get("/api/v1/hooks/deliveries?id=evt_k7q2_00000001").await.0, 404);

    assert_eq!(api.post("/api/v1/hooks/crm/test", "").await.1["answer"], "answered 500");
    assert_eq!(api.post("/api/v1/hooks/other/test", "").await.0, 404);

    for (body, told) in [
        ("{}", None),
        (r#"{"hook": "crm"}"#, None),
        (r#"{"id": "evt_k7q2_00000001"}"#, None),
        (r#"{"since": "2026-11-22T12:00:00Z", "evnt": "x"}"#, None),
        (r#"{"since": "2026-11-22T12:00:00Z", "event": "message.fail"}"#, None),
        (r#"{"id": "evt_test_00000001", "dry_run": true}"#, Some((Some(1), None, None, true))),
        (
            r#"{"since": "2026-11-22T12:00:00Z", "event": "message.failed"}"#,
            Some((None, Some(HookEvent::MessageFailed), Some(DeliveryState::Dead), false)),
        ),
        (
            r#"{"since": "2026-11-22T12:00:00Z", "state": "delivered"}"#,
            Some((None, None, Some(DeliveryState::Delivered), false)),
        ),
    ] {
        let (status, answer) = api.post("/api/v1/hooks/replay", body).await;
        let asked = std::mem::take(&mut *api.operator.hook_replays.lock().unwrap());
        let asked = asked
            .into_iter()
            .next()
            .map(|(filter, is_dry)| (filter.id.map(HookEventId::number), filter.event, filter.state, is_dry));
        assert_eq!(asked, told, "{body} {answer}");
        assert_eq!(status == 200, told.is_some(), "{body} {answer}");
        if let Some((.., is_dry)) = told {
            assert_eq!(answer, json!({"deliveries": 2, "dry_run": is_dry}));
        }
    }
}

#[tokio::test]
async fn standing_jobs_are_listed_started_and_looked_up() {
    let api = open().await;
    let (status, list) = api.get("/api/v1/jobs").await;
    assert_eq!((status, &list["next"]), (200, &Value::Null));
    let job = &list["items"][0];
    assert_eq!(
        (&job["name"], &job["schedule"], &job["timezone"], &job["next_at"]),
        (&"tidy".into(), &"30 3 * * *".into(), &"Asia/Riyadh".into(), &"2026-11-22T12:00:00Z".into())
    );
    assert_eq!((&job["last"]["result"], &job["last"]["details"]), (&"ok".into(), &json!({"files": 2})));

    for (body, by) in [("", "api"), (r#"{"by": "amal"}"#, "amal"), (r#"{"by": " "}"#, "api")] {
        let (status, run) = api.post("/api/v1/jobs/tidy/run", body).await;
        assert_eq!((status, &run["by"], &run["trigger"]), (202, &by.into(), &"operator".into()), "{body}");
        assert_eq!((&run["result"], &run["finished_at"], &run["tries"]), (&Value::Null, &Value::Null, &0.into()));
    }
    assert_eq!(api.post("/api/v1/jobs/tidi/run", "").await.0, 404);
    assert_eq!(api.post("/api/v1/jobs/No%20Name/run", "").await.0, 404);
    assert_eq!(api.post("/api/v1/jobs/tidy/run", r#"{"who": "amal"}"#).await.0, 400);

    let (_, all) = api.get("/api/v1/jobs/history?limit=1").await;
    assert_eq!((&all["items"][0]["id"], &all["next"]), (&"job_00000007".into(), &"7".into()));
    let (_, rest) = api.get("/api/v1/jobs/tidy/history?cursor=7").await;
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&"job_00000006".into(), &Value::Null));
    assert_eq!(api.get("/api/v1/jobs/other/history").await.1["items"], json!([]));
    assert_eq!(api.get("/api/v1/jobs/runs/job_00000006").await.1["summary"], "deleted: 2 files");
    for nowhere in ["/api/v1/jobs/runs/job_0000000z", "/api/v1/jobs/runs/x", "/api/v1/jobs/No%20Name/history"] {
        assert_eq!(api.get(nowhere).await.0, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn alerts_that_are_open_are_listed_and_with_all_those_that_were() {
    let api = open().await;
    let (status, open) = api.get("/api/v1/alerts").await;
    let expected = json!({
        "id": "alr_00000002", "kind": "token-expires", "severity": "warning", "scope": "installation", "value": "",
        "text": "the access token ends soon", "since": "2026-11-22T12:00:00Z", "changed_at": "2026-11-22T12:00:00Z",
        "cleared_at": null,
    });
    assert_eq!((status, open), (200, json!({"items": [expected], "next": null})));
    let (_, all) = api.get("/api/v1/alerts?all=true&limit=1").await;
    assert_eq!((&all["items"][0]["id"], &all["next"]), (&"alr_00000002".into(), &"2".into()));
    let (_, rest) = api.get("/api/v1/alerts?all=1&cursor=2").await;
    assert_eq!((&rest["items"][0]["id"], rest["items"][0]["cleared_at"].is_string()), (&"alr_00000001".into(), true));
    assert_eq!(api.get("/api/v1/alerts?all=perhaps").await.0, 400);
}
