//! The control queue: a few jobs a minute, on apalis-redis as it is.
//!
//! apalis-redis 1.0 is safe only inside limits (never thousands waiting, small batches, locks and events off, a worker name of its
//! own for each life, a long response time-out), and keeps done jobs for ever. This file is where those limits stand; message
//! traffic belongs into a lane. A job may run twice when its process dies or Redis is away: control jobs are safe to repeat.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{
    AbortError, Attempt, BackendExt, BoxDynError, Monitor, TaskBuilder, TaskId, TaskSink, WorkerBuilder,
};
use apalis_redis::{Config, RedisStorage};
use futures_util::future::BoxFuture;
use redis::Script;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use ulid::Ulid;

use super::QueueError;
use super::job::{JobError, JobInfo, JobResult};
use super::lane::Lanes;
use super::link::Link;
use super::workers::rebuild_pause;
use crate::domain::causes::in_one_line;

/// At most how many jobs one fetch brings; never more than run at once, or those that wait lose their heartbeat.
const BATCH_MAX: usize = 20;
/// How often the worker looks for jobs.
const POLL: Duration = Duration::from_millis(50);
/// After `HEARTBEAT × MISSED` another worker takes the jobs of one that no longer answers.
const HEARTBEAT: Duration = Duration::from_secs(5);
const MISSED: usize = 6;
/// How long an idempotency key is remembered.
const KEY_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often done jobs are removed.
const TIDY: Duration = Duration::from_secs(30);
/// At most how many done jobs one script removes.
const TIDY_STEP: usize = 200;

/// KEYS: done set, job data. ARGV: prefix of the jobs' own keys, how many. Answers how many were removed.
static FORGET_DONE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local ids = redis.call('SPOP', KEYS[1], ARGV[2])
         for _, id in ipairs(ids) do
           redis.call('HDEL', KEYS[2], id)
           redis.call('DEL', ARGV[1] .. ':' .. id)
         end
         return #ids",
    )
});

/// A control job: its name, as in `jobs/schedule.toml`, and what it needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlJob {
    /// Such as `run-campaign`.
    pub name: String,
    /// Ids, never models; `null` for a job that takes no input.
    pub payload: serde_json::Value,
}

/// Does the work of a control job.
pub type ControlHandler = Arc<dyn Fn(ControlJob, JobInfo) -> BoxFuture<'static, JobResult> + Send + Sync>;

/// What runs control jobs.
#[derive(Clone)]
pub struct ControlWorker {
    /// How many jobs run at once.
    pub concurrency: usize,
    /// How long one attempt may take; then it is cut off and tried again.
    pub timeout: Duration,
    /// Does the work. The wait of `JobError::Retry` is not honoured here: the queue waits as many seconds as attempts were made,
    /// and gives up after 25.
    pub handler: ControlHandler,
}

/// How full the control queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ControlDepth {
    /// Jobs that could run now.
    pub ready: u64,
    /// Jobs that are due later; a new one is here for a moment.
    pub delayed: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// Jobs that are done and not yet removed.
    pub done: u64,
}

/// The queue of control jobs. Cheap to clone.
#[derive(Clone)]
pub struct ControlQueue {
    link: Link,
    config: Config,
}

impl ControlQueue {
    /// The name in metrics and logs.
    pub const NAME: &'static str = "control";

