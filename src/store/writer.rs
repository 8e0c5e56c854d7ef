//! The group-committing writer: callers hand in requests and wait; one transaction at a time takes everything that has come in
//! meanwhile and is made durable with one flush.
//!
//! A batch is whatever waited while the one before was being committed; only where several ask at once and the disk is quick do they wait
//! for each other, for a few milliseconds. What a batch cannot do because of one request in it is done in halves, so that nobody suffers
//! from a neighbour.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::charges::{Charged, Counter};
use super::dialect::{Dialect, Trouble};
use super::forgotten::Forgotten;
use super::ledger::Ledger;
use super::news::{self, Dated};
use super::people::People;
use super::policies::Policies;
use super::request::{Asked, Kind, Outcome, Request};
use super::sql::{Db, Fault, Sql};
use super::{
    alerts, consent_requests, conversations, dead_letters, erasures, hook_deliveries, job_runs, journal, kept,
    limit_facts, links, media, messages, one_person, outbox, readings, reminders, report_mails, runs, stages,
    suspensions, templates, tidy,
};
use crate::domain::delivery::Fact;
use crate::domain::ids::{ContactId, JournalId};
use crate::ports::{Start, StoreError, Stored};

/// Rows of one kind in a transaction.
const ROWS_MAX: usize = 500;
/// Bytes of callback bodies in a transaction.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Small requests with statements of their own in a transaction.
const CONTROLS_MAX: usize = 16;
/// Requests that wait in memory before callers are held up.
const WAITING_MAX: usize = 8_192;
/// From the beginning of one transaction to that of the next, while several callers ask at once: so that a stream of requests that the
/// disk could take one by one shares its transactions all the same. Far below what anybody waits for; nothing where the disk is slower.
const APART: Duration = Duration::from_millis(3);
/// How often a transaction that crossed another is begun again.
const CROSSED_MAX: usize = 8;
/// After which a transaction counts as lost: a connection over which nothing comes any more.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// What comes through the channel.
enum Incoming {
    Asked(Asked),
    /// Finish what is here and end.
    Close,
}

