//! Who goes first, and the distance of the slots.

use std::sync::Arc;

use barid::domain::limit::Urgency;
use barid::limits::Limiter;
use barid::ports::{Ask, Limits as _};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use super::{NothingUsed, ask, granted, limiter, of_run, over, settings};
use crate::queue::harness::TestRedis;

/// Asks for all of them at once, in their order; answers the slot of each by its number.
pub(super) async fn slots(limiters: &[Arc<Limiter>], asks: Vec<Ask>) -> Vec<(i64, Instant)> {
    let mut set = JoinSet::new();
    for (n, ask) in asks.into_iter().enumerate() {
        let limiter = Arc::clone(&limiters[n % limiters.len()]);
        set.spawn(async move { (ask.message.number(), granted(limiter.permit(&ask).await).leave_at.unwrap()) });
    }
    let mut slots = set.join_all().await;
    slots.sort_by_key(|(_, slot)| *slot);
    slots
}

/// The most slots in any second.
pub(super) fn busiest(slots: &[(i64, Instant)]) -> usize {
    let second = Duration::from_secs(1);
    (0..slots.len())
        .map(|n| slots[n..].iter().take_while(|(_, at)| *at - slots[n].1 < second).count())
        .max()
        .unwrap_or(0)
}

#[tokio::test]
async fn no_second_carries_more_slots_than_the_number_may_send() {
    let redis = TestRedis::start();
    let limiters = [Arc::new(limiter(&redis, 70, None).await)];
    let slots = slots(&limiters, (0..150).map(ask).collect()).await;
    // One more where the estimate of Redis's clock was corrected by less than a slot.
    assert!(busiest(&slots) <= 71, "{}", busiest(&slots));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_slots_of_a_number() {
    let redis = TestRedis::start();
    let facts = Arc::new(NothingUsed::default());
    let one = Arc::new(over(&redis, facts.clone(), settings(500, None)).await);
    let two = Arc::new(over(&redis, facts, settings(500, None)).await);
    let slots = slots(&[one, two], (0..1_000).map(ask).collect()).await;
    assert_eq!(slots.len(), 1_000);
    assert!(busiest(&slots) <= 510, "{}", busiest(&slots));
}

#[tokio::test]
async fn an_answer_to_a_person_passes_everybody_who_waits() {
    let redis = TestRedis::start();
    let limiter = Arc::new(limiter(&redis, 40, None).await);
    let mut asks: Vec<Ask> = (0..60).map(|n| of_run(n, 1)).collect();
    asks.push(Ask { urgency: Urgency::Single, ..ask(100) });
    asks.push(Ask { urgency: Urgency::Reply, ..ask(101) });
    let order: Vec<i64> = slots(&[limiter], asks).await.into_iter().map(|(n, _)| n).collect();
    let place = |n: i64| order.iter().position(|other| *other == n).unwrap();
    // Before them go those who had reserved a slot already: a tenth of a second of them at most.
    assert!(place(101) <= 5 && place(100) <= 6, "{order:?}");
}

#[tokio::test]
async fn a_small_run_does_not_wait_for_a_large_one() {
    let redis = TestRedis::start();
    let limiter = Arc::new(limiter(&redis, 100, None).await);
    let mut asks: Vec<Ask> = (0..100).map(|n| of_run(n, 1)).collect();
    asks.extend((200..210).map(|n| of_run(n, 2)));
    let order: Vec<i64> = slots(&[limiter], asks).await.into_iter().map(|(n, _)| n).collect();
    let last_of_small = order.iter().rposition(|n| *n >= 200).unwrap();
    assert!(last_of_small <= 36, "the small run ends at {last_of_small}: {order:?}");
}

#[tokio::test]
async fn a_run_keeps_its_own_rate_and_lets_others_use_the_rest() {
    let redis = TestRedis::start();
    let limiter = Arc::new(limiter(&redis, 100, None).await);
    let mut asks: Vec<Ask> = (0..18).map(|n| Ask { rate: Some(10), ..of_run(n, 1) }).collect();
    asks.extend((200..340).map(|n| of_run(n, 2)));
    let slots = slots(&[limiter], asks).await;
    let of_slow: Vec<_> = slots.iter().filter(|(n, _)| *n < 200).copied().collect();
    assert!(busiest(&of_slow) <= 11, "{}", busiest(&of_slow));
    assert!(busiest(&slots) <= 101, "{}", busiest(&slots));
}
