//! A Redis Cluster accepts every command of the script.

use std::sync::Arc;

use barid::daemon::clock::SystemClock;
use barid::domain::ids::ContactId;
use barid::limits::{Limiter, Redis, Sender, Settings};
use barid::ports::{Ask, Clock, LimitFactsOf, Limits as _, SlowDown};
use jiff::SignedDuration;

use super::{NothingUsed, ask, of_run, permit, settings};
use crate::queue::cluster::TestCluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_several_portfolios_lie_on_several_nodes() {
    let cluster = TestCluster::start().await;
    let nodes = cluster.url().replace("redis+cluster://", "");
    let nodes: Vec<String> = nodes.split(',').map(|node| format!("redis://{node}")).collect();
    let link = redis::cluster::ClusterClient::new(nodes).unwrap().get_async_connection().await.unwrap();
    let facts: Arc<dyn LimitFactsOf> = Arc::new(NothingUsed::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let senders = (0..6).map(|n| Sender {
        name: format!("number-{n}").parse().unwrap(),
        mps: 1_000,
        portfolio: format!("portfolio-{n}"),
        tier: Some(100),
    });
    let settings = Settings { senders: senders.collect(), ..settings(1, None) };
    let limiter = Limiter::start(&Redis::over(link), &facts, &clock, settings);
    for n in 0..6 {
        let sender: barid::domain::ids::SenderName = format!("number-{n}").parse().unwrap();
        let of = |m: i64| Ask {
            sender: sender.clone(),
            rate: Some(500),
            budget_micros: Some(1_000),
            price_micros: 1,
            ..of_run(m, n)
        };
        for m in 0..20 {
            permit(&limiter, &of(m)).await;
        }
        let unused = permit(&limiter, &of(21)).await;
        limiter.give_back(&of(21), unused).await;
        limiter.slow_down(&SlowDown::Number(sender.clone())).await;
        limiter.slow_down(&SlowDown::Pair(sender.clone(), ContactId::new(500))).await;
        permit(&limiter, &of(22)).await;
        limiter.slow_down(&SlowDown::Account(sender.clone(), SignedDuration::from_secs(60))).await;
    }
    let standing = limiter.standing().await.unwrap();
    assert!(standing.iter().all(|one| one.tier_used == 21 && one.mps_now == 500.0), "{standing:?}");
    // Of a number that the configuration no longer has, only the run is bound.
    let gone = Ask { sender: "gone".parse().unwrap(), ..ask(1) };
    assert!(permit(&limiter, &gone).await.fences.is_empty());
}
