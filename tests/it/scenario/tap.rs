//! Where effects leave the process: each is counted and written down, and at a chosen one the process dies or the effect fails.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::domain::alert::{Alert, AlertKind, AlertMail, AlertScope, NewAlert, Severity};
use barid::domain::analysis::Analysis;
use barid::domain::callback_watch::CalledLately;
use barid::domain::campaign::Campaign;
use barid::domain::channel::Channel;
use barid::domain::consent::{ConsentChange, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::cost_report::{Answered, CallDay, CostDay};
use barid::domain::delivery::{Effect, Fact, HeldReason, State, SuppressedReason};
use barid::domain::erasure::Erasure;
use barid::domain::feedback::Feedback;
use barid::domain::flow::FlowCounts;
use barid::domain::hook::delivery::{DeliveryState, GaveUp, HookHealth};
use barid::domain::ids::{AlertId, ErasureId, FeedbackId, JobName, JobRunId};
use barid::domain::ids::{CampaignName, ContactId, HookDeliveryId, HookName, JournalId, MessageId, RunId, SenderName};
use barid::domain::limit::Tier;
use barid::domain::live_check::TemplateFacts;
use barid::domain::news::Source;
use barid::domain::pricing::PriceCategory;
use barid::domain::retention::Retained;
use barid::domain::review::{CampaignAnswers, MessageSteps};
use barid::domain::rollout::StageStanding;
use barid::domain::run::{Run, RunCommand};
use barid::domain::service_window::ServiceWindow;
use barid::domain::standing_job::{Fired, JobRun, StandingJob};
use barid::domain::start::StartAnswer;
use barid::domain::suspension::{KeptSuspension, LetThrough, NewSuspension, ReleasedBy, Suspension};
use barid::domain::template_approval::{Agreement, KeptTemplate, TemplateUse};
use barid::ports::{
    AlertToMail, Alerts, Applied, BudgetUsed, CallbackSamples, Clicks, ConsentRequests, Contacts, Conversations, Costs,
    Created, DeadLetter, DeadLetterFilter, DeadLetters, Erasures, Exchange, FlowResults, HistoryEntry, HookAttempt,
    HookDelivery, HookFilter, HookRecorded, JobEnded, JobRuns, Journal, JournalFilter, JournalRow, Kept, KeptNews,
    KeptResult, LimitFacts, LimitFactsOf, ListedCharge, ListedDelivery, ListedMessage, ListedTalk, LoadedMessage,
    MediaBecame, MediaRecord, MediaRecorded, MediaToFetch, MessageFilter, MessageTimes, Messages, NewJobRun, OpenedRun,
    Outbox, Page, PlannedMessage, Queue, QueueUnavailable, Readings, Reminders, ReplayTerms, Replayed, ReportMailBegun,
    ReportMailEnded, ReportMails, ResultFilter, RowNews, RunCount, RunTerms, Runs, Said as Words, SingleMessage,
    Stages, Start, Store, StoreError, Stored, Suspensions, Talk, TalkFilter, TalkId, TemplateRecord, Tidied, Tidying,
    Unasked, Wanted,
};
use barid::store::SqlStore;
use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::hands::Hands;
use super::time::Time;

/// What goes wrong at the chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// The process dies before it.
    DiesBefore,
    /// The process dies after it, and never learns that it happened.
    DiesAfter,
    /// It does not happen, and the process is told so.
    FailsBefore,
    /// It happens, and the process is told that it did not.
    FailsAfter,
    /// It goes well, but right before it Redis forgets everything, and another process counts anew what is used up.
    Forgets,
}

/// Redis forgets everything, and another process counts anew.
pub(crate) type Forget = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Counts effects, and breaks one.
pub(crate) struct Tap {
    inner: Mutex<Inner>,
    forget: Mutex<Option<Forget>>,
    time: Arc<Time>,
    died: Notify,
}

