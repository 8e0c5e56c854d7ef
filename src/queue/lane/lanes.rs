//! The producers' and operators' side: push, look, remove, requeue.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use redis::FromRedisValue;
use tokio::sync::Notify;
use ulid::Ulid;

use super::blob::Blob;
use super::calls::{JOBS_PER_SCRIPT, millis};
use super::scripts::{self, Keys};
use super::{Lane, LaneSettings};
use crate::domain::causes::in_one_line;
use crate::queue::QueueError;
use crate::queue::link::Link;

/// The longest id that is accepted, in bytes.
const ID_BYTES_MAX: usize = 256;

/// A job to be pushed.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Named by the caller, so that pushing the same work twice makes one job; 1 to 256 bytes.
    pub id: String,
    /// 0 runs first, 2 last; higher numbers count as 2.
    pub priority: u8,
    /// What the handler gets.
    pub payload: Vec<u8>,
    /// Not before this instant by Redis's clock; `None` or an instant in the past is now.
    pub due: Option<Timestamp>,
    /// How many attempts the job has before it is dead; at least 1.
    pub max_attempts: u16,
}

/// How full a lane is, and what it has done since its counters began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneDepth {
    /// Jobs that could run now.
    pub ready: u64,
    /// Jobs that are due later.
    pub delayed: u64,
    /// Jobs in the hands of a process.
    pub leased: u64,
    /// Jobs that used up their attempts or were given up.
    pub dead: u64,
    /// How long the oldest ready job has waited; `None` when none waits.
    pub oldest: Option<Duration>,
    /// Jobs ever pushed.
    pub pushed: u64,
    /// Jobs ever done.
    pub done: u64,
    /// Attempts that ended in another one.
    pub retried: u64,
    /// Jobs that ever died.
    pub died: u64,
    /// Leases that ran out.
    pub reaped: u64,
    /// Jobs that were given back without being run to their end.
    pub released: u64,
}

/// A job that is not tried again unless somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// The id under which it was pushed.
    pub id: String,
    /// When it died, by Redis's clock.
    pub died_at: Timestamp,
    /// Why, in one line.
    pub why: String,
    /// How many attempts it used.
    pub attempts: u16,
    /// What was pushed; everything that lies in Redis when it cannot be read as a job.
    pub payload: Vec<u8>,
}

/// The lanes of one Redis. Cheap to clone.
#[derive(Clone)]
pub struct Lanes(Arc<Inner>);

struct Inner {
    settings: LaneSettings,
    link: Link,
    keys: [Keys; Lane::ALL.len()],
    /// A push of this process wakes its own fetcher at once.
    wake: [Notify; Lane::ALL.len()],
    /// Who we are in fencing tokens; new in each process, so that a restarted one cannot be taken for its predecessor.
    owner: String,
    fetches: AtomicU64,
    /// Since when Redis has failed us. Kept here so that an outage is logged once and not by every task.
    outage: Mutex<Option<Instant>>,
    failing: AtomicBool,
}

impl Lanes {
    /// Connects to one server (`redis://…`, `redis+unix:///path`) or to a cluster (`redis+cluster://host:port,host:port`, or
    /// several URLs separated by commas). Fails when Redis cannot be reached.
    pub async fn connect(url: &str, settings: LaneSettings) -> Result<Self, QueueError> {
        if let Some(problem) = settings.problem() {
            return Err(QueueError::refused(problem));
        }
        let link = Link::connect(url).await?;
        Ok(Self(Arc::new(Inner {
            keys: Lane::ALL.map(|lane| Keys::new(&settings.namespace, lane)),
            wake: Lane::ALL.map(|_| Notify::new()),
            owner: Ulid::generate().to_string(),
            fetches: AtomicU64::new(0),
            outage: Mutex::new(None),
            failing: AtomicBool::new(false),
            settings,
            link,
        })))
    }

    /// The settings that were given.
    pub fn settings(&self) -> &LaneSettings {
        &self.0.settings
    }

    /// Pushes jobs and answers how many were new. One that is ready, delayed or leased already is left as it is; one that is dead
    /// begins anew. One script for each 1,000 jobs: after an error a part may have been pushed, and pushing all again is harmless.
    pub async fn push(&self, lane: Lane, jobs: &[NewJob]) -> Result<usize, QueueError> {
        if let Some(job) = jobs.iter().find(|job| job.id.is_empty() || job.id.len() > ID_BYTES_MAX) {
            return Err(QueueError::refused(format!(
                "a job of lane `{lane}` has an id of {} bytes; use 1 to {ID_BYTES_MAX}",
                job.id.len()
            )));
        }
        let mut fresh = 0;
        for chunk in jobs.chunks(JOBS_PER_SCRIPT) {
            let mut call = self.keys(lane).call(&scripts::PUSH);
            for job in chunk {
                let due = job.due.map_or(0, |due| due.as_millisecond().max(0));
                call.arg(&job.id).arg(job.priority.min(2)).arg(job.max_attempts.max(1)).arg(due).arg(&job.payload);
            }
            fresh += self.run::<usize>(call, || format!("cannot push to lane `{lane}`")).await?;
            self.wake(lane).notify_one();
        }
        Ok(fresh)
    }

    /// How full a lane is.
    pub async fn depth(&self, lane: Lane) -> Result<LaneDepth, QueueError> {
        let numbers: [i64; 11] = self
            .run(self.keys(lane).call(&scripts::DEPTH), || format!("cannot read the depth of lane `{lane}`"))
            .await?;
        let at = |n: usize| u64::try_from(numbers[n]).unwrap_or(0);
        Ok(LaneDepth {
            ready: at(0),
            delayed: at(1),
            leased: at(2),
            dead: at(3),
            oldest: u64::try_from(numbers[4]).ok().map(Duration::from_millis),
            pushed: at(5),
            done: at(6),
            retried: at(7),
            died: at(8),
            reaped: at(9),
            released: at(10),
        })
    }

