//! The desk of one portfolio in this process: takes in what concurrent jobs ask, and has it decided by the script, all that came in
//! during one call with the next. There is no artificial delay.
//!
//! While Redis or the facts are away, everybody waits: without limits nothing leaves.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::line::{BULK_AHEAD, Line, URGENT_AHEAD, Waits};
use super::redis_clock::RedisClock;
use super::script::{Asked, GivenBack, RunLimits, ScriptError, Shared, Take, TakeAnswer, Taken};
use super::sight::{Sight, is_used_up};
use crate::domain::budget::{Cap, SpendingCaps};
use crate::domain::channel::Channel;
use crate::domain::ids::{ContactId, MessageId, RunId, SenderName};
use crate::domain::limit::{Limit, PAIR_BURST, PAIR_INTERVAL, Urgency};
use crate::ports::{Clock, LimitFacts, LimitFactsOf, Permit, SlowDown, Verdict};

/// Messages in one call of the script: about a millisecond of Redis.
const BATCH_MAX: usize = 500;
/// Pause before Redis or the record is asked again after a failure.
const AWAY_PAUSE: Duration = Duration::from_millis(200);
/// Pause while another process loads.
const LOADING_PAUSE: Duration = Duration::from_millis(50);
/// The record is asked for its generation at most this often when a permit was not taken.
const SUSPECT_PAUSE: Duration = Duration::from_secs(1);
/// A full tier is looked at again after this at the latest: places of messages that failed come back before their time.
const TIER_LOOK: SignedDuration = SignedDuration::from_mins(15);
/// A used-up budget is looked at again after this at the latest.
const BUDGET_LOOK: SignedDuration = SignedDuration::from_mins(15);
/// A job that would wait longer for its run, or for its number beside other numbers, had better do something else: twice as long as what is
/// fed ahead of calls.
const LONG_LINE: SignedDuration = SignedDuration::from_secs(4);
/// With one number nobody is kept from work by its line, unless jobs would wait until they count as stuck.
const ONLY_LINE_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Loading again takes at most one part in so many of the time.
const REBUILD_SHARE: u32 = 20;
/// Nobody is told to ask again sooner.
const TURN: SignedDuration = SignedDuration::from_secs(1);

/// What the desk keeps.
#[derive(Debug, Clone)]
pub(super) struct DeskSettings {
    pub(super) portfolio: Arc<str>,
    /// Our numbers and their messages each second.
    pub(super) senders: Vec<(SenderName, u32)>,
    pub(super) tier: Option<u32>,
    /// What the whole installation may spend, where that is counted here.
    pub(super) caps: Option<Arc<SpendingCaps>>,
    /// What failed meanwhile is given back at most this often.
    pub(super) rebuild_every: Duration,
    /// Whether other numbers share the workers of this process.
    pub(super) shares_workers: bool,
}

/// What one message wants.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) message: MessageId,
    pub(super) contact: ContactId,
    /// Its number; `None`: another channel, which only its run binds.
    pub(super) number: Option<usize>,
    pub(super) urgency: Urgency,
    pub(super) takes_pair: bool,
    pub(super) counts_for_tier: bool,
    pub(super) run: Option<RunLimits>,
    pub(super) price_micros: i64,
}

/// What the desk is told.
pub(super) enum Told {
    Ask(Waiting),
    GiveBack(GivenBack),
    Slow(SlowDown),
}

