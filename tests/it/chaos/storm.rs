//! Carries a plan out over a real barid in the middle of a campaign, and says with times what it did.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use barid::simulator::{Faults, Latency, Millis, Span, Statuses};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::plan::{Aim, Disturbance, Plan, Side, Step};
use super::wire::{Trouble, Wire};
use crate::contracts::Database;
use crate::harness::{Barid, Contact, PATIENCE, Setup, people, tail};

pub(crate) const CAMPAIGN: &str = "survey";

/// Leases and pauses as short as the faults of the test, in proportion to those of a real service.
const SHORT: &str = "[delivery]\nlease = \"6s\"\nanswer_timeout = \"3s\"\nconnect_timeout = \"1s\"\n[queue]\nlease = \"2s\"\nsweep = \"1s\"\n";
/// Longer than any disturbance keeps callbacks away, as the real one is longer than Meta's first redeliveries. Evidence means nothing else.
const UNKNOWN_AFTER: &str = "12s";
/// Calls in a second: slow enough that everybody's turn has not come before the last disturbance.
const MPS: u32 = 150;
const STOP_WORDS: [&str; 4] = ["STOP", "إيقاف", "Unsubscribe", "الغاء الاشتراك"];

/// A barid, its simulator and the network between them.
pub(crate) struct Storm {
    pub(crate) barid: Barid,
    pub(crate) people: Vec<Contact>,
    /// Who said stop, and when (Unix milliseconds) barid was first seen to show it.
    pub(crate) stopped: BTreeMap<String, Option<i64>>,
    /// How often barid was killed.
    pub(crate) kills: usize,
    /// Messages whose state was seen to go backwards.
    pub(crate) backwards: Vec<String>,
    calls: Wire,
    callbacks: Wire,
    heal_at: Option<Instant>,
    began: Instant,
    redis_killed: String,
    dice: StdRng,
    /// The highest rank that each message was seen at.
    seen: BTreeMap<String, (u8, String)>,
    /// Rows of the ledger before this one have at least one status that arrived.
    told: u64,
}

fn setup(seed: u64, database: &Database) -> Setup {
    let mut setup = Setup {
        mps: MPS,
        unknown_after: UNKNOWN_AFTER,
        more: SHORT.to_owned(),
        delivery: "on_unknown = \"evidence\"\n".to_owned(),
        store_url: Some(database.url.clone()),
        ..Setup::default()
    };
    let simulator = &mut setup.simulator;
    simulator.seed = seed;
    simulator.latency = Latency { min: Millis::new(10), median: Millis::new(100), max: Millis::new(300) };
    simulator.statuses = Statuses {
        sent_after: Span::millis(0, 200),
        delivered_after: Span::millis(0, 300),
        read_after: Span::millis(0, 300),
        undelivered_share: 0.05,
        duplicate_share: 0.1,
        reorder_share: 0.2,
        before_answer_share: 0.05,
        ..Statuses::default()
    };
    simulator.faults = Faults {
        http_500: 0.01,
        http_503_html: 0.005,
        http_503_html_after_accept: 0.01,
        reset_before_accept: 0.02,
        reset_after_accept: 0.05,
        stall: 0.005,
        stall_before_accept: 0.005,
        malformed_body: 0.01,
        // Longer than barid waits for an answer.
        stall_for: Millis::from_secs(5),
        ..Faults::default()
    };
    simulator.callbacks.timeout = Millis::from_secs(2);
    // Meta delivers again for days; here the service is away for seconds at most.
    simulator.callbacks.redelivery = vec![Millis::new(100), Millis::new(200), Millis::new(500)];
    setup
}

