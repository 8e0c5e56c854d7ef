//! Standing jobs: fired once by many processes, made up for once after downtime, taken up again after a crash, and the look at the token; the
//! command line and the API over the whole service.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::domain::alert::{AlertKind, Severity};
use barid::domain::cost_report::MetaCost;
use barid::domain::delivery::Fact;
use barid::domain::ids::{JobName, SenderName};
use barid::domain::language::Language;
use barid::domain::limit::Tier;
use barid::domain::live_check::{
    AccountFacts, MANAGEMENT, MESSAGING, NumberFacts, OurNumber, Ours, TemplateFacts, TokenFacts,
};
use barid::domain::news::{ProviderStatus, Source};
use barid::domain::retention::{KeepFor, Retention};
use barid::domain::standing_job::{JobResult, JobRun, JobTrigger, ScheduledJob, StandingJob, TRIES_MAX};
use barid::domain::suspension::{Cause, Probe, Scope};
use barid::domain::template::SampleFile;
use barid::domain::template_approval::Submission;
use barid::jobs::alert_suspensions;
use barid::jobs::schedule::{self, Carried, LEASE};
use barid::media::Folder;
use barid::ports::{
    Alerts as _, Clock, HandedIn, JobRuns as _, Journal as _, LimitFactsOf as _, Management, Messages as _,
    ReportRecipients, RowNews, Suspensions as _, Upkeep,
};
use barid::simulator::{Faults, Portfolio, Statuses, TokenState};
use barid::store::SqlStore;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::contracts::{self, Database};
use crate::fakes::{NoHooks, OnlySchedule, kept_for_ever};
use crate::harness::{Barid, Setup, people};

/// The entries of the schedule that ships.
pub(crate) const SHIPPED_JOBS: [&str; 9] = [
    "verify-token",
    "sync-limits",
    "sync-templates",
    "watch-callbacks",
    "report-costs-daily",
    "report-costs-monthly",
    "report-costs-quarterly",
    "review-metrics",
    "tidy",
];

/// A clock that the test sets.
pub(crate) struct Hand(Mutex<Timestamp>);

