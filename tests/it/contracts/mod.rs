//! What every store keeps to: one suite, run on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end")]

mod alerts;
mod campaigns;
mod channels;
mod contacts;
mod conversations;
mod costs;
mod counts;
mod double_opt_in;
mod erasure;
mod hooks;
mod jobs;
mod journal;
mod lifetime;
mod media;
mod message_times;
mod messages;
mod people_change;
mod races;
mod runs;
mod singles;
mod suspensions;
mod templates;
mod tidy;

use std::sync::atomic::{AtomicI64, Ordering};

use barid::domain::channel::Channel;
use barid::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use barid::domain::contact::ContactUpdate;
use barid::domain::delivery::{Delivery, State};
use barid::domain::ids::{CallbackReference, ContactId, MessageId, RunId, WhatsAppId};
use barid::domain::language::Language;
use barid::domain::message::{Content, TemplateContent, TemplateParameter};
use barid::domain::news::{Extras, InboundNews, ProviderStatus, StatusNews};
use barid::domain::phone_number::PhoneNumber;
use barid::domain::pricing::{FreeBecause, PriceCategory, ToldKind, ToldPrice};
use barid::domain::run::Run;
use barid::domain::start::StartAnswer;
use barid::ports::{
    Applied, Contacts as _, Heard, Journal as _, Messages as _, OpenedRun, PlannedMessage, RowNews, RunTerms,
    Runs as _, SingleMessage, Start,
};
use barid::store::{SqlStore, StoreSettings};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::postgres;

/// Runs each test on both databases.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block)*) => {
        $(mod $name {
            use super::*;

            $(#[$attribute])*
            async fn holds($database: $crate::contracts::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                holds($crate::contracts::Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                holds($crate::contracts::Database::postgres().await).await;
            }
        })*
    };
}
pub(crate) use on_both_databases;

