//! Everything the simulator knows while it runs, and the few verbs that change it from more than one side.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::oneshot;

use super::callbacks::schedule::Schedule;
use super::callbacks::{Event, Inbound, Said};
use super::clock::Clock;
use super::ledger::{Counts, Ledger, LedgerRow, NumberCounts, Row, Tally};
use super::limits::{Arrivals, Hourly, Throughput, Tier};
use super::mail::Mail;
use super::management::Uploads;
use super::media::MediaStore;
use super::people::{People, lock};
use super::settings::{Faults, Outcome, Settings, Template, builtin_suffixes};
use super::twilio::Twilio;
use super::wamid::{Direction, Ids};

/// A message of a person opens the window for so long.
pub(super) const WINDOW_MS: i64 = 86_400_000;

/// An event may be so late, so that a busy stream of them does not wake the scheduler for each.
const GRAIN_MS: i64 = 5;

/// The simulated world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) twilio: Arc<Twilio>,
    pub(super) mail: Arc<Mail>,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    /// Where this server can be reached, without a slash at the end.
    pub(super) base_url: String,
    pub(super) numbers: Vec<NumberState>,
    number_by_id: HashMap<String, u16>,
    accounts: HashMap<String, Account>,
    tiers: HashMap<String, Mutex<Tier>>,
    pub(super) templates: Templates,
    /// When approved templates were edited, in milliseconds, by the id of the template.
    pub(super) template_edits: Mutex<HashMap<u64, Vec<i64>>>,
    /// Samples of template headers.
    pub(super) uploads: Uploads,
    pub(super) people: People,
    pub(super) media: MediaStore,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    pub(super) schedule: Schedule,
    pub(super) faults: ArcSwap<Faults>,
    suffixes: Suffixes,
    pub(super) webhook_url: ArcSwapOption<Arc<str>>,
    inbound_sequence: AtomicU32,
    early: Early,
}

/// What changes for one of the business's numbers.
#[derive(Debug)]
pub(super) struct NumberState {
    pub(super) traffic: Mutex<Traffic>,
    /// Meta's upgrade of the throughput is under way until then (131057).
    pub(super) upgrading_until_ms: std::sync::atomic::AtomicI64,
}

/// Calls to a number.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) throughput: Throughput,
    pub(super) arrivals: Arrivals,
    /// As the number's settings say, or as it was upgraded.
    pub(super) limit: u32,
}

/// What changes for a business account (WABA).
#[derive(Debug)]
pub(super) struct Account {
    pub(super) subscription: RwLock<Subscription>,
    pub(super) management: Mutex<Hourly>,
}

/// Whether callbacks of an account are sent, and where to if not to the app's address.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) subscribed: bool,
    pub(super) override_url: Option<Arc<str>>,
}

impl World {
    /// A world in which nothing has happened yet.
    pub(super) fn new(settings: Settings, clock: Clock, base_url: String, client: reqwest::Client) -> Self {
        let accounts = settings.numbers.iter().map(|number| {
            let management = Mutex::new(Hourly::new(settings.limits.management_per_hour));
            let subscription = RwLock::new(Subscription { subscribed: true, override_url: None });
            (number.business_account_id.clone(), Account { subscription, management })
        });
        let numbers = settings.numbers.iter().map(|number| NumberState {
            traffic: Mutex::new(Traffic {
                throughput: Throughput::new(number.throughput),
                arrivals: Arrivals::default(),
                limit: number.throughput,
            }),
            upgrading_until_ms: std::sync::atomic::AtomicI64::new(i64::MIN),
        });
        let limited = settings.portfolios.iter().filter(|portfolio| portfolio.limit > 0);
        let grain = GRAIN_MS.min(i64::try_from(settings.statuses.batch_wait.millis()).unwrap_or(GRAIN_MS));
        Self {
            ids: Ids::new(settings.seed, clock.micros()),
            accounts: accounts.collect(),
            numbers: numbers.collect(),
            number_by_id: (0..)
                .zip(&settings.numbers)
                .map(|(at, number)| (number.phone_number_id.clone(), at))
                .collect(),
            tiers: limited.map(|portfolio| (portfolio.id.clone(), Mutex::new(Tier::new(portfolio.limit)))).collect(),
            templates: Templates::new(&settings.templates),
            template_edits: Mutex::default(),
            uploads: Uploads::default(),
            twilio: Twilio::new(settings.twilio.clone(), clock, settings.seed, client),
            mail: Mail::new(settings.mail.clone(), clock),
            people: People::new(),
            media: MediaStore::new(settings.seed),
            ledger: Ledger::default(),
            tally: Tally::default(),
            schedule: Schedule::new(grain),
            faults: ArcSwap::from_pointee(settings.faults.clone()),
            suffixes: Suffixes::new(&settings),
            webhook_url: ArcSwapOption::from_pointee(settings.webhook_url.as_deref().map(Arc::from)),
            inbound_sequence: AtomicU32::new(0),
            early: Early::default(),
            settings,
            clock,
            base_url,
        }
    }