#[derive(Default)]
struct Inner {
    /// Which job of the process runs.
    job: &'static str,
    n: usize,
    breaks: Option<(usize, How)>,
    dead: bool,
    journal: String,
    /// The job and the kind of each effect.
    kinds: Vec<(&'static str, String)>,
}

impl Tap {
    pub(crate) fn new(time: Arc<Time>, breaks: Option<(usize, How)>) -> Self {
        let inner = Mutex::new(Inner { breaks, ..Inner::default() });
        Self { inner, forget: Mutex::default(), time, died: Notify::new() }
    }

    /// How Redis forgets, in the life of this process.
    pub(crate) fn forgets_by(&self, forget: Forget) {
        *self.forget.lock().unwrap() = Some(forget);
    }

    /// From now on this job runs.
    pub(crate) fn job(&self, job: &'static str) {
        self.inner.lock().unwrap().job = job;
    }

    /// How many effects there were.
    pub(crate) fn count(&self) -> usize {
        self.inner.lock().unwrap().n
    }

    /// Everything that happened, one line for each effect.
    pub(crate) fn journal(&self) -> String {
        self.inner.lock().unwrap().journal.clone()
    }

    /// The job of each effect, and what kind of effect it is.
    pub(crate) fn kinds(&self) -> Vec<(&'static str, String)> {
        self.inner.lock().unwrap().kinds.clone()
    }

    /// Whether the process is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.inner.lock().unwrap().dead
    }

    /// Adds what happened outside.
    pub(crate) fn note(&self, what: &str) {
        let mut inner = self.inner.lock().unwrap();
        writeln!(inner.journal, "     {:>8} {what}", self.time.since_start()).unwrap();
    }

    /// Resolves when the process dies.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// A new process begins.
    pub(crate) fn lives(&self) {
        self.inner.lock().unwrap().dead = false;
        self.note("the process starts");
    }

    /// An effect of the process. What dies waits for ever: whoever runs it drops it.
    pub(crate) async fn effect<T, E>(
        &self,
        what: &str,
        failure: impl FnOnce(&'static str) -> E,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let how = {
            let mut inner = self.inner.lock().unwrap();
            inner.n += 1;
            let (n, job) = (inner.n, inner.job);
            inner.kinds.push((job, kind(what)));
            let how = inner.breaks.filter(|(at, _)| *at == n).map(|(_, how)| how);
            let told = how.map_or(String::new(), |how| format!(" {how:?}"));
            writeln!(inner.journal, "{n:>4} {:>8} {job}: {what}{told}", self.time.since_start()).unwrap();
            how
        };
        match how {
            Some(How::DiesBefore) => self.die().await,
            Some(How::FailsBefore) => return Err(failure("the test wants it to fail")),
            Some(How::Forgets) => {
                let forgetting = self.forget.lock().unwrap().as_ref().map(|forget| forget());
                if let Some(forgetting) = forgetting {
                    forgetting.await;
                }
            }
            _ => {}
        }
        let done = work.await;
        match how {
            Some(How::DiesAfter) => self.die().await,
            Some(How::FailsAfter) => Err(failure("the test wants its success to be lost")),
            _ => done,
        }
    }

    async fn die<T>(&self) -> T {
        self.inner.lock().unwrap().dead = true;
        self.died.notify_one();
        std::future::pending().await
    }
}

/// What an effect is, whatever it is about.
fn kind(what: &str) -> String {
    let words: Vec<&str> =
        what.split(' ').filter(|word| !word.contains(|letter: char| letter.is_ascii_digit())).collect();
    words.join(" ")
}

/// The real store with a tap on every effect.
pub(crate) struct TappedStore {
    pub(crate) real: Arc<SqlStore>,
    pub(crate) tap: Arc<Tap>,
}

fn unavailable(why: &'static str) -> StoreError {
    StoreError::Unavailable(why.into())
}

