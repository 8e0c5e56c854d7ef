//! What is granted and what is refused: tier, pair, budget, rate; and what goes back.

use barid::domain::channel::Channel;
use barid::domain::ids::{ContactId, RunId};
use barid::domain::limit::{Limit, Urgency};
use barid::ports::{Ask, Limits as _, Verdict};
use jiff::SignedDuration;

use super::{ask, granted, limiter, now, of_run, permit, refused, sender};
use crate::queue::harness::{TestRedis, until};

const FAST: u32 = 10_000;

#[tokio::test]
async fn a_tier_counts_each_person_once_and_refuses_the_next_for_a_day() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, Some(3)).await;
    for n in 1..=3 {
        assert!(!permit(&limiter, &ask(n)).await.fences.is_empty());
    }
    let (limit, until) = refused(limiter.permit(&ask(4)).await);
    assert_eq!(limit, Limit::Tier);
    assert!(until > now() + SignedDuration::from_mins(10), "{until}: it is not asked again and again");
    // Those who are counted already are free, and so is what opens no conversation.
    permit(&limiter, &ask(2)).await;
    permit(&limiter, &Ask { counts_for_tier: false, ..ask(5) }).await;
    let standing = limiter.standing().await.unwrap();
    assert_eq!((standing[0].tier, standing[0].tier_used), (Some(3), 3));
    assert_eq!(standing[0].tier_returns.iter().map(|(_, n)| n).sum::<u64>(), 3, "{standing:?}");
}

#[tokio::test]
async fn what_was_not_used_goes_back_and_what_others_count_on_does_not() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, Some(1)).await;
    let first = permit(&limiter, &ask(1)).await;
    // A second message to the same person counts on the place that the first one took.
    let second = permit(&limiter, &Ask { message: barid::domain::ids::MessageId::new(9), ..ask(1) }).await;
    limiter.give_back(&ask(1), second).await;
    assert_eq!(refused(limiter.permit(&ask(2)).await).0, Limit::Tier);
    drop(first);
}

#[tokio::test]
async fn the_place_of_a_message_that_was_not_called_is_free_again() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, Some(1)).await;
    let taken = permit(&limiter, &ask(1)).await;
    assert_eq!(refused(limiter.permit(&ask(2)).await).0, Limit::Tier);
    limiter.give_back(&ask(1), taken).await;
    permit(&limiter, &ask(2)).await;
}

#[tokio::test]
async fn what_an_aborted_job_was_granted_goes_back_and_it_leaves_the_line() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, 1, Some(1)).await;
    // The number is so slow that the second waits in line; then it is aborted there.
    permit(&limiter, &Ask { counts_for_tier: false, ..ask(1) }).await;
    let aborted = tokio::time::timeout(std::time::Duration::from_millis(50), limiter.permit(&ask(2))).await;
    assert!(aborted.is_err());
    permit(&limiter, &Ask { urgency: Urgency::Single, ..ask(3) }).await;
}

#[tokio::test]
async fn a_person_gets_45_messages_at_once_and_then_one_each_six_seconds() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, None).await;
    let to_one = |n: i64| Ask { contact: ContactId::new(7), ..ask(n) };
    let begun = now();
    for n in 0..45 {
        permit(&limiter, &to_one(n)).await;
    }
    // A slow machine may have earned one more by now.
    let mut verdict = limiter.permit(&to_one(45)).await;
    while let Verdict::Granted(_) = verdict {
        assert!(now().duration_since(begun) > SignedDuration::from_secs(6), "46 within {begun}");
        verdict = limiter.permit(&to_one(45)).await;
    }
    let (limit, until) = refused(verdict);
    assert_eq!(limit, Limit::Pair);
    assert!(until <= now() + SignedDuration::from_millis(6_100));
    permit(&limiter, &ask(8)).await;
}