/// The callers' end of all writers of a store.
pub(super) struct Writers {
    small: Vec<mpsc::Sender<Incoming>>,
    bulk: mpsc::Sender<Incoming>,
    next: std::sync::atomic::AtomicUsize,
    tasks: std::sync::Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Writers {
    /// Starts them on a pool that has a connection for each.
    pub(super) fn start(
        pool: &DatabaseConnection,
        dialect: Dialect,
        wanted: usize,
        tag: &Arc<str>,
        policies: &Arc<Policies>,
        counter: Option<Arc<Counter>>,
    ) -> Self {
        let small = dialect.writers(wanted);
        let all = small + usize::from(dialect.has_bulk_writer());
        let mut senders = Vec::new();
        let mut tasks = Vec::new();
        for shard in 0..all {
            let (sender, incoming) = mpsc::channel(WAITING_MAX);
            let writer = Writer {
                pool: pool.clone(),
                connections: all,
                dialect,
                shard: i64::try_from(shard).expect("there are few writers"),
                tag: Arc::clone(tag),
                policies: Arc::clone(policies),
                counter: counter.clone(),
            };
            tasks.push(tokio::spawn(writer.run(incoming)));
            senders.push(sender);
        }
        let bulk = senders[all - 1].clone();
        senders.truncate(small);
        Self { small: senders, bulk, next: 0.into(), tasks: tasks.into() }
    }

    /// Hands in a request and waits until it is durable.
    pub(super) async fn ask(&self, request: Request) -> Stored<Outcome> {
        let sender = match (request.kind(), request.key()) {
            (Kind::Bulk | Kind::Control, _) => &self.bulk,
            (_, Some(key)) => &self.small[key.unsigned_abs() as usize % self.small.len()],
            (_, None) => {
                let next = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                &self.small[next % self.small.len()]
            }
        };
        let (answer, answered) = oneshot::channel();
        sender.send(Incoming::Asked(Asked { request, answer })).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Lets them finish what waits, and end.
    pub(super) async fn close(&self) {
        for sender in self.small.iter().chain([&self.bulk]) {
            // A writer that has ended already needs no telling.
            let _ = sender.send(Incoming::Close).await;
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for task in tasks {
            // A panic was logged where it happened.
            let _ = task.await;
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store was closed".into())
}

struct Writer {
    pool: DatabaseConnection,
    /// How many the pool has.
    connections: usize,
    dialect: Dialect,
    /// Which rows of the counts are ours.
    shard: i64,
    tag: Arc<str>,
    policies: Arc<Policies>,
    counter: Option<Arc<Counter>>,
}

/// Requests that wait for their turn, by kind.
#[derive(Default)]
struct Waiting {
    queues: [VecDeque<Asked>; 5],
    n: usize,
}

impl Waiting {
    fn push(&mut self, asked: Asked) {
        self.queues[asked.request.kind() as usize].push_back(asked);
        self.n += 1;
    }

    /// The next transaction: a bounded number of each kind, and at most one that is large.
    fn take(&mut self) -> Vec<Asked> {
        let mut batch = Vec::new();
        for kind in [Kind::Ledger, Kind::Append, Kind::Create, Kind::Control, Kind::Bulk] {
            let queue = &mut self.queues[kind as usize];
            let rows_max = match kind {
                Kind::Ledger | Kind::Append | Kind::Create => ROWS_MAX,
                Kind::Control => CONTROLS_MAX,
                Kind::Bulk => 1,
            };
            let (mut rows, mut bytes) = (0, 0);
            while let Some(asked) = queue.front() {
                rows += asked.request.rows();
                bytes += asked.request.bytes();
                // The first always fits, however large.
                if rows > asked.request.rows() && (rows > rows_max || bytes > BODY_BYTES_MAX) {
                    break;
                }
                batch.extend(queue.pop_front());
            }
        }
        self.n -= batch.len();
        batch
    }
}

impl Writer {
    async fn run(self, mut incoming: mpsc::Receiver<Incoming>) {
        let mut waiting = Waiting::default();
        let mut open = true;
        let (mut last, mut shared) = (Instant::now(), false);
        while open || waiting.n > 0 {
            if waiting.n == 0 {
                match incoming.recv().await {
                    Some(Incoming::Asked(asked)) => waiting.push(asked),
                    Some(Incoming::Close) | None => open = false,
                }
                // Whoever was just answered asks again: let them, so that they share this transaction and not the next.
                tokio::task::yield_now().await;
                if shared && open {
                    tokio::time::sleep_until(last + APART).await;
                }
            }
            while waiting.n < WAITING_MAX {
                match incoming.try_recv() {
                    Ok(Incoming::Asked(asked)) => waiting.push(asked),
                    Ok(Incoming::Close) => {
                        incoming.close();
                        open = false;
                    }
                    Err(_) => break,
                }
            }
            let batch = waiting.take();
            if !batch.is_empty() {
                // A caller who is alone would only wait for itself.
                (last, shared) = (Instant::now(), batch.len() > 1);
                self.commit(batch).await;
            }
        }
    }

    /// Writes a batch and answers everybody in it.
    async fn commit(&self, batch: Vec<Asked>) {
        let mut parts = vec![batch];
        while let Some(mut batch) = parts.pop() {
            let requests: Vec<&Request> = batch.iter().map(|asked| &asked.request).collect();
            let fault = match self.written(&requests).await {
                Ok(outcomes) => {
                    for (asked, outcome) in batch.into_iter().zip(outcomes) {
                        // Whoever no longer waits does not want to know.
                        let _ = asked.answer.send(outcome);
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            let unavailable =
                matches!(&fault, Fault::Database(error) if self.dialect.trouble(error) == Trouble::Unavailable);
            if batch.len() > 1 && !unavailable {
                let second = batch.split_off(batch.len() / 2);
                parts.extend([second, batch]);
                continue;
            }
            if unavailable {
                tracing::warn!(requests = batch.len(), error = %short(&fault), "the store did not take a batch");
            }
            for asked in batch {
                let _ = asked.answer.send(Err(copy(&fault).into_error(self.dialect)));
            }
        }
    }

    /// One transaction, begun again as long as it crosses others.
    async fn written(&self, requests: &[&Request]) -> Sql<Vec<Stored<Outcome>>> {
        let mut crossed = 0;
        loop {
            let transaction = AssertUnwindSafe(self.transaction(requests)).catch_unwind();
            let result = match tokio::time::timeout(TRANSACTION_TIMEOUT, transaction).await {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => Err(Fault::Impossible("a batch of requests (its handling panicked)".to_owned())),
                Err(_elapsed) => {
                    Err(Fault::Database(sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout)))
                }
            };
            match result {
                Err(Fault::Database(error)) if crossed < CROSSED_MAX && self.again(&error) => crossed += 1,
                result => return result,
            }
        }
    }

    /// Whether a transaction may do when it is begun again.
    fn again(&self, error: &sea_orm::DbErr) -> bool {
        match self.dialect.trouble(error) {
            Trouble::Crossed => true,
            // With one writer nobody else can have taken a key.
            Trouble::Taken => self.dialect.has_bulk_writer(),
            Trouble::Refused | Trouble::Unavailable => false,
        }
    }

    /// Begins a transaction. After a restart of the server the connections of old are dead, and each fails once before anything has
    /// happened: nobody who asks is refused for that.
    async fn begin(&self) -> Sql<DatabaseTransaction> {
        let mut dead = 0;
        loop {
            match self.pool.begin_with_options(self.dialect.write_transaction()).await {
                Err(error) if dead < self.connections && self.dialect.was_dead(&error) => dead += 1,
                begun => return Ok(begun?),
            }
        }
    }

    async fn transaction(&self, requests: &[&Request]) -> Sql<Vec<Stored<Outcome>>> {
        let wanted = self.policies.wanted();
        let told_before = wanted.added();
        let transaction = self.begin().await?;
        match self.work(&Db::new(&transaction, self.dialect), requests).await {
            Ok((outcomes, charged)) => {
                transaction.commit().await?;
                if let Some(counter) = &self.counter {
                    counter.count(charged);
                }
                // Another writer's events at worst: then who feeds the queue looks once in vain.
                if wanted.added() != told_before {
                    wanted.stir();
                }
                Ok(outcomes)
            }
            Err(fault) => {
                // If the connection is gone, so is the transaction.
                let _ = transaction.rollback().await;
                Err(fault)
            }
        }
    }

    async fn work(
        &self,
        db: &Db<'_, DatabaseTransaction>,
        requests: &[&Request],
    ) -> Sql<(Vec<Stored<Outcome>>, Charged)> {
        let mut outcomes: Vec<Option<Stored<Outcome>>> = requests.iter().map(|_| None).collect();
        let of_kind = |kind| requests.iter().enumerate().filter(move |(_, request)| request.kind() == kind);

        let bodies: Vec<_> = requests
            .iter()
            .enumerate()
            .filter_map(|(at, request)| request.body().map(|(source, body, at_door)| (at, source, body, at_door)))
            .collect();
        let kept = journal::append(db, &bodies).await?;
        for (at, row) in &kept {
            outcomes[*at] = Some(Ok(Outcome::Appended(*row)));
        }

        let mut charged = Charged::new();
        if of_kind(Kind::Ledger).next().is_some() {
            charged = self.keep_ledger(db, requests, &kept, &mut outcomes).await?;
        }

        let singles: Vec<_> = of_kind(Kind::Create)
            .filter_map(|(at, request)| match request {
                Request::Create { message, now } => Some((at, &**message, *now)),
                _ => None,
            })
            .collect();
        for (at, created) in messages::create(db, &singles).await? {
            outcomes[at] = Some(Ok(Outcome::Created(created)));
        }

        for (at, request) in of_kind(Kind::Control).chain(of_kind(Kind::Bulk)) {
            outcomes[at] = Some(self.single(db, request).await?);
        }
        let outcomes = outcomes.into_iter().map(|outcome| outcome.expect("every kind of request was handled"));
        Ok((outcomes.collect(), charged))
    }

    /// Everything about messages, one by one, in the order: what callbacks say, what calls brought, new calls. So a stop word that came
    /// together with a call is heard first. `kept`: the rows of bodies that this transaction keeps, by the place of their request.
    async fn keep_ledger(
        &self,
        db: &Db<'_, DatabaseTransaction>,
        requests: &[&Request],
        kept: &HashMap<usize, JournalId>,
        outcomes: &mut [Option<Stored<Outcome>>],
    ) -> Sql<Charged> {
        // Before anything is locked, so that nobody who closes the gate waits for us while we wait for them.
        if requests.iter().any(|request| matches!(request, Request::Start(_))) {
            db.pass_gate().await?;
        }
        let (of_rows, rows): (Vec<usize>, Vec<(JournalId, &Dated)>) = requests
            .iter()
            .enumerate()
            .filter_map(|(at, request)| match request {
                Request::Apply { row, news } => Some((at, (*row, news))),
                Request::AppendAndApply { news, .. } => kept.get(&at).map(|row| (at, (*row, news))),
                _ => None,
            })
            .unzip();
        let mut news =
            if rows.is_empty() { None } else { Some(news::Batch::begin(db, &rows, &self.tag, &self.policies).await?) };
        let silenced = change_consents(db, requests, &self.policies).await?;

        let mut ids: BTreeSet<i64> = silenced.iter().map(|(_, _, message, _)| *message).filter(|id| *id != 0).collect();
        let mut starts: Vec<&Start> = Vec::new();
        let mut accepted: HashMap<&str, i64> = HashMap::new();
        if let Some(news) = &news {
            ids.extend(news.messages());
        }
        for request in requests {
            match request {
                Request::Start(start) => {
                    ids.insert(start.id.number());
                    starts.push(start);
                }
                Request::Learn { id, fact, .. } => {
                    ids.insert(id.number());
                    if let Fact::Accepted(whatsapp_id) = fact {
                        accepted.insert(whatsapp_id.as_str(), id.number());
                    }
                }
                Request::Suppress { id, .. } | Request::Hold { id, .. } => {
                    ids.insert(id.number());
                }
                _ => {}
            }
        }
        let mut ledger = Ledger::load(db, &self.policies, &ids, &starts).await?;

        for (at, found, message, now) in silenced {
            let suppressed = u64::from(message != 0 && ledger.suppress_unless_allowed(message, now));
            match &mut outcomes[at] {
                Some(Ok(Outcome::Count(n))) => *n += suppressed,
                outcome if found => *outcome = Some(Ok(Outcome::Count(suppressed))),
                outcome => *outcome = Some(Err(StoreError::Inconsistent { place: "contacts: no such row".to_owned() })),
            }
        }
        if let Some(news) = &mut news {
            news.apply(&mut ledger, &accepted);
        }
        for (at, request) in requests.iter().enumerate() {
            let outcome = match request {
                Request::Learn { id, attempt, fact, now } => {
                    Outcome::Learnt(ledger.learn(id.number(), *attempt, fact, None, *now))
                }
                Request::Suppress { id, reason, detail, now } => {
                    ledger.suppress(id.number(), *reason, detail, *now);
                    Outcome::Done
                }
                Request::Hold { id, attempts_before, reason, until, now } => {
                    Outcome::Ended(ledger.hold(id.number(), *attempts_before, *reason, *until, *now))
                }
                _ => continue,
            };
            outcomes[at] = Some(Ok(outcome));
        }
        for (at, request) in requests.iter().enumerate() {
            if let Request::Start(start) = request {
                outcomes[at] = Some(Ok(Outcome::Started(ledger.start(start, self.policies.suspensions()))));
            }
        }
        if let Some(news) = news {
            for (at, applied) in of_rows.into_iter().zip(news.finish(db, &ledger).await?) {
                outcomes[at] = Some(Ok(match kept.get(&at) {
                    Some(row) => Outcome::AppendedAndApplied(*row, applied),
                    None => Outcome::Applied(applied),
                }));
            }
        }
        ledger.save(db, self.shard).await
    }

    /// A request with statements of its own.
    async fn single(&self, db: &Db<'_, DatabaseTransaction>, request: &Request) -> Sql<Stored<Outcome>> {
        let outcome = match request {
            Request::SetAside { row, because, now } => {
                journal::set_aside(db, *row, because, *now).await.map(|()| Outcome::Done)
            }
            Request::NoteReadings { readings, now } => {
                readings::note(db, readings, self.policies.wanted(), *now).await.map(|()| Outcome::Done)
            }
            Request::Say { said, now } => {
                conversations::say(db, said, self.policies.wanted(), *now).await.map(Outcome::Said)
            }
            Request::OpenLink { token, now } => links::open(db, token, *now).await.map(Outcome::Link),
            Request::Upsert { updates, language, brings_back, now } => {
                let phones = || updates.iter().map(|update| update.phone.e164());
                let forgotten = Forgotten::among(db, self.policies.digest(), phones()).await?;
                let empty = if *brings_back { Vec::new() } else { forgotten.contacts() };
                let (rules, all) = (self.policies.double_opt_in(), phones().map(str::to_owned).collect());
                let mut people = People::load(db, rules, all, Vec::new(), empty).await?;
                people.remember(forgotten);
                people.recall_asked(db, updates).await?;
                let places: Vec<(usize, bool)> =
                    updates.iter().map(|update| people.update(update, *language)).collect();
                people.save(db, self.policies.wanted(), *now).await?;
                let contacts = places.into_iter().map(|(at, is_new)| (people.contact(at).clone(), is_new));
                Ok(Outcome::Contacts(contacts.collect()))
            }
            Request::Erase { contact, by, now } => {
                erasures::erase(db, &self.policies, *contact, by, *now, self.shard).await.map(Outcome::Erased)
            }
            Request::EraseFurther(step) => erasures::write(db, step).await.map(|()| Outcome::Done),
            Request::Reopen { rows } => kept::reopen(db, rows).await.map(Outcome::Rows),
            Request::Plan(part) => runs::plan(db, part, self.shard).await.map(Outcome::Count),
            Request::Open { campaign, due_at, definition, now } => {
                runs::open(db, campaign, *due_at, definition, *now).await.map(Outcome::Opened)
            }
            Request::Command { run, command } => {
                // When it answers, no call leaves but those whose mark is written.
                db.close_gate().await?;
                runs::command(db, *run, *command).await.map(Outcome::Run)
            }
            Request::Cancel { run, now } => {
                runs::cancel_some(db, &self.policies, *run, *now, self.shard).await.map(Outcome::Count)
            }
            Request::OpenStage { run, before, stage, lots, now } => {
                stages::open(db, *run, before.as_ref(), *stage, lots, *now).await.map(Outcome::Ended)
            }
            Request::NoteStage { run, before, after } => {
                stages::note(db, *run, before, after).await.map(Outcome::Ended)
            }
            Request::OpenReminder { of, number, due_at, definition, now } => {
                reminders::open(db, *of, *number, *due_at, definition, *now).await.map(Outcome::NewRun)
            }
            Request::EndReminders { of } => reminders::end(db, *of).await.map(|()| Outcome::Done),
            Request::Replay { filter, terms, after, now } => {
                let part = dead_letters::Part { filter, terms, after: *after, now: *now };
                dead_letters::replay(db, &self.policies, &part, self.shard).await.map(Outcome::Replayed)
            }
            Request::Feed { run, limit } => runs::feed(db, *run, *limit).await.map(Outcome::Fed),
            Request::Finish { run, now } => runs::finish(db, *run, *now).await.map(Outcome::Ended),
            Request::Suspend { wanted, now } => suspensions::suspend(db, wanted, self.policies.suspensions(), *now)
                .await
                .map(|(suspension, is_new)| Outcome::Suspended(Box::new(suspension), is_new)),
            Request::Release { id, by, now } => suspensions::release(db, *id, by, *now).await.map(Outcome::Ended),
            Request::EndSuspensions { now } => suspensions::end_those_over(db, *now).await.map(|()| Outcome::Done),
            Request::Wake { after, now } => suspensions::wake_some(db, *after, *now).await.map(Outcome::Last),
            Request::TakeProbe { id, planned, next } => {
                suspensions::take_probe(db, *id, *planned, *next).await.map(Outcome::Ended)
            }
            Request::LetThrough { message, became, now } => {
                suspensions::let_through(db, message.number(), *became, *now).await.map(Outcome::Released)
            }
            Request::NoteTier { portfolio, tier } => {
                limit_facts::note_tier(db, portfolio, *tier).await.map(Outcome::Ended)
            }
            Request::LimitFacts { portfolio, senders, tier, now } => {
                limit_facts::read(db, portfolio, senders, *tier, self.policies.tariff(), *now)
                    .await
                    .map(|facts| Outcome::LimitFacts(Box::new(facts)))
            }
            Request::RecordHook(attempt) => {
                hook_deliveries::record(db, attempt).await.map(|recorded| Outcome::HookRecorded(recorded.map(Box::new)))
            }
            Request::TestHook { hook, now } => outbox::add_test(db, hook, *now).await.map(|id| Outcome::Last(Some(id))),
            Request::ReplayHooks { filter, after, now } => {
                hook_deliveries::replay(db, filter, *after, *now).await.map(|(n, next)| Outcome::ReplayedHooks(n, next))
            }
            Request::GiveUpHooks { hook, before, because, now } => {
                hook_deliveries::give_up(db, hook, *before, *because, *now).await.map(Outcome::Count)
            }
            Request::Tidy(old) => tidy::remove(db, old).await.map(Outcome::Count),
            Request::TidyHooks { before } => hook_deliveries::tidy(db, *before).await.map(Outcome::Count),
            Request::AskConsent { purposes, message, now } => {
                consent_requests::ask(db, *purposes, message, *now).await.map(Outcome::Asked)
            }
            Request::EndConsentRequests { contact, purposes } => {
                consent_requests::end(db, contact.number(), *purposes).await.map(|()| Outcome::Done)
            }
            Request::EndConsentRequestsOver { now } => consent_requests::end_over(db, *now).await.map(Outcome::Count),
            Request::RecordMedia { id, tries_before, became } => {
                media::record(db, *id, *tries_before, became).await.map(Outcome::MediaRecorded)
            }
            Request::RemovedMedia { ids } => media::removed(db, ids).await.map(|()| Outcome::Done),
            Request::Alert(write) => alerts::write(db, self.policies.wanted(), write).await,
            Request::Job(write) => job_runs::write(db, write).await,
            Request::ReportMail(write) => report_mails::write(db, write).await,
            Request::Template(write) => templates::write(db, write).await,
            Request::ForgetMedia { contact, now } => media::forget(db, *contact, *now).await.map(Outcome::Count),
            Request::Start(_)
            | Request::Hold { .. }
            | Request::Learn { .. }
            | Request::Suppress { .. }
            | Request::Apply { .. }
            | Request::AppendAndApply { .. }
            | Request::ChangeConsent { .. }
            | Request::Append { .. }
            | Request::Create { .. } => unreachable!("these share their statements with others of their kind"),
        };
        match outcome {
            Ok(outcome) => Ok(Ok(outcome)),
            // A command that does not fit has changed nothing; its neighbours need not know.
            Err(Fault::Command(error)) => Ok(Err(StoreError::Command(error))),
            Err(fault) => Err(fault),
        }
    }
}

/// Changes consents by request; answers, for each request, whether the contact is there and which messages may now have to be suppressed
/// (0: none, but the request wants its answer).
async fn change_consents(
    db: &Db<'_, DatabaseTransaction>,
    requests: &[&Request],
    policies: &Policies,
) -> Sql<Vec<(usize, bool, i64, jiff::Timestamp)>> {
    let changes: Vec<_> = requests
        .iter()
        .enumerate()
        .filter_map(|(at, request)| match request {
            Request::ChangeConsent { id, change, now } => Some((at, *id, change, *now)),
            _ => None,
        })
        .collect();
    let Some(now) = changes.first().map(|change| change.3) else { return Ok(Vec::new()) };
    let contacts: Vec<i64> = changes.iter().map(|change| change.1.number()).collect();
    // Whoever asks may know a person by a contact that turned out to be another one.
    let merged = one_person::merged(db, contacts.clone()).await?;
    let is_now = |id: i64| merged.get(&id).copied().unwrap_or(id);
    let contacts: Vec<i64> = contacts.into_iter().map(is_now).collect();
    let mut people = People::load(db, policies.double_opt_in(), Vec::new(), Vec::new(), contacts.clone()).await?;
    if changes.iter().any(|(_, _, change, _)| change.kind.is_of_control()) {
        people.recall_wishes(db).await?;
    }
    let mut silenced = Vec::new();
    for (at, id, change, now) in &changes {
        let person = people.with_id(ContactId::new(is_now(id.number())));
        if let Some(person) = person {
            people.change_consent(person, change);
        }
        silenced.push((*at, person.is_some(), 0, *now));
    }
    people.save(db, policies.wanted(), now).await?;
    for (contact, message) in news::open_messages(db, contacts).await? {
        if let Some((at, _, _, now)) = changes.iter().find(|change| is_now(change.1.number()) == contact) {
            silenced.push((*at, true, message, *now));
        }
    }
    Ok(silenced)
}

fn copy(fault: &Fault) -> Fault {
    match fault {
        Fault::Database(error) => Fault::Database(error.clone()),
        Fault::Impossible(place) => Fault::Impossible(place.clone()),
        Fault::Command(error) => Fault::Command(error.clone()),
    }
}

/// The error for a log line: what the database says may quote values, so only its code and kind.
fn short(fault: &Fault) -> String {
    match fault {
        Fault::Database(error) => super::dialect::code(error),
        Fault::Impossible(place) => place.clone(),
        Fault::Command(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: Request) -> Asked {
        Asked { request, answer: oneshot::channel().0 }
    }

    fn start(id: i64) -> Asked {
        let at = jiff::Timestamp::UNIX_EPOCH;
        asked(Request::Start(Box::new(Start {
            id: crate::domain::ids::MessageId::new(id),
            attempts_before: 0,
            channel: crate::domain::channel::Channel::Whatsapp,
            lease_until: at,
            permits: Vec::new(),
            counts_for_tier: false,
            marketing: false,
            price_micros: 0,
            freeze: None,
            now: at,
        })))
    }

    fn append(bytes: usize) -> Asked {
        let source = crate::domain::news::Source::Meta;
        asked(Request::Append { source, body: vec![0; bytes].into(), received_at: jiff::Timestamp::UNIX_EPOCH })
    }

    fn import() -> Asked {
        let now = jiff::Timestamp::UNIX_EPOCH;
        asked(Request::Upsert {
            updates: Vec::new(),
            language: crate::domain::language::Language::Ar,
            brings_back: true,
            now,
        })
    }

    #[test]
    fn a_transaction_takes_a_bounded_number_of_small_requests_and_one_large_one() {
        let mut waiting = Waiting::default();
        (0..3).for_each(|_| waiting.push(import()));
        (0..1_200).for_each(|id| waiting.push(start(id)));
        let sizes: Vec<usize> = std::iter::from_fn(|| Some(waiting.take().len()).filter(|taken| *taken > 0)).collect();
        assert_eq!(sizes, [ROWS_MAX + 1, ROWS_MAX + 1, 200 + 1]);
        assert_eq!(waiting.n, 0);
    }

    #[test]
    fn large_bodies_make_small_transactions_but_one_always_fits() {
        let mut waiting = Waiting::default();
        [BODY_BYTES_MAX + 1, 10, BODY_BYTES_MAX].into_iter().for_each(|bytes| waiting.push(append(bytes)));
        let sizes: Vec<usize> = std::iter::from_fn(|| Some(waiting.take().len()).filter(|taken| *taken > 0)).collect();
        assert_eq!(sizes, [1, 1, 1]);
    }
}
