//! What Meta tells us to slow down.

use barid::domain::ids::{ContactId, RunId};
use barid::domain::limit::Limit;
use barid::limits::Limiter;
use barid::ports::{Ask, Limits as _, SlowDown};
use jiff::SignedDuration;

use super::{ask, limiter, now, permit, refused, sender};
use crate::queue::harness::{TestRedis, until};

const NUMBER: &str = "{test:limits:p1}:number:default";

async fn rate(limiter: &Limiter) -> f64 {
    limiter.standing().await.unwrap()[0].mps_now
}

fn redis_us(redis: &TestRedis) -> i64 {
    let time = redis.cli(&["TIME"]);
    let mut parts = time.lines().map(|part| part.trim().parse::<i64>().unwrap());
    parts.next().unwrap() * 1_000_000 + parts.next().unwrap()
}

#[tokio::test]
async fn a_number_that_was_too_fast_sends_half_as_fast_and_recovers_in_steps() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, 160, None).await;
    permit(&limiter, &ask(1)).await;
    // Refusals of calls that were under way together halve it once.
    for _ in 0..50 {
        limiter.slow_down(&SlowDown::Number(sender())).await;
    }
    until("it is halved", async || rate(&limiter).await == 80.0).await;
    permit(&limiter, &ask(2)).await;
    // Time passes for Redis only.
    let mut reached = Vec::new();
    for seconds in [6, 16, 41] {
        let slowed_at = redis_us(&redis) - seconds * 1_000_000;
        redis.cli(&["SET", NUMBER, &format!("{slowed_at} 8 {slowed_at}"), "PX", "60000"]);
        reached.push(rate(&limiter).await);
    }
    assert_eq!(reached, [90.0, 110.0, 160.0]);
    // Never to nothing.
    let long_ago = redis_us(&redis) - 2_000_000;
    redis.cli(&["SET", NUMBER, &format!("{long_ago} 1 {long_ago}"), "PX", "60000"]);
    limiter.slow_down(&SlowDown::Number(sender())).await;
    permit(&limiter, &ask(3)).await;
    assert_eq!(rate(&limiter).await, 10.0);
}

#[tokio::test]
async fn a_person_who_had_too_much_is_left_alone_four_times_as_long_each_time() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, 1_000, None).await;
    let pair = SlowDown::Pair(sender(), ContactId::new(1));
    permit(&limiter, &ask(1)).await;
    limiter.slow_down(&pair).await;
    let begun = now();
    let (limit, first) = refused(limiter.permit(&ask(1)).await);
    assert_eq!(limit, Limit::Pair);
    assert!(first <= now() + SignedDuration::from_secs(1));
    permit(&limiter, &ask(2)).await;
    until("the second has passed", async || matches!(limiter.permit(&ask(1)).await, barid::ports::Verdict::Granted(_)))
        .await;
    limiter.slow_down(&pair).await;
    let (_, second) = refused(limiter.permit(&ask(1)).await);
    let slept = second.duration_since(begun);
    assert!(slept > SignedDuration::from_secs(3), "{slept:?}: four seconds after about one");
}

#[tokio::test]
async fn while_the_account_rests_nothing_goes_over_any_number_of_it() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, 1_000, None).await;
    permit(&limiter, &ask(1)).await;
    limiter.slow_down(&SlowDown::Account(sender(), SignedDuration::from_secs(300))).await;
    let (limit, until) = refused(limiter.permit(&ask(2)).await);
    assert_eq!(limit, Limit::Account);
    assert!(until > now() + SignedDuration::from_secs(200));
    assert!(matches!(limiter.full(&sender(), RunId::new(1), now()), Some((Limit::Account, _))));
    // It rests on after Redis was emptied of what is counted.
    redis.cli(&["HDEL", "{test:limits:p1}:facts", "generation"]);
    assert_eq!(refused(limiter.permit(&Ask { counts_for_tier: false, ..ask(3) }).await).0, Limit::Account);
}