    /// In the same Redis and namespace as the lanes.
    pub fn new(lanes: &Lanes) -> Self {
        // A script of apalis-redis writes to the key `core:apalis:queues:list`, whatever the queue's name. With that as the hash
        // tag all keys lie in one slot, and Redis Cluster accepts the script.
        let name = format!("{{core:apalis:queues:list}}:{}:{}", lanes.settings().namespace, Self::NAME);
        let config = Config::default()
            .queue(&name)
            .batch_size(BATCH_MAX)
            .lock_tasks(false)
            .emit_events(false)
            .idempotency_ttl(Some(KEY_TTL))
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED);
        Self { link: lanes.link(), config }
    }

    /// Pushes a job, to run after `wait` (whole seconds). With the same `key` within a week it is pushed once.
    pub async fn push(&self, job: &ControlJob, key: Option<&str>, wait: Duration) -> Result<(), QueueError> {
        let encoded = serde_json::to_value(job).map_err(|error| {
            QueueError::with_source(format!("cannot encode control job `{}`", job.name), error, false)
        })?;
        let mut task = TaskBuilder::new(encoded).task_id(TaskId::String(Ulid::generate().to_string())).run_after(wait);
        if let Some(key) = key {
            task = task.idempotency_key(key);
        }
        self.storage()
            .push_task(task.build())
            .await
            .map_err(|error| QueueError::with_source(format!("cannot push control job `{}`", job.name), error, true))
    }

    /// How full the queue is.
    pub async fn depth(&self) -> Result<ControlDepth, QueueError> {
        let (ready, delayed, dead, done) = redis::pipe()
            .llen(self.config.active_jobs_list())
            .zcard(self.config.scheduled_jobs_set())
            .scard(self.config.dead_jobs_set())
            .scard(self.config.done_jobs_set())
            .query_async(&mut self.link.clone())
            .await
            .map_err(|error| QueueError::new("cannot read the depth of the control queue", error))?;
        Ok(ControlDepth { ready, delayed, dead, done })
    }

    /// Removes the records of jobs that are done; answers how many.
    pub async fn forget_done(&self) -> Result<usize, QueueError> {
        let mut removed = 0;
        loop {
            let n: usize = FORGET_DONE
                .key(self.config.done_jobs_set())
                .key(self.config.job_data_hash())
                .arg(self.config.job_meta_hash())
                .arg(TIDY_STEP)
                .invoke_async(&mut self.link.clone())
                .await
                .map_err(|error| QueueError::new("cannot remove done control jobs", error))?;
            removed += n;
            if n < TIDY_STEP {
                return Ok(removed);
            }
        }
    }

    /// The janitor: removes done jobs until stopped.
    pub(super) async fn keep_tidy(self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(TIDY) => {}
            }
            if let Err(error) = self.forget_done().await {
                tracing::warn!(error = in_one_line(&error), "queues: done control jobs stay for now");
            }
        }
    }

    /// Adds the worker to a monitor. `abort` cuts handlers off.
    pub(super) fn register(self, monitor: Monitor, worker: ControlWorker, abort: watch::Receiver<bool>) -> Monitor {
        let ControlWorker { concurrency, timeout, handler } = worker;
        let concurrency = concurrency.max(1);
        let config = self.config.clone().batch_size(concurrency.min(BATCH_MAX));
        monitor.register(move |restarts| {
            let (handler, abort, pause) = (Arc::clone(&handler), abort.clone(), rebuild_pause(restarts));
            let backend = RedisStorage::<serde_json::Value, Link>::new(self.link.clone())
                .with_config(config.clone())
                .poll_with_interval(POLL)
                .before_start(move |_| async move {
                    tokio::time::sleep(pause).await;
                    Ok(())
                });
            // A ULID: the name of a worker that died stays taken for a while.
            WorkerBuilder::new(format!("{}-{}", Self::NAME, Ulid::generate()))
                .backend(backend)
                .concurrency(concurrency)
                .build(move |job: serde_json::Value, id: TaskId, attempt: Attempt| {
                    let attempt = u16::try_from(attempt.current()).unwrap_or(u16::MAX);
                    let info = JobInfo { id: id.to_string(), attempt };
                    run(Arc::clone(&handler), job, info, timeout, abort.clone())
                })
        })
    }

    fn storage(&self) -> RedisStorage<serde_json::Value, Link> {
        RedisStorage::new(self.link.clone()).with_config(self.config.clone())
    }
}

/// Runs one job in a task of its own: when its worker dies with the connection, the job runs on to its end.
async fn run(
    handler: ControlHandler,
    job: serde_json::Value,
    info: JobInfo,
    timeout: Duration,
    mut abort: watch::Receiver<bool>,
) -> Result<(), BoxDynError> {
    let (id, attempt) = (info.id.clone(), info.attempt);
    let job: ControlJob = match serde_json::from_value(job) {
        Ok(job) => job,
        Err(error) => {
            tracing::error!(job = id, error = error.to_string(), "a control job cannot be read; it is dead now");
            return Err(AbortError::new(error).into());
        }
    };
    let name = job.name.clone();
    let running = tokio::spawn(async move {
        tokio::select! {
            biased;
            result = tokio::time::timeout(timeout, handler(job, info)) => result
                .unwrap_or_else(|_| Err(JobError::retry(format!("it took longer than {timeout:?}")))),
            _ = abort.wait_for(|abort| *abort) => Err(JobError::retry("barid stopped while it ran")),
        }
    });
    let result = running.await.unwrap_or_else(|_| Err(JobError::retry("the handler panicked")));
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::warn!(job = name, id, attempt, error = in_one_line(&error), "a control job failed");
            match error {
                JobError::Abort { source } => Err(AbortError::new(source).into()),
                JobError::Retry { source, .. } => Err(source),
            }
        }
    }
}