/// An empty database that goes away with the test.
pub(crate) struct Database {
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { url: format!("sqlite:{}/barid.db", folder.path().display()), _folder: Some(folder) }
    }

    /// One for tests that make and drop hundreds: in memory where the system has a folder there. What a power loss would take is not their
    /// subject, so nobody waits for a disk.
    pub(crate) fn sqlite_in_memory() -> Self {
        let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return Self::sqlite() };
        Self { url: format!("sqlite:{}/barid.db", folder.path().display()), _folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        Self { url: postgres::fresh_database().await, _folder: None }
    }

    pub(crate) async fn open(&self) -> SqlStore {
        SqlStore::open(&self.url, &settings()).await.expect("the database is there")
    }

    /// Asks the database itself, past the store: rows of one text.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let connection = crate::direct::connect(&self.url).await;
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.expect("the statement is right");
        let texts = rows.iter().map(|row| row.try_get_by_index(0).expect("a column of text")).collect();
        connection.close().await.expect("nothing is under way");
        texts
    }

    /// Whatever stands in it, as one text.
    pub(crate) async fn everything(&self) -> String {
        let is_sqlite = self.url.starts_with("sqlite");
        let (tables, columns) = if is_sqlite {
            (
                "SELECT name FROM sqlite_master WHERE type = 'table'",
                "SELECT 'COALESCE(CAST(\"' || name || '\" AS TEXT), '''')' FROM pragma_table_info('TABLE')",
            )
        } else {
            (
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
                "SELECT 'COALESCE(' || CASE data_type WHEN 'bytea' THEN 'convert_from(\"' || column_name || '\", ''UTF8'')' \
                 ELSE 'CAST(\"' || column_name || '\" AS TEXT)' END || ', '''')' FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = 'TABLE'",
            )
        };
        let mut all = String::new();
        for table in self.ask(tables).await {
            let columns = self.ask(&columns.replace("TABLE", &table)).await.join(" || ' ' || ");
            for row in self.ask(&format!("SELECT {columns} FROM \"{table}\"")).await {
                all.push_str(&format!("{table}: {row}\n"));
            }
        }
        all
    }

    /// Changes the database itself, past the store.
    pub(crate) async fn change(&self, sql: &str) {
        let connection = crate::direct::connect(&self.url).await;
        connection.execute_unprepared(sql).await.expect("the statement is right");
        connection.close().await.expect("nothing is under way");
    }

    /// Fails unless the counts and the cost of the run are what a look at every message says.
    pub(crate) async fn assert_counts_are_exact(&self, store: &SqlStore, run: RunId) {
        let recounted = self
            .ask(&format!(
                "SELECT language || ' ' || channel || ' ' || state || ' [' || CASE \
                   WHEN state = 'failed' AND code IS NOT NULL THEN reason || ' ' || CAST(code AS TEXT) \
                   WHEN state IN ('failed', 'suppressed', 'held') THEN reason ELSE '' END || '] ' || CAST(COUNT(*) AS TEXT) \
                 FROM messages WHERE run_id = {} \
                 GROUP BY language, channel, state, CASE \
                   WHEN state = 'failed' AND code IS NOT NULL THEN reason || ' ' || CAST(code AS TEXT) \
                   WHEN state IN ('failed', 'suppressed', 'held') THEN reason ELSE '' END",
                run.number()
            ))
            .await;
        let counts = store.counts(run).await.expect("counts").into_iter();
        let counts = counts.map(|count| {
            let (language, channel, state) = (count.language, count.channel.name(), count.state.name());
            format!("{language} {channel} {state} [{}] {}", count.reason, count.n)
        });
        assert_eq!(sorted(counts.collect()), sorted(recounted), "counts of {run}");
        let cost = self
            .ask(&format!(
                "SELECT CAST(COALESCE(SUM(cost_micros), 0) AS TEXT) FROM messages WHERE run_id = {}",
                run.number()
            ))
            .await;
        assert_eq!(store.cost_micros(run).await.expect("cost").to_string(), cost[0], "cost of {run}");
        self.assert_costs_are_exact().await;
    }

    /// Fails unless messages, charges, sums by day and what is used of the budgets say the same.
    pub(crate) async fn assert_costs_are_exact(&self) {
        let one = async |sql: &str| self.ask(sql).await.remove(0);
        let of_messages = one("SELECT CAST(COALESCE(SUM(cost_micros), 0) AS TEXT) FROM messages").await;
        for table in ["charges", "cost_days", "budget_days"] {
            let sum = one(&format!("SELECT CAST(COALESCE(SUM(micros), 0) AS TEXT) FROM {table}")).await;
            assert_eq!(sum, of_messages, "micro-units in {table}");
        }
        let reserved = one("SELECT CAST(COALESCE(SUM(reserved_micros), 0) AS TEXT) FROM messages").await;
        assert_eq!(one("SELECT CAST(COALESCE(SUM(reserved), 0) AS TEXT) FROM budget_days").await, reserved, "reserved");
        // Each charge once, in the sums of its own day and kind.
        let kinds = "channel || ' ' || country || ' ' || category || ' ' || currency || ' ' || basis || ' ' || source || ' ' || free || ' ' || \
                     difference || ' ' || CAST(day AS TEXT)";
        let charges = self
            .ask(&format!(
                "SELECT {kinds} || ' ' || CAST(COUNT(*) AS TEXT) || ' ' || CAST(SUM(micros) AS TEXT) || ' ' || \
                 CAST(SUM(estimated_micros) AS TEXT) FROM (SELECT charges.*, at / 86400000 AS day FROM charges) AS c GROUP BY {kinds}"
            ))
            .await;
        let days = self
            .ask(&format!(
                "SELECT {kinds} || ' ' || CAST(SUM(n) AS TEXT) || ' ' || CAST(SUM(micros) AS TEXT) || ' ' || \
                 CAST(SUM(estimated_micros) AS TEXT) FROM cost_days GROUP BY {kinds} HAVING SUM(n) <> 0"
            ))
            .await;
        assert_eq!(sorted(days), sorted(charges), "sums by day");
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

pub(crate) fn settings() -> StoreSettings {
    StoreSettings { tag_seed: Some(7), ..StoreSettings::default() }
}

/// So many seconds into the test's own time.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("a time of our days")
}

