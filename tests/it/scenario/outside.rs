//! What stands outside the process and survives it: the time, the queue, Meta with its ledger, the people.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::domain::audience::{Audience, AudienceSource, Sample};
use barid::domain::campaign::{Campaign, CampaignValues, Delivery, OnUnknown, Start};
use barid::domain::channel::Channel;
use barid::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::{JournalId, MessageId, RunId, SenderName};
use barid::domain::language::Language;
use barid::domain::limit::Limit;
use barid::domain::message::{Content, Envelope, Recipient, Rendered, TemplateContent};
use barid::domain::news::{InboundNews, News, ProviderStatus, StatusNews};
use barid::domain::phone_number::PhoneNumber;
use barid::ports::{
    Answer, Ask, AudienceFileError, AudienceFiles, AudiencePage, CannotRender, Catalogue, Clock, Limits,
    LimitsUnavailable, Permit, QueueUnavailable, SenderLimits, SlowDown, Verdict, Wanted, WebhookReader, WhatsApp,
};
use jiff::{SignedDuration, Timestamp, civil};

use super::tap::Tap;

/// Our number at Meta.
pub(crate) const SENDER_ID: &str = "900000000000001";
pub(crate) const CAMPAIGN: &str = "survey";

/// A clock that moves when told.
pub(crate) struct Time(Mutex<Timestamp>);

