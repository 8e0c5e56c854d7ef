//! Panics, time-outs, stopping.

use std::sync::Arc;
use std::time::Duration;

use barid::queue::lane::{Lane, NewJob};
use barid::queue::workers::{LaneWorker, Workers};
use tokio::sync::Semaphore;

use super::harness::{
    DEADLINE, Runs, TestRedis, connect, handler, job, jobs, noting, start, until, until_empty, worker,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_costs_one_attempt_of_one_job() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let noted = runs.clone();
    let workers = start(
        &lanes,
        handler(move |_, info| {
            noted.note(&info.id);
            assert!(info.id != "at once", "made up");
            async move {
                tokio::task::yield_now().await;
                assert!(!(info.id == "always" || info.id == "once" && info.attempt == 1), "made up");
                Ok(())
            }
        }),
    );
    let odd = ["always", "once", "at once"].map(|id| NewJob { max_attempts: 3, ..job(id) });
    lanes.push(Lane::Sending, &odd).await.unwrap();
    lanes.push(Lane::Sending, &jobs(500)).await.unwrap();
    until_empty(&lanes, Lane::Sending).await;
    let times = runs.times();
    assert_eq!((times["always"], times["once"], times["at once"]), (3, 2, 3));
    assert_eq!(times.len(), 503);
    let mut dead: Vec<_> =
        lanes.dead_list(Lane::Sending, 0, 10).await.unwrap().into_iter().map(|job| (job.id, job.why)).collect();
    dead.sort();
    let why = "the handler panicked".to_owned();
    assert_eq!(dead, [("always".to_owned(), why.clone()), ("at once".to_owned(), why)]);
    assert_eq!(workers.up(), vec![("sending", true)]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_takes_too_long_is_cut_off_and_runs_again() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let noted = runs.clone();
    let hangs_once = handler(move |_, info| {
        let noted = noted.clone();
        async move {
            if info.attempt == 1 {
                std::future::pending::<()>().await;
            }
            noted.note(&info.id);
            Ok(())
        }
    });
    let timeout = Duration::from_millis(200);
    let one = LaneWorker { lane: Lane::Media, concurrency: 2, timeout, handler: hangs_once };
    let workers = Workers::start(lanes.clone(), vec![one], None);
    lanes.push(Lane::Media, &jobs(10)).await.unwrap();
    until_empty(&lanes, Lane::Media).await;
    assert_eq!((runs.len(), lanes.depth(Lane::Media).await.unwrap().retried), (10, 10));
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_lets_what_runs_finish_and_gives_the_rest_back_at_once() {
    let redis = TestRedis::start();
    let (lanes, other) = (connect(&redis.url()).await, connect(&redis.url()).await);
    let (begun, ended, elsewhere) = (Runs::default(), Runs::default(), Runs::default());
    let gate = Arc::new(Semaphore::new(0));
    let held = {
        let (begun, ended, gate) = (begun.clone(), ended.clone(), Arc::clone(&gate));
        handler(move |_, info| {
            let (begun, ended, gate) = (begun.clone(), ended.clone(), Arc::clone(&gate));
            async move {
                begun.note(&info.id);
                let _open = gate.acquire().await.unwrap();
                ended.note(&info.id);
                Ok(())
            }
        })
    };
    let workers = Workers::start(lanes.clone(), vec![worker(Lane::Sending, 10, held)], None);
    lanes.push(Lane::Sending, &jobs(100)).await.unwrap();
    until("ten run and more are in hand", async || {
        begun.len() == 10 && lanes.depth(Lane::Sending).await.unwrap().leased >= 20
    })
    .await;
    let stopping = tokio::spawn(workers.stop(DEADLINE));
    // While the running ones still run, another process has the others.
    let others = start(&other, noting(&elsewhere, Duration::ZERO));
    until("another process has what does not run", async || elsewhere.len() + begun.len() == 100).await;
    assert_eq!(ended.len(), 0);
    gate.add_permits(1);
    stopping.await.unwrap();
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(ended.times(), begun.times(), "what ran came to its end");
    assert!((10..=20).contains(&ended.len()), "{} ran", ended.len());
    let depth = lanes.depth(Lane::Sending).await.unwrap();
    assert_eq!((depth.done, depth.reaped), (100, 0), "no lease had to run out");
    others.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_outlasts_the_drain_is_cut_off_and_given_back_with_its_attempt_unused() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let workers = start(
        &lanes,
        handler(|_, _| async {
            std::future::pending::<()>().await;
            Ok(())
        }),
    );
    lanes.push(Lane::Sending, &jobs(20)).await.unwrap();
    until("all run", async || lanes.depth(Lane::Sending).await.unwrap().leased == 20).await;
    workers.stop(Duration::from_millis(100)).await;
    let depth = lanes.depth(Lane::Sending).await.unwrap();
    assert_eq!((depth.ready, depth.leased, depth.released), (20, 0, 20));
    let noted = runs.clone();
    let workers = start(
        &lanes,
        handler(move |_, info| {
            noted.note(&info.attempt.to_string());
            async { Ok(()) }
        }),
    );
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.times().into_iter().collect::<Vec<_>>(), [("1".to_owned(), 20)]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_while_redis_is_away_comes_to_an_end() {
    let mut redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let workers = start(&lanes, noting(&runs, Duration::from_millis(50)));
    lanes.push(Lane::Sending, &jobs(1_000)).await.unwrap();
    until("it works", async || runs.len() > 100).await;
    redis.kill();
    workers.stop(Duration::from_secs(1)).await;
    redis.run();
    // Nothing is lost: the leases run out.
    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.times().len(), 1_000);
    workers.stop(Duration::from_secs(5)).await;
}
