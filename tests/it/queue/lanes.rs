//! What a lane promises while nothing breaks: order, priority, one job for each id, the dead set.

use std::time::Duration;

use barid::queue::job::JobError;
use barid::queue::lane::{Lane, Lanes, NewJob};
use barid::queue::workers::Workers;

use super::harness::{
    Runs, TestRedis, connect, handler, job, jobs, noting, settings, start, until, until_empty, worker,
};

/// Redis's own clock, which is what `due` is compared with.
fn redis_now(redis: &TestRedis) -> jiff::Timestamp {
    let answer = redis.cli(&["TIME"]);
    let mut lines = answer.lines().map(|line| line.trim().parse::<i64>().unwrap());
    let (secs, micros) = (lines.next().unwrap(), lines.next().unwrap());
    jiff::Timestamp::from_microsecond(secs * 1_000_000 + micros).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_runs_once_and_leaves_nothing_behind() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    assert_eq!(lanes.push(Lane::Sending, &jobs(5_000)).await.unwrap(), 5_000);
    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!((runs.len(), runs.times().len()), (5_000, 5_000));
    assert_eq!(lanes.depth(Lane::Sending).await.unwrap().done, 5_000);
    assert_eq!(redis.cli(&["KEYS", "*"]).trim(), "{test:sending}:stats", "only the counters stay");
    assert_eq!(workers.up(), vec![("sending", true)]);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_the_same_process_and_one_of_another_are_both_noticed() {
    let redis = TestRedis::start();
    let (lanes, other, runs) = (connect(&redis.url()).await, connect(&redis.url()).await, Runs::default());
    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    lanes.push(Lane::Sending, &[job("own")]).await.unwrap();
    until("the own push ran", async || runs.len() == 1).await;
    other.push(Lane::Sending, &[job("other")]).await.unwrap();
    until("the other's push ran", async || runs.len() == 2).await;
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushing_an_id_that_is_alive_changes_nothing() {
    let redis = TestRedis::start();
    let lanes = connect(&redis.url()).await;
    let later = NewJob { due: Some(redis_now(&redis) + Duration::from_secs(600)), ..job("later") };
    assert_eq!(lanes.push(Lane::Sending, &[job("now"), later.clone()]).await.unwrap(), 2);
    assert_eq!(lanes.push(Lane::Sending, &[job("now"), job("later"), job("new"), job("new")]).await.unwrap(), 1);
    let depth = lanes.depth(Lane::Sending).await.unwrap();
    assert_eq!((depth.ready, depth.delayed), (2, 1));
    let ids = ["now", "later", "new", "never"].map(str::to_owned);
    assert_eq!(lanes.alive(Lane::Sending, &ids).await.unwrap(), [true, true, true, false]);
    assert!(lanes.oldest(Lane::Sending).await.unwrap().is_some());
    assert_eq!(lanes.oldest(Lane::Retries).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_pushed_again_while_it_runs_stays_one_job() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let go = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let (waiting, noted) = (go.clone(), runs.clone());
    let workers = start(
        &lanes,
        handler(move |_, info| {
            let (waiting, noted) = (waiting.clone(), noted.clone());
            async move {
                waiting.acquire().await.unwrap().forget();
                noted.note(&info.id);
                Ok(())
            }
        }),
    );
    lanes.push(Lane::Sending, &[job("one")]).await.unwrap();
    until("it runs", async || lanes.depth(Lane::Sending).await.unwrap().leased == 1).await;
    assert_eq!(lanes.push(Lane::Sending, &[job("one")]).await.unwrap(), 0);
    go.add_permits(2);
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.ids(), ["one"]);
    assert_eq!(lanes.push(Lane::Sending, &[job("one")]).await.unwrap(), 1, "done is not alive");
    until_empty(&lanes, Lane::Sending).await;
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn priority_0_runs_before_1_before_2_and_each_in_order() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let all: Vec<NewJob> =
        (0..300_u16).map(|n| NewJob { priority: (n % 3) as u8, ..job(format!("{}-{n:03}", n % 3)) }).collect();
    lanes.push(Lane::Sending, &all).await.unwrap();
    let workers = Workers::start(lanes.clone(), vec![worker(Lane::Sending, 1, noting(&runs, Duration::ZERO))], None);
    until_empty(&lanes, Lane::Sending).await;
    let mut sorted = runs.ids();
    sorted.sort();
    assert_eq!(runs.ids(), sorted);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delayed_jobs_run_when_they_are_due_and_in_order() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let begun = redis_now(&redis);
    let due = |ms: u64| NewJob { due: Some(begun + Duration::from_millis(ms)), ..job(format!("{ms:04}")) };
    lanes.push(Lane::Sending, &[due(900), due(300), due(600)]).await.unwrap();
    let workers = Workers::start(lanes.clone(), vec![worker(Lane::Sending, 1, noting(&runs, Duration::ZERO))], None);
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.ids(), ["0300", "0600", "0900"]);
    assert!(redis_now(&redis) >= begun + Duration::from_millis(900), "none ran before it was due");
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_jobs_due_at_once_all_run_once() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let due = redis_now(&redis) + Duration::from_secs(5);
    let all: Vec<_> = jobs(100_000).into_iter().map(|job| NewJob { due: Some(due), ..job }).collect();
    assert_eq!(lanes.push(Lane::Retries, &all).await.unwrap(), 100_000);
    let workers =
        Workers::start(lanes.clone(), vec![worker(Lane::Retries, 1_000, noting(&runs, Duration::ZERO))], None);
    until_empty(&lanes, Lane::Retries).await;
    assert_eq!((runs.len(), runs.times().len()), (100_000, 100_000));
    assert_eq!(lanes.depth(Lane::Retries).await.unwrap().reaped, 0, "nobody lost a lease over it");
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_in_one_lane_does_not_hold_up_what_is_due_in_another() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let due = redis_now(&redis) + Duration::from_secs(8);
    let storm: Vec<_> = jobs(100_000).into_iter().map(|job| NewJob { due: Some(due), ..job }).collect();
    lanes.push(Lane::Retries, &storm).await.unwrap();
    // Due while the storm is being moved.
    let fresh: Vec<_> = (1..=20)
        .map(|n| NewJob { due: Some(due + Duration::from_millis(10 * n)), ..job(format!("fresh_{n:02}")) })
        .collect();
    lanes.push(Lane::Sending, &fresh).await.unwrap();
    let (retries, sending) = (noting(&runs, Duration::ZERO), noting(&runs, Duration::ZERO));
    let work = vec![worker(Lane::Retries, 1_000, retries), worker(Lane::Sending, 10, sending)];
    let workers = Workers::start(lanes.clone(), work, None);
    until_empty(&lanes, Lane::Sending).await;
    until("the storm is ready", async || lanes.depth(Lane::Retries).await.is_ok_and(|depth| depth.delayed == 0)).await;
    println!("moved within {:?} of the moment", redis_now(&redis).duration_since(due));
    until_empty(&lanes, Lane::Retries).await;
    println!("run within {:?} of the moment", redis_now(&redis).duration_since(due));
    let ids = runs.ids();
    assert_eq!(ids.len(), 100_020);
    let last_fresh = ids.iter().rposition(|id| id.starts_with("fresh")).unwrap();
    println!("the last fresh job ran after {} of the storm", last_fresh + 1 - 20);
    assert!(last_fresh < 50_000, "fresh jobs waited behind the storm: {last_fresh}");
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_runs_again_with_the_next_attempt_until_it_is_dead() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let noted = runs.clone();
    let workers = start(
        &lanes,
        handler(move |_, info| {
            noted.note(&format!("{}#{}", info.id, info.attempt));
            async move {
                match info.id.as_str() {
                    "asks" if info.attempt == 1 => {
                        Err(JobError::retry_after(Duration::from_millis(80), "the store is busy"))
                    }
                    "asks" => Ok(()),
                    "aborts" => Err(JobError::abort("no such message")),
                    _ => Err(JobError::retry("the store is away")),
                }
            }
        }),
    );
    lanes
        .push(Lane::Sending, &[NewJob { max_attempts: 3, ..job("spends") }, job("asks"), job("aborts")])
        .await
        .unwrap();
    until_empty(&lanes, Lane::Sending).await;
    let mut ran = runs.ids();
    ran.sort();
    assert_eq!(ran, ["aborts#1", "asks#1", "asks#2", "spends#1", "spends#2", "spends#3"]);
    let mut dead: Vec<_> = lanes
        .dead_list(Lane::Sending, 0, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|job| (job.id, job.attempts, job.why, job.payload))
        .collect();
    dead.sort();
    let expected = [
        ("aborts", 1, "cannot run the job at all: no such message", "aborts"),
        ("spends", 3, "cannot run the job now: the store is away", "spends"),
    ];
    let expected = expected
        .map(|(id, attempts, why, payload)| (id.to_owned(), attempts, why.to_owned(), payload.as_bytes().to_vec()));
    assert_eq!(dead, expected);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_jobs_are_listed_requeued_pushed_anew_and_purged() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let workers = start(&lanes, handler(|_, _| async { Err(JobError::abort("broken")) }));
    lanes.push(Lane::Hooks, &[]).await.unwrap();
    lanes.push(Lane::Sending, &jobs(4)).await.unwrap();
    until("all are dead", async || lanes.dead_count(Lane::Sending).await.unwrap() == 4).await;
    workers.stop(Duration::from_secs(5)).await;

    let dead: Vec<String> =
        lanes.dead_list(Lane::Sending, 0, 10).await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(dead.len(), 4);
    assert_eq!(lanes.dead_list(Lane::Sending, 3, 10).await.unwrap().len(), 1);
    assert_eq!(lanes.alive(Lane::Sending, &dead).await.unwrap(), [false; 4]);
    assert_eq!(lanes.dead_requeue(Lane::Sending, &dead[..1]).await.unwrap(), 1);
    assert_eq!(lanes.dead_requeue(Lane::Sending, &dead[..1]).await.unwrap(), 0);
    assert_eq!(lanes.push(Lane::Sending, &[job(dead[1].clone())]).await.unwrap(), 1);
    assert_eq!(lanes.dead_purge(Lane::Sending, Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(lanes.dead_purge(Lane::Sending, Duration::ZERO).await.unwrap(), 2);

    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.times().into_keys().collect::<Vec<_>>(), {
        let mut back = dead[..2].to_vec();
        back.sort();
        back
    });
    assert_eq!(lanes.dead_count(Lane::Sending).await.unwrap(), 0);
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_jobs_do_not_run_and_can_be_pushed_again() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    let later = NewJob { due: Some(redis_now(&redis) + Duration::from_millis(300)), ..job("later") };
    lanes.push(Lane::Sending, &[job("gone"), job("back"), job("kept"), later]).await.unwrap();
    let ids = ["gone", "back", "later", "never"].map(str::to_owned);
    assert_eq!(lanes.remove(Lane::Sending, &ids).await.unwrap(), 3);
    assert_eq!(lanes.push(Lane::Sending, &[NewJob { payload: b"new".to_vec(), ..job("back") }]).await.unwrap(), 1);
    assert_eq!(lanes.depth(Lane::Sending).await.unwrap().ready, 2);
    let noted = runs.clone();
    let workers = start(
        &lanes,
        handler(move |payload, _| {
            noted.note(&String::from_utf8(payload).unwrap());
            async { Ok(()) }
        }),
    );
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.times().into_iter().collect::<Vec<_>>(), [("kept".to_owned(), 1), ("new".to_owned(), 1)]);
    assert_eq!(redis.cli(&["EXISTS", "{test:sending}:ghost"]).trim(), "0");
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_read_is_buried_and_the_worker_goes_on() {
    let redis = TestRedis::start();
    let (lanes, runs) = (connect(&redis.url()).await, Runs::default());
    for poison in ["short", &"other version".repeat(5)] {
        redis.cli(&["HSET", "{test:sending}:job", poison, poison]);
        redis.cli(&["RPUSH", "{test:sending}:ready:1", poison]);
    }
    redis.cli(&["RPUSH", "{test:sending}:ready:1", "without a record"]);
    lanes.push(Lane::Sending, &jobs(100)).await.unwrap();
    let workers = start(&lanes, noting(&runs, Duration::ZERO));
    until_empty(&lanes, Lane::Sending).await;
    assert_eq!(runs.len(), 100);
    let dead = lanes.dead_list(Lane::Sending, 0, 10).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|job| job.why == "its record in Redis cannot be read" && job.payload == job.id.as_bytes()));
    workers.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_cannot_be_pushed_is_refused_and_what_is_away_is_unavailable() {
    let redis = TestRedis::start();
    let lanes = connect(&redis.url()).await;
    let error = lanes.push(Lane::Sending, &[job("")]).await.unwrap_err();
    assert!(!error.is_unavailable());
    let url = redis.url();
    drop(redis);
    let error = lanes.push(Lane::Sending, &[job("one")]).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(lanes.ping().await.is_err());

    let error = Lanes::connect(&url, settings()).await.err().unwrap();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("start it, correct `[redis] url`, or remove that key"), "{error}");
    let error = Lanes::connect("redis://user:secret@127.0.0.1:1/", settings()).await.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let error =
        Lanes::connect(&url, barid::queue::lane::LaneSettings { namespace: "a{b".to_owned(), ..settings() }).await;
    assert!(error.err().unwrap().to_string().contains("`a{b` cannot be a namespace"));
}