#[tokio::test]
async fn a_budget_is_never_exceeded_and_its_run_is_not_fed_any_more() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, None).await;
    let costs = |n: i64, run: i64| Ask { budget_micros: Some(100), price_micros: 40, ..of_run(n, run) };
    permit(&limiter, &costs(1, 1)).await;
    let second = permit(&limiter, &costs(2, 1)).await;
    let (limit, _) = refused(limiter.permit(&costs(3, 1)).await);
    assert_eq!(limit, Limit::Budget);
    assert!(matches!(limiter.full(&sender(), RunId::new(1), now()), Some((Limit::Budget, _))));
    assert_eq!(limiter.full(&sender(), RunId::new(2), now()), None);
    // A budget binds every channel.
    let by_sms = Ask { channel: Channel::Sms, ..costs(4, 1) };
    assert_eq!(refused(limiter.permit(&by_sms).await).0, Limit::Budget);
    permit(&limiter, &costs(5, 2)).await;
    limiter.give_back(&costs(2, 1), second).await;
    permit(&limiter, &by_sms).await;
    assert_eq!(limiter.full(&sender(), RunId::new(1), now()), None, "it is fed again");
}

#[tokio::test]
async fn all_or_nothing_is_taken() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, Some(2)).await;
    // The budget refuses, so the tier is not taken from.
    let too_dear = Ask { budget_micros: Some(10), price_micros: 11, ..of_run(1, 1) };
    assert_eq!(refused(limiter.permit(&too_dear).await).0, Limit::Budget);
    permit(&limiter, &ask(2)).await;
    permit(&limiter, &ask(3)).await;
    // The tier refuses, so the budget is not taken from.
    let one = |n: i64| Ask { budget_micros: Some(10), price_micros: 10, ..of_run(n, 2) };
    assert_eq!(refused(limiter.permit(&one(4)).await).0, Limit::Tier);
    permit(&limiter, &one(2)).await;
}

#[tokio::test]
async fn a_run_whose_line_is_long_lets_its_jobs_do_something_else() {
    let redis = TestRedis::start();
    let limiter = std::sync::Arc::new(limiter(&redis, FAST, None).await);
    let slow = |n: i64| Ask { rate: Some(1), ..of_run(n, 1) };
    let asked: Vec<_> = (0..20)
        .map(|n| {
            let limiter = std::sync::Arc::clone(&limiter);
            tokio::spawn(async move { limiter.permit(&slow(n)).await })
        })
        .collect();
    let mut moments = Vec::new();
    let mut went = 0;
    for asked in asked {
        match asked.await.unwrap() {
            Verdict::Granted(_) => went += 1,
            Verdict::Refused { limit, until } => {
                assert_eq!(limit, Limit::Rate);
                moments.push(until);
            }
        }
    }
    moments.sort();
    assert!(went <= 7 && moments.len() >= 13, "{went} went, {} came back later", moments.len());
    for two in moments.windows(2) {
        assert!(two[1].duration_since(two[0]) >= SignedDuration::from_millis(999), "one each second: {moments:?}");
    }
    assert!(matches!(limiter.full(&sender(), RunId::new(1), now()), Some((Limit::Rate, _))));
}

#[tokio::test]
async fn nothing_binds_a_message_on_another_channel_without_rate_and_budget() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, 1, Some(0)).await;
    for n in 0..100 {
        let permit = granted(limiter.permit(&Ask { channel: Channel::Email, ..of_run(n, 1) }).await);
        assert!(permit.fences.is_empty() && permit.leave_at.is_none());
    }
    assert_eq!(refused(limiter.permit(&ask(1)).await).0, Limit::Tier);
}

#[tokio::test]
async fn keys_go_away_by_themselves() {
    let redis = TestRedis::start();
    let limiter = limiter(&redis, FAST, Some(100)).await;
    for n in 0..20 {
        permit(&limiter, &Ask { rate: Some(1000), budget_micros: Some(1_000), price_micros: 1, ..of_run(n, 1) }).await;
    }
    let keys = redis.cli(&["KEYS", "*"]);
    for key in keys.lines() {
        assert!(key.starts_with("{test:limits:p1}:"), "{key} is not where a cluster would look for it");
        let left: i64 = redis.cli(&["PTTL", key]).trim().parse().unwrap();
        assert!(left != -1, "{key} would stay for ever");
    }
    until("only facts and tier are left", async || redis.cli(&["KEYS", "*"]).lines().count() == 2).await;
}
