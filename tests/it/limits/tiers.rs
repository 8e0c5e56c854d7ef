//! A tier that Meta changes: in force in every process at once, below what is configured and never above it.

use std::sync::Arc;

use barid::domain::limit::{Limit, Tier};
use barid::limits::Limiter;
use barid::ports::{LimitFactsOf as _, Limits as _, Permit, Verdict};

use super::{NothingUsed, ask, over, permit, refused, settings};
use crate::queue::harness::{TestRedis, until};

const FAST: u32 = 10_000;

/// Asks for person `n` until what is answered is of that generation, as the record would have it.
async fn under(limiter: &Limiter, generation: i64, n: i64) -> Verdict {
    let found = std::sync::Mutex::new(None);
    until("the new generation is known", async || {
        let verdict = limiter.permit(&ask(n)).await;
        match verdict {
            Verdict::Granted(permit) if permit.fences[0].1 != generation => {
                // The record starts nothing under an older one.
                limiter.give_back(&ask(n), permit).await;
                false
            }
            verdict => {
                *found.lock().unwrap() = Some(verdict);
                true
            }
        }
    })
    .await;
    found.into_inner().unwrap().unwrap()
}

fn is_counted(permit: &Permit) -> bool {
    permit.counted_ms.is_some()
}

#[tokio::test]
async fn what_meta_says_holds_in_every_process_though_nothing_is_configured() {
    let redis = TestRedis::start();
    let record = Arc::new(NothingUsed::default());
    let one = over(&redis, Arc::clone(&record) as _, settings(FAST, None)).await;
    let other = over(&redis, Arc::clone(&record) as _, settings(FAST, None)).await;
    // Nothing is known: nobody is counted, by either.
    for n in 1..=5 {
        assert!(!is_counted(&permit(&one, &ask(n)).await));
        assert!(!is_counted(&permit(&other, &ask(n + 10)).await));
    }
    assert!(record.note_tier("p1", Tier::People(2)).await.unwrap());
    assert!(matches!(under(&one, 3, 21).await, Verdict::Granted(permit) if is_counted(&permit)));
    // The other one has not heard of it yet, and names the person as soon as it does.
    assert!(matches!(under(&other, 3, 22).await, Verdict::Granted(permit) if is_counted(&permit)));
    assert_eq!(refused(other.permit(&ask(23)).await).0, Limit::Tier);
    assert_eq!(refused(one.permit(&ask(24)).await).0, Limit::Tier);
    assert_eq!(one.standing().await.unwrap()[0].tier, Some(2));

    assert!(!record.note_tier("p1", Tier::People(2)).await.unwrap(), "it says the same");
    assert!(record.note_tier("p1", Tier::Unlimited).await.unwrap());
    assert!(!is_counted(&{
        let Verdict::Granted(permit) = under(&one, 5, 21).await else { panic!("all may be written to") };
        permit
    }));
    assert_eq!(other.standing().await.unwrap()[0].tier, None);
}

#[tokio::test]
async fn the_lower_of_what_is_configured_and_what_meta_says_counts() {
    for (configured, at_meta, in_force) in [(Some(1), 3, 1), (Some(3), 1, 1), (None, 1, 1)] {
        let redis = TestRedis::start();
        let record = Arc::new(NothingUsed::default());
        record.note_tier("p1", Tier::People(at_meta)).await.unwrap();
        let limiter = over(&redis, Arc::clone(&record) as _, settings(FAST, configured)).await;
        for n in 0..in_force {
            permit(&limiter, &ask(n)).await;
        }
        assert_eq!(refused(limiter.permit(&ask(100)).await).0, Limit::Tier, "{configured:?} {at_meta}");
        assert_eq!(limiter.standing().await.unwrap()[0].tier, Some(1));
    }
}
