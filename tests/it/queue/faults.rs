//! What breaks, and what it costs: nothing is ever lost, and only a dead or a stopped worker makes jobs run twice.

use std::time::Duration;

use barid::queue::lane::Lane;

use super::child::{ChildWorker, DEADLY, LOST_MAX};
use super::harness::{
    Runs, TestRedis, connect, count, job, jobs, noting, send_signal, settings, start, until, until_empty,
};

/// How many jobs a child worker runs at once. Only of these can the end be known to it and not to Redis.
const IN_HAND_MAX: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_three_times_loses_nothing_and_repeats_only_what_it_ran() {
    let redis = TestRedis::start();
    let lanes = connect(&redis.url()).await;
    let record = tempfile::NamedTempFile::new().unwrap();
    lanes.push(Lane::Sending, &jobs(6_000)).await.unwrap();
    for kill in 1..=3 {
        let child = ChildWorker::start(&redis.url(), record.path());
        until("the worker is in the middle of it", async || child.ended().len() > kill * 1_000).await;
        child.kill();
    }
    let child = ChildWorker::start(&redis.url(), record.path());
    until_empty(&lanes, Lane::Sending).await;
    let times = count(child.kill());
    assert_eq!(times.len(), 6_000, "nothing is lost");
    let again: usize = times.values().map(|n| n - 1).sum();
    assert!(again <= 3 * IN_HAND_MAX, "{again} jobs ran twice");
    assert_eq!(lanes.dead_count(Lane::Sending).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_kills_its_worker_again_and_again_is_buried() {
    let redis = TestRedis::start();
    let lanes = connect(&redis.url()).await;
    let record = tempfile::NamedTempFile::new().unwrap();
    lanes.push(Lane::Sending, &[job(DEADLY)]).await.unwrap();
    for _ in 0..=LOST_MAX {
        ChildWorker::start(&redis.url(), record.path()).until_it_dies().await;
    }
    let child = ChildWorker::start(&redis.url(), record.path());
    until("it is dead", async || lanes.dead_count(Lane::Sending).await.unwrap() == 1).await;
    let dead = lanes.dead_list(Lane::Sending, 0, 1).await.unwrap();
    assert_eq!(dead[0].why, "its worker died 3 times while running it");
    lanes.push(Lane::Sending, &[job("harmless")]).await.unwrap();
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(child.kill(), ["harmless"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_longer_than_its_lease_has_no_say_any_more() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let record = tempfile::NamedTempFile::new().unwrap();
    lanes.push(Lane::Sending, &jobs(2_000)).await.unwrap();
    let child = ChildWorker::start(&redis.url(), record.path());
    until("it works", async || child.ended().len() > 200).await;
    send_signal(child.pid(), "-STOP");
    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    until_empty(&lanes, Lane::Sending).await;
    // What it held runs here too. Pushed once more, a job is another's: the sleeper's outcome must not touch it.
    let before = runs.len();
    lanes.push(Lane::Sending, &jobs(2_000)).await.unwrap();
    send_signal(child.pid(), "-CONT");
    until_empty(&lanes, Lane::Sending).await;
    let here_and_there = count(runs.ids().into_iter().chain(child.kill()));
    assert_eq!(here_and_there.len(), 2_000);
    assert!(here_and_there.values().all(|n| *n >= 2), "each push ran");
    assert!(before >= 1_000);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_nothing_and_repeat_nothing() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    lanes.push(Lane::Sending, &jobs(10_000)).await.unwrap();
    let workers = start(&lanes, noting(&runs, Duration::from_millis(10)));
    for kill in 1..=4 {
        until("it works", async || runs.len() > kill * 1_500).await;
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (10_000, vec![]));
    assert_eq!(workers.up(), vec![("sending", true)]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_loses_nothing_and_repeats_nothing() {
    let mut redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    lanes.push(Lane::Sending, &jobs(10_000)).await.unwrap();
    let workers = start(&lanes, noting(&runs, Duration::from_millis(10)));
    for kill in 1..=2 {
        until("it works", async || runs.len() > kill * 2_500).await;
        redis.kill();
        redis.run();
    }
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (10_000, vec![]));
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_the_lease_repeats_nothing_in_any_process() {
    let mut redis = TestRedis::start();
    let (lanes, other) = (connect(&redis.url()).await, connect(&redis.url()).await);
    let runs = Runs::default();
    lanes.push(Lane::Sending, &jobs(4_000)).await.unwrap();
    // Jobs that end during the outage, and jobs that still run after it; two processes that both come back.
    let workers =
        [start(&lanes, noting(&runs, Duration::from_millis(20))), start(&other, noting(&runs, Duration::from_secs(4)))];
    until("both work", async || runs.len() > 500).await;
    redis.kill();
    tokio::time::sleep(settings().lease * 2).await;
    redis.run();
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (4_000, vec![]));
    for workers in workers {
        workers.stop(Duration::from_secs(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stalls_longer_than_the_lease_repeats_nothing() {
    let redis = TestRedis::start();
    let (lanes, other) = (connect(&redis.url()).await, connect(&redis.url()).await);
    let runs = Runs::default();
    lanes.push(Lane::Sending, &jobs(4_000)).await.unwrap();
    let workers =
        [start(&lanes, noting(&runs, Duration::from_millis(20))), start(&other, noting(&runs, Duration::from_secs(5)))];
    until("both work", async || runs.len() > 500).await;
    redis.cli(&["DEBUG", "SLEEP", "1"]);
    until("they go on", async || runs.len() > 1_000).await;
    redis.signal("-STOP");
    tokio::time::sleep(settings().lease * 2).await;
    redis.signal("-CONT");
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (4_000, vec![]));
    for workers in workers {
        workers.stop(Duration::from_secs(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_longer_than_the_lease_run_once_beside_another_worker() {
    let redis = TestRedis::start();
    let (lanes, other) = (connect(&redis.url()).await, connect(&redis.url()).await);
    let runs = Runs::default();
    let slow = || noting(&runs, settings().lease * 3);
    let workers = [start(&lanes, slow()), start(&other, slow())];
    lanes.push(Lane::Sending, &jobs(150)).await.unwrap();
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (150, vec![]));
    for workers in workers {
        workers.stop(Duration::from_secs(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_wiped_redis_what_runs_is_not_run_again_when_it_is_pushed_again() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let workers = start(&lanes, noting(&runs, Duration::from_secs(2)));
    lanes.push(Lane::Sending, &jobs(50)).await.unwrap();
    until("all run", async || lanes.depth(Lane::Sending).await.unwrap().leased == 50).await;
    redis.cli(&["FLUSHALL"]);
    // As the sweep does, which finds rows without a living job.
    assert_eq!(lanes.push(Lane::Sending, &jobs(60)).await.unwrap(), 60);
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (60, vec![]));
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_waiting_for_a_retry_survive_a_killed_redis() {
    let mut redis = TestRedis::start();
    let lanes = connect(&redis.url()).await;
    let runs = Runs::default();
    let noted = runs.clone();
    let workers = start(
        &lanes,
        super::harness::handler(move |_, info| {
            noted.note(&format!("{}#{}", info.id, info.attempt));
            async move {
                if info.attempt == 1 {
                    return Err(barid::queue::job::JobError::retry_after(Duration::from_secs(3), "not yet"));
                }
                Ok(())
            }
        }),
    );
    lanes.push(Lane::Sending, &jobs(5_000)).await.unwrap();
    until("all wait", async || lanes.depth(Lane::Sending).await.is_ok_and(|depth| depth.delayed == 5_000)).await;
    redis.kill();
    redis.run();
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.times().len(), runs.twice()), (10_000, vec![]), "once as attempt 1, once as attempt 2");
    workers.stop(Duration::from_secs(5)).await;
}
