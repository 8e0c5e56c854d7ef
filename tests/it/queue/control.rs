//! Control jobs on apalis-redis, inside the limits in which it is safe.

use std::sync::Arc;
use std::time::Duration;

use barid::queue::control::{ControlDepth, ControlHandler, ControlJob, ControlQueue, ControlWorker};
use barid::queue::job::{JobError, JobInfo, JobResult};
use barid::queue::workers::Workers;
use futures_util::FutureExt;

use super::harness::{Runs, TestRedis, connect, until};

fn handler<F, R>(handle: F) -> ControlHandler
where
    F: Fn(ControlJob, JobInfo) -> R + Send + Sync + 'static,
    R: Future<Output = JobResult> + Send + 'static,
{
    Arc::new(move |job, info| handle(job, info).boxed())
}

fn control_job(name: &str) -> ControlJob {
    ControlJob { name: name.to_owned(), payload: serde_json::json!({ "campaign": "welcome" }) }
}

fn worker(timeout: Duration, handler: ControlHandler) -> ControlWorker {
    ControlWorker { concurrency: 4, timeout, handler }
}

async fn open(redis: &TestRedis, worker: ControlWorker) -> (ControlQueue, Workers) {
    let lanes = connect(&redis.url()).await;
    let queue = ControlQueue::new(&lanes);
    let workers = Workers::start(lanes, vec![], Some((queue.clone(), worker)));
    (queue, workers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_job_runs_with_its_payload_and_is_forgotten() {
    let redis = TestRedis::start();
    let runs = Runs::default();
    let noted = runs.clone();
    let notes = handler(move |job, info| {
        noted.note(&format!("{} {} {}", job.name, job.payload["campaign"], info.attempt));
        async { Ok(()) }
    });
    let (queue, workers) = open(&redis, worker(Duration::from_secs(10), notes)).await;
    for _ in 0..3 {
        queue.push(&control_job("run-campaign"), Some("welcome@12:00"), Duration::ZERO).await.unwrap();
    }
    queue.push(&control_job("tidy"), None, Duration::from_secs(1)).await.unwrap();
    until("both are done", async || queue.depth().await.unwrap().done == 2).await;
    assert_eq!(runs.ids(), ["run-campaign \"welcome\" 1", "tidy \"welcome\" 1"]);
    assert_eq!(queue.forget_done().await.unwrap(), 2);
    assert_eq!(queue.depth().await.unwrap(), ControlDepth::default());
    assert_eq!(redis.cli(&["KEYS", "*:meta:*"]).trim(), "");
    assert_eq!(workers.up(), vec![("control", true)]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_panics_and_long_runs_are_tried_again_and_aborts_are_not() {
    let redis = TestRedis::start();
    let runs = Runs::default();
    let noted = runs.clone();
    let odd = handler(move |job, info| {
        let noted = noted.clone();
        async move {
            noted.note(&format!("{}#{}", job.name, info.attempt));
            if info.attempt > 1 {
                return Ok(());
            }
            match job.name.as_str() {
                "fails" => Err(JobError::retry("the store is away")),
                "aborts" => Err(JobError::abort("no such campaign")),
                "panics" => panic!("made up"),
                _ => std::future::pending().await,
            }
        }
    });
    let (queue, workers) = open(&redis, worker(Duration::from_millis(300), odd)).await;
    for name in ["fails", "aborts", "panics", "hangs"] {
        queue.push(&control_job(name), None, Duration::ZERO).await.unwrap();
    }
    until("all ended", async || {
        let depth = queue.depth().await.unwrap();
        depth.done == 3 && depth.dead == 1
    })
    .await;
    let mut ran = runs.ids();
    ran.sort();
    assert_eq!(ran, ["aborts#1", "fails#1", "fails#2", "hangs#1", "hangs#2", "panics#1", "panics#2"]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_not_ours_does_not_take_the_worker_down() {
    let redis = TestRedis::start();
    let runs = Runs::default();
    let noted = runs.clone();
    let notes = handler(move |job, _| {
        noted.note(&job.name);
        async { Ok(()) }
    });
    let (queue, workers) = open(&redis, worker(Duration::from_secs(10), notes)).await;
    let key = |kind: &str| format!("{{core:apalis:queues:list}}:test:control:{kind}");
    redis.cli(&["HSET", &key("data"), "odd", r#"{"what":"is this"}"#]);
    redis.cli(&["HSET", &key("meta:odd"), "attempts", "0", "max_attempts", "5", "status", "Pending"]);
    redis.cli(&["RPUSH", &key("active"), "odd"]);
    queue.push(&control_job("tidy"), None, Duration::ZERO).await.unwrap();
    until("the other ran", async || runs.ids() == ["tidy"]).await;
    until("the odd one is dead", async || queue.depth().await.unwrap().dead == 1).await;
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_is_rebuilt_after_lost_connections_and_an_outage_and_cancels_nothing() {
    let mut redis = TestRedis::start();
    let runs = Runs::default();
    let noted = runs.clone();
    let slow = handler(move |job, _| {
        let noted = noted.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(800)).await;
            noted.note(&job.name);
            Ok(())
        }
    });
    let (queue, workers) = open(&redis, worker(Duration::from_secs(10), slow)).await;
    queue.push(&control_job("slow"), None, Duration::ZERO).await.unwrap();
    until("it was taken", async || {
        let depth = queue.depth().await.unwrap();
        depth.ready + depth.delayed == 0
    })
    .await;
    redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    until("it ran to its end", async || runs.ids().contains(&"slow".to_owned())).await;
    redis.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    redis.run();
    until("a push is accepted", async || {
        queue.push(&control_job("after"), Some("after"), Duration::ZERO).await.is_ok()
    })
    .await;
    until("the worker is back", async || runs.ids().contains(&"after".to_owned())).await;
    assert_eq!(workers.up(), vec![("control", true)]);
    workers.stop(Duration::from_secs(5)).await;
}
