//! The providers, in one: takes calls on every channel, keeps a ledger of them, tells statuses. What it does with whom is said by the
//! scenario, or drawn from the seed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use barid::domain::channel::Channel;
use barid::domain::failure::{FailureClass, Refusal};
use barid::domain::ids::CallbackReference;
use barid::domain::news::Source;
use barid::ports::{Answer, Clock as _};
use jiff::Timestamp;

use super::fates::{Does, Fate};
use super::people::{lot_of, phone};
use super::time::{Time, chance, seconds};

/// A call that reached the provider, or did not.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) who: usize,
    pub(crate) channel: Channel,
    pub(crate) reference: CallbackReference,
    pub(crate) at: Timestamp,
    /// Which effect of the process it was.
    pub(crate) effect: usize,
    pub(crate) became: Became,
}

/// What became of a call.
#[derive(Debug, Clone)]
pub(crate) enum Became {
    /// It never reached the provider.
    Lost,
    /// It was refused in the answer.
    Refused(FailureClass),
    /// It was taken, and this is told of it, in the order of the moments.
    Taken(Vec<(Timestamp, &'static str)>),
}

impl Call {
    /// The number of its message.
    pub(crate) fn message(&self) -> i64 {
        self.reference.message.number()
    }

    /// Whether the person has what it says, as far as the provider knows in the end.
    pub(crate) fn has_told(&self) -> bool {
        matches!(&self.became, Became::Taken(_)) && (self.arrived_at().is_some() || self.failed_at().is_none())
    }

    /// When and how it failed after it was taken.
    pub(crate) fn failed_at(&self) -> Option<(Timestamp, FailureClass)> {
        self.statuses().iter().find_map(|(at, status)| Some((*at, FailureClass::named(status)?)))
    }

    /// When it arrived.
    pub(crate) fn arrived_at(&self) -> Option<Timestamp> {
        self.statuses().iter().filter(|(_, status)| rank(status) >= rank("delivered")).map(|(at, _)| *at).min()
    }

    /// How far it has come, of the statuses that are no failures.
    pub(crate) fn reached(&self) -> Option<&'static str> {
        let good = self.statuses().iter().map(|(_, status)| *status).filter(|status| rank(status) > 0);
        good.max_by_key(|status| rank(status))
    }

    fn statuses(&self) -> &[(Timestamp, &'static str)] {
        match &self.became {
            Became::Taken(statuses) => statuses,
            Became::Lost | Became::Refused(_) => &[],
        }
    }
}

/// How far a status is on the way to the person; 0 for a failed one.
pub(crate) fn rank(status: &str) -> usize {
    ["sent", "delivered", "read"].iter().position(|known| *known == status).map_or(0, |at| at + 1)
}

/// An event that a provider will tell.
#[derive(Debug, Clone)]
struct Event {
    due: Timestamp,
    order: usize,
    source: Source,
    line: String,
}

#[derive(Default)]
struct Books {
    /// How many calls were made to whom.
    nth: HashMap<(usize, Channel), u64>,
    calls: Vec<Call>,
    events: Vec<Event>,
    /// Events about these messages are not told for now.
    held_back: Vec<String>,
    order: usize,
}

pub(crate) struct Provider {
    seed: u64,
    /// No mishaps of its own.
    is_kind: bool,
    fates: Vec<Fate>,
    time: Arc<Time>,
    books: Mutex<Books>,
}

impl Provider {
    pub(crate) fn new(seed: u64, is_kind: bool, fates: Vec<Fate>, time: Arc<Time>) -> Self {
        Self { seed, is_kind, fates, time, books: Mutex::default() }
    }

    /// Every call, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.books.lock().unwrap().calls.clone()
    }

    /// Tells this at that time.
    pub(crate) fn tell(&self, due: Timestamp, source: Source, line: String) {
        self.books.lock().unwrap().tell(due, source, line);
    }

    /// A person writes to us.
    pub(crate) fn hear(&self, due: Timestamp, who: usize, text: &str) {
        let (phone, millis) = (phone(who), due.as_millisecond());
        self.tell(due, Source::Meta, format!("said wamid.in.{phone}.{millis} {phone} {millis} {text}"));
    }

    /// A person sends us a file, which Meta gives out under this id.
    pub(crate) fn send(&self, due: Timestamp, who: usize, id: &str) {
        let (phone, millis) = (phone(who), due.as_millisecond());
        self.tell(due, Source::Meta, format!("file wamid.file.{id} {phone} {millis} {id}"));
    }

    /// Whoever sent it takes it back.
    pub(crate) fn take_back(&self, due: Timestamp, id: &str) {
        self.tell(due, Source::Meta, format!("revoked wamid.file.{id} {}", due.as_millisecond()));
    }

    /// A callback of each provider with everything that is due.
    pub(crate) fn callbacks(&self, now: Timestamp) -> Vec<(Source, String)> {
        let mut books = self.books.lock().unwrap();
        let held_back = books.held_back.clone();
        let is_due = |event: &Event| event.due <= now && !held_back.iter().any(|what| event.line.contains(what));
        let (mut due, rest): (Vec<Event>, Vec<Event>) = books.events.drain(..).partition(is_due);
        books.events = rest;
        due.sort_by_key(|event| (event.due, event.order));
        let of = |source: Source| {
            let lines: Vec<String> =
                due.iter().filter(|event| event.source == source).map(|event| event.line.clone()).collect();
            (!lines.is_empty()).then(|| (source, lines.join("\n")))
        };
        Source::ALL.into_iter().filter_map(of).collect()
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

    /// A call that reaches us, or nearly.
    pub(crate) fn call(&self, who: usize, channel: Channel, reference: CallbackReference, effect: usize) -> Answer {
        let mut books = self.books.lock().unwrap();
        let now = self.time.now();
        let nth = *books.nth.entry((who, channel)).and_modify(|calls| *calls += 1).or_insert(1);
        let fate = self.fates.iter().find(|fate| fate.is_about(who, channel, nth, Time::start(), now));
        let (became, answer) = match fate.map(|fate| fate.does) {
            Some(Does::Refuses(class)) => refused(class),
            Some(Does::Takes(told)) => taken(who, channel, nth, told, now),
            None if channel == Channel::Whatsapp => self.by_chance(who, nth, now),
            None if channel.reports_delivery() => taken(who, channel, nth, &[("sent", 1.0), ("delivered", 2.0)], now),
            None => taken(who, channel, nth, &[], now),
        };
        if let Became::Taken(statuses) = &became {
            let (source, id) = (source_of(channel), id(who, channel, nth));
            for (due, status) in statuses {
                let line = format!("status {} {id} {reference} {status} {}", channel.name(), now.as_millisecond());
                books.tell(*due, source, line);
            }
        }
        books.calls.push(Call { who, channel, reference, at: now, effect, became });
        answer
    }

    /// What the seed says, over WhatsApp.
    fn by_chance(&self, who: usize, nth: u64, now: Timestamp) -> (Became, Answer) {
        let lot = lot_of(who, Channel::Whatsapp);
        let chance = |what: u64| chance(self.seed, lot, what);
        let fate = if self.is_kind || nth > 3 { 1.0 } else { chance(nth) };
        let lost = |because: &str| Answer::Unanswered { because: because.to_owned() };
        if fate < 0.1 {
            return (Became::Lost, lost("reset before Meta had it"));
        }
        if fate < 0.15 {
            return (Became::Lost, Answer::NotSent { because: "connection refused".to_owned() });
        }
        if fate < 0.25 {
            return refused(FailureClass::Transient);
        }
        let mut told = vec![("sent", 1.0)];
        if chance(100 + nth) < 0.9 {
            // Some overtake the status before them.
            told.push(("delivered", 0.5 + 2.0 * chance(200 + nth)));
            if chance(300 + nth) < 0.6 {
                // Some look at their phone late, which is also what keeps callbacks coming.
                told.push(("read", 3.0 + 40.0 * chance(500 + nth)));
            }
        }
        if chance(400 + nth) < 0.3 {
            told.push(("sent", 20.0 * chance(600 + nth)));
        }
        let (became, answer) = taken(who, Channel::Whatsapp, nth, &told, now);
        (became, if fate < 0.45 { lost("reset after Meta had it") } else { answer })
    }
}

impl Books {
    fn tell(&mut self, due: Timestamp, source: Source, line: String) {
        self.order += 1;
        let order = self.order;
        self.events.push(Event { due, order, source, line });
    }
}

fn refused(class: FailureClass) -> (Became, Answer) {
    (Became::Refused(class), Answer::Refused(refusal(class)))
}

/// A refusal of that class, with a code that stands for it.
pub(crate) fn refusal(class: FailureClass) -> Refusal {
    let code = FailureClass::ALL.iter().position(|known| *known == class).map(|at| 130_000 + at as i64);
    Refusal::new(class, code, "refused")
}

fn taken(who: usize, channel: Channel, nth: u64, told: &[(&'static str, f64)], now: Timestamp) -> (Became, Answer) {
    let statuses = told.iter().map(|(status, after)| (now + seconds(*after), *status)).collect();
    (Became::Taken(statuses), Answer::Accepted(id(who, channel, nth).parse().unwrap()))
}

fn id(who: usize, channel: Channel, nth: u64) -> String {
    let prefix = if channel == Channel::Whatsapp { "wamid" } else { channel.name() };
    format!("{prefix}.{}.{nth}", phone(who).trim_start_matches('+'))
}

/// Who tells what becomes of messages over that channel.
pub(crate) fn source_of(channel: Channel) -> Source {
    if channel == Channel::Whatsapp { Source::Meta } else { Source::TwilioStatus }
}
