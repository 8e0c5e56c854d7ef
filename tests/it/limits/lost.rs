//! Redis emptied, killed and started anew: not one too many is started in the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use barid::domain::budget::SpendingCaps;
use barid::domain::ids::{ContactId, MessageId, RunId, SenderName};
use barid::domain::schedule::Zone;
use barid::domain::start::StartAnswer;
use barid::limits::{Limiter, Sender, Settings};
use barid::ports::{Ask, LimitFactsOf, Limits as _, Messages as _, Permit, Start, Verdict};
use barid::store::SqlStore;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{NothingUsed, ask, now, of_run, over, permit, refused, settings};
use crate::contracts::{Database, on_both_databases, people, run_to_until, seed};
use crate::queue::harness::{TestRedis, until};

const PRICE: i64 = 30_000;

/// What the service has in common with the limits: the real record.
struct World {
    redis: TestRedis,
    store: Arc<SqlStore>,
    run: RunId,
    messages: Vec<(MessageId, ContactId)>,
    limiters: [Arc<Limiter>; 2],
    budget: Option<i64>,
    portfolios: usize,
    started: AtomicUsize,
}

/// The name of a number; the first is that of all other tests.
fn sender_of(n: usize) -> SenderName {
    if n == 0 { ask(1).sender } else { format!("number-{n}").parse().unwrap() }
}

impl World {
    async fn with(database: &Database, n: usize, tier: Option<u32>, budget: Option<i64>) -> Self {
        Self::of(database, n, budget, settings(10_000, tier)).await
    }

    /// One in which all messages together may cost so much in a day, over so many portfolios.
    async fn capped(database: &Database, n: usize, day_micros: i64, portfolios: usize) -> Self {
        let caps = SpendingCaps { day_micros: Some(day_micros), month_micros: None, zone: Zone::utc() };
        let one = &settings(10_000, None).senders[0];
        let sender = |n| Sender { name: sender_of(n), portfolio: format!("p{n}"), ..one.clone() };
        let senders = (0..portfolios).map(sender).collect();
        Self::of(database, n, None, Settings { caps: Some(caps), senders, ..settings(10_000, None) }).await
    }

    async fn of(database: &Database, n: usize, budget: Option<i64>, settings: Settings) -> Self {
        let store = Arc::new(database.open().await);
        let contacts = people(&store, n).await;
        let expires_at = now() + SignedDuration::from_hours(1);
        let (run, ids) = run_to_until(&store, &contacts, expires_at).await;
        let redis = TestRedis::start();
        let facts: Arc<dyn LimitFactsOf> = store.clone();
        let portfolios = settings.senders.len();
        let settings = Settings { rebuild_every: Duration::from_millis(300), ..settings };
        let limiters = [
            Arc::new(over(&redis, Arc::clone(&facts), settings.clone()).await),
            Arc::new(over(&redis, facts, settings).await),
        ];
        let messages = ids.into_iter().zip(contacts).collect();
        Self { redis, store, run: run.id, messages, limiters, budget, portfolios, started: AtomicUsize::new(0) }
    }

    fn ask(&self, at: usize) -> Ask {
        let (message, contact) = self.messages[at];
        let sender = if self.portfolios > 1 { sender_of(at / 2 % self.portfolios) } else { ask(1).sender };
        let (run, budget_micros) = (Some(self.run), self.budget);
        Ask { message, contact, sender, budget_micros, price_micros: PRICE, run, ..ask(1) }
    }

    async fn start(&self, ask: &Ask, permit: &Permit) -> StartAnswer {
        let start = Start {
            marketing: false,
            id: ask.message,
            attempts_before: 0,
            channel: ask.channel,
            lease_until: now() + SignedDuration::from_mins(1),
            permits: permit.fences.clone(),
            counts_for_tier: ask.counts_for_tier,
            price_micros: ask.price_micros,
            freeze: None,
            now: now(),
        };
        self.store.start(start).await.unwrap()
    }

    /// One message as its job would: asked, started; asked again when its permit came too late. Whether it was started.
    async fn send(&self, at: usize) -> bool {
        let (ask, limiter) = (self.ask(at), &self.limiters[at % 2]);
        loop {
            let permit = match limiter.permit(&ask).await {
                Verdict::Granted(permit) => permit,
                Verdict::Refused { .. } => return false,
            };
            // Between leave to go and the mark, jobs of other messages have their turn.
            tokio::task::yield_now().await;
            match self.start(&ask, &permit).await {
                StartAnswer::Go => {
                    self.started.fetch_add(1, Ordering::SeqCst);
                    return true;
                }
                StartAnswer::NotNow { .. } => limiter.give_back(&ask, permit).await,
                other => panic!("{other:?}"),
            }
        }
    }

    /// All but one of what is allowed are started; one has leave to go. Then everything in Redis is gone, and both ask at once.
    async fn lose_everything_at_one_below(self, allowed: usize) {
        for at in 0..allowed - 1 {
            assert!(self.send(at).await, "message {at}");
        }
        let in_flight = self.ask(allowed - 1);
        let leave = permit(&self.limiters[0], &in_flight).await;
        self.redis.cli(&["FLUSHALL"]);
        let rest = futures_util::future::join_all((allowed..self.messages.len()).map(|at| self.send(at)));
        let late = async {
            match self.start(&in_flight, &leave).await {
                StartAnswer::Go => self.started.fetch_add(1, Ordering::SeqCst),
                StartAnswer::NotNow { .. } => 0,
                other => panic!("{other:?}"),
            }
        };
        tokio::join!(rest, late);
        assert_eq!(self.started.load(Ordering::SeqCst), allowed);
    }

