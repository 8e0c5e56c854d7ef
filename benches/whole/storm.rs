//! Many retries due in the same second: how soon they are gone, and how little fresh work feels of it.

#![expect(clippy::disallowed_methods, reason = "a storm of real jobs is due in real time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use barid::queue::lane::{Lane, LaneSettings, Lanes, NewJob};
use barid::queue::server::{RedisServer, RedisServerSettings};
use barid::queue::workers::{LaneHandler, LaneWorker, Workers};
use jiff::{SignedDuration, Timestamp};

use crate::bare;
use crate::measure::{Report, cpu_seconds, megabytes};

/// As shipped: see `[queue.concurrency]`.
const RETRIES_AT_ONCE: usize = 50;
const FRESH_AT_ONCE: usize = 400;
/// Fresh jobs beside the storm: one in each pause.
const FRESH_PAUSE: Duration = Duration::from_millis(5);
/// Pushing them all may take so long; they are due in the second after.
const UNTIL_DUE: SignedDuration = SignedDuration::from_secs(5);

fn job(id: String, payload: Vec<u8>, due: Option<Timestamp>) -> NewJob {
    NewJob { id, priority: 1, payload, due, max_attempts: 5 }
}

fn worker(lane: Lane, concurrency: usize, handler: LaneHandler) -> LaneWorker {
    LaneWorker { lane, concurrency, timeout: Duration::from_secs(60), handler }
}

pub(crate) async fn measure(n: usize) {
    let dir = tempfile::Builder::new().prefix("barid").tempdir().expect("a temporary folder can be made");
    let server = RedisServer::start(RedisServerSettings::new(dir.path())).await.expect("redis-server is installed");
    let redis = server.pid().expect("it was started");
    let client = redis::Client::open(server.url()).expect("the address is its own");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it answers");
    let bare = bare::list(n, &mut connection).await;

    let lanes = Lanes::connect(server.url(), LaneSettings::default()).await.expect("it answers");
    let due = Timestamp::now().checked_add(UNTIL_DUE).expect("seconds fit");
    let spread = |i: usize| due.checked_add(SignedDuration::from_millis((i % 1_000) as i64)).expect("a second fits");
    let jobs: Vec<NewJob> = (0..n)
        .map(|i| {
            job(format!("msg_{i:06}:1"), format!("{{\"v\":1,\"message\":\"msg_{i:06}\"}}").into(), Some(spread(i)))
        })
        .collect();
    let begin = Instant::now();
    lanes.push(Lane::Retries, &jobs).await.expect("it answers");
    let pushed = n as f64 / begin.elapsed().as_secs_f64();
    drop(jobs);

    let (done, waits) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let retried: LaneHandler = {
        let done = Arc::clone(&done);
        Arc::new(move |_, _| {
            done.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        })
    };
    let epoch = Instant::now();
    let fresh: LaneHandler = {
        let waits = Arc::clone(&waits);
        Arc::new(move |payload, _| {
            let pushed = String::from_utf8(payload).unwrap().parse::<f64>().unwrap();
            waits.lock().unwrap().push(epoch.elapsed().as_secs_f64() - pushed);
            Box::pin(async { Ok(()) })
        })
    };
    let workers = vec![worker(Lane::Retries, RETRIES_AT_ONCE, retried), worker(Lane::Sending, FRESH_AT_ONCE, fresh)];
    let workers = Workers::start(lanes.clone(), workers, None);
    let until_due = due.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(until_due).unwrap_or_default()).await;
    let cpu = |pid| cpu_seconds(pid);
    let before = (cpu(std::process::id()), cpu(redis));
    let begin = Instant::now();
    let mut pushes = 0;
    while done.load(Ordering::Relaxed) < n {
        let payload = epoch.elapsed().as_secs_f64().to_string().into_bytes();
        lanes.push(Lane::Sending, &[job(format!("msg_fresh_{pushes}:0"), payload, None)]).await.expect("it answers");
        pushes += 1;
        tokio::time::sleep(FRESH_PAUSE).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let used = (cpu(std::process::id()) - before.0, cpu(redis) - before.1);
    workers.stop(Duration::from_secs(10)).await;
    let mut waits = std::mem::take(&mut *waits.lock().unwrap());
    waits.sort_by(f64::total_cmp);
    let at =
        |share: f64| waits.get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1))).copied();
    Report::new("retry storm")
        .with("retries", n)
        .with("pushed_per_second", pushed)
        .with("seconds", seconds)
        .with("drained_per_second", n as f64 / seconds)
        .with("bare_list_per_second", bare)
        .with("lane_cpu_per_1000", used.0 / n as f64 * 1000.0)
        .with("redis_cpu_per_1000", used.1 / n as f64 * 1000.0)
        .with("redis_peak_mb", megabytes(redis, "VmHWM"))
        .with("fresh_jobs", waits.len())
        .with("fresh_wait_p50_seconds", at(0.5).unwrap_or(0.0))
        .with("fresh_wait_p99_seconds", at(0.99).unwrap_or(0.0))
        .print();
    server.stop().await;
}