    /// The place of one of our numbers.
    pub(super) fn number(&self, phone_number_id: &str) -> Option<u16> {
        self.number_by_id.get(phone_number_id).copied()
    }

    /// One of our business accounts.
    pub(super) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// The messaging limit that a number is under.
    pub(super) fn tier(&self, number: u16) -> Option<&Mutex<Tier>> {
        self.tiers.get(&self.settings.numbers[usize::from(number)].portfolio)
    }

    /// What the last digits of a person's number ask for.
    pub(super) fn outcome(&self, digits: u64) -> Option<Outcome> {
        self.suffixes.find(digits)
    }

    /// Where the callbacks of a number go; none: nobody is subscribed.
    pub(super) fn receiver(&self, number: u16) -> Option<Arc<str>> {
        let account = self.accounts.get(&self.settings.numbers[usize::from(number)].business_account_id)?;
        let subscription = account.subscription.read().unwrap_or_else(PoisonError::into_inner);
        if !subscription.subscribed {
            return None;
        }
        let app_url = || self.webhook_url.load().as_deref().cloned();
        subscription.override_url.clone().or_else(app_url)
    }

    /// A new id for a message of a person.
    pub(super) fn inbound_id(&self, digits: u64) -> String {
        self.ids.wamid(Direction::Inbound, digits, self.inbound_sequence.fetch_add(1, Ordering::Relaxed))
    }

    /// A person's message happens now: it opens the window, counts for the throughput, and may stop marketing.
    pub(super) fn hear(&self, inbound: &mut Inbound, now_ms: i64) {
        inbound.at_ms = now_ms;
        self.people.with(inbound.number, inbound.digits, |person| match inbound.said {
            Said::Preference { stop } => person.stopped = stop,
            _ => person.window_until_ms = now_ms + WINDOW_MS,
        });
        lock(&self.numbers[usize::from(inbound.number)].traffic).throughput.note(self.clock.micros());
    }

    /// The receiver has answered 200 for these.
    pub(super) fn arrive(&self, events: &[Event]) {
        for event in events {
            match event {
                Event::Status { row, status, .. } => {
                    let counter = if row.arrive(*status) {
                        &self.tally.statuses[*status as usize]
                    } else {
                        &self.tally.statuses_repeated
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    self.early.arrived(row.sequence);
                }
                Event::Inbound(inbound) => {
                    let now = self.clock.millis();
                    self.people.with(inbound.number, inbound.digits, |person| {
                        person.acknowledged_ms.get_or_insert(now);
                    });
                    self.tally.inbound.fetch_add(1, Ordering::Relaxed);
                }
                Event::Change { .. } => {}
            }
        }
        self.schedule.settle(events.len());
    }

    /// When the receiver first answered 200 for something that this person sent, in Unix milliseconds.
    pub(super) fn acknowledged_ms(&self, digits: u64) -> Option<i64> {
        let numbers = 0..u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        numbers.filter_map(|number| self.people.with(number, digits, |person| person.acknowledged_ms)).min()
    }

    /// These will never arrive.
    pub(super) fn drop_events(&self, events: &[Event]) {
        self.tally.dropped.fetch_add(events.len() as u64, Ordering::Relaxed);
        for event in events {
            if let Event::Status { row, .. } = event {
                self.early.arrived(row.sequence);
            }
        }
        self.schedule.settle(events.len());
    }

    /// Nothing will be told of this message: nobody needs to wait.
    pub(super) fn nothing_to_tell(&self, sequence: u32) {
        self.early.arrived(sequence);
    }

    /// A signal for the arrival of the first status of a message.
    pub(super) fn first_arrival(&self, sequence: u32) -> oneshot::Receiver<()> {
        self.early.wait_for(sequence)
    }

    /// A row as it is shown.
    pub(super) fn show(&self, row: &Row) -> LedgerRow {
        let template = row.template.as_deref();
        let content = row.content.as_deref();
        let (parameters, buttons) = match (template, content) {
            (Some(_), Some(json)) => serde_json::from_str(json).unwrap_or_default(),
            _ => (Vec::new(), Vec::new()),
        };
        LedgerRow {
            row: u64::from(row.sequence) + 1,
            wamid: self.ids.wamid(Direction::Outbound, row.digits, row.sequence),
            phone_number_id: self.settings.numbers[usize::from(row.number)].phone_number_id.clone(),
            to: format!("+{}", row.digits),
            kind: row.kind.name().to_owned(),
            template: template.map(|template| template.name.clone()),
            language: template.map(|template| template.language.clone()),
            parameters,
            buttons,
            text: if template.is_some() { None } else { content.map(str::to_owned) },
            biz_opaque_callback_data: row.opaque.as_deref().map(str::to_owned),
            accepted_at: row.accepted_ms,
            statuses: row.arrived(),
            failed_code: Some(row.failed_code).filter(|code| *code != 0),
            priced_as: {
                let (kind, category) = row.price_at(row.accepted_ms);
                format!("{kind} {category}")
            },
        }
    }

    /// How often what happened.
    pub(super) fn counts(&self) -> Counts {
        let numbers = self.settings.numbers.iter().zip(&self.numbers).map(|(number, state)| {
            let traffic = lock(&state.traffic);
            let arrivals = &traffic.arrivals;
            let counts = NumberCounts {
                peak_per_second: arrivals.peak as u64,
                by_second: arrivals.by_second.iter().copied().collect(),
            };
            (number.phone_number_id.clone(), counts)
        });
        let numbers: BTreeMap<String, NumberCounts> = numbers.collect();
        let pending = self.schedule.pending() + self.twilio.pending();
        Counts { pending, numbers, ..self.tally.counts() }
    }
}

/// Answers that wait until the first status of their message has arrived.
#[derive(Debug, Default)]
struct Early {
    waiting: Mutex<HashMap<u32, oneshot::Sender<()>>>,
    /// Keeps the many arrivals that nobody waits for away from the lock.
    count: AtomicUsize,
}

impl Early {
    fn wait_for(&self, sequence: u32) -> oneshot::Receiver<()> {
        let (arrived, wait) = oneshot::channel();
        lock(&self.waiting).insert(sequence, arrived);
        self.count.fetch_add(1, Ordering::SeqCst);
        wait
    }