impl Storm {
    /// Goes through the plan, from the start of the campaign until everything is healed and settled.
    pub(crate) async fn ride(plan: &Plan, database: &Database) -> Self {
        println!("seed {}, {} people, {} kills", plan.seed, plan.people, plan.kills());
        let people = people(plan.people);
        let mut barid = Barid::prepare(setup(plan.seed, database)).await;
        let calls = Wire::to(barid.simulator.addr()).await;
        let callbacks = Wire::to(barid.listen.parse().expect("an address")).await;
        barid.environment.push(("BARID__WHATSAPP__GRAPH_URL", format!("http://{}", calls.near())));
        barid.simulator.set_webhook_url(Some(&format!("http://{}/api/whatsapp/webhook", callbacks.near())));
        let delivery = format!("unknown_after = \"{UNKNOWN_AFTER}\"\non_unknown = \"evidence\"\n");
        barid.write_campaign(CAMPAIGN, &people, &delivery);
        barid.start().await;
        barid.start_campaign(CAMPAIGN).await;
        let mut storm = Self {
            barid,
            people,
            stopped: BTreeMap::new(),
            kills: 0,
            backwards: Vec::new(),
            calls,
            callbacks,
            heal_at: None,
            began: Instant::now(),
            redis_killed: String::new(),
            dice: StdRng::seed_from_u64(plan.seed ^ 0x5709),
            seen: BTreeMap::new(),
            told: 0,
        };
        storm.say("the campaign begins");
        for planned in &plan.while_planning {
            storm.while_planning(*planned).await;
        }
        for step in &plan.steps {
            storm.until_accepted(step.at).await;
            storm.breathe().await;
            storm.disturb(step).await;
        }
        storm.heal();
        storm.barid.simulator.set_faults(Faults::default()).expect("no fault is in order");
        storm.say("everything is healed");
        storm.barid.settle(CAMPAIGN).await;
        storm.watch().await;
        storm.say("the run is settled");
        let counts = storm.barid.simulator.counts();
        println!("faults {:?}, callbacks {} and {} in vain", counts.faults, counts.posts, counts.posts_failed);
        storm
    }

    fn say(&self, what: &str) {
        let accepted = self.barid.simulator.counts().accepted;
        println!("{:8.3} s {accepted:6} accepted: {what}", self.began.elapsed().as_secs_f64());
    }

    fn heal(&mut self) {
        if self.heal_at.take().is_some() {
            self.calls.set(Trouble::None);
            self.callbacks.set(Trouble::None);
            self.say("the network is healed");
        }
    }

