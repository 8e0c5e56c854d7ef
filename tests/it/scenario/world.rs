//! A whole service in this process, from the real jobs down to a real store, with a clock that moves when told, a queue whose jobs run one
//! at a time in an order drawn from a seed, and providers that keep a ledger. It can die at any effect and be built again from what it wrote.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use barid::domain::channel::Channel;
use barid::domain::delivery::{Delivery, State};
use barid::domain::ids::{FeedbackId, JournalId, MessageId, RunId};
use barid::domain::language::Language;
use barid::domain::news::Source;
use barid::domain::run::Run;
use barid::domain::suspension;
use barid::jobs::run_campaign::{Definitions, InHand};
use barid::jobs::{
    JobError, apply_news, feed, feed_media, fetch_media, fire, probe, reminder, rollout, run_campaign, send_message,
    sweep, take_in, tidy_media,
};
use barid::ports::{Clock as _, Fallback, MediaPorts, Messages as _, Runs as _, SendingRules, Services, Store};
use barid::store::{SqlStore, StoreSettings};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::campaign::{CAMPAIGN, OneCampaign};
use super::ending::Ending;
use super::files::{Shelf, TappedShelf, TappedSource};
use super::hands::{Hands, Queued};
use super::limits::{Copy, SomeLimits};
use super::operator::Order;
use super::order;
use super::provider::Provider;
use super::rest::PACE;
use super::script::Script;
use super::tap::{Tap, TappedQueue, TappedStore};
use super::time::Time;
use super::watch::{Said, Span, Watch};
use super::ways::{Reader, SENDER_ID, TappedChannel, TappedMeta};
use crate::contracts::Database;

/// Waits of the configuration.
const WAITS: [SignedDuration; 2] = [SignedDuration::from_secs(2), SignedDuration::from_secs(5)];
/// Before a provider is asked whether a suspension may end.
const ASK_WAITS: [SignedDuration; 1] = [SignedDuration::from_secs(5)];
/// Before a suspension lets a message through.
pub(crate) const LET_THROUGH_WAITS: [SignedDuration; 2] =
    [SignedDuration::from_secs(10), SignedDuration::from_secs(20)];
/// How long a number rests.
const REST: SignedDuration = SignedDuration::from_secs(20);
/// More turns than any scenario needs to come to rest.
const TURNS_MAX: usize = 400;
/// Between two sweeps.
const SWEEP: SignedDuration = SignedDuration::from_secs(2);
/// A job whose process died comes back when its lease ends; one that failed, after a pause.
pub(crate) const AGAIN: SignedDuration = SignedDuration::from_secs(2);

pub(crate) struct World {
    pub(crate) script: Script,
    pub(crate) time: Arc<Time>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) hands: Arc<Hands>,
    pub(crate) tap: Arc<Tap>,
    pub(crate) database: Database,
    copy: Arc<Copy>,
    /// Where files are kept.
    pub(crate) shelf: Arc<Shelf>,
    process: Option<Process>,
    dice: StdRng,
    /// What an operator orders, each at its time and until it was carried out.
    pub(crate) orders: Vec<(Timestamp, Order)>,
    /// Callbacks that were not answered with 200.
    pub(crate) unanswered: Vec<(Timestamp, Source, String)>,
    /// Who says stop, to us or to a provider.
    pub(crate) stoppers: BTreeSet<usize>,
    watch: Option<Watch>,
    /// When the next sweep is due.
    pub(crate) sweep_at: Timestamp,
}

/// What a process holds in memory.
pub(crate) struct Process {
    store: Arc<SqlStore>,
    pub(crate) services: Services,
    definitions: Definitions,
    in_hand: InHand,
    marks: feed::Marks,
    started_at: Timestamp,
}

/// How a job ended.
pub(crate) enum Ended<T> {
    Well(T),
    Badly(JobError),
    /// With the process.
    Dead,
}

impl World {
    pub(crate) async fn new(script: Script) -> Self {
        let time = Arc::new(Time::new());
        let provider = Provider::new(script.seed, script.is_kind, script.fates.clone(), Arc::clone(&time));
        let mut world = Self {
            provider: Arc::new(provider),
            hands: Arc::default(),
            tap: Arc::new(Tap::new(Arc::clone(&time), script.breaks)),
            time,
            database: Database::sqlite_in_memory(),
            copy: Arc::default(),
            shelf: Arc::default(),
            process: None,
            dice: StdRng::seed_from_u64(script.seed),
            script,
            orders: Vec::new(),
            unanswered: Vec::new(),
            stoppers: BTreeSet::new(),
            watch: None,
            sweep_at: Time::start(),
        };
        world.start().await;
        world.watch = Some(Watch::on(&world.database.url).await);
        world
    }

    /// Somebody says that then, so long after the beginning.
    pub(crate) fn says(&mut self, after: SignedDuration, person: usize, words: &str) {
        self.provider.hear(Time::start() + after, person, words);
    }

    /// Somebody says stop then.
    pub(crate) fn stop_word(&mut self, after: SignedDuration, person: usize) {
        self.says(after, person, "إيقاف");
        self.stoppers.insert(person);
    }

