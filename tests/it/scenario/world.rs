//! A whole service in this process, from the real jobs down to a real store, with a clock that moves when told, a queue whose jobs run one
//! at a time in an order drawn from a seed, and a Meta that keeps a ledger. It can die at any effect and be built again from what it wrote.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use barid::domain::delivery::{Delivery, State};
use barid::domain::ids::{JournalId, MessageId, RunId};
use barid::domain::language::Language;
use barid::domain::run::{Run, RunCommand};
use barid::jobs::run_campaign::{Definitions, InHand};
use barid::jobs::{JobError, apply_news, command_run, feed, fire, run_campaign, send_message, sweep, take_in};
use barid::ports::{Clock as _, Journal as _, Messages as _, Runs as _, SendingRules, Services};
use barid::store::{SqlStore, StoreSettings};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::outside::{
    CAMPAIGN, Hands, Meta, OneCampaign, Queued, Reader, SENDER_ID, SomeLimits, TappedMeta, Time, phone,
};
use super::tap::{How, Tap, TappedQueue, TappedStore};
use crate::contracts::Database;

/// Waits of the configuration.
const WAITS: [SignedDuration; 2] = [SignedDuration::from_secs(2), SignedDuration::from_secs(5)];
/// More turns than any scenario needs to come to rest.
const TURNS_MAX: usize = 400;
/// Between two sweeps.
const SWEEP: SignedDuration = SignedDuration::from_secs(2);
/// A job whose process died comes back when its lease ends; one that failed, after a pause.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// What a scenario is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) people: usize,
    /// Which effect breaks, and how.
    pub(crate) breaks: Option<(usize, How)>,
    /// What lies in the queue is lost when the process dies.
    pub(crate) wipes: bool,
    /// Meta and the limits have no mishaps of their own.
    pub(crate) is_kind: bool,
}

pub(crate) struct World {
    script: Script,
    pub(crate) time: Arc<Time>,
    pub(crate) meta: Arc<Meta>,
    pub(crate) hands: Arc<Hands>,
    pub(crate) tap: Arc<Tap>,
    pub(crate) database: Database,
    process: Option<Process>,
    dice: StdRng,
    /// Commands that an operator gives, each at its time and until it was carried out.
    commands: Vec<(Timestamp, RunCommand)>,
    /// Callbacks that were not answered with 200.
    unanswered: Vec<(Timestamp, String)>,
    /// The effect that put a stop word into force, by person.
    stopped: BTreeMap<String, usize>,
    /// Who says stop.
    stoppers: BTreeSet<String>,
    /// When the next sweep is due.
    sweep_at: Timestamp,
}

/// What a process holds in memory.
struct Process {
    store: Arc<SqlStore>,
    services: Services,
    definitions: Definitions,
    in_hand: InHand,
    marks: feed::Marks,
    started_at: Timestamp,
}

/// How a job ended.
enum Ended<T> {
    Well(T),
    Badly(JobError),
    /// With the process.
    Dead,
}

impl World {
    pub(crate) async fn new(script: Script) -> Self {
        let time = Arc::new(Time::new());
        let mut world = Self {
            script,
            meta: Arc::new(Meta::new(script.seed, script.is_kind, Arc::clone(&time))),
            hands: Arc::default(),
            tap: Arc::new(Tap::new(Arc::clone(&time), script.breaks)),
            time,
            database: Database::sqlite(),
            process: None,
            dice: StdRng::seed_from_u64(script.seed),
            commands: Vec::new(),
            unanswered: Vec::new(),
            stopped: BTreeMap::new(),
            stoppers: BTreeSet::new(),
            sweep_at: Time::start(),
        };
        world.start().await;
        world
    }

    /// Somebody says stop then.
    pub(crate) fn stop_word(&mut self, after: SignedDuration, person: usize) {
        self.meta.hear(Time::start() + after, &phone(person), "إيقاف");
        self.stoppers.insert(phone(person));
    }

    /// An operator commands then.
    pub(crate) fn command(&mut self, after: SignedDuration, command: RunCommand) {
        self.commands.push((Time::start() + after, command));
    }

