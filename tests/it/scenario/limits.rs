//! Limits without Redis: a copy of what the record says is used up, which can be lost, and leave to go under its generation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::domain::ids::{RunId, SenderName};
use barid::domain::limit::{Limit, TIER_SPAN};
use barid::ports::{
    Ask, Clock as _, LimitFacts, LimitFactsOf, Limits, LimitsUnavailable, Permit, SenderLimits, SlowDown, Verdict,
};
use jiff::{SignedDuration, Timestamp};

use super::time::{Time, chance};

/// Whose limits they are.
const PORTFOLIO: &str = "default";
/// Who finds nothing left of a budget asks again so much later.
const BUDGET_LOOK: SignedDuration = SignedDuration::from_secs(15);

/// What of the limits lies in Redis. It survives the process, and can be lost.
#[derive(Default)]
pub(crate) struct Copy(Mutex<Option<Counted>>);

#[derive(Default)]
struct Counted {
    generation: i64,
    people: HashMap<i64, Timestamp>,
    spent: HashMap<i64, i64>,
}

impl Copy {
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap() = None;
    }

    /// Makes it anew, in a new generation, from what the record says.
    pub(crate) async fn make(&self, record: &dyn LimitFactsOf, tier: Option<u32>, now: Timestamp) -> bool {
        self.forget();
        let senders = [PORTFOLIO.parse().unwrap()];
        let Ok(facts) = record.limit_facts(PORTFOLIO, &senders, tier, now).await else { return false };
        let LimitFacts { generation, people, budgets, .. } = facts;
        let people = people.into_iter().map(|(contact, at)| (contact.number(), at)).collect();
        let spent = budgets.into_iter().map(|(run, micros)| (run.number(), micros)).collect();
        *self.0.lock().unwrap() = Some(Counted { generation, people, spent });
        true
    }

    fn generation(&self) -> Option<i64> {
        self.0.lock().unwrap().as_ref().map(|counted| counted.generation)
    }

    /// Takes everything that the message needs, or nothing.
    fn take(&self, ask: &Ask, tier: Option<u32>, now: Timestamp) -> Verdict {
        let mut copy = self.0.lock().unwrap();
        let Some(counted) = copy.as_mut() else {
            // Lost in this moment; whoever asks again makes it anew.
            return Verdict::Refused { limit: Limit::Number, until: now + SignedDuration::from_secs(1) };
        };
        counted.people.retain(|_, at| *at + TIER_SPAN > now);
        let person = ask.contact.number();
        let counts = ask.counts_for_tier && tier.is_some() && !counted.people.contains_key(&person);
        if counts && counted.people.len() >= tier.map_or(usize::MAX, |tier| tier as usize) {
            let oldest = counted.people.values().min().copied().unwrap_or(now);
            return Verdict::Refused { limit: Limit::Tier, until: oldest + TIER_SPAN };
        }
        let run = ask.run.map(RunId::number);
        let spent = run.map_or(0, |run| counted.spent.get(&run).copied().unwrap_or(0));
        if ask.budget_micros.is_some_and(|budget| spent + ask.price_micros > budget) {
            return Verdict::Refused { limit: Limit::Budget, until: now + BUDGET_LOOK };
        }
        if ask.counts_for_tier && tier.is_some() {
            // Who was counted already is counted anew: it is the newest message that counts.
            counted.people.insert(person, now);
        }
        if let Some(run) = run {
            *counted.spent.entry(run).or_default() += ask.price_micros;
        }
        Verdict::Granted(Permit {
            fences: vec![(PORTFOLIO.to_owned(), counted.generation)],
            spends_on: None,
            leave_at: None,
            counted_ms: counts.then(|| now.as_millisecond()),
        })
    }

    fn give_back(&self, ask: &Ask, permit: &Permit) {
        let mut copy = self.0.lock().unwrap();
        let of_this = |counted: &&mut Counted| {
            permit.fences.first().is_some_and(|(_, generation)| *generation == counted.generation)
        };
        let Some(counted) = copy.as_mut().filter(of_this) else { return };
        if permit.counted_ms.is_some() {
            counted.people.remove(&ask.contact.number());
        }
        if let Some(run) = ask.run {
            *counted.spent.entry(run.number()).or_default() -= ask.price_micros;
        }
    }
}

/// Limits that put somebody off now and then by chance, and hold a tier and budgets where there are any.
pub(crate) struct SomeLimits {
    pub(crate) seed: u64,
    pub(crate) is_kind: bool,
    pub(crate) tier: Option<u32>,
    pub(crate) time: Arc<Time>,
    pub(crate) asked: Mutex<HashMap<i64, u64>>,
    pub(crate) copy: Arc<Copy>,
    pub(crate) record: Arc<dyn LimitFactsOf>,
}

impl SomeLimits {
    /// By the copy, which is made anew first where it is lost or the record knows a newer one.
    async fn by_the_copy(&self, ask: &Ask) -> Verdict {
        let now = self.time.now();
        let known = self.record.limit_generation(PORTFOLIO).await.ok();
        let holds = known.is_some() && known == self.copy.generation();
        if !holds && !self.copy.make(&*self.record, self.tier, now).await {
            return Verdict::Refused { limit: Limit::Number, until: now + SignedDuration::from_secs(1) };
        }
        self.copy.take(ask, self.tier, now)
    }
}

#[async_trait]
impl Limits for SomeLimits {
    async fn permit(&self, ask: &Ask) -> Verdict {
        if self.tier.is_some() || ask.budget_micros.is_some() {
            return self.by_the_copy(ask).await;
        }
        let person = ask.contact.number();
        let nth = *self.asked.lock().unwrap().entry(person).and_modify(|n| *n += 1).or_insert(1);
        if !self.is_kind && nth == 1 && chance(self.seed, person.unsigned_abs(), 700) < 0.15 {
            let until = self.time.now() + SignedDuration::from_secs(4);
            return Verdict::Refused { limit: Limit::Pair, until };
        }
        Verdict::Granted(Permit::FREE)
    }
    async fn leave(&self, _: &Ask, _: &Permit) {}
    async fn give_back(&self, ask: &Ask, permit: Permit) {
        self.copy.give_back(ask, &permit);
    }
    async fn slow_down(&self, _: &SlowDown) {}
    fn full(&self, _: &SenderName, _: RunId, _: Timestamp) -> Option<(Limit, Timestamp)> {
        None
    }
    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        Ok(Vec::new())
    }
}