impl Hand {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(text.parse().unwrap())))
    }

    pub(crate) fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap() = at;
    }

    pub(crate) fn advance(&self, span: SignedDuration) {
        let later = self.now() + span;
        self.set(later);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Meta, as the test wants it.
struct Meta {
    token: Mutex<Result<TokenFacts, String>>,
    apps: Mutex<Vec<String>>,
    number: Mutex<NumberFacts>,
    account: Mutex<AccountFacts>,
}

fn good() -> TokenFacts {
    TokenFacts {
        is_valid: true,
        app_id: Some("7".to_owned()),
        scopes: vec![MESSAGING.to_owned(), MANAGEMENT.to_owned()],
        ..TokenFacts::default()
    }
}

fn connected() -> NumberFacts {
    NumberFacts { status: "CONNECTED".to_owned(), quality: "GREEN".to_owned(), ..NumberFacts::default() }
}

#[async_trait]
impl Management for Meta {
    async fn token(&self) -> Result<TokenFacts, String> {
        self.token.lock().unwrap().clone()
    }
    async fn number(&self, _: &SenderName) -> Result<NumberFacts, String> {
        Ok(self.number.lock().unwrap().clone())
    }
    async fn account(&self, _: &str) -> Result<AccountFacts, String> {
        Ok(self.account.lock().unwrap().clone())
    }
    async fn templates(&self, _: &str) -> Result<Vec<TemplateFacts>, String> {
        unreachable!("the token has nothing to do with templates")
    }
    async fn pricing(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<Vec<MetaCost>, String> {
        Ok(Vec::new())
    }
    async fn upload_sample(&self, _: &str, _: &SampleFile) -> Result<String, String> {
        unreachable!("the token has nothing to do with templates")
    }
    async fn create_template(&self, _: &str, _: &Submission, _: Option<&str>) -> Result<HandedIn, String> {
        unreachable!("the token has nothing to do with templates")
    }
    async fn edit_template(&self, _: &str, _: &Submission, _: Option<&str>, _: bool) -> Result<(), String> {
        unreachable!("the token has nothing to do with templates")
    }
    async fn subscribed_apps(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(self.apps.lock().unwrap().clone())
    }
}

pub(crate) fn entry(job: StandingJob, cron: &str) -> ScheduledJob {
    ScheduledJob {
        name: job.name().parse().unwrap(),
        job,
        arguments: Default::default(),
        schedule: cron.parse().unwrap(),
        timezone: "Asia/Riyadh".parse().unwrap(),
    }
}

/// One process over a record that it may share.
pub(crate) struct Process {
    pub(crate) store: Arc<SqlStore>,
    clock: Arc<Hand>,
    meta: Arc<Meta>,
    pub(crate) upkeep: Upkeep,
    _files: tempfile::TempDir,
    /// Where reports are kept, in a folder `reports`.
    pub(crate) state_dir: tempfile::TempDir,
}

impl Process {
    pub(crate) async fn over(database: &Database, clock: &Arc<Hand>, schedule: Vec<ScheduledJob>) -> Self {
        let store = Arc::new(database.open().await);
        let (files, state_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let meta = Arc::new(Meta {
            token: Mutex::new(Ok(good())),
            apps: Mutex::new(vec!["7".to_owned()]),
            number: Mutex::new(connected()),
            account: Mutex::default(),
        });
        let ours = Ours {
            app_id: Some("7".to_owned()),
            callback_url: None,
            numbers: vec![OurNumber {
                name: "default".parse().unwrap(),
                account: Some("800".to_owned()),
                mps: 70,
                portfolio: "p1".to_owned(),
                tier: None,
            }],
        };
        let upkeep = Upkeep {
            clock: Arc::clone(clock) as _,
            store: Arc::clone(&store) as _,
            management: Arc::clone(&meta) as _,
            ours: Arc::new(ours),
            suspensions: Default::default(),
            retention: kept_for_ever(),
            hooks: Arc::new(NoHooks),
            media: Arc::new(Folder::new(files.path().to_owned())),
            reports: Arc::new(barid::daemon::reports::Folder::inside(state_dir.path())),
            report_recipients: ReportRecipients { to: Vec::new(), languages: Language::ALL.to_vec(), notices: None },
            catalogue: Arc::new(OnlySchedule(schedule.into_iter().map(Arc::new).collect())),
        };
        Self { store, clock: Arc::clone(clock), meta, upkeep, _files: files, state_dir }
    }

    async fn alone(job: StandingJob, cron: &str, now: &str) -> (Database, Self) {
        let database = Database::sqlite_in_memory();
        let process = Self::over(&database, &Hand::at(now), vec![entry(job, cron)]).await;
        (database, process)
    }

    /// What Meta says of our number and our account from now on.
    pub(crate) fn says(&self, number: NumberFacts, account: AccountFacts) {
        *self.meta.number.lock().unwrap() = number;
        *self.meta.account.lock().unwrap() = account;
    }

    /// What a process does about standing jobs in each second.
    pub(crate) async fn pass(&self) -> Vec<Carried> {
        schedule::open_due(&self.upkeep).await.unwrap();
        let mut carried = Vec::new();
        while let Some(run) = schedule::take(&self.upkeep, None).await.unwrap() {
            let went = schedule::carry_out(&self.upkeep, &run).await;
            carried.push(went.clone());
            schedule::end(&self.upkeep, &run, went).await.unwrap();
        }
        carried
    }

    pub(crate) async fn runs(&self) -> Vec<JobRun> {
        let mut runs = self.store.job_runs(None, None, 1_000).await.unwrap().items;
        runs.reverse();
        runs
    }

    pub(crate) async fn alerts(&self) -> BTreeSet<(AlertKind, String, Severity)> {
        let open = self.store.open_alerts().await.unwrap().into_iter();
        open.map(|alert| (alert.kind, alert.scope.to_string(), alert.severity)).collect()
    }
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_in_the_night_and_it_is_said_how_much() {
    let database = Database::sqlite_in_memory();
    let clock = Hand::at("2026-11-22T00:29:00Z");
    let mut process = Process::over(&database, &clock, vec![entry(StandingJob::Tidy, "30 3 * * *")]).await;
    process.upkeep.retention = Retention { journal: KeepFor::Span(DAY * 8), ..kept_for_ever() };
    process.pass().await;
    for _ in 0..20 {
        let row = process.store.append(Source::Meta, "{}".into(), clock.now()).await.unwrap();
        process.store.apply(row, RowNews::default(), clock.now()).await.unwrap();
        clock.advance(DAY);
    }
    process.pass().await;
    let runs = process.runs().await;
    let (_, outcome) = runs.last().unwrap().ended.clone().unwrap();
    // Those of the last eight days stay: the newest is a day old.
    assert_eq!(outcome.details.unwrap()["journal"], 12);
    assert_eq!(outcome.summary, "deleted: 12 of journal");
    clock.advance(DAY);
    process.pass().await;
    let (_, outcome) = process.runs().await.last().unwrap().ended.clone().unwrap();
    assert_eq!(outcome.summary, "deleted: 1 of journal");
}

#[tokio::test]
async fn silence_about_what_we_send_is_an_alert_until_a_callback_comes() {
    let database = Database::sqlite_in_memory();
    let clock = Hand::at(&contracts::at(0).to_string());
    let process = Process::over(&database, &clock, vec![entry(StandingJob::WatchCallbacks, "*/5 * * * *")]).await;
    process.pass().await;
    let contacts = contracts::people(&process.store, 12).await;
    let (_, messages) = contracts::run_to(&process.store, &contacts).await;
    for message in &messages {
        contracts::start(&process.store, *message).await;
        let fact = Fact::Accepted(contracts::wamid(*message));
        process.store.learn(*message, 1, fact, contracts::at(2)).await.unwrap();
    }
    clock.set(contracts::at(300));
    process.pass().await;
    assert!(process.alerts().await.is_empty(), "callbacks may be late by some minutes");
    clock.set(contracts::at(900));
    process.pass().await;
    let silent = (AlertKind::CallbacksSilent, "sender default".to_owned(), Severity::Critical);
    assert_eq!(process.alerts().await, BTreeSet::from([silent]));
    contracts::callback(&process.store, vec![contracts::status(&process.store, messages[7], ProviderStatus::Sent)])
        .await;
    clock.set(contracts::at(1_200));
    process.pass().await;
    assert!(process.alerts().await.is_empty());
    // Our app was unsubscribed, and the next callback is kept and never applied.
    process.meta.apps.lock().unwrap().clear();
    process.store.append(Source::Meta, "{}".into(), clock.now()).await.unwrap();
    clock.set(contracts::at(1_500));
    process.pass().await;
    let kinds: Vec<_> = process.alerts().await.into_iter().map(|(kind, _, severity)| (kind, severity)).collect();
    assert_eq!(
        kinds,
        [(AlertKind::WebhookSubscription, Severity::Critical), (AlertKind::CallbacksLag, Severity::Warning)]
    );
}

#[tokio::test]
async fn a_tier_that_meta_changes_is_in_the_record_and_what_fell_is_an_alert_until_it_rises() {
    let (_database, process) = Process::alone(StandingJob::SyncLimits, "17 * * * *", "2026-12-01T09:00:00Z").await;
    let hour = SignedDuration::from_hours(1);
    let says = |limit: &str, quality: &str, can_send: &str| {
        let number = NumberFacts { messaging_limit: limit.to_owned(), quality: quality.to_owned(), ..connected() };
        *process.meta.number.lock().unwrap() = number;
        process.meta.account.lock().unwrap().can_send = can_send.to_owned();
    };
    process.pass().await;
    for (limit, quality, can_send, tier, alerts, changed) in [
        ("TIER_250", "GREEN", "AVAILABLE", Tier::People(250), vec![], ""),
        (
            "TIER_250",
            "RED",
            "BLOCKED",
            Tier::People(250),
            vec![
                (AlertKind::NumberState, "sender default".to_owned(), Severity::Warning),
                (AlertKind::AccountStanding, "account 800".to_owned(), Severity::Critical),
            ],
            "; changed: the quality of default from GREEN to RED, what may be sent of 800 from AVAILABLE to BLOCKED",
        ),
        (
            "TIER_UNLIMITED",
            "GREEN",
            "AVAILABLE",
            Tier::Unlimited,
            vec![],
            "; changed: the tier of default from TIER_250 to TIER_UNLIMITED, the quality of default from RED to GREEN, what may be sent of 800 \
             from BLOCKED to AVAILABLE",
        ),
    ] {
        says(limit, quality, can_send);
        process.clock.advance(hour);
        let carried = process.pass().await;
        let [Carried::Done(outcome)] = &carried[..] else { panic!("{carried:?}") };
        assert!(outcome.summary.ends_with(changed), "{}", outcome.summary);
        assert_eq!(outcome.summary.contains("changed"), !changed.is_empty(), "{}", outcome.summary);
        assert_eq!(process.alerts().await, BTreeSet::from_iter(alerts));
        assert_eq!(process.store.tier_at_meta("p1").await.unwrap(), Some(tier));
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn many_processes_fire_each_once_and_after_downtime_the_newest_missed_one() {
    let database = Database::sqlite_in_memory();
    let clock = Hand::at("2026-11-22T00:00:00Z");
    let schedule = vec![entry(StandingJob::Tidy, "30 3 * * *")];
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::over(&database, &clock, schedule.clone()).await);
    }
    let down = clock.now() + DAY * 3..clock.now() + DAY * 7;
    let end = clock.now() + DAY * 10;
    while clock.now() < end {
        clock.advance(SignedDuration::from_mins(20));
        if !down.contains(&clock.now()) {
            let (first, second, third) = (processes[0].pass(), processes[1].pass(), processes[2].pass());
            tokio::join!(first, second, third);
        }
    }
    let runs = processes[0].runs().await;
    let due: Vec<String> = runs.iter().map(|run| run.due_at.to_string()).collect();
    // 03:30 in Riyadh is half past midnight UTC. The 25th to the 28th were missed; the 28th came late.
    let wanted = ["22", "23", "24", "28", "29", "30"].map(|day| format!("2026-11-{day}T00:30:00Z"));
    let wanted: Vec<String> = wanted.into_iter().chain(["2026-12-01T00:30:00Z".to_owned()]).collect();
    assert_eq!(due, wanted);
    assert!(runs.iter().all(|run| run.tries == 1 && run.trigger == JobTrigger::Schedule), "{runs:?}");
    assert!(runs.iter().all(|run| matches!(&run.ended, Some((_, outcome)) if outcome.result == JobResult::Ok)));
    let late = runs.iter().find(|run| run.due_at.to_string().contains("11-28")).unwrap();
    assert_eq!(late.started_at, Some(down.end));
}

#[tokio::test]
async fn what_a_dead_process_had_in_hand_is_done_by_another() {
    let (_database, process) = Process::alone(StandingJob::Tidy, "30 3 * * *", "2026-11-22T00:29:00Z").await;
    process.pass().await;
    process.clock.advance(SignedDuration::from_mins(1));
    schedule::open_due(&process.upkeep).await.unwrap();
    // It takes the run and dies.
    let run = schedule::take(&process.upkeep, None).await.unwrap().unwrap();
    assert!(process.pass().await.is_empty(), "it may still be at it");
    process.clock.advance(LEASE);
    assert!(matches!(process.pass().await.as_slice(), [Carried::Done(_)]));
    // It was only slow: what it found counts no more.
    schedule::end(&process.upkeep, &run, Carried::BrokenOff).await.unwrap();
    let runs = process.runs().await;
    assert_eq!((runs.len(), runs[0].tries), (1, 2));
    assert!(runs[0].ended.is_some());
}

#[tokio::test]
async fn a_job_that_kills_its_process_is_given_up_and_alerts_until_it_works() {
    let (_database, process) = Process::alone(StandingJob::Tidy, "30 3 * * *", "2026-11-22T00:29:00Z").await;
    process.pass().await;
    process.clock.advance(SignedDuration::from_mins(1));
    schedule::open_due(&process.upkeep).await.unwrap();
    for _ in 0..TRIES_MAX {
        schedule::take(&process.upkeep, None).await.unwrap().unwrap();
        process.clock.advance(LEASE);
    }
    assert!(matches!(process.pass().await.as_slice(), [Carried::GivenUp(_)]));
    let failed = (AlertKind::JobFailed, "job tidy".to_owned(), Severity::Critical);
    assert_eq!(process.alerts().await, BTreeSet::from([failed]));
    // It comes again before the next day.
    process.clock.advance(SignedDuration::from_hours(6));
    assert!(matches!(process.pass().await.as_slice(), [Carried::Done(_)]));
    assert_eq!(process.alerts().await, BTreeSet::new());
}

#[tokio::test]
async fn a_run_by_hand_is_no_firing_and_an_unknown_name_is_none() {
    let (_database, process) = Process::alone(StandingJob::Tidy, "30 3 * * *", "2026-11-22T00:29:00Z").await;
    process.pass().await;
    let tidy: JobName = "tidy".parse().unwrap();
    let opened = schedule::open_by_hand(&process.upkeep, &tidy, "amal").await.unwrap().unwrap();
    assert_eq!(opened.trigger, JobTrigger::Operator("amal".to_owned()));
    process.pass().await;
    process.clock.advance(SignedDuration::from_mins(1));
    process.pass().await;
    let triggers: Vec<_> = process.runs().await.into_iter().map(|run| run.trigger.name()).collect();
    assert_eq!(triggers, ["operator", "schedule"]);
    let token: JobName = "verify-token".parse().unwrap();
    assert!(
        schedule::open_by_hand(&process.upkeep, &token, "amal").await.unwrap().is_some(),
        "it is no entry, but a job"
    );
    let other: JobName = "dust-off".parse().unwrap();
    assert_eq!(schedule::open_by_hand(&process.upkeep, &other, "amal").await.unwrap(), None);
}

#[tokio::test]
async fn a_token_is_looked_at_monthly_and_daily_from_fourteen_days_before_its_end_on() {
    let (_database, process) = Process::alone(StandingJob::VerifyToken, "0 6 1 * *", "2026-01-02T00:00:00Z").await;
    *process.meta.token.lock().unwrap() = Ok(TokenFacts { expires_at: "2026-04-25T12:00:00Z".parse().ok(), ..good() });
    let end: Timestamp = "2026-04-20T00:00:00Z".parse().unwrap();
    while process.clock.now() < end {
        process.pass().await;
        process.clock.advance(SignedDuration::from_hours(1));
    }
    let days: Vec<String> = process.runs().await.iter().map(|run| run.due_at.strftime("%m-%d").to_string()).collect();
    assert_eq!(
        days,
        ["02-01", "03-01", "04-01", "04-11", "04-12", "04-13", "04-14", "04-15", "04-16", "04-17", "04-18", "04-19"]
    );
    let expires = (AlertKind::TokenExpires, "installation".to_owned(), Severity::Warning);
    assert_eq!(process.alerts().await, BTreeSet::from([expires]));
    let all = process.store.all_alerts(None, 10).await.unwrap().items;
    assert_eq!(all.len(), 1, "it was raised once");
    // A new token: the alert is over, and all is as it was.
    *process.meta.token.lock().unwrap() = Ok(good());
    process.clock.advance(DAY);
    process.pass().await;
    assert_eq!(process.alerts().await, BTreeSet::new());
    let last = process.store.last_job(&"verify-token".parse().unwrap(), false).await.unwrap().unwrap();
    let (_, outcome) = last.ended.unwrap();
    assert_eq!((outcome.result, outcome.again_at), (JobResult::Ok, None));
}

#[tokio::test]
async fn a_refused_token_suspends_sending_with_its_reason_and_age_or_a_missing_permission_do_not() {
    let (_database, process) = Process::alone(StandingJob::VerifyToken, "0 * * * *", "2026-11-27T11:59:00Z").await;
    process.pass().await;
    process.clock.advance(SignedDuration::from_mins(1));
    *process.meta.token.lock().unwrap() = Ok(TokenFacts {
        issued_at: "2026-01-01T00:00:00Z".parse().ok(),
        scopes: Vec::new(),
        app_id: Some("8".to_owned()),
        ..good()
    });
    process.pass().await;
    let kinds: Vec<_> = process.alerts().await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [AlertKind::TokenAge, AlertKind::TokenPermission, AlertKind::TokenApp]);
    assert!(process.store.suspensions(process.clock.now()).await.unwrap().is_empty());

    *process.meta.token.lock().unwrap() =
        Ok(TokenFacts { because: Some("190 session has expired".to_owned()), ..TokenFacts::default() });
    process.clock.advance(SignedDuration::from_hours(1));
    process.pass().await;
    let suspended = process.store.suspensions(process.clock.now()).await.unwrap();
    let [suspension] = suspended.as_slice() else { panic!("{suspended:?}") };
    assert_eq!(suspension.scope, Scope::Sender("default".parse().unwrap()));
    assert!(matches!(suspension.cause, Cause::Refusal { code: Some(190), .. }), "{suspension:?}");
    assert_eq!(suspension.probe, Probe::Ask, "it goes on by itself when a good token is there");
    alert_suspensions::run(&*process.store, process.clock.now()).await.unwrap();
    let kinds: Vec<_> = process.alerts().await.into_iter().map(|(kind, ..)| kind).collect();
    assert!(kinds.contains(&AlertKind::TokenRefused) && kinds.contains(&AlertKind::SendingSuspended), "{kinds:?}");

    // The good one is there; an app that hears of nothing is alerted of.
    *process.meta.token.lock().unwrap() = Ok(good());
    process.meta.apps.lock().unwrap().clear();
    process.clock.advance(SignedDuration::from_hours(1));
    process.pass().await;
    let webhook = (AlertKind::WebhookSubscription, "account 800".to_owned(), Severity::Critical);
    let alerts = process.alerts().await;
    assert!(alerts.contains(&webhook), "{alerts:?}");
    assert!(alerts.iter().all(|(kind, ..)| *kind != AlertKind::TokenRefused), "{alerts:?}");
}

#[tokio::test]
async fn where_meta_does_not_answer_nothing_changes_and_it_is_asked_again() {
    let (_database, process) = Process::alone(StandingJob::VerifyToken, "0 6 1 * *", "2026-11-01T02:59:00Z").await;
    process.pass().await;
    *process.meta.token.lock().unwrap() = Err("no route to host".to_owned());
    process.clock.advance(SignedDuration::from_mins(1));
    let mut tries = Vec::new();
    for _ in 0..40 {
        tries.extend(process.pass().await);
        process.clock.advance(SignedDuration::from_mins(1));
    }
    assert_eq!(tries.len(), usize::from(TRIES_MAX), "{tries:?}");
    assert!(matches!(tries.last(), Some(Carried::GivenUp(_))));
    let failed = (AlertKind::JobFailed, "job verify-token".to_owned(), Severity::Critical);
    assert_eq!(process.alerts().await, BTreeSet::from([failed]));
    assert!(process.store.suspensions(process.clock.now()).await.unwrap().is_empty());
    *process.meta.token.lock().unwrap() = Ok(good());
    process.clock.advance(SignedDuration::from_hours(6));
    process.pass().await;
    assert_eq!(process.alerts().await, BTreeSet::new());
    assert_eq!(process.runs().await.len(), 2, "a month is too long to wait for");
}

fn json_of(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {:?}", output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_lists_runs_and_measures_its_jobs_and_the_doctor_sees_what_is_wrong() {
    let barid = Barid::start_with(Setup { mps: 80, ..Setup::default() }, &people(1)).await;
    let listed = json_of(&barid.run(&["job", "list", "--json"]));
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names, SHIPPED_JOBS, "without a file, the one that ships holds");
    assert!(listed[0]["next_at"].is_string() && listed[0]["last"].is_null(), "{listed}");

    let run = barid.run(&["job", "run", "verify-token", "--json"]);
    assert!(run.status.success(), "{run:?}");
    let run = json_of(&run);
    assert_eq!((&run["result"], &run["trigger"]), (&"ok".into(), &"operator".into()), "{run}");
    assert_eq!(run["details"]["is_valid"], true);
    let history = barid.get("/api/v1/jobs/verify-token/history").await;
    assert_eq!(history["items"][0]["id"], run["id"]);
    assert_eq!(json_of(&barid.run(&["job", "history", "--json"]))[0]["id"], run["id"]);
    let metrics = barid.metrics().await;
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(value("barid_token_expires_seconds"), "+Inf");
    assert!(value("barid_job_last_success_timestamp_seconds{job=\"verify-token\"}").parse::<f64>().unwrap() > 1e9);
    assert_eq!(value("barid_job_last_success_timestamp_seconds{job=\"tidy\"}"), "0");
    assert_eq!(value("barid_job_duration_seconds_count{job=\"verify-token\"}"), "1");

    barid.simulator.set_faults(Faults { token: TokenState::Revoked, ..Faults::default() }).unwrap();
    let run = barid.run(&["job", "run", "verify-token", "--json"]);
    assert_eq!(run.status.code(), Some(69), "{run:?}");
    assert!(json_of(&run)["summary"].as_str().unwrap().contains("190"));
    let doctor = barid.run(&["doctor", "--json"]);
    assert_eq!(doctor.status.code(), Some(69), "{doctor:?}");
    let found = json_of(&doctor);
    assert_eq!((&found["result"], &found["steps"][0]["step"]), (&"failed".into(), &"token".into()), "{found}");
    let kinds: Vec<_> = found["alerts"].as_array().unwrap().iter().map(|alert| alert["kind"].clone()).collect();
    assert!(kinds.contains(&"token-refused".into()), "{found}");
    assert!(barid.metrics().await.contains("barid_alerts_open{kind=\"token-refused\",severity=\"critical\"} 1"));
    assert!(value_of(&barid.metrics().await, "barid_token_expires_seconds").parse::<f64>().unwrap().abs() < 1e-9);
    let unknown = barid.run(&["job", "run", "verify-tokn"]);
    assert_eq!(unknown.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `verify-token`?"), "{unknown:?}");
    assert!(!barid.log().contains(&barid.simulator.settings().token), "the token is in no log");
}

fn value_of(metrics: &str, name: &str) -> String {
    let line = metrics.lines().find(|line| line.starts_with(name)).expect("it is declared");
    line.rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tier_that_meta_says_is_planned_with_shown_and_kept_though_nothing_is_configured() {
    let people = people(50);
    let mut setup = Setup::default();
    setup.simulator.statuses = Statuses::prompt();
    let portfolio = setup.simulator.numbers[0].portfolio.clone();
    setup.simulator.portfolios = vec![Portfolio { id: portfolio, limit: 30 }];
    let barid = Barid::start_with(setup, &people).await;
    assert_eq!(barid.get("/api/whatsapp/status").await["senders"][0]["at_meta"], serde_json::Value::Null);
    let ran = barid.run(&["job", "run", "sync-limits"]);
    assert!(ran.status.success(), "{ran:?}");
    let sender = &barid.get("/api/whatsapp/status").await["senders"][0];
    assert_eq!(
        (&sender["at_meta"]["messaging_limit"], &sender["at_meta"]["quality"]),
        (&"TIER_30".into(), &"GREEN".into())
    );
    let plan = barid.run(&["campaign", "plan", "survey", "--json"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((&plan["limited_by"], &plan["days"]), (&"tier".into(), &serde_json::json!([30, 20])), "{plan}");
    barid.start_campaign("survey").await;
    barid.wait_for("survey", "the day's people", |_, run| run["read"] == 30 && run["held"] == 20).await;
    assert!(barid.simulator.counts().refused.is_empty(), "{:?}", barid.simulator.counts());
    let tier = &barid.get("/api/whatsapp/status").await["senders"][0]["tier"];
    assert_eq!(*tier, serde_json::json!({ "people": 30, "used": 30 }));
    assert!(barid.metrics().await.contains("barid_tier{portfolio=\"800000000000001\"} 30"));
}