/// Who waits for an answer.
pub(super) struct Waiting {
    pub(super) wish: Wish,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Waits for Waiting {
    fn urgency(&self) -> Urgency {
        self.wish.urgency
    }

    fn run(&self) -> Option<RunId> {
        self.wish.run.map(|run| run.run)
    }

    fn rate(&self) -> Option<u32> {
        self.wish.run.and_then(|run| run.rate)
    }

    fn has_left(&self) -> bool {
        self.answer.is_closed()
    }
}

/// An answer on its way. What it grants goes back when nobody takes it.
pub(super) struct Answer {
    verdict: Option<Verdict>,
    back: Option<(mpsc::WeakUnboundedSender<Told>, GivenBack)>,
}

impl Answer {
    pub(super) fn take(mut self) -> Option<Verdict> {
        self.back = None;
        self.verdict.take()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((desk, given_back)) = self.back.take()
            && let Some(desk) = desk.upgrade()
        {
            // A desk that has ended counts no more.
            let _ = desk.send(Told::GiveBack(given_back));
        }
    }
}

/// The desk.
pub(super) struct Desk {
    settings: DeskSettings,
    shared: Shared,
    facts: Arc<dyn LimitFactsOf>,
    clock: Arc<dyn Clock>,
    sight: Arc<Sight>,
    told: mpsc::UnboundedReceiver<Told>,
    back: mpsc::WeakUnboundedSender<Told>,
    /// One for each number, and one for other channels.
    lines: Vec<Line<Waiting>>,
    /// Sixteenths of its rate that each number has.
    factors: Vec<i64>,
    /// Whose turn it is to fill a batch first.
    first: usize,
    given_back: Vec<GivenBack>,
    slower: VecDeque<SlowDown>,
    /// The newest generation that we know of.
    known: i64,
    redis_clock: RedisClock,
    /// Until when places of the tier were promised to those who were refused.
    promised: VecDeque<Timestamp>,
    /// Until when the lines of runs and numbers are promised.
    run_lines: HashMap<RunId, Timestamp>,
    number_lines: Vec<Timestamp>,
    rebuild_took: Duration,
    /// A permit was not taken: perhaps the record has a newer generation.
    suspects: bool,
    looked_at: Option<Instant>,
    away: bool,
}

impl Desk {
    pub(super) fn new(
        settings: DeskSettings,
        shared: Shared,
        facts: Arc<dyn LimitFactsOf>,
        clock: Arc<dyn Clock>,
        sight: Arc<Sight>,
        told: mpsc::UnboundedReceiver<Told>,
        back: mpsc::WeakUnboundedSender<Told>,
    ) -> Self {
        let n = settings.senders.len();
        Self {
            shared,
            facts,
            clock,
            sight,
            told,
            back,
            lines: (0..=n).map(|_| Line::default()).collect(),
            factors: vec![16; n],
            first: 0,
            given_back: Vec::new(),
            slower: VecDeque::new(),
            known: 0,
            redis_clock: RedisClock::new(Instant::now()),
            promised: VecDeque::new(),
            run_lines: HashMap::new(),
            number_lines: vec![Timestamp::MIN; n],
            rebuild_took: Duration::ZERO,
            suspects: true,
            looked_at: None,
            away: false,
            settings,
        }
    }

    /// Works until nobody can ask any more.
    pub(super) async fn run(mut self) {
        loop {
            let now = Instant::now();
            let next_at = self.lines.iter().filter_map(|line| line.next_at(now)).min();
            let has_work = !self.given_back.is_empty() || !self.slower.is_empty();
            if !has_work && next_at.is_none_or(|at| at > now) {
                let told = match next_at {
                    None => self.told.recv().await,
                    Some(at) => tokio::select! {
                        told = self.told.recv() => told,
                        () = tokio::time::sleep_until(at) => continue,
                    },
                };
                match told {
                    Some(told) => self.hear(told),
                    None => return,
                }
                // Whoever asks in the same moment shares the call.
                tokio::task::yield_now().await;
            }
            while let Ok(told) = self.told.try_recv() {
                self.hear(told);
            }
            if self.told.is_closed() && self.told.is_empty() {
                return;
            }
            match AssertUnwindSafe(self.turn()).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.recover(error).await,
                // Whoever was in the batch asks again, since the answer was dropped.
                Err(_panic) => {
                    tracing::error!(portfolio = %self.settings.portfolio, "limits: a round panicked; its messages ask again");
                    tokio::time::sleep(AWAY_PAUSE).await;
                }
            }
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Slow(what) => self.slower.push_back(what),
            Told::GiveBack(item) => {
                // Of a generation that is no longer in force nothing is counted, so nothing goes back.
                if item.generation == self.known {
                    self.given_back.push(item);
                }
                self.suspects = true;
            }
            Told::Ask(waiting) => {
                if let Some((limit, until)) = self.too_long_a_line(&waiting.wish) {
                    self.refuse(waiting, limit, until);
                } else {
                    let at = waiting.wish.number.unwrap_or(self.settings.senders.len());
                    self.lines[at].push(waiting);
                }
            }
        }
    }

