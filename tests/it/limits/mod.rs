//! The limits against a real Redis: what is granted, to whom first, and what is left after everything in Redis was lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end")]

mod caps;
mod cluster;
mod lines;
mod lost;
mod paces;
mod refusals;
mod slower;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use barid::daemon::clock::SystemClock;
use barid::domain::channel::Channel;
use barid::domain::ids::{ContactId, MessageId, RunId, SenderName};
use barid::domain::limit::{Limit, Urgency};
use barid::limits::{Limiter, Redis, Sender, Settings};
use barid::ports::{Ask, Clock, LimitFacts, LimitFactsOf, Limits as _, Permit, Stored, Verdict};
use jiff::Timestamp;

use crate::queue::harness::TestRedis;

/// A record of which nothing is used up, with the generation of each portfolio.
#[derive(Default)]
pub(crate) struct NothingUsed(Mutex<HashMap<String, i64>>);

#[async_trait]
impl LimitFactsOf for NothingUsed {
    async fn limit_facts(&self, of: &str, _: &[SenderName], _: Option<u32>, _: Timestamp) -> Stored<LimitFacts> {
        let mut generations = self.0.lock().unwrap();
        let generation = generations.entry(of.to_owned()).or_default();
        *generation += 1;
        Ok(LimitFacts { generation: *generation, ..LimitFacts::default() })
    }

    async fn limit_generation(&self, of: &str) -> Stored<i64> {
        Ok(self.0.lock().unwrap().get(of).copied().unwrap_or(0))
    }
}

pub(crate) fn sender() -> SenderName {
    "default".parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn settings(mps: u32, tier: Option<u32>) -> Settings {
    let sender = Sender { name: sender(), mps, portfolio: "p1".to_owned(), tier };
    Settings {
        namespace: "test".to_owned(),
        senders: vec![sender],
        channels: vec![],
        caps: None,
        rebuild_every: Duration::from_secs(3600),
    }
}

pub(crate) async fn connect(redis: &TestRedis) -> Redis {
    let client = redis::Client::open(redis.url()).unwrap();
    Redis::over(redis::aio::ConnectionManager::new(client).await.unwrap())
}

pub(crate) async fn over(redis: &TestRedis, facts: Arc<dyn LimitFactsOf>, settings: Settings) -> Limiter {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Limiter::start(&connect(redis).await, &facts, &clock, settings)
}

pub(crate) async fn limiter(redis: &TestRedis, mps: u32, tier: Option<u32>) -> Limiter {
    over(redis, Arc::new(NothingUsed::default()), settings(mps, tier)).await
}

/// Message and person number `n`, of no run.
pub(crate) fn ask(n: i64) -> Ask {
    Ask {
        message: MessageId::new(n),
        contact: ContactId::new(n),
        sender: sender(),
        channel: Channel::Whatsapp,
        urgency: Urgency::Bulk,
        counts_for_tier: true,
        run: None,
        rate: None,
        budget_micros: None,
        price_micros: 0,
    }
}

pub(crate) fn of_run(n: i64, run: i64) -> Ask {
    Ask { run: Some(RunId::new(run)), ..ask(n) }
}

#[track_caller]
pub(crate) fn granted(verdict: Verdict) -> Permit {
    match verdict {
        Verdict::Granted(permit) => permit,
        Verdict::Refused { limit, until } => panic!("refused by {} until {until}", limit.name()),
    }
}

#[track_caller]
pub(crate) fn refused(verdict: Verdict) -> (Limit, Timestamp) {
    match verdict {
        Verdict::Refused { limit, until } => (limit, until),
        Verdict::Granted(permit) => panic!("granted: {permit:?}"),
    }
}

pub(crate) async fn permit(limiter: &Limiter, ask: &Ask) -> Permit {
    granted(limiter.permit(ask).await)
}