pub(crate) fn phone(n: usize) -> String {
    format!("+9665{n:08}")
}

/// Person number `n`: allows everything, writes Arabic when even, English when odd.
pub(crate) fn person(n: usize) -> ContactUpdate {
    ContactUpdate {
        phone: PhoneNumber::from_e164(&phone(n)).expect("a number"),
        name: Some(format!("Person {n}")),
        language: Some(if n.is_multiple_of(2) { Language::Ar } else { Language::En }),
        timezone: None,
        timezone_of_number: "Asia/Riyadh".to_owned(),
        email: None,
        tags: None,
        attributes: [("city".to_owned(), "الرياض".to_owned())].into(),
        consent: Some(change(ConsentChangeKind::Set(Purposes::all()), "import")),
    }
}

pub(crate) fn change(kind: ConsentChangeKind, source: &str) -> ConsentChange {
    ConsentChange { kind, at: at(0), source: source.to_owned(), evidence: "as shown".to_owned() }
}

/// People 0 to `n`.
pub(crate) async fn people(store: &SqlStore, n: usize) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for part in (0..n).collect::<Vec<_>>().chunks(500) {
        let known = store.upsert(part.iter().map(|n| person(*n)).collect(), at(0)).await.expect("an import");
        ids.extend(known.into_iter().map(|(contact, _)| contact.id));
    }
    ids
}

pub(crate) fn terms() -> RunTerms {
    RunTerms {
        sender: "default".parse().expect("a name"),
        purpose: Purpose::Survey,
        marketing: false,
        expires_at: at(100_000),
        price_micros: 30_000,
    }
}

/// A new run of a new campaign.
pub(crate) async fn new_run(store: &SqlStore) -> Run {
    static CAMPAIGNS: AtomicI64 = AtomicI64::new(0);
    let n = CAMPAIGNS.fetch_add(1, Ordering::Relaxed);
    let campaign = format!("campaign-{n}").parse().expect("a name");
    let opened = store.open(&campaign, at(n), "{}", at(0)).await.expect("a run");
    let OpenedRun::New(run) = opened else { panic!("the campaign is new") };
    run
}

pub(crate) fn planned(contact: ContactId) -> PlannedMessage {
    PlannedMessage { contact, language: Language::Ar, suppressed: None }
}

/// A run to these people, planned whole and fed.
pub(crate) async fn run_to(store: &SqlStore, contacts: &[ContactId]) -> (Run, Vec<MessageId>) {
    run_to_until(store, contacts, terms().expires_at).await
}

/// The same, with another end.
pub(crate) async fn run_to_until(
    store: &SqlStore,
    contacts: &[ContactId],
    expires_at: Timestamp,
) -> (Run, Vec<MessageId>) {
    let run = new_run(store).await;
    let planned = contacts.iter().copied().map(planned).collect();
    store.plan(run.id, &RunTerms { expires_at, ..terms() }, planned, "end", true, at(0)).await.expect("a plan");
    let fed = store.feed(run.id, u64::try_from(contacts.len()).expect("few")).await.expect("a feeding");
    (run, fed.into_iter().map(|(id, _)| id).collect())
}

pub(crate) async fn state(store: &SqlStore, id: MessageId) -> State {
    delivery(store, id).await.state()
}

pub(crate) async fn delivery(store: &SqlStore, id: MessageId) -> Delivery {
    store.load(id).await.expect("the store").expect("the message").standing.delivery
}

/// The mark of an attempt over WhatsApp, without a permit.
pub(crate) fn begin(id: MessageId, attempts_before: u16, lease_until: Timestamp, now: Timestamp) -> Start {
    Start {
        id,
        attempts_before,
        channel: Channel::Whatsapp,
        lease_until,
        permits: Vec::new(),
        counts_for_tier: true,
        marketing: false,
        price_micros: 30_000,
        freeze: None,
        now,
    }
}