    fn arrived(&self, sequence: u32) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(arrived) = lock(&self.waiting).remove(&sequence) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            // The caller may have hung up meanwhile; then nobody needs the signal.
            let _ = arrived.send(());
        }
    }
}

/// All templates by name; calls look them up far more often than they change.
#[derive(Debug)]
pub(super) struct Templates(RwLock<HashMap<String, Vec<Arc<Template>>>>);

impl Templates {
    fn new(templates: &[Template]) -> Self {
        let all = Self(RwLock::default());
        for template in templates {
            all.put(template.clone());
        }
        all
    }

    /// The translation of a template into a language.
    pub(super) fn find(&self, name: &str, language: &str) -> Option<Arc<Template>> {
        let templates = self.0.read().unwrap_or_else(PoisonError::into_inner);
        templates.get(name)?.iter().find(|template| template.language == language).cloned()
    }

    /// Adds or replaces one translation.
    pub(super) fn put(&self, template: Template) {
        let mut templates = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let translations = templates.entry(template.name.clone()).or_default();
        translations.retain(|known| known.language != template.language);
        translations.push(Arc::new(template));
    }

    /// Removes a template in all its languages; false if there was none.
    pub(super) fn remove(&self, name: &str) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    /// All of them, by name and language.
    pub(super) fn all(&self) -> Vec<Arc<Template>> {
        let templates = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Template>> = templates.values().flatten().cloned().collect();
        all.sort_by(|a, b| (&a.name, &a.language).cmp(&(&b.name, &b.language)));
        all
    }
}

/// Endings of numbers, found without making text of the number.
#[derive(Debug)]
struct Suffixes {
    by_ending: HashMap<(u32, u64), Outcome>,
    /// Lengths that occur, longest first.
    lengths: Vec<u32>,
}

impl Suffixes {
    fn new(settings: &Settings) -> Self {
        let mut all = if settings.builtin_suffixes { builtin_suffixes() } else { BTreeMap::new() };
        all.extend(settings.suffixes.clone());
        let ending =
            |(suffix, outcome): (String, Outcome)| Some(((suffix.len() as u32, suffix.parse().ok()?), outcome));
        let by_ending: HashMap<(u32, u64), Outcome> = all.into_iter().filter_map(ending).collect();
        let mut lengths: Vec<u32> = by_ending.keys().map(|(length, _)| *length).collect();
        lengths.sort_unstable_by_key(|length| std::cmp::Reverse(*length));
        lengths.dedup();
        Self { by_ending, lengths }
    }

    fn find(&self, digits: u64) -> Option<Outcome> {
        self.lengths.iter().find_map(|length| self.by_ending.get(&(*length, digits % 10_u64.pow(*length))).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ending_wins_and_zeros_count() {
        let settings = Settings {
            suffixes: [("0001", Outcome::Silent), ("1", Outcome::Read), ("9026", Outcome::SentOnly)]
                .map(|(suffix, outcome)| (suffix.to_owned(), outcome))
                .into(),
            ..Settings::default()
        };
        let suffixes = Suffixes::new(&settings);
        assert_eq!(suffixes.find(966_500_000_001), Some(Outcome::Silent));
        assert_eq!(suffixes.find(966_500_001_111), Some(Outcome::Read));
        assert_eq!(suffixes.find(966_500_009_026), Some(Outcome::SentOnly), "the settings win over what is built in");
        assert_eq!(suffixes.find(966_500_009_049), Some(Outcome::Failed(131_049)));
        assert_eq!(suffixes.find(966_500_000_002), None);
    }
}