/// A port of the store, each method passed on: an `effect` is tapped, a `look` is not.
macro_rules! tapped {
    ($port:ident { $($kind:ident $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* } $($more:tt)*) => {
        #[async_trait]
        impl $port for TappedStore {
            $(async fn $name(&self, $($argument: $type),*) -> Stored<$answer> {
                tapped!(@$kind self, $name, self.real.$name($($argument),*))
            })*
            $($more)*
        }
    };
    (@look $this:ident, $name:ident, $work:expr) => { $work.await };
    (@effect $this:ident, $name:ident, $work:expr) => {
        $this.tap.effect(stringify!($name), unavailable, $work).await
    };
}

tapped!(Contacts {
    effect upsert(updates: Vec<ContactUpdate>, now: Timestamp) -> Vec<(Contact, bool)>;
    effect upsert_audience(updates: Vec<ContactUpdate>, now: Timestamp) -> Vec<(Contact, bool)>;
    look by_phone(phone: &str) -> Option<Contact>;
    look contact(id: ContactId) -> Option<Contact>;
    look page(after: Option<ContactId>, limit: u64) -> Page<Contact>;
    look consent_history(id: ContactId) -> Vec<ConsentChange>;
    effect change_consent(id: ContactId, change: ConsentChange, now: Timestamp) -> u64;
});

tapped!(ConsentRequests {
    look unasked(after: Option<ContactId>, limit: u64) -> Vec<Unasked>;
    effect ask(purposes: Purposes, message: SingleMessage, now: Timestamp) -> Option<MessageId>;
    effect end_requests(contact: ContactId, purposes: Purposes) -> ();
    effect end_requests_over(now: Timestamp) -> u64;
    look unconfirmed(contacts: &[ContactId], now: Timestamp) -> HashMap<ContactId, Purposes>;
});

tapped!(Costs {
    look cost_days(from: Date, to: Date) -> Vec<CostDay>;
    look call_days(from: Date, to: Date) -> Vec<CallDay>;
    look answered(from: Timestamp, to: Timestamp) -> BTreeMap<Channel, Answered>;
    look charged_in_month(day: Date) -> BTreeMap<(String, PriceCategory), u64>;
    look charges_of(message: MessageId) -> Vec<ListedCharge>;
    look budget_used(day: Date) -> BudgetUsed;
});

tapped!(MessageTimes {
    look planned_between(from: Timestamp, to: Timestamp) -> Option<(i64, i64)>;
    look steps_of(numbers: Vec<i64>) -> Vec<MessageSteps>;
    look answered_by_campaign(from: Timestamp, to: Timestamp) -> Vec<CampaignAnswers>;
});

tapped!(Runs {
    effect open(campaign: &CampaignName, due_at: Timestamp, definition: &str, now: Timestamp) -> OpenedRun;
    look run(id: RunId) -> Option<Run>;
    look active() -> Vec<Run>;
    look newest(campaign: &CampaignName) -> Option<Run>;
    effect plan(run: RunId, terms: &RunTerms, people: Vec<PlannedMessage>, cursor: &str, whole: bool, now: Timestamp) -> u64;
    effect command(run: RunId, command: RunCommand, now: Timestamp) -> Run;
    look fed_and_waiting(run: RunId, after: Option<MessageId>, limit: u64) -> Vec<(MessageId, u16)>;
    look queued(run: RunId) -> u64;
    look queued_from(run: RunId, from: Option<MessageId>) -> (u64, Option<MessageId>);
    look counts(run: RunId) -> Vec<RunCount>;
    look cost_micros(run: RunId) -> i64;
}
    // Asked in each pass; an effect only where there is something to do.
    async fn feed(&self, run: RunId, limit: u64) -> Stored<Vec<(MessageId, u16)>> {
        let work = self.real.feed(run, limit);
        let planned = self.standing(run, |state| state == State::Planned).await?;
        if planned.saturating_sub(self.behind_stages(run).await?) > self.real.queued(run).await? {
            self.tap.effect("feed", unavailable, work).await
        } else {
            work.await
        }
    }
    async fn finish_if_done(&self, run: RunId, now: Timestamp) -> Stored<bool> {
        let work = self.real.finish_if_done(run, now);
        let is_planned = self.real.run(run).await?.is_some_and(|run| run.planned_whole);
        // What may still go on to another channel keeps the run open, too.
        let far = now + SignedDuration::from_hours(1000);
        let waits = self.real.due(far, None, 100).await?.iter().any(|message| message.run == Some(run));
        if is_planned && !waits && self.standing(run, State::is_open).await? == 0 {
            self.tap.effect("finish_if_done", unavailable, work).await
        } else {
            work.await
        }
    }
);

impl TappedStore {
    /// How many people of the run are not to be fed before a later stage.
    async fn behind_stages(&self, run: RunId) -> Stored<u64> {
        let Some(run) = self.real.run(run).await? else { return Ok(0) };
        let campaign: Campaign = serde_json::from_str(&run.definition).expect("a definition that we wrote");
        let later = run.stages.map_or(u64::MAX, |stages| stages.later);
        Ok(if campaign.rollout.is_some() { later } else { 0 })
    }

    async fn standing(&self, run: RunId, there: impl Fn(State) -> bool) -> Stored<u64> {
        Ok(self.real.counts(run).await?.iter().filter(|count| there(count.state)).map(|count| count.n).sum())
    }
}

tapped!(Messages {
    look load(id: MessageId) -> Option<LoadedMessage>;
    effect start(start: Start) -> StartAnswer;
    effect hold(id: MessageId, attempts_before: u16, reason: HeldReason, until: Timestamp, now: Timestamp) -> bool;
    effect learn(id: MessageId, attempt: u16, fact: Fact, now: Timestamp) -> Effect;
    effect suppress(id: MessageId, reason: SuppressedReason, detail: &str, now: Timestamp) -> ();
    look contacted_since(people: &[ContactId], since: Timestamp) -> HashSet<ContactId>;
    effect create(message: SingleMessage, now: Timestamp) -> Created;
    look created_as(name: &str, now: Timestamp) -> Option<(MessageId, String)>;
    look window(contact: ContactId, sender: &SenderName) -> ServiceWindow;
    look clicks(message: MessageId) -> Option<Clicks>;
    effect open_link(token: &str, count: bool, now: Timestamp) -> Option<(String, MessageId)>;
    look due(now: Timestamp, after: Option<(Timestamp, MessageId)>, limit: u64) -> Vec<LoadedMessage>;
    look single_waiting(before: Timestamp, limit: u64) -> Vec<(MessageId, u16)>;
    look others_were_heard(channel: Channel, sender: &SenderName, called_at: Timestamp) -> bool;
    look slowest_callback(channel: Channel, sender: &SenderName, since: Timestamp) -> Option<SignedDuration>;
    look list(filter: &MessageFilter, before: Option<i64>, limit: u64) -> Page<ListedMessage>;
    look history(id: MessageId) -> Vec<HistoryEntry>;
    look unknown_count() -> u64;
});

tapped!(Stages {
    effect open_stage(run: RunId, before: Option<&StageStanding>, stage: usize, lots: Range<i64>, now: Timestamp) -> bool;
    effect note_stage(run: RunId, before: &StageStanding, after: &StageStanding) -> bool;
    look stage_outcome(run: RunId, since: Timestamp) -> (u64, u64);
});

tapped!(Reminders {
    look reminding() -> Vec<Run>;
    look reminders_of(run: RunId) -> Vec<Run>;
    effect open_reminder(of: RunId, number: u32, due_at: Timestamp, definition: &str, now: Timestamp) -> Option<Run>;
    effect end_reminders(of: RunId) -> ();
    look unanswered(run: RunId, after: Option<MessageId>, limit: u64) -> Page<Contact>;
    look committed_micros(run: RunId) -> i64;
});

tapped!(DeadLetters {
    look dead_letters(filter: &DeadLetterFilter, before: Option<i64>, limit: u64) -> Page<DeadLetter>;
    look replayable(filter: &DeadLetterFilter) -> u64;
    effect replay(filter: &DeadLetterFilter, terms: &ReplayTerms, after: Option<MessageId>, now: Timestamp) -> Replayed;
});

tapped!(Erasures {
    effect erase(contact: ContactId, by: &str, now: Timestamp) -> Option<Erasure>;
    look erasure(id: ErasureId) -> Option<Erasure>;
    look unfinished_erasures() -> Vec<ErasureId>;
    effect erase_further(id: ErasureId, now: Timestamp) -> bool;
});

tapped!(Readings {
    look unread(limit: u64) -> Vec<(FeedbackId, Option<String>)>;
    effect note_readings(readings: Vec<(FeedbackId, Option<Analysis>)>, now: Timestamp) -> ();
});

tapped!(CallbackSamples {
    look called_lately(from: Timestamp, until: Timestamp) -> Vec<CalledLately>;
});
tapped!(Tidying {
    effect tidy(what: Retained, before: Timestamp, after: Option<i64>, now: Timestamp) -> Tidied;
});
tapped!(MediaRecord {
    look due_media(now: Timestamp, limit: u64) -> Vec<(FeedbackId, u16)>;
    look media_to_fetch(id: FeedbackId) -> Option<MediaToFetch>;
    effect record_media(id: FeedbackId, tries_before: u16, became: MediaBecame) -> MediaRecorded;
    look media_waiting() -> u64;
    look media_to_remove(limit: u64) -> Vec<FeedbackId>;
    effect removed_media(ids: Vec<FeedbackId>) -> ();
    look with_media(ids: &[FeedbackId]) -> HashSet<FeedbackId>;
    effect forget_media(contact: ContactId, now: Timestamp) -> u64;
});

tapped!(Conversations {
    look talks_to_look_at(quiet_since: Timestamp, waiting_since: Timestamp, now: Timestamp, limit: u64) -> Vec<TalkId>;
    look talk(id: &TalkId) -> Option<Talk>;
    effect say(said: Words, now: Timestamp) -> Option<Vec<MessageId>>;
    look talks(filter: TalkFilter, before: Option<i64>, limit: u64) -> Page<ListedTalk>;
    look listed_talk(id: &TalkId) -> Option<ListedTalk>;
    look senders_talked_to(contact: ContactId) -> Vec<SenderName>;
    look exchanges(id: &TalkId, limit: u64) -> Vec<Exchange>;
});

tapped!(FlowResults {
    look flow_results(filter: &ResultFilter, before: Option<i64>, limit: u64) -> Page<KeptResult>;
    look flow_counts(filter: &ResultFilter) -> FlowCounts;
});

tapped!(Journal {
    effect append(source: Source, body: Bytes, received_at: Timestamp) -> JournalId;
    effect append_and_apply(source: Source, body: Bytes, news: RowNews, received_at: Timestamp) -> (JournalId, Applied);
    look unapplied(id: JournalId) -> Option<Kept>;
    look waiting(before: Timestamp, limit: u64) -> Vec<JournalId>;
    effect apply(id: JournalId, news: RowNews, now: Timestamp) -> Applied;
    effect set_aside(id: JournalId, because: &str, now: Timestamp) -> ();
    look lag(now: Timestamp) -> (std::time::Duration, u64);
    look respondents(run: RunId) -> u64;
    look feedback(before: Option<i64>, limit: u64) -> Page<Feedback>;
    look one_feedback(id: FeedbackId) -> Option<Feedback>;
});

tapped!(KeptNews {
    look kept_rows(filter: &JournalFilter, after: Option<JournalId>, limit: u64) -> Page<JournalRow>;
    look kept(id: JournalId) -> Option<Kept>;
    effect reopen(rows: Vec<JournalId>) -> Vec<JournalId>;
});

tapped!(Suspensions {
    effect suspend(wanted: NewSuspension, now: Timestamp) -> (Suspension, bool);
    effect release(id: i64, by: ReleasedBy, now: Timestamp) -> bool;
    look suspensions(now: Timestamp) -> Vec<Suspension>;
    look suspension(id: i64) -> Option<KeptSuspension>;
    look all_suspensions(before: Option<i64>, limit: u64) -> Page<KeptSuspension>;
    look suspension_counts() -> Vec<(String, u64)>;
    effect take_probe(id: i64, planned: Timestamp, next: Timestamp) -> bool;
    effect let_through(message: MessageId, became: LetThrough, now: Timestamp) -> Vec<Suspension>;
}
    // Asked in each pass; an effect only where one is over.
    async fn settle_suspensions(&self, now: Timestamp) -> Stored<()> {
        let work = self.real.settle_suspensions(now);
        let kept = self.real.all_suspensions(None, 100).await?.items;
        let is_over = |kept: &KeptSuspension| {
            kept.released.is_none() && kept.suspension.until.is_some_and(|until| until <= now)
        };
        if kept.iter().any(is_over) {
            self.tap.effect("settle_suspensions", unavailable, work).await
        } else {
            work.await
        }
    }
);

tapped!(JobRuns {
    look fired(name: &JobName, definition: &str) -> Option<Fired>;
    effect watch_job(name: &JobName, definition: &str, now: Timestamp) -> ();
    effect open_job(new: NewJobRun, now: Timestamp) -> (JobRun, bool);
    effect take_job(which: Option<JobRunId>, lease_until: Timestamp, now: Timestamp) -> Option<JobRun>;
    effect hold_job(id: JobRunId, tries: u16, lease_until: Timestamp) -> bool;
    effect end_job(id: JobRunId, tries: u16, ended: JobEnded, now: Timestamp) -> bool;
    look job_run(id: JobRunId) -> Option<JobRun>;
    look job_runs(name: Option<&JobName>, before: Option<i64>, limit: u64) -> Page<JobRun>;
    look last_job(name: &JobName, well: bool) -> Option<JobRun>;
    look last_details(job: StandingJob) -> Option<JobRun>;
    effect tidy_jobs(before: Timestamp) -> u64;
});

tapped!(ReportMails {
    effect begin_report_mail(report: &str, to: &str, now: Timestamp) -> ReportMailBegun;
    look unsent_report_mails(since: Timestamp) -> Vec<(String, String)>;
    effect end_report_mail(report: &str, to: &str, ended: ReportMailEnded) -> ();
});

tapped!(TemplateRecord {
    effect keep_templates(account: &str, found: Vec<TemplateFacts>, seen_at: Timestamp) -> ();
    effect forget_templates(account: &str, before: Timestamp) -> u64;
    look kept_templates() -> Vec<KeptTemplate>;
    effect agree_category(agreement: Agreement) -> ();
    look category_agreements() -> Vec<Agreement>;
    effect note_template_use(name: &str, language: &str, at: Timestamp) -> ();
    look template_uses() -> Vec<TemplateUse>;
});

tapped!(Alerts {
    effect raise_alert(new: NewAlert, now: Timestamp) -> (Alert, bool);
    effect clear_alert(kind: AlertKind, scope: AlertScope, now: Timestamp) -> Option<Alert>;
    look open_alerts() -> Vec<Alert>;
    look all_alerts(before: Option<i64>, limit: u64) -> Page<Alert>;
    look alerts_to_mail(now: Timestamp, limit: u64) -> Vec<AlertToMail>;
    effect plan_alert_mail(id: AlertId, planned: Timestamp, next: Option<Timestamp>, tries: u16, reached: Vec<String>) -> bool;
    effect alert_mailed(id: AlertId, mail: AlertMail, severity: Severity, now: Timestamp) -> ();
    effect tidy_alerts(before: Timestamp) -> u64;
});

tapped!(LimitFactsOf {
    effect limit_facts(portfolio: &str, senders: &[SenderName], tier: Option<u32>, now: Timestamp) -> LimitFacts;
    look limit_generation(portfolio: &str) -> i64;
    look tier_at_meta(portfolio: &str) -> Option<Tier>;
    effect note_tier(portfolio: &str, tier: Tier) -> bool;
});

tapped!(Outbox {
    look due_deliveries(hook: &HookName, now: Timestamp, limit: u64) -> Vec<(HookDeliveryId, u16)>;
    look delivery(id: HookDeliveryId) -> Option<HookDelivery>;
    effect record_attempt(attempt: HookAttempt) -> Option<HookRecorded>;
    look hook_healths() -> Vec<(HookName, HookHealth)>;
    look hook_counts() -> Vec<(HookName, DeliveryState, u64)>;
    look deliveries(filter: &HookFilter, before: Option<i64>, limit: u64) -> Page<ListedDelivery>;
    look replayable_deliveries(filter: &HookFilter) -> u64;
    effect replay_deliveries(filter: &HookFilter, after: Option<HookDeliveryId>, now: Timestamp) -> (u64, Option<HookDeliveryId>);
    effect give_up_deliveries(hook: &HookName, before: Timestamp, because: GaveUp, now: Timestamp) -> u64;
    effect add_test(hook: &HookName, now: Timestamp) -> HookDeliveryId;
    effect tidy_events(before: Timestamp) -> u64;
}
    async fn stirred(&self) {
        self.real.stirred().await;
    }
);

#[async_trait]
impl Store for TappedStore {
    fn tag(&self) -> &str {
        self.real.tag()
    }
    async fn ping(&self) -> Stored<()> {
        self.real.ping().await
    }
}

/// The queue with a tap on every effect.
pub(crate) struct TappedQueue {
    pub(crate) real: Arc<Hands>,
    pub(crate) tap: Arc<Tap>,
}

fn away(why: &'static str) -> QueueUnavailable {
    QueueUnavailable(why.into())
}

#[async_trait]
impl Queue for TappedQueue {
    async fn send(
        &self,
        lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable> {
        if messages.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = messages.iter().map(|(id, attempts)| format!("{}#{attempts}", id.number())).collect();
        let what = format!("queue {lane:?} {}", names.join(" "));
        self.tap.effect(&what, away, async { self.real.send(lane, messages, due) }).await
    }
    async fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable> {
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = rows.iter().map(|row| row.number().to_string()).collect();
        let what = format!("queue journal rows {}", names.join(" "));
        self.tap.effect(&what, away, async { self.real.apply(rows) }).await
    }
    async fn deliver(&self, _: &[(HookDeliveryId, u16)]) -> Result<(), QueueUnavailable> {
        unreachable!("nobody wants to hear of anything")
    }
    async fn fetch(&self, files: &[(FeedbackId, u16)]) -> Result<(), QueueUnavailable> {
        let names: Vec<String> = files.iter().map(|(id, tries)| format!("{}#{tries}", id.number())).collect();
        let what = format!("queue files {}", names.join(" "));
        self.tap.effect(&what, away, async { self.real.fetch(files) }).await
    }
    async fn plan(&self, run: RunId) -> Result<(), QueueUnavailable> {
        self.tap.effect("queue planning", away, async { self.real.plan(run) }).await
    }
    async fn sending_depth(&self) -> Result<u64, QueueUnavailable> {
        Ok(self.real.sending_depth())
    }
    async fn ping(&self) -> Result<(), QueueUnavailable> {
        Ok(())
    }
}