/// Marks the first attempt as started.
pub(crate) async fn start(store: &SqlStore, id: MessageId) {
    let answer = store.start(begin(id, 0, at(60), at(1))).await.expect("the store");
    assert_eq!(answer, StartAnswer::Go);
}

pub(crate) fn wamid(id: MessageId) -> WhatsAppId {
    format!("wamid.{id}").parse().expect("an id")
}

/// A status of a message's first attempt with our reference in it.
pub(crate) fn status(store: &SqlStore, id: MessageId, status: ProviderStatus) -> StatusNews {
    use barid::ports::Store as _;
    StatusNews {
        sender: Some("1234".parse().expect("an id")),
        whatsapp_id: wamid(id),
        reference: Some(CallbackReference { store: store.tag().to_owned(), message: id, attempt: 1 }),
        status,
        provider_at: at(5),
        pricing: None,
    }
}

pub(crate) fn charged(news: StatusNews, billable: bool) -> StatusNews {
    let kind = if billable { ToldKind::Charged } else { ToldKind::Free(FreeBecause::ServiceWindow) };
    let pricing = Some(ToldPrice { kind, category: Some(PriceCategory::Utility), amount: None });
    StatusNews { pricing, ..news }
}

/// A callback body with these statuses, kept and applied.
pub(crate) async fn callback(store: &SqlStore, statuses: Vec<StatusNews>) -> Applied {
    let row = store.append(barid::domain::news::Source::Meta, "{}".into(), at(6)).await.expect("the journal");
    store.apply(row, RowNews { statuses, ..RowNews::default() }, at(7)).await.expect("the journal")
}

/// Somebody writes to us.
pub(crate) fn inbound(n: usize, whatsapp_id: &str, text: &str) -> Heard {
    Heard {
        news: InboundNews {
            channel: Channel::Whatsapp,
            sender: Some("1234".parse().expect("an id")),
            whatsapp_id: whatsapp_id.parse().expect("an id"),
            phone: Some(phone(n)),
            bsuid: None,
            profile_name: Some("Profile".to_owned()),
            provider_at: at(20),
            kind: "text",
            text: Some(text.to_owned()),
            payload: None,
            in_reply_to: None,
            extras: Extras::default(),
        },
        corrects: None,
        consent: None,
        language: Language::Ar,
        timezone: "Asia/Riyadh".to_owned(),
        sender: Some("default".parse().expect("a name")),
        answers_since: at(0),
        wants_answer: true,
        window_until: None,
        media: None,
    }
}

pub(crate) fn stop(n: usize, whatsapp_id: &str) -> Heard {
    Heard { consent: Some(change(ConsentChangeKind::Stop, "stop-word")), ..inbound(n, whatsapp_id, "stop") }
}

/// What somebody wrote, kept and applied.
pub(crate) async fn heard(store: &SqlStore, heard: Vec<Heard>) -> Applied {
    let row = store.append(barid::domain::news::Source::Meta, "{}".into(), at(20)).await.expect("the journal");
    store.apply(row, RowNews { heard, ..RowNews::default() }, at(21)).await.expect("the journal")
}

/// Free words.
pub(crate) fn words(contact: ContactId, body: &str) -> SingleMessage {
    let content = Content::Text { body: body.to_owned(), preview_url: false };
    SingleMessage { content, ..single(contact, "") }
}

/// A template with that parameter.
pub(crate) fn single(contact: ContactId, parameter: &str) -> SingleMessage {
    let content = Content::Template(TemplateContent {
        name: "welcome".to_owned(),
        language_code: "en".to_owned(),
        header: None,
        body: vec![TemplateParameter { name: None, text: parameter.to_owned() }],
        buttons: Vec::new(),
    });
    SingleMessage {
        contact,
        sender: "default".parse().expect("a name"),
        purpose: Purpose::Utility,
        marketing: false,
        language: Language::En,
        content,
        expires_at: at(100_000),
        price_micros: 5_000,
        once: None,
        link: None,
    }
}

pub(crate) const fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// A seed for what is random in a test, printed so that it can be tried again: put it here in place of the process id.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
pub(crate) fn seed() -> u64 {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    seed
}