    /// Whether bulk would wait so long that its job had better do something else; then it comes back when its turn comes.
    fn too_long_a_line(&mut self, wish: &Wish) -> Option<(Limit, Timestamp)> {
        if wish.urgency != Urgency::Bulk {
            return None;
        }
        let now = self.clock.now();
        let line = &self.lines[wish.number.unwrap_or(self.settings.senders.len())];
        if let Some(run) = wish.run
            && let Some(rate) = run.rate
            && takes(line.of(run.run), f64::from(rate)) > LONG_LINE
        {
            self.run_lines.retain(|_, end| *end > now);
            let end = self.run_lines.entry(run.run).or_insert(now);
            *end = after((*end).max(after(now, LONG_LINE)), takes(1, f64::from(rate)));
            return Some((Limit::Rate, *end));
        }
        let number = wish.number?;
        let longest = if self.settings.shares_workers { LONG_LINE } else { ONLY_LINE_MAX };
        if takes(line.bulk(), self.rate_of(number)) > longest {
            let one = takes(1, self.rate_of(number));
            let end = &mut self.number_lines[number];
            *end = after((*end).max(after(now, LONG_LINE)), one);
            return Some((Limit::Number, *end));
        }
        None
    }

    fn rate_of(&self, number: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "there are sixteen of them")]
        let factor = self.factors[number] as f64 / 16.0;
        f64::from(self.settings.senders[number].1) * factor
    }

    /// One round: what is given back, what slows down, what is asked.
    async fn turn(&mut self) -> Result<(), ScriptError> {
        while let Some(what) = self.slower.front() {
            let now = self.clock.now();
            match what {
                SlowDown::Number(sender) => {
                    let factor = self.shared.slow_number(sender).await?;
                    tracing::info!(sender.name = %sender, sixteenths = factor, "the number sends more slowly for a while");
                }
                SlowDown::Pair(sender, contact) => self.shared.slow_pair(sender, *contact).await?,
                SlowDown::Channel(channel) => {
                    let factor = self.shared.slow_number(&line_of(*channel)).await?;
                    tracing::info!(
                        channel = channel.name(),
                        sixteenths = factor,
                        "the channel sends more slowly for a while"
                    );
                }
                SlowDown::Account(sender, rest) => {
                    let rest_ms = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
                    self.shared.slow_account(rest_ms).await?;
                    self.sight.note_account(after(now, *rest));
                    tracing::warn!(sender.name = %sender, rest.seconds = rest.as_secs(), "the account rests because Meta asked for it");
                }
            }
            self.slower.pop_front();
        }
        if !self.given_back.is_empty() {
            self.shared.give_back(self.known, &self.given_back).await?;
            self.given_back.clear();
        }
        if self.suspects && self.looked_at.is_none_or(|at| at.elapsed() >= SUSPECT_PAUSE) {
            match self.facts.limit_generation(&self.settings.portfolio).await {
                Ok(generation) => {
                    self.known = self.known.max(generation);
                    self.suspects = false;
                }
                // Before it was known once, what Redis holds may be of long ago; later this is only a precaution.
                Err(error) if self.looked_at.is_none() => {
                    self.note_away(&error);
                    tokio::time::sleep(AWAY_PAUSE).await;
                    return Ok(());
                }
                Err(_) => {}
            }
            self.looked_at = Some(Instant::now());
        }
        let batch = self.batch();
        if batch.is_empty() {
            return Ok(());
        }
        self.decide(batch).await
    }

    /// Whom the script is asked about.
    fn batch(&mut self) -> Vec<Waiting> {
        let now = Instant::now();
        let n = self.lines.len();
        let mut batch = Vec::new();
        for offset in 0..n {
            let at = (self.first + offset) % n;
            let rate = if at < self.factors.len() { self.rate_of(at) } else { f64::INFINITY };
            batch.extend(self.lines[at].take(now, rate, BATCH_MAX - batch.len()));
            if batch.len() >= BATCH_MAX {
                break;
            }
        }
        self.first = (self.first + 1) % n;
        batch
    }

    async fn decide(&mut self, batch: Vec<Waiting>) -> Result<(), ScriptError> {
        let (numbers, runs, takes) = self.asked(&batch);
        let now = self.clock.now();
        let today = self.settings.caps.as_ref().map(|caps| caps.day(now));
        let caps: Vec<Cap> = match (&self.settings.caps, today) {
            (Some(caps), Some(today)) => caps.on(today).collect(),
            _ => Vec::new(),
        };
        while self.promised.front().is_some_and(|until| *until <= now) {
            self.promised.pop_front();
        }
        let senders: Vec<(SenderName, u32)> = numbers.iter().map(|at| self.settings.senders[*at].clone()).collect();
        let asked = Instant::now();
        let asks = Asked { numbers: &senders, runs: &runs, caps: &caps, takes: &takes };
        let answer = self.shared.take(self.known, self.settings.tier, self.promised.len(), &asks).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.put_back(batch);
                return Err(error);
            }
        };
        let Some(answer) = answer else {
            self.put_back(batch);
            self.note_back();
            return self.load().await;
        };
        self.note_back();
        self.redis_clock.learn(asked, Instant::now(), answer.now_us);
        self.known = self.known.max(answer.generation);
        self.tell(batch, &numbers, (&caps, today), answer, now).await
    }

    /// The batch as the script wants it.
    fn asked(&self, batch: &[Waiting]) -> (Vec<usize>, Vec<RunLimits>, Vec<Take>) {
        let (mut numbers, mut runs): (Vec<usize>, Vec<RunLimits>) = (Vec::new(), Vec::new());
        let mut places = HashMap::new();
        let takes = batch.iter().map(|Waiting { wish, .. }| {
            let number = wish.number.map(|number| place(&mut numbers, number));
            let run = wish.run.map(|run| {
                *places.entry(run.run).or_insert_with(|| {
                    runs.push(run);
                    runs.len() - 1
                })
            });
            let ahead = if wish.urgency == Urgency::Bulk { BULK_AHEAD } else { URGENT_AHEAD };
            Take {
                number,
                run,
                pair: wish.takes_pair.then_some(wish.contact),
                person: (wish.counts_for_tier && self.settings.tier.is_some()).then_some(wish.contact),
                price_micros: wish.price_micros,
                horizon_us: i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX),
            }
        });
        let takes = takes.collect();
        (numbers, runs, takes)
    }

    /// Tells everybody in the batch, or lets them wait on.
    async fn tell(
        &mut self,
        batch: Vec<Waiting>,
        numbers: &[usize],
        (caps, today): (&[Cap], Option<Date>),
        answer: TakeAnswer,
        now: Timestamp,
    ) -> Result<(), ScriptError> {
        let now_ms = answer.now_us.div_euclid(1_000);
        for (at, (_, factor)) in numbers.iter().zip(&answer.numbers) {
            self.factors[*at] = (*factor).clamp(1, 16);
        }
        let every = self.settings.rebuild_every.max(self.rebuild_took * REBUILD_SHARE);
        let rebuild_due = now_ms - answer.rebuilt_at_ms >= i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        let mut rebuild = false;
        let mut waits = Vec::new();
        let mut no_slot: Vec<(usize, Urgency, Instant)> = Vec::new();
        let mut not_due: Vec<(usize, Option<RunId>, Instant)> = Vec::new();
        let moment = |ms: i64| after(now, SignedDuration::from_millis(ms.saturating_sub(now_ms)));
        for (waiting, taken) in batch.into_iter().zip(answer.taken) {
            let line = waiting.wish.number.unwrap_or(self.settings.senders.len());
            match taken {
                Taken::Slot { at_us, is_new_person } => {
                    let slot = self.redis_clock.instant(at_us);
                    self.grant(waiting, slot, answer.generation, is_new_person.then_some(now_ms), today);
                }
                Taken::NotYetNumber { free_us } => {
                    no_slot.push((line, waiting.wish.urgency, self.redis_clock.instant(free_us)));
                    waits.push(waiting);
                }
                Taken::NotYetRate { due_us } => {
                    not_due.push((line, waiting.run(), self.redis_clock.instant(due_us)));
                    waits.push(waiting);
                }
                Taken::Tier { .. } | Taken::Budget | Taken::Cap { .. } if rebuild_due => {
                    rebuild = true;
                    waits.push(waiting);
                }
                Taken::Tier { until_ms } => {
                    // They do not all come back in one moment.
                    let latest = after(now, TIER_LOOK - spread(waiting.wish.message, TIER_LOOK));
                    let until = moment(until_ms).min(latest).max(after(now, SignedDuration::from_secs(1)));
                    self.promised.push_back(until);
                    self.refuse(waiting, Limit::Tier, until);
                }
                Taken::Budget => {
                    let until = self.budget_until(&waiting.wish, Limit::Budget, now);
                    self.refuse(waiting, Limit::Budget, until);
                }
                Taken::Cap { at } => {
                    let cap = caps.get(at).or(caps.first());
                    let limit = cap.map_or(Limit::DayBudget, |cap| cap.limit);
                    // With the new day there is room again; before that only for what failed.
                    let until = self.budget_until(&waiting.wish, limit, now);
                    self.refuse(waiting, limit, cap.map_or(until, |cap| until.min(cap.ends_at).max(after(now, TURN))));
                }
                Taken::Pair { until_ms } => self.refuse(waiting, Limit::Pair, moment(until_ms)),
                Taken::Account { until_ms } => {
                    self.sight.note_account(moment(until_ms));
                    self.refuse(waiting, Limit::Account, moment(until_ms));
                }
            }
        }
        self.put_back(waits);
        for (line, urgency, free_at) in no_slot {
            self.lines[line].wait_for_number(free_at, urgency);
        }
        for (line, run, due_at) in not_due {
            self.lines[line].wait_for_run(run, due_at);
        }
        for number in 0..self.factors.len() {
            let sixteenths =
                self.settings.senders[number].1.saturating_mul(u32::try_from(self.factors[number]).unwrap_or(16));
            self.sight.note_line(number, self.lines[number].bulk(), sixteenths);
        }
        if rebuild {
            // What failed meanwhile is given back by loading what the record says; until then nobody is granted anything.
            self.shared.close(answer.generation).await?;
            self.load().await?;
        }
        Ok(())
    }

    fn grant(&self, waiting: Waiting, slot: Instant, generation: i64, counted_ms: Option<i64>, today: Option<Date>) {
        let Waiting { wish, answer } = waiting;
        if let Some(run) = &wish.run
            && (counted_ms.is_some() || wish.price_micros > 0)
        {
            self.sight.unblock(run.run);
        }
        let spends_on = today.filter(|_| wish.price_micros > 0);
        let fenced = wish.takes_pair
            || wish.counts_for_tier
            || spends_on.is_some()
            || wish.run.is_some_and(|run| run.budget_micros.is_some());
        let permit = Permit {
            fences: fenced.then(|| (self.settings.portfolio.to_string(), generation)).into_iter().collect(),
            leave_at: Some(slot),
            counted_ms,
            spends_on,
        };
        let back = given_back(&wish, &permit, &self.settings).map(|item| (self.back.clone(), item));
        // Whoever left meanwhile gives it back by not taking it.
        let _ = answer.send(Answer { verdict: Some(Verdict::Granted(permit)), back });
    }

    fn refuse(&self, waiting: Waiting, limit: Limit, until: Timestamp) {
        if let Some(run) = waiting.run()
            && (is_used_up(limit) || limit == Limit::Rate)
        {
            self.sight.block(run, limit, until, self.clock.now());
        }
        // Whoever left does not want to know.
        let _ = waiting.answer.send(Answer { verdict: Some(Verdict::Refused { limit, until }), back: None });
    }

    /// Nobody knows when a budget has room again: the longer it had none, the rarer it is asked.
    fn budget_until(&self, wish: &Wish, limit: Limit, now: Timestamp) -> Timestamp {
        let shortest = SignedDuration::try_from(self.settings.rebuild_every).unwrap_or(BUDGET_LOOK);
        let since = wish.run.map_or(now, |run| self.sight.block(run.run, limit, now, now));
        let wait = now.duration_since(since).max(shortest).min(BUDGET_LOOK.max(shortest));
        after(now, wait + spread(wish.message, wait))
    }

    fn put_back(&mut self, waiting: Vec<Waiting>) {
        let mut by_line: HashMap<usize, Vec<Waiting>> = HashMap::new();
        for waiting in waiting {
            by_line.entry(waiting.wish.number.unwrap_or(self.settings.senders.len())).or_default().push(waiting);
        }
        for (line, waiting) in by_line {
            self.lines[line].put_back(waiting);
        }
    }

    /// Loads what the record says is used up, unless another process is at it.
    async fn load(&mut self) -> Result<(), ScriptError> {
        if !self.shared.may_load().await? {
            tokio::time::sleep(LOADING_PAUSE).await;
            return Ok(());
        }
        let begun = Instant::now();
        let names: Vec<SenderName> = self.settings.senders.iter().map(|(name, _)| name.clone()).collect();
        let facts =
            self.facts.limit_facts(&self.settings.portfolio, &names, self.settings.tier, self.clock.now()).await;
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => {
                self.note_away(&error);
                self.shared.end_loading().await?;
                tokio::time::sleep(AWAY_PAUSE).await;
                return Ok(());
            }
        };
        self.known = self.known.max(facts.generation);
        let people: Vec<(ContactId, i64)> = facts.people.iter().map(|(who, at)| (*who, at.as_millisecond())).collect();
        let people = self.settings.tier.is_some().then_some(&people[..]);
        let in_force = self.shared.load(facts.generation, people, &facts.budgets, &facts.days, &debts(&facts)).await;
        self.shared.end_loading().await?;
        let in_force = in_force?;
        self.rebuild_took = begun.elapsed();
        self.promised.clear();
        self.sight.unblock_all();
        tracing::debug!(
            portfolio = %self.settings.portfolio,
            generation = facts.generation,
            in_force,
            people = facts.people.len(),
            pairs = facts.pairs.len(),
            budgets = facts.budgets.len(),
            took_ms = self.rebuild_took.as_millis(),
            "limits: what is used up was read from the record"
        );
        Ok(())
    }

    async fn recover(&mut self, error: ScriptError) {
        let error = match error {
            ScriptError::Forgotten => match self.shared.begin_anew().await {
                Ok(()) => {
                    tracing::info!(portfolio = %self.settings.portfolio, "limits: Redis was started anew; what is used up is read from the record");
                    return;
                }
                Err(error) => error,
            },
            ScriptError::Redis(error) => error,
        };
        self.note_away(&error);
        tokio::time::sleep(AWAY_PAUSE).await;
    }

    fn note_away(&mut self, error: &dyn std::error::Error) {
        if !std::mem::replace(&mut self.away, true) {
            tracing::warn!(error = %error, "limits: cannot be asked; nothing is sent until they can");
        }
    }

    fn note_back(&mut self) {
        if std::mem::take(&mut self.away) {
            tracing::info!("limits: can be asked again");
        }
    }
}