    /// Builds a process on what the one before wrote down.
    pub(crate) async fn start(&mut self) {
        let settings = StoreSettings { tag_seed: Some(7), waits: WAITS.to_vec(), ..StoreSettings::default() };
        let store = Arc::new(SqlStore::open(&self.database.url, &settings).await.expect("the database is there"));
        let tap = || Arc::clone(&self.tap);
        let campaign = Arc::new(OneCampaign { people: self.script.people });
        let services = Services {
            clock: Arc::clone(&self.time) as _,
            store: Arc::new(TappedStore { real: Arc::clone(&store), tap: tap() }),
            whatsapp: Arc::new(TappedMeta { real: Arc::clone(&self.meta), tap: tap() }),
            fallbacks: BTreeMap::new(),
            webhook: Arc::new(Reader),
            readers: BTreeMap::new(),
            tally: Arc::new(crate::fakes::Uncounted),
            queue: Arc::new(TappedQueue { real: Arc::clone(&self.hands), tap: tap() }),
            limits: Arc::new(SomeLimits {
                seed: self.script.seed,
                is_kind: self.script.is_kind,
                time: Arc::clone(&self.time),
                asked: HashMap::new().into(),
            }),
            catalogue: Arc::clone(&campaign) as _,
            audiences: campaign,
            rules: SendingRules {
                lease: SignedDuration::from_secs(10),
                call: SignedDuration::from_secs(4),
                waits: WAITS.to_vec(),
                on_unknown: barid::domain::campaign::OnUnknown::Evidence,
                unknown_after: SignedDuration::from_secs(30),
                senders: [SENDER_ID.parse().expect("digits")].into(),
                // Little, so that feeding has several steps.
                feed_ahead: 3,
                pace: BTreeMap::new(),
                accounts: BTreeMap::new(),
                suspensions: barid::domain::suspension::Rules::default(),
                default_language: Language::Ar,
            },
        };
        let (definitions, in_hand) = (Definitions::default(), InHand::default());
        self.process = Some(Process {
            store,
            services,
            definitions,
            in_hand,
            marks: feed::Marks::default(),
            started_at: self.time.now(),
        });
        self.tap.lives();
    }

    /// Ends the process; what it held in memory is gone.
    pub(crate) async fn die(&mut self) {
        let process = self.process.take().expect("it lives");
        process.store.close().await;
        self.tap.note("the process is gone");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it lives")
    }

    pub(crate) fn store(&self) -> &SqlStore {
        &self.process().store
    }

    /// Runs a job of the process. If the process dies in it, the next one is started.
    async fn run<T>(&mut self, name: &'static str, job: impl AsyncFnOnce(&Process) -> Result<T, JobError>) -> Ended<T> {
        self.tap.job(name);
        let tap = Arc::clone(&self.tap);
        let ended = tokio::select! {
            biased;
            ended = job(self.process()) => Some(ended),
            () = tap.died() => None,
        };
        match ended {
            Some(Ok(done)) => Ended::Well(done),
            Some(Err(error)) => {
                self.tap.note(&format!("  {name} fails: {error}"));
                Ended::Badly(error)
            }
            None => {
                self.die().await;
                if self.script.wipes {
                    self.hands.wipe();
                    self.tap.note("the queue is lost");
                }
                self.start().await;
                Ended::Dead
            }
        }
    }