    /// One look at what must be done by the clock, then a short rest; fails when it lasts too long.
    async fn tick(&mut self, begin: Instant, what: &str) {
        if self.heal_at.is_some_and(|at| at <= Instant::now()) {
            self.heal();
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}\n{}", tail(&self.barid.log()));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Waits for so many accepted messages, or for the end of the run.
    async fn until_accepted(&mut self, wanted: u64) {
        let begin = Instant::now();
        let mut looked = Instant::now();
        while self.barid.simulator.counts().accepted < wanted {
            self.tick(begin, "accepted messages").await;
            if looked.elapsed() > Duration::from_secs(2) {
                looked = Instant::now();
                if self.barid.get(&format!("/api/v1/campaigns/{CAMPAIGN}")).await["state"] == "finished" {
                    self.say("the run is already finished");
                    return;
                }
            }
        }
    }

    /// Waits until callbacks have come through again: the network is whole, and whatever was accepted before this moment has its first
    /// status at barid. Without such pauses silence would be no evidence.
    async fn breathe(&mut self) {
        let begin = Instant::now();
        while self.heal_at.is_some() {
            self.tick(begin, "the network to be healed").await;
        }
        let accepted = self.barid.simulator.counts().accepted;
        while self.told < accepted {
            let rows = self.barid.simulator.ledger_after(self.told, usize::MAX);
            self.told += rows.iter().take_while(|row| !row.statuses.is_empty()).count() as u64;
            self.tick(begin, "callbacks to come through").await;
        }
        self.watch().await;
    }

    /// Looks at every message as operators see it: none may stand further back than before. And at everybody who said stop: from the
    /// moment in which that is shown, nobody calls them.
    async fn watch(&mut self) {
        for (who, seen) in self.stopped.iter_mut().filter(|(_, seen)| seen.is_none()) {
            let shown = self.barid.get(&format!("/api/v1/contacts?phone={}", who.replace('+', "%2B"))).await;
            if shown["items"][0]["opted_out"] == true {
                *seen = Some(now());
            }
        }
        for message in self.barid.messages(CAMPAIGN).await {
            let (id, state) =
                (message["id"].as_str().unwrap_or_default(), message["state"].as_str().unwrap_or_default());
            let rank = rank(state);
            match self.seen.get(id) {
                Some((before, was)) if *before > rank => self.backwards.push(format!("{id} was {was} and is {state}")),
                Some((before, _)) if *before == rank => {}
                _ => {
                    self.seen.insert(id.to_owned(), (rank, state.to_owned()));
                }
            }
        }
    }

    /// Kills barid when the audience is half resolved.
    async fn while_planning(&mut self, planned: u64) {
        let begin = Instant::now();
        while self.barid.counts(CAMPAIGN).await["total"].as_u64() < Some(planned) {
            self.tick(begin, "people to be planned").await;
        }
        self.kill();
        self.say(&format!("killed with {planned} planned"));
        self.barid.start().await;
    }

    fn kill(&mut self) {
        self.barid.kill();
        self.kills += 1;
    }

    async fn disturb(&mut self, step: &Step) {
        match step.what {
            Disturbance::Kill(aim) => self.kill_at(aim).await,
            Disturbance::KillRedis => {
                self.redis_killed = self.barid.kill_redis(&self.redis_killed).await;
                self.say("Redis killed");
            }
            Disturbance::Flush => {
                self.flush().await;
                self.say("Redis wiped");
            }
            Disturbance::Network(side, trouble, lasts) => {
                if side != Side::Callbacks {
                    self.calls.set(trouble);
                }
                if side != Side::Calls {
                    self.callbacks.set(trouble);
                }
                self.heal_at = Some(Instant::now() + lasts);
                self.say(&format!("network: {side:?} {trouble:?} for {lasts:?}"));
            }
            Disturbance::Stops(n) => self.stops(n).await,
        }
    }

    async fn kill_at(&mut self, aim: Aim) {
        match aim {
            Aim::Now => self.kill(),
            Aim::Callbacks(more) => {
                let (begin, wanted) = (Instant::now(), self.barid.simulator.counts().posts + more);
                // At the end of a run there are no more.
                while self.barid.simulator.counts().posts < wanted && self.barid.simulator.counts().pending > 0 {
                    self.tick(begin, "callbacks").await;
                }
                self.kill();
            }
            Aim::AfterFlush(wait) => {
                self.flush().await;
                tokio::time::sleep(wait).await;
                self.kill();
            }
            Aim::WithRedis => {
                self.redis_killed = self.barid.kill_redis(&self.redis_killed).await;
                self.kill();
            }
            Aim::Twice(wait) => {
                self.kill();
                self.barid.spawn();
                tokio::time::sleep(wait).await;
                self.kill();
            }
        }
        self.say(&format!("killed: {aim:?}"));
        self.barid.start().await;
        self.say("started again");
    }

    async fn flush(&mut self) {
        let begin = Instant::now();
        // It may be on its way back.
        while !self.barid.redis_cli(&["FLUSHALL"]).stdout.starts_with(b"OK") {
            self.tick(begin, "Redis to be there").await;
        }
    }

    /// A third of them is whoever it may be, a third still waits, and a third is next in line: those are where a late stop would show.
    async fn stops(&mut self, n: usize) {
        for nth in 0..n {
            let (all, told) = (self.people.len(), self.barid.simulator.counts().accepted as usize);
            let among = match nth % 3 {
                0 => 0..all,
                1 => told.min(all - 1)..all,
                _ => told.min(all - 1)..all.min(told + 100).max(1),
            };
            let who = self.people[self.dice.random_range(if among.is_empty() { 0..all } else { among })].phone.clone();
            let word = STOP_WORDS[self.dice.random_range(0..STOP_WORDS.len())];
            if let Entry::Vacant(new) = self.stopped.entry(who.clone()) {
                new.insert(None);
                self.barid.simulator_says(&who, word).await;
            }
        }
        self.say(&format!("{n} people say stop"));
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with what the real service wrote down by the real clock")]
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// How far a message has come on the way to its person.
fn rank(state: &str) -> u8 {
    match state {
        "submitted" => 1,
        "sent" => 2,
        "delivered" => 3,
        "read" => 4,
        _ => 0,
    }
}