    /// Somebody sends a file then.
    pub(crate) fn sends_file(&mut self, after: SignedDuration, person: usize, id: &str) {
        self.provider.send(Time::start() + after, person, id);
    }

    /// It is taken back then.
    pub(crate) fn takes_back(&mut self, after: SignedDuration, id: &str) {
        self.provider.take_back(Time::start() + after, id);
    }

    /// Meta gives notice of that then.
    pub(crate) fn notice(&mut self, after: SignedDuration, what: &str) {
        let at = Time::start() + after;
        self.provider.tell(at, Source::Meta, format!("notice {what} {}", at.as_millisecond()));
    }

    /// Builds a process on what the one before wrote down.
    pub(crate) async fn start(&mut self) {
        let suspensions = suspension::Rules {
            ask_waits: ASK_WAITS.to_vec(),
            let_through_waits: LET_THROUGH_WAITS.to_vec(),
            quality_rest: REST,
        };
        let settings = StoreSettings {
            tag_seed: Some(7),
            waits: WAITS.to_vec(),
            suspensions: suspensions.clone(),
            ..StoreSettings::default()
        };
        let store = Arc::new(SqlStore::open(&self.database.url, &settings).await.expect("the database is there"));
        let tap = || Arc::clone(&self.tap);
        let tapped = Arc::new(TappedStore { real: Arc::clone(&store), tap: tap() });
        let campaign = Arc::new(self.script.campaign.clone());
        let sender = campaign.sender.clone();
        let campaign = Arc::new(OneCampaign { campaign, people: self.script.people });
        let way = |channel: Channel| {
            let way: Arc<dyn Fallback> =
                Arc::new(TappedChannel { channel, real: Arc::clone(&self.provider), tap: tap() });
            (channel, way)
        };
        let services = Services {
            clock: Arc::clone(&self.time) as _,
            store: Arc::clone(&tapped) as Arc<dyn Store>,
            whatsapp: Arc::new(TappedMeta {
                real: Arc::clone(&self.provider),
                tap: tap(),
                time: Arc::clone(&self.time),
                answers_after: self.script.answers_after,
            }),
            management: Arc::new(crate::fakes::Nobody),
            fallbacks: [Channel::Sms, Channel::Email].map(way).into(),
            webhook: Arc::new(Reader),
            readers: BTreeMap::from([(Source::TwilioStatus, Arc::new(Reader) as _)]),
            tally: Arc::new(crate::fakes::Uncounted),
            hooks: Arc::new(crate::fakes::NoHooks),
            queue: Arc::new(TappedQueue { real: Arc::clone(&self.hands), tap: tap() }),
            limits: Arc::new(SomeLimits {
                seed: self.script.seed,
                is_kind: self.script.is_kind,
                tier: self.script.tier,
                time: Arc::clone(&self.time),
                asked: HashMap::new().into(),
                copy: Arc::clone(&self.copy),
                record: tapped,
            }),
            catalogue: Arc::clone(&campaign) as _,
            audiences: campaign,
            analyzer: barid::nlp::off(),
            media: MediaPorts {
                rules: Arc::new(crate::fakes::media_rules()),
                source: Arc::new(TappedSource { real: Arc::clone(&self.shelf), tap: tap() }),
                store: Arc::new(TappedShelf { real: Arc::clone(&self.shelf), tap: tap() }),
            },
            tokens: Arc::new(crate::fakes::Nobody),
            rules: SendingRules {
                lease: SignedDuration::from_secs(10),
                call: SignedDuration::from_secs(4),
                waits: WAITS.to_vec(),
                on_unknown: barid::domain::campaign::OnUnknown::Evidence,
                unknown_after: SignedDuration::from_secs(30),
                senders: [(SENDER_ID.parse().expect("digits"), "default".parse().expect("a name"))].into(),
                default_sender: "default".parse().expect("a name"),
                opt_in_words: Default::default(),
                allowed_hosts: barid::domain::link::AllowedHosts::default(),
                public_url: None,
                attribute_within: SignedDuration::from_hours(72),
                // Little, so that feeding has several steps.
                feed_ahead: 3,
                pace: BTreeMap::new(),
                accounts: BTreeMap::from([(sender, None)]),
                suspensions,
                default_language: Language::Ar,
            },
        };
        self.forget_by(Arc::clone(&store));
        self.process = Some(Process {
            store,
            services,
            definitions: Definitions::default(),
            in_hand: InHand::default(),
            marks: feed::Marks::default(),
            started_at: self.time.now(),
        });
        self.tap.lives();
    }