    /// Emptied again and again while everybody asks.
    async fn lose_everything_again_and_again(self, allowed: usize, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let all = futures_util::future::join_all((0..self.messages.len()).map(|at| self.send(at)));
        let flushes = async {
            for _ in 0..6 {
                tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
                self.redis.cli(&["FLUSHALL"]);
            }
        };
        tokio::join!(all, flushes);
        let started = self.started.load(Ordering::SeqCst);
        assert!(started <= allowed, "{started} of {allowed}");
        // What was granted and lost comes back by the next look at the record.
        until("everything that is allowed is started", async || {
            for at in 0..self.messages.len() {
                let standing = self.store.load(self.messages[at].0).await.unwrap().unwrap().standing;
                if standing.attempt == 0 {
                    self.send(at).await;
                }
            }
            self.started.load(Ordering::SeqCst) == allowed
        })
        .await;
    }
}

on_both_databases! {
    async fn after_a_flush_at_one_below_the_tier_not_one_too_many_is_started(database: Database) {
        World::with(&database, 40, Some(20), None).await.lose_everything_at_one_below(20).await;
    }

    async fn after_a_flush_at_one_message_below_the_budget_not_one_too_many_is_started(database: Database) {
        World::with(&database, 40, None, Some(20 * PRICE + 1)).await.lose_everything_at_one_below(20).await;
    }

    async fn after_a_flush_at_one_message_below_what_a_day_may_cost_not_one_too_many_is_started(database: Database) {
        World::capped(&database, 40, 20 * PRICE + 1, 1).await.lose_everything_at_one_below(20).await;
    }

    async fn after_a_flush_three_portfolios_together_spend_not_one_message_too_many(database: Database) {
        World::capped(&database, 40, 20 * PRICE + 1, 3).await.lose_everything_at_one_below(20).await;
    }

    async fn however_often_redis_is_emptied_no_day_costs_more(database: Database) {
        let world = World::capped(&database, 120, 60 * PRICE, 1).await;
        world.lose_everything_again_and_again(60, seed()).await;
    }

    async fn however_often_redis_is_emptied_no_day_of_two_portfolios_costs_more(database: Database) {
        let world = World::capped(&database, 120, 60 * PRICE, 2).await;
        world.lose_everything_again_and_again(60, seed()).await;
    }

    async fn however_often_redis_is_emptied_no_tier_is_exceeded(database: Database) {
        World::with(&database, 120, Some(60), None).await.lose_everything_again_and_again(60, seed()).await;
    }

    async fn however_often_redis_is_emptied_no_budget_is_exceeded(database: Database) {
        let world = World::with(&database, 120, None, Some(60 * PRICE)).await;
        world.lose_everything_again_and_again(60, seed()).await;
    }
}

#[tokio::test]
async fn what_the_record_gives_back_is_granted_again() {
    let redis = TestRedis::start();
    let settings = Settings { rebuild_every: Duration::from_millis(100), ..settings(1_000, Some(2)) };
    // A record that forgets everybody: they failed.
    let limiter = over(&redis, Arc::new(NothingUsed::default()), settings).await;
    permit(&limiter, &ask(1)).await;
    permit(&limiter, &ask(2)).await;
    until("the places are free again", async || matches!(limiter.permit(&ask(3)).await, Verdict::Granted(_))).await;
    let standing = limiter.standing().await.unwrap();
    assert_eq!(standing[0].tier_used, 1);
}

#[tokio::test]
async fn a_process_that_starts_goes_on_with_what_redis_has() {
    let redis = TestRedis::start();
    let facts = Arc::new(NothingUsed::default());
    let first = over(&redis, facts.clone(), settings(1_000, Some(2))).await;
    permit(&first, &ask(1)).await;
    let (_, generation) = permit(&first, &ask(2)).await.fences.remove(0);
    let second = over(&redis, facts.clone(), settings(1_000, Some(2))).await;
    refused(second.permit(&ask(3)).await);
    let (_, same) = permit(&second, &ask(1)).await.fences.remove(0);
    assert_eq!((generation, same, facts.limit_generation("p1").await.unwrap()), (1, 1, 1));
}

#[tokio::test]
async fn facts_older_than_the_record_knows_are_not_gone_by() {
    let redis = TestRedis::start();
    let facts = Arc::new(NothingUsed::default());
    let first = over(&redis, facts.clone(), settings(1_000, Some(2))).await;
    permit(&first, &ask(1)).await;
    // As after a Redis that was restored from a copy: the record has begun a generation since.
    facts.limit_facts("p1", &[], None, now()).await.unwrap();
    let second = over(&redis, facts.clone(), settings(1_000, Some(2))).await;
    let (_, generation) = permit(&second, &ask(1)).await.fences.remove(0);
    assert_eq!(generation, 3);
    // The first learns of it when its permits are not taken.
    let stale = permit(&first, &ask(2)).await;
    first.give_back(&ask(2), stale).await;
    until("it sees the new generation", async || permit(&first, &of_run(2, 1)).await.fences.remove(0).1 >= 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_everybody_waits_and_what_it_forgot_is_counted_again() {
    let mut redis = TestRedis::start();
    let facts = Arc::new(NothingUsed::default());
    let limiter = Arc::new(over(&redis, facts.clone(), settings(1_000, Some(100))).await);
    permit(&limiter, &ask(1)).await;
    redis.kill();
    let waits: Vec<_> = (2..20)
        .map(|n| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { permit(&limiter, &ask(n)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waits.iter().all(|wait| !wait.is_finished()), "nothing leaves without limits");
    assert!(limiter.standing().await.is_err());
    redis.run();
    for wait in waits {
        // It kept everything on disk, and all the same it may have lost the last: the record is asked.
        assert_eq!(wait.await.unwrap().fences.remove(0).1, 2);
    }
}