/// What a channel that has a pace is called among numbers: its desk has no others.
pub(super) fn line_of(channel: Channel) -> SenderName {
    channel.name().parse().expect("the names of channels are names of senders, too: a test parses all of them")
}

/// What goes back when a permit is not used.
pub(super) fn given_back(wish: &Wish, permit: &Permit, settings: &DeskSettings) -> Option<GivenBack> {
    let (_, generation) = permit.fences.iter().find(|(portfolio, _)| **portfolio == *settings.portfolio)?;
    let sender = wish.number.and_then(|number| settings.senders.get(number)).filter(|_| wish.takes_pair);
    let caps = settings.caps.as_ref().zip(permit.spends_on);
    Some(GivenBack {
        generation: *generation,
        person: permit.counted_ms.map(|at| (wish.contact, at)).filter(|_| wish.counts_for_tier),
        run: wish.run.map(|run| run.run),
        price_micros: wish.price_micros,
        caps: caps.map_or_else(Vec::new, |(caps, day)| caps.on(day).map(|cap| (cap.limit, cap.period)).collect()),
        pair: sender.map(|(name, _)| (name.clone(), wish.contact)),
    })
}

/// When the debt of each pair is paid: each message adds its interval to whatever was owed when it was called.
fn debts(facts: &LimitFacts) -> Vec<(SenderName, ContactId, i64)> {
    let mut calls: HashMap<(&SenderName, ContactId), Vec<i64>> = HashMap::new();
    for (sender, contact, at) in &facts.pairs {
        calls.entry((sender, *contact)).or_default().push(at.as_millisecond());
    }
    let interval = i64::try_from(PAIR_INTERVAL.as_millis()).unwrap_or(i64::MAX);
    let debts = calls.into_iter().map(|((sender, contact), mut calls)| {
        calls.sort_unstable();
        let paid = calls.iter().fold(i64::MIN, |paid, at| paid.max(*at) + interval);
        let most = calls.last().copied().unwrap_or(0) + interval * i64::from(PAIR_BURST);
        (sender.clone(), contact, paid.min(most))
    });
    debts.collect()
}

fn place(places: &mut Vec<usize>, wanted: usize) -> usize {
    places.iter().position(|known| *known == wanted).unwrap_or_else(|| {
        places.push(wanted);
        places.len() - 1
    })
}

/// How long so many messages take.
fn takes(n: usize, rate: f64) -> SignedDuration {
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    let seconds = n as f64 / rate;
    SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX)
}

/// Up to a quarter of a wait, the same for the same message: so those who wait for the same do not come in one moment.
fn spread(message: MessageId, wait: SignedDuration) -> SignedDuration {
    let share = message.number().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    wait / 1024 * i32::try_from(share).unwrap_or(0)
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