    /// Says what it means that Redis forgets: nothing is queued, and another process counts anew what is used up.
    fn forget_by(&self, store: Arc<SqlStore>) {
        let (hands, copy, time) = (Arc::clone(&self.hands), Arc::clone(&self.copy), Arc::clone(&self.time));
        let tier = self.script.tier;
        self.tap.forgets_by(Box::new(move || {
            let (hands, copy, time, store) =
                (Arc::clone(&hands), Arc::clone(&copy), Arc::clone(&time), Arc::clone(&store));
            Box::pin(async move {
                hands.wipe();
                copy.make(&*store, tier, time.now()).await;
            })
        }));
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

    pub(crate) fn services_and_definitions(&self) -> (&Services, &Definitions) {
        let process = self.process();
        (&process.services, &process.definitions)
    }

    /// Runs a job of the process. If the process dies in it, the next one is started.
    pub(crate) async fn run<T>(
        &mut self,
        name: &'static str,
        job: impl AsyncFnOnce(&Process) -> Result<T, JobError>,
    ) -> Ended<T> {
        self.tap.job(name);
        let before = self.tap.count();
        let tap = Arc::clone(&self.tap);
        let ended = tokio::select! {
            biased;
            ended = job(self.process()) => Some(ended),
            () = tap.died() => None,
        };
        let ended = match ended {
            Some(Ok(done)) => Ended::Well(done),
            Some(Err(error)) => {
                self.tap.note(&format!("  {name} fails: {error}"));
                Ended::Badly(error)
            }
            None => {
                self.die().await;
                if self.script.wipes {
                    self.hands.wipe();
                    self.copy.forget();
                    self.tap.note("the queue is lost");
                }
                self.start().await;
                Ended::Dead
            }
        };
        if self.tap.count() > before
            && let Some(watch) = &mut self.watch
        {
            watch.look(self.tap.count(), self.time.now()).await;
        }
        ended
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
                self.time.advance(PACE);
            }
        }
        panic!("it does not come to rest\n{}", self.journal().await);
    }

    /// Everything once: what comes in, what the clock asks for, what lies in the queue.
    pub(crate) async fn turn(&mut self) {
        self.orders().await;
        self.callbacks().await;
        self.run("fire", async |process| fire::run(&process.services, Time::start()).await).await;
        self.run("feed", async |process| feed::run(&process.services, &process.definitions, &process.marks).await)
            .await;
        if self.script.campaign.rollout.is_some() {
            self.run("rollout", async |process| rollout::run(&process.services, &process.definitions).await).await;
        }
        if self.script.campaign.reminder.is_some() {
            self.run("reminder", async |process| reminder::run(&process.services, &process.definitions).await).await;
        }
        if self.script.sends_files {
            self.run("feed-media", async |process| feed_media::run(&process.services, 100).await).await;
            self.run("tidy-media", async |process| {
                tidy_media::forgotten(&*process.services.store, &*process.services.media.store).await
            })
            .await;
        }
        self.run("probe", async |process| probe::run(&process.services).await).await;
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
        if self.script.sends_files {
            self.run("tidy-media", async |process| {
                tidy_media::orphans(&*process.services.store, &*process.services.media.store).await
            })
            .await;
        }
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
            Queued::Send(message, attempts, _) => {
                self.run("send-message", async |process| {
                    send_message::run(&process.services, &process.definitions, id(message), attempts).await.map(drop)
                })
                .await
            }
            Queued::Fetch(feedback, tries) => {
                self.run("fetch-media", async |process| {
                    fetch_media::run(&process.services, FeedbackId::new(feedback), tries).await
                })
                .await
            }
            Queued::Apply(row) => {
                self.run("apply-news", async |process| {
                    apply_news::run(&process.services, JournalId::new(row)).await.map(drop)
                })
                .await
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

    /// The providers' callbacks, as the webhook takes them in: kept, then applied or queued, then 200.
    pub(crate) async fn callbacks(&mut self) {
        let now = self.time.now();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unanswered).into_iter().partition(|(at, ..)| *at <= now);
        self.unanswered = later;
        let again = due.into_iter().map(|(_, source, body)| (source, body));
        for (source, body) in again.chain(self.provider.callbacks(now)).collect::<Vec<_>>() {
            let bytes = body.clone().into();
            let ended =
                self.run("take-in", async |Process { services, .. }| take_in::run(services, source, bytes).await).await;
            if !matches!(ended, Ended::Well(())) {
                self.unanswered.push((now + AGAIN, source, body));
            }
        }
    }

    /// The run of the campaign.
    pub(crate) async fn newest(&self) -> Option<Run> {
        self.store().newest(&CAMPAIGN.parse().expect("a name")).await.expect("the store answers")
    }

    /// What the record said, and when.
    pub(crate) fn said(&self) -> Vec<(Said, Span)> {
        self.watch.as_ref().map(Watch::told).unwrap_or_default()
    }

    /// What must hold at the end of every scenario, whatever broke.
    pub(crate) async fn assert_in_order(&self) -> Ending {
        let ending = Ending::of(self).await;
        order::assert_in_order(&ending);
        ending
    }

    /// How many messages stand there.
    pub(crate) async fn how_many(&self, state: State) -> usize {
        let page = self.store().list(&Default::default(), None, 1000).await.expect("the store answers");
        page.items.iter().filter(|listed| listed.message.standing.delivery.state() == state).count()
    }

    /// Closes the store.
    pub(crate) async fn end(mut self) {
        if let Some(watch) = self.watch.take() {
            watch.close().await;
        }
        self.die().await;
    }
}

/// Runs work on a runtime of its own, so that nothing but the script decides the order.
pub(crate) fn alone<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}