    /// Turns until everything has come to rest.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            let before = self.tap.count();
            self.turn().await;
            if self.tap.count() == before {
                if self.rests().await {
                    return;
                }
                let wait = self.until_next().await;
                self.time.advance(wait);
            } else {
                self.time.advance(SignedDuration::from_millis(500));
            }
        }
        panic!("it does not come to rest\n{}", self.tap.journal());
    }

    /// Everything once: what comes in, what the clock asks for, what lies in the queue.
    pub(crate) async fn turn(&mut self) {
        self.commands().await;
        self.callbacks().await;
        self.run("fire", async |process| fire::run(&process.services, Time::start()).await).await;
        self.run("feed", async |process| feed::run(&process.services, &process.definitions, &process.marks).await)
            .await;
        if self.time.now() >= self.sweep_at {
            self.sweep().await;
        }
        loop {
            let due = self.hands.due(self.time.now());
            if due.is_empty() {
                return;
            }
            let job = due[self.dice.random_range(0..due.len())];
            self.hands.take(job);
            self.queued(job).await;
        }
    }

    pub(crate) async fn sweep(&mut self) {
        self.sweep_at = self.time.now() + SWEEP;
        self.run("sweep", async |process| {
            sweep::run(&process.services, &process.definitions, process.started_at).await
        })
        .await;
    }

    /// The references of messages whose answer was never seen.
    pub(crate) async fn unsettled(&self) -> Vec<String> {
        let page = self.store().list(&Default::default(), None, 1000).await.expect("the store answers");
        let open = page.items.iter().filter(|listed| {
            matches!(listed.message.standing.delivery, Delivery::Calling { .. } | Delivery::Unknown { .. })
        });
        open.map(|listed| format!("{}:{}", listed.message.id, listed.message.standing.attempt)).collect()
    }

    /// Runs a job out of the queue; one that failed or died with its process comes back, unless the queue was lost.
    pub(crate) async fn queued(&mut self, job: Queued) {
        let id = |id| MessageId::new(id);
        let ended = match job {
            Queued::Plan(run) => {
                self.run("run-campaign", async |process| {
                    let Process { services, definitions, in_hand, .. } = process;
                    run_campaign::run(services, definitions, in_hand, RunId::new(run)).await
                })
                .await
            }
            Queued::Send(message, attempts) => {
                self.run("send-message", async |process| {
                    send_message::run(&process.services, &process.definitions, id(message), attempts).await.map(drop)
                })
                .await
            }
            Queued::Apply(row) => {
                let ended = self
                    .run("apply-news", async |process| apply_news::run(&process.services, JournalId::new(row)).await)
                    .await;
                self.note_stops().await;
                match ended {
                    Ended::Well(_) => Ended::Well(()),
                    Ended::Badly(error) => Ended::Badly(error),
                    Ended::Dead => Ended::Dead,
                }
            }
        };
        let comes_back = match ended {
            Ended::Well(()) | Ended::Badly(JobError::Abort { .. }) => false,
            Ended::Badly(JobError::Retry { .. }) => true,
            Ended::Dead => !self.script.wipes,
        };
        if comes_back {
            self.hands.put(job, Some(self.time.now() + AGAIN));
        }
    }

    async fn commands(&mut self) {
        let now = self.time.now();
        for (at, command) in std::mem::take(&mut self.commands) {
            if at > now {
                self.commands.push((at, command));
                continue;
            }
            let name = CAMPAIGN.parse().expect("a name");
            let ended = self
                .run("command-run", async |process| {
                    match command_run::command(&process.services, &name, command).await {
                        Err(command_run::CommandError::Job(error)) => Err(error),
                        // The operator sees that it does not fit (any more).
                        _ => Ok(()),
                    }
                })
                .await;
            // An operator who got no answer tries again.
            if !matches!(ended, Ended::Well(())) {
                self.commands.push((now + AGAIN, command));
            }
        }
    }

    /// Meta's callbacks, as the webhook takes them in: kept, then applied or queued, then 200.
    pub(crate) async fn callbacks(&mut self) {
        let now = self.time.now();
        let (due, later) = std::mem::take(&mut self.unanswered).into_iter().partition(|(at, _)| *at <= now);
        self.unanswered = later;
        let due: Vec<(Timestamp, String)> = due;
        let fresh = self.meta.callback(now);
        for body in due.into_iter().map(|(_, body)| body).chain(fresh) {
            let bytes = body.clone().into();
            let ended = self
                .run("webhook", async |Process { services, .. }| {
                    take_in::run(services, barid::domain::news::Source::Meta, bytes).await
                })
                .await;
            self.note_stops().await;
            if !matches!(ended, Ended::Well(())) {
                self.unanswered.push((now + AGAIN, body));
            }
        }
    }

    /// Notes since which effect the record knows of a stop.
    async fn note_stops(&mut self) {
        for who in self.database.ask("SELECT phone FROM contacts WHERE stopped = 1").await {
            let effects = self.tap.count();
            self.stopped.entry(who).or_insert(effects);
        }
    }

    pub(crate) async fn newest(&self) -> Option<Run> {
        self.store().newest(&CAMPAIGN.parse().expect("a name")).await.expect("the store answers")
    }

    /// Whether nothing is left to do and nothing will come.
    async fn rests(&self) -> bool {
        let finished = self.newest().await.is_some_and(|run| run.state.has_ended());
        let outside = self.meta.next_event().is_none() && self.unanswered.is_empty() && self.commands.is_empty();
        let (_, unapplied) = self.store().lag(self.time.now()).await.expect("the store answers");
        finished && outside && unapplied == 0 && self.hands.is_empty()
    }

    /// How long nothing will happen.
    async fn until_next(&self) -> SignedDuration {
        let now = self.time.now();
        let mut next: Vec<Timestamp> = [self.meta.next_event(), self.hands.next_due()].into_iter().flatten().collect();
        next.extend(self.unanswered.iter().map(|(at, _)| *at));
        next.extend(self.commands.iter().map(|(at, _)| *at));
        let far = now + SignedDuration::from_hours(1000);
        let due = self.store().due(far, None, 1).await.expect("the store answers");
        next.extend(
            due.iter().filter_map(|message| message.standing.delivery.due_at()).map(|at| at.max(self.sweep_at)),
        );
        // What else may wait is found by the sweep.
        let (_, unapplied) = self.store().lag(now).await.expect("the store answers");
        if unapplied > 0 || next.is_empty() {
            next.push(self.sweep_at);
        }
        let next = next.into_iter().min().unwrap_or(now);
        next.duration_since(now).max(SignedDuration::from_millis(500))
    }

    /// Every message with its history, as text.
    pub(crate) async fn histories(&self) -> String {
        let lines = self
            .database
            .ask(
                "SELECT CAST(h.message_id AS TEXT) || ' ' || CAST(h.at AS TEXT) || ' #' || CAST(h.attempt AS TEXT) || ' ' || h.event \
                 || CASE WHEN h.detail = '' THEN '' ELSE ': ' || h.detail END FROM history h ORDER BY h.message_id, h.seq",
            )
            .await;
        let readable = |line: String| {
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().expect("three parts").to_owned();
            let (message, at, event) = (next(), next(), next());
            let millis = at.parse::<i64>().expect("a time") - Time::start().as_millisecond();
            format!("{message} +{}.{:03} {event}", millis / 1000, millis % 1000)
        };
        lines.into_iter().map(readable).collect::<Vec<_>>().join("\n")
    }

    /// What must hold at the end of every scenario, whatever broke.
    pub(crate) async fn assert_in_order(&mut self) {
        let story = format!("{:?}\n{}\n{}", self.script, self.tap.journal(), self.histories().await);
        let run = self.newest().await.unwrap_or_else(|| panic!("the campaign was never started\n{story}"));
        self.database.assert_counts_are_exact(self.store(), run.id).await;

        let ledger = self.meta.ledger();
        let page = self.store().list(&Default::default(), None, 1000).await.expect("the store answers");
        let mut people = BTreeSet::new();
        for listed in &page.items {
            let message = &listed.message;
            let number = message.contact.phone.as_ref().expect("everybody has a number").e164().to_owned();
            assert!(people.insert(number.clone()), "{number} stands in the record twice\n{story}");
            let state = message.standing.delivery.state();
            assert!(!state.is_open(), "{number} is still {}\n{story}", state.name());
            let taken: Vec<_> = ledger.iter().filter(|row| row.phone == number).collect();
            assert!(taken.len() <= 1, "{number} was told {} times: {taken:?}\n{story}", taken.len());
            let expected = taken.first().map(|row| *row.statuses.last().expect("at least sent"));
            match (&message.standing.delivery, expected) {
                (delivery, Some(status)) => assert_eq!(delivery.state().name(), status, "{number}\n{story}"),
                // Where nothing more was heard of anybody, the rule is to take it as sent, and to say so.
                (Delivery::Submitted { assumed: true, .. }, None) => {}
                (Delivery::Failed(_) | Delivery::Suppressed(_) | Delivery::Expired, None) => {}
                (other, None) => panic!("{number} is {} and Meta has nothing\n{story}", other.state().name()),
            }
            if let Some(row) = taken.first() {
                let ours = format!("barid:{}:{}:", barid::ports::Store::tag(self.store()), message.id);
                assert!(row.reference.starts_with(&ours), "{number} was told something else\n{story}");
            }
        }
        assert_eq!(people.len(), self.script.people, "everybody stands in the record\n{story}");

        let stopped: BTreeSet<String> = self.stopped.keys().cloned().collect();
        assert_eq!(stopped, self.stoppers, "who said stop\n{story}");
        for (number, effect) in self.meta.called() {
            let since = self.stopped.get(&number).copied().unwrap_or(usize::MAX);
            assert!(effect <= since, "{number} was called at {effect}, and the stop was in force at {since}\n{story}");
        }
    }

    /// How many messages stand there.
    pub(crate) async fn how_many(&self, state: State) -> usize {
        let page = self.store().list(&Default::default(), None, 1000).await.expect("the store answers");
        page.items.iter().filter(|listed| listed.message.standing.delivery.state() == state).count()
    }

    /// Everything that happened, as text: the same for the same script.
    pub(crate) async fn journal(&self) -> String {
        format!("{}\n{}\n", self.tap.journal(), self.histories().await)
    }

    /// Closes the store.
    pub(crate) async fn end(mut self) {
        self.die().await;
    }
}

/// Runs work on a runtime of its own, so that nothing but the script decides the order.
pub(crate) fn alone<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}