    /// How long the oldest ready job of a lane has waited; `None` when none waits.
    pub async fn oldest(&self, lane: Lane) -> Result<Option<Duration>, QueueError> {
        Ok(self.depth(lane).await?.oldest)
    }

    /// For each id whether it is ready, delayed or leased.
    pub async fn alive(&self, lane: Lane, ids: &[String]) -> Result<Vec<bool>, QueueError> {
        let mut alive = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(JOBS_PER_SCRIPT) {
            let mut call = self.keys(lane).call(&scripts::ALIVE);
            call.arg(chunk);
            alive.extend(self.run::<Vec<bool>>(call, || format!("cannot look up jobs of lane `{lane}`")).await?);
        }
        Ok(alive)
    }

    /// Takes jobs out that wait or are dead, and answers how many. One that runs is left to its worker.
    pub async fn remove(&self, lane: Lane, ids: &[String]) -> Result<usize, QueueError> {
        self.for_ids(lane, ids, &scripts::REMOVE, "cannot remove jobs from").await
    }

    /// How many jobs of a lane are dead.
    pub async fn dead_count(&self, lane: Lane) -> Result<u64, QueueError> {
        Ok(self.depth(lane).await?.dead)
    }

    /// Dead jobs, the latest first: `limit` of them (1 to 1,000) after the first `offset`.
    pub async fn dead_list(&self, lane: Lane, offset: usize, limit: usize) -> Result<Vec<DeadJob>, QueueError> {
        let mut call = self.keys(lane).call(&scripts::DEAD);
        call.arg(offset).arg(limit.clamp(1, JOBS_PER_SCRIPT));
        let rows: Vec<(String, i64, String, Vec<u8>)> =
            self.run(call, || format!("cannot list the dead jobs of lane `{lane}`")).await?;
        let dead = |(id, died_at, why, blob): (String, i64, String, Vec<u8>)| {
            let (attempts, payload) = match Blob::parse(&blob) {
                Some(job) => (job.attempts, job.payload.to_vec()),
                None => (0, blob),
            };
            DeadJob {
                id,
                died_at: Timestamp::from_millisecond(died_at).unwrap_or(Timestamp::UNIX_EPOCH),
                why,
                attempts,
                payload,
            }
        };
        Ok(rows.into_iter().map(dead).collect())
    }

    /// Makes dead jobs ready again, with all their attempts before them; answers how many of the ids were dead.
    pub async fn dead_requeue(&self, lane: Lane, ids: &[String]) -> Result<usize, QueueError> {
        let requeued = self.for_ids(lane, ids, &scripts::REQUEUE, "cannot requeue dead jobs of").await?;
        self.wake(lane).notify_one();
        Ok(requeued)
    }

    /// Forgets dead jobs that died at least this long ago; answers how many. `Duration::ZERO` forgets all.
    pub async fn dead_purge(&self, lane: Lane, age: Duration) -> Result<usize, QueueError> {
        let mut purged = 0;
        loop {
            let mut call = self.keys(lane).call(&scripts::PURGE);
            call.arg(millis(age)).arg(JOBS_PER_SCRIPT);
            let n: usize = self.run(call, || format!("cannot purge the dead jobs of lane `{lane}`")).await?;
            purged += n;
            if n < JOBS_PER_SCRIPT {
                return Ok(purged);
            }
        }
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), QueueError> {
        redis::cmd("PING")
            .query_async::<()>(&mut self.link())
            .await
            .map_err(|error| QueueError::new("Redis does not answer", error))
    }

    pub(crate) fn link(&self) -> Link {
        self.0.link.clone()
    }

    pub(super) fn wake(&self, lane: Lane) -> &Notify {
        &self.0.wake[lane.index()]
    }

    /// A token that no other fetch of any process has.
    pub(super) fn new_token(&self) -> Arc<str> {
        format!("{}:{}", self.0.owner, self.0.fetches.fetch_add(1, Ordering::Relaxed)).into()
    }

    pub(super) fn keys(&self, lane: Lane) -> &Keys {
        &self.0.keys[lane.index()]
    }

    async fn for_ids(
        &self,
        lane: Lane,
        ids: &[String],
        script: &redis::Script,
        what: &str,
    ) -> Result<usize, QueueError> {
        let mut n = 0;
        for chunk in ids.chunks(JOBS_PER_SCRIPT) {
            let mut call = self.keys(lane).call(script);
            call.arg(chunk);
            n += self.run::<usize>(call, || format!("{what} lane `{lane}`")).await?;
        }
        Ok(n)
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        call: redis::ScriptInvocation<'_>,
        what: impl Fn() -> String,
    ) -> Result<T, QueueError> {
        match call.invoke_async(&mut self.link()).await {
            Ok(answer) => {
                self.note_contact();
                Ok(answer)
            }
            Err(error) => {
                let error = QueueError::new(what(), error);
                self.note_failure(&error);
                Err(error)
            }
        }
    }

    fn note_failure(&self, error: &QueueError) {
        let mut outage = self.0.outage.lock().expect("no panic happens under this lock");
        if outage.is_none() {
            *outage = Some(Instant::now());
            self.0.failing.store(true, Ordering::Relaxed);
            tracing::warn!(error = in_one_line(error), "queues: Redis fails; trying on");
        }
    }

    fn note_contact(&self) {
        if self.0.failing.swap(false, Ordering::Relaxed) {
            let since = self.0.outage.lock().expect("no panic happens under this lock").take();
            let for_ms = since.map_or(0, |since| millis(since.elapsed()));
            tracing::info!(for_ms, "queues: Redis answers again");
        }
    }
}