impl Time {
    /// When every scenario begins.
    pub(crate) fn start() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Self::start()))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn since_start(&self) -> String {
        let millis = self.now().duration_since(Self::start()).as_millis();
        format!("+{}.{:03}", millis / 1000, millis % 1000)
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A number between 0 and 1 that belongs to these three, the same in every run.
pub(crate) fn chance(seed: u64, what: u64, nth: u64) -> f64 {
    let mut mixed = seed ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ nth.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What lies in the queue. A job's name is what it is about, as in the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Queued {
    Plan(i64),
    Send(i64, u16),
    Apply(i64),
}

/// A queue whose jobs run when somebody takes them by hand.
#[derive(Default)]
pub(crate) struct Hands(Mutex<BTreeMap<Queued, Option<Timestamp>>>);

impl Hands {
    pub(crate) fn send(
        &self,
        _lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable> {
        for (id, attempts) in messages {
            self.put(Queued::Send(id.number(), *attempts), due);
        }
        Ok(())
    }

    pub(crate) fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable> {
        for row in rows {
            self.put(Queued::Apply(row.number()), None);
        }
        Ok(())
    }

    pub(crate) fn plan(&self, run: RunId) -> Result<(), QueueUnavailable> {
        self.put(Queued::Plan(run.number()), None);
        Ok(())
    }

    /// What is there already stays as it is, as in the real one.
    pub(crate) fn put(&self, job: Queued, due: Option<Timestamp>) {
        self.0.lock().unwrap().entry(job).or_insert(due);
    }

    pub(crate) fn sending_depth(&self) -> u64 {
        self.0.lock().unwrap().keys().filter(|job| matches!(job, Queued::Send(..))).count() as u64
    }

    /// What may run now, in the order of the names.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Queued> {
        let jobs = self.0.lock().unwrap();
        jobs.iter().filter(|(_, due)| due.is_none_or(|due| due <= now)).map(|(job, _)| *job).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.lock().unwrap().values().filter_map(|due| *due).min()
    }

    pub(crate) fn take(&self, job: Queued) {
        self.0.lock().unwrap().remove(&job);
    }

    pub(crate) fn wipe(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

/// What Meta accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) phone: String,
    pub(crate) reference: String,
    pub(crate) statuses: Vec<&'static str>,
}

/// An event that Meta will tell.
#[derive(Debug, Clone)]
struct Event {
    due: Timestamp,
    order: usize,
    line: String,
}

#[derive(Default)]
struct Books {
    calls: HashMap<String, u64>,
    accepted: Vec<Accepted>,
    /// Calls that were made at all, by the person's number, in order.
    called: Vec<(String, usize)>,
    events: Vec<Event>,
    /// Events about these messages are not told for now.
    held_back: Vec<String>,
    order: usize,
}

/// Meta: takes calls, keeps a ledger, tells statuses. What it does with whom is drawn from the seed.
pub(crate) struct Meta {
    seed: u64,
    /// No mishaps of its own.
    pub(crate) is_kind: bool,
    time: Arc<Time>,
    books: Mutex<Books>,
}

impl Meta {
    pub(crate) fn new(seed: u64, is_kind: bool, time: Arc<Time>) -> Self {
        Self { seed, is_kind, time, books: Mutex::default() }
    }

    pub(crate) fn ledger(&self) -> Vec<Accepted> {
        self.books.lock().unwrap().accepted.clone()
    }

    /// Who was called, and at which effect.
    pub(crate) fn called(&self) -> Vec<(String, usize)> {
        self.books.lock().unwrap().called.clone()
    }

    /// Tells this at that time.
    pub(crate) fn tell(&self, due: Timestamp, line: String) {
        let mut books = self.books.lock().unwrap();
        books.order += 1;
        let order = books.order;
        books.events.push(Event { due, order, line });
    }

    /// A person writes to us.
    pub(crate) fn hear(&self, due: Timestamp, phone: &str, text: &str) {
        let id = format!("wamid.in.{phone}.{}", due.as_millisecond());
        self.tell(due, format!("said {id} {phone} {} {text}", due.as_millisecond()));
    }

    /// One callback with everything that is due, or none.
    pub(crate) fn callback(&self, now: Timestamp) -> Option<String> {
        let mut books = self.books.lock().unwrap();
        let held_back = books.held_back.clone();
        let is_due = |event: &Event| event.due <= now && !held_back.iter().any(|what| event.line.contains(what));
        let (mut due, rest): (Vec<Event>, Vec<Event>) = books.events.drain(..).partition(is_due);
        books.events = rest;
        due.sort_by_key(|event| (event.due, event.order));
        let lines: Vec<String> = due.into_iter().map(|event| event.line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Tells nothing for now whose text holds one of these.
    pub(crate) fn hold_back(&self, what: &[String]) {
        self.books.lock().unwrap().held_back = what.to_vec();
    }

    /// Tells everything again.
    pub(crate) fn let_go(&self) {
        self.hold_back(&[]);
    }

    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.books.lock().unwrap().events.iter().map(|event| event.due).min()
    }

    fn call(&self, phone: &str, reference: &str, effect: usize) -> Answer {
        let mut books = self.books.lock().unwrap();
        books.called.push((phone.to_owned(), effect));
        let nth = *books.calls.entry(phone.to_owned()).and_modify(|calls| *calls += 1).or_insert(1);
        let who = phone.trim_start_matches('+').parse().unwrap();
        let fate = if self.is_kind || nth > 3 { 1.0 } else { chance(self.seed, who, nth) };
        let lost = |because: &str| Answer::Unanswered { because: because.to_owned() };
        if fate < 0.1 {
            return lost("reset before Meta had it");
        }
        if fate < 0.15 {
            return Answer::NotSent { because: "connection refused".to_owned() };
        }
        if fate < 0.25 {
            return Answer::Refused(Refusal::new(FailureClass::Transient, Some(131_000), "Something went wrong"));
        }
        let now = self.time.now();
        let id = format!("wamid.{}.{nth}", phone.trim_start_matches('+'));
        let second = |seconds: f64| now + SignedDuration::from_millis((seconds * 1000.0) as i64);
        let mut statuses = vec!["sent"];
        let mut told = vec![("sent", 1.0)];
        if chance(self.seed, who, 100 + nth) < 0.9 {
            statuses.push("delivered");
            // Some overtake the status before them.
            told.push(("delivered", 0.5 + 2.0 * chance(self.seed, who, 200 + nth)));
            if chance(self.seed, who, 300 + nth) < 0.6 {
                statuses.push("read");
                // Some look at their phone late, which is also what keeps callbacks coming.
                told.push(("read", 3.0 + 40.0 * chance(self.seed, who, 500 + nth)));
            }
        }
        if chance(self.seed, who, 400 + nth) < 0.3 {
            told.push(("sent", 20.0 * chance(self.seed, who, 600 + nth)));
        }
        books.accepted.push(Accepted { phone: phone.to_owned(), reference: reference.to_owned(), statuses });
        for (status, after) in told {
            let (due, millis) = (second(after), now.as_millisecond());
            books.order += 1;
            let order = books.order;
            books.events.push(Event { due, order, line: format!("status {id} {reference} {status} {millis}") });
        }
        if fate < 0.45 { lost("reset after Meta had it") } else { Answer::Accepted(id.parse().unwrap()) }
    }
}

/// The way to Meta, with a tap on it.
pub(crate) struct TappedMeta {
    pub(crate) real: Arc<Meta>,
    pub(crate) tap: Arc<Tap>,
}

#[async_trait]
impl WhatsApp for TappedMeta {
    async fn send(&self, envelope: &Envelope, _: &Content) -> Answer {
        let Recipient::Phone(phone) = &envelope.to else { panic!("everybody has a number here") };
        let reference = envelope.reference.to_string();
        let what = format!("call of {}#{}", envelope.reference.message.number(), envelope.reference.attempt);
        let call = async { Ok(self.real.call(phone.e164(), &reference, self.tap.count())) };
        // Whether it was lost before or after, the process sees the same.
        let lost = |why: &'static str| Answer::Unanswered { because: why.to_owned() };
        let answer = self.tap.effect(&what, lost, call).await.unwrap_or_else(|lost| lost);
        self.tap.note(match &answer {
            Answer::Accepted(_) => "  accepted",
            Answer::Refused(_) => "  refused",
            Answer::NotSent { .. } => "  not sent",
            Answer::Unanswered { .. } => "  unanswered",
        });
        answer
    }
    async fn ask(&self, _: &SenderName) -> Result<(), String> {
        Ok(())
    }
}

/// Reads what [`Meta`] tells.
pub(crate) struct Reader;

impl WebhookReader for Reader {
    fn signature_is_valid(&self, _: Option<&str>, _: &[u8]) -> bool {
        true
    }
    fn read(&self, body: &[u8]) -> Result<Vec<News>, String> {
        let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        Ok(body.lines().map(news).collect())
    }
}

fn news(line: &str) -> News {
    let at = |millis: &str| Timestamp::from_millisecond(millis.parse().unwrap()).unwrap();
    match line.splitn(5, ' ').collect::<Vec<_>>().as_slice() {
        ["status", id, reference, status, millis] => News::Status(StatusNews {
            sender: Some(SENDER_ID.parse().unwrap()),
            whatsapp_id: id.parse().unwrap(),
            reference: Some(reference.parse().unwrap()),
            status: match *status {
                "sent" => ProviderStatus::Sent,
                "delivered" => ProviderStatus::Delivered,
                _ => ProviderStatus::Read,
            },
            provider_at: at(millis),
            pricing: None,
        }),
        ["said", id, phone, millis, text] => News::Inbound(InboundNews {
            channel: Channel::Whatsapp,
            sender: Some(SENDER_ID.parse().unwrap()),
            whatsapp_id: id.parse().unwrap(),
            phone: Some((*phone).to_owned()),
            bsuid: None,
            profile_name: None,
            provider_at: at(millis),
            kind: "text",
            text: Some((*text).to_owned()),
            payload: None,
            media_id: None,
            in_reply_to: None,
        }),
        _ => panic!("Meta tells nothing like `{line}`"),
    }
}

/// Limits that put somebody off now and then, and otherwise say yes.
pub(crate) struct SomeLimits {
    pub(crate) seed: u64,
    pub(crate) is_kind: bool,
    pub(crate) time: Arc<Time>,
    pub(crate) asked: Mutex<HashMap<i64, u64>>,
}

#[async_trait]
impl Limits for SomeLimits {
    async fn permit(&self, ask: &Ask) -> Verdict {
        let person = ask.contact.number();
        let nth = *self.asked.lock().unwrap().entry(person).and_modify(|n| *n += 1).or_insert(1);
        if !self.is_kind && nth == 1 && chance(self.seed, person.unsigned_abs(), 700) < 0.15 {
            let until = self.time.now() + SignedDuration::from_secs(4);
            return Verdict::Refused { limit: Limit::Pair, until };
        }
        Verdict::Granted(Permit::FREE)
    }
    async fn leave(&self, _: &Ask, _: &Permit) {}
    async fn give_back(&self, _: &Ask, _: Permit) {}
    async fn slow_down(&self, _: &SlowDown) {}
    fn full(&self, _: &SenderName, _: RunId, _: Timestamp) -> Option<(Limit, Timestamp)> {
        None
    }
    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        Ok(Vec::new())
    }
}

/// The number of person `n`.
pub(crate) fn phone(n: usize) -> String {
    format!("+9665{:08}", 20_000_000 + n)
}

/// One campaign to some people, in a file of two rows to the page. The last one has given no consent.
pub(crate) struct OneCampaign {
    pub(crate) people: usize,
}

/// Rows of a page: few, so that planning has several steps.
const ROWS: u64 = 2;

impl Catalogue for OneCampaign {
    fn campaigns_with(&self, _: &str, _: &str) -> Vec<Arc<Campaign>> {
        Vec::new()
    }
    fn campaigns(&self) -> Vec<Arc<Campaign>> {
        vec![Arc::new(Campaign {
            name: CAMPAIGN.parse().unwrap(),
            template: "survey-invitation".parse().unwrap(),
            purpose: Purpose::Survey,
            start: Some(Start::At(civil::date(2026, 11, 22).at(12, 0, 0, 0))),
            timezone: "UTC".parse().unwrap(),
            expires_after: SignedDuration::from_hours(1),
            sender: "default".parse().unwrap(),
            audience: Audience {
                source: AudienceSource::File("survey.csv".to_owned()),
                tags_any: Vec::new(),
                tags_none: Vec::new(),
                where_: BTreeMap::new(),
                not_contacted_for: None,
                sample: Sample::ALL,
            },
            values: CampaignValues::new(),
            delivery: Delivery {
                rate: None,
                quiet_hours: None,
                fallback: Vec::new(),
                not_delivered_after: None,
                on_unknown: OnUnknown::Evidence,
                unknown_after: SignedDuration::from_secs(30),
            },
            rollout: None,
            reminder: None,
            budget: None,
        })]
    }
    fn rendered(&self, _: &Campaign, _: &Contact, language: Language) -> Result<Rendered, CannotRender> {
        Ok(Rendered::only(Content::Template(TemplateContent {
            name: "survey_invitation".to_owned(),
            language_code: language.code().to_owned(),
            header: None,
            body: Vec::new(),
            buttons: Vec::new(),
        })))
    }
    fn price_micros(&self, _: &Campaign) -> i64 {
        2_500
    }
    fn timezone_of(&self, _: Option<&str>) -> String {
        "Asia/Riyadh".to_owned()
    }
}

#[async_trait]
impl AudienceFiles for OneCampaign {
    async fn page(&self, _: &Path, skip_rows: u64, _: usize) -> Result<AudiencePage, AudienceFileError> {
        let people = self.people as u64;
        let rows = skip_rows..people.min(skip_rows + ROWS);
        let next = (rows.end < people).then_some(rows.end);
        let row = |n: u64| {
            let granted = if n + 1 == people && people > 1 { Purposes::NONE } else { Purposes::all() };
            let update = ContactUpdate {
                phone: PhoneNumber::from_e164(&phone(usize::try_from(n).unwrap())).unwrap(),
                name: None,
                language: Some(if n.is_multiple_of(2) { Language::Ar } else { Language::En }),
                timezone: None,
                timezone_of_number: "Asia/Riyadh".to_owned(),
                email: None,
                tags: None,
                attributes: BTreeMap::new(),
                consent: Some(ConsentChange {
                    kind: ConsentChangeKind::Set(granted),
                    at: Time::start(),
                    source: "import".to_owned(),
                    evidence: "survey.csv".to_owned(),
                }),
            };
            (n + 2, update)
        };
        Ok(AudiencePage { updates: rows.map(row).collect(), errors: Vec::new(), next })
    }
}
