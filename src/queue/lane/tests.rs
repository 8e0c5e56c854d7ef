//! The scripts one by one, against a real Redis: what a stale token may do (nothing), and what a late step may do.

use std::time::Duration;

use super::calls::{Fate, Settlement};
use super::{Lane, LaneSettings, Lanes, NewJob};
use crate::queue::server::{RedisServer, RedisServerSettings};

const LANE: Lane = Lane::Sending;

struct Fixture {
    lanes: Lanes,
    server: RedisServer,
    _dir: tempfile::TempDir,
}

impl Fixture {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = RedisServer::start(RedisServerSettings::new(dir.path())).await.unwrap();
        let settings = LaneSettings { lease: Duration::from_secs(1), lost_max: 1, ..LaneSettings::default() };
        let lanes = Lanes::connect(server.url(), settings).await.unwrap();
        Self { lanes, server, _dir: dir }
    }

    async fn push(&self, ids: &[&str]) {
        let job = |id: &&str| NewJob { id: (*id).to_owned(), priority: 1, payload: vec![], due: None, max_attempts: 5 };
        self.lanes.push(LANE, &ids.iter().map(job).collect::<Vec<_>>()).await.unwrap();
    }

    async fn fetch(&self, n: usize, token: &str) -> Vec<String> {
        self.lanes.fetch(LANE, n, token).await.unwrap().jobs.into_iter().map(|(id, _)| id).collect()
    }

    /// Answers whether it had an effect.
    async fn settle(&self, kind: &'static str, id: &str, token: &str, value: &str) -> bool {
        let fate = (kind != "done").then(|| Fate { kind, attempt: 1, value: value.to_owned() });
        let settlement = Settlement { id, token, fate };
        self.lanes.settle(LANE, &[settlement]).await.unwrap() == 0
    }

    /// Waits for leases to run out, and takes them away.
    async fn reap(&self) -> usize {
        loop {
            let step = self.lanes.step(LANE, u64::MAX / 4).await.unwrap();
            if step.reaped > 0 {
                return step.reaped;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn counts(&self) -> (u64, u64, u64, u64) {
        let depth = self.lanes.depth(LANE).await.unwrap();
        (depth.ready, depth.delayed, depth.leased, depth.dead)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_has_no_effect_on_anothers_lease() {
    let it = Fixture::start().await;
    it.push(&["one"]).await;
    assert_eq!(it.fetch(10, "old").await, ["one"]);
    assert_eq!(it.reap().await, 1);
    assert!(!it.settle("done", "one", "old", "").await, "not while it waits either");
    assert_eq!(it.fetch(10, "new").await, ["one"]);
    for (kind, value) in [("done", ""), ("retry", "0"), ("dead", "made up"), ("release", "")] {
        assert!(!it.settle(kind, "one", "old", value).await, "{kind}");
    }
    let leases = [("one".to_owned(), "old".into()), ("never".to_owned(), "old".into())];
    assert_eq!(it.lanes.renew(LANE, &leases).await.unwrap(), ["one", "never"]);
    assert_eq!(it.counts().await, (0, 0, 1, 0));
    assert_eq!(it.lanes.renew(LANE, &[("one".to_owned(), "new".into())]).await.unwrap(), Vec::<String>::new());
    assert!(it.settle("done", "one", "new", "").await);
    assert!(!it.settle("done", "one", "new", "").await, "a repeated answer is harmless");
    assert_eq!(it.counts().await, (0, 0, 0, 0));
    it.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_comes_too_late_moves_but_does_not_reap() {
    let it = Fixture::start().await;
    it.push(&["one"]).await;
    it.fetch(1, "token").await;
    tokio::time::sleep(it.lanes.settings().lease * 2).await;
    let now = it.lanes.step(LANE, 0).await.unwrap().now;
    assert_eq!(it.lanes.step(LANE, now - 1).await.unwrap().reaped, 0, "its permission ran out on the way");
    assert_eq!(it.lanes.renew(LANE, &[("one".to_owned(), "token".into())]).await.unwrap(), Vec::<String>::new());
    assert_eq!(it.lanes.step(LANE, u64::MAX / 4).await.unwrap().reaped, 0, "renewed in time, it stays");
    it.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_answer_took_is_given_back_in_front() {
    let it = Fixture::start().await;
    it.push(&["a", "b", "c", "d", "e"]).await;
    assert_eq!(it.fetch(1, "kept").await, ["a"]);
    assert_eq!(it.fetch(2, "lost").await, ["b", "c"]);
    assert_eq!(it.lanes.reclaim(LANE, "lost").await.unwrap(), 2);
    assert_eq!(it.lanes.reclaim(LANE, "lost").await.unwrap(), 0);
    assert_eq!(it.counts().await, (4, 0, 1, 0));
    let mut next = it.fetch(2, "again").await;
    next.sort();
    assert_eq!(next, ["b", "c"]);
    it.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn released_jobs_come_back_in_front_and_in_order() {
    let it = Fixture::start().await;
    it.push(&["a", "b", "c", "d"]).await;
    assert_eq!(it.fetch(3, "token").await, ["a", "b", "c"]);
    let release = |id| {
        let fate = Some(Fate { kind: "release", attempt: 0, value: String::new() });
        Settlement { id, token: "token", fate }
    };
    assert_eq!(it.lanes.settle(LANE, &[release("a"), release("b"), release("c")]).await.unwrap(), 0);
    assert_eq!(it.fetch(10, "other").await, ["a", "b", "c", "d"]);
    it.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_uses_an_attempt_and_forgets_lost_leases() {
    let it = Fixture::start().await;
    it.push(&["one"]).await;
    it.fetch(1, "first").await;
    assert_eq!(it.reap().await, 1);
    it.fetch(1, "second").await;
    assert!(it.settle("retry", "one", "second", "0").await);
    it.fetch(1, "third").await;
    assert_eq!(it.reap().await, 1);
    assert_eq!(it.counts().await, (1, 0, 0, 0), "one lost lease since the retry is not too many");
    it.fetch(1, "fourth").await;
    assert_eq!(it.reap().await, 1);
    assert_eq!(it.counts().await, (0, 0, 0, 1));
    let dead = it.lanes.dead_list(LANE, 0, 1).await.unwrap();
    assert_eq!((dead[0].attempts, dead[0].why.as_str()), (1, "its worker died 2 times while running it"));
    it.server.stop().await;
}
