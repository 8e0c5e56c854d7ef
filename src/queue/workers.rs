//! Hands lanes and control jobs to apalis and owns the life of what runs them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use apalis::layers::catch_panic::CatchPanicLayer;
use apalis::prelude::{Event, Monitor, MonitorContext, ParallelizeExt, WorkerBuilder, WorkerContext};
use apalis::{layers::WorkerBuilderExt, prelude::WorkerError};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use ulid::Ulid;

use super::control::{ControlQueue, ControlWorker};
use super::job::{JobInfo, JobResult};
use super::lane::{
    Desk, DeskSettings, Lane, LaneBackend, Lanes, LeasedJob, Panicked, SettleLayer, move_and_reap, renew,
};

/// How often a worker may panic in its own machinery (not in a handler) before the process gives up.
const PANICS_MAX: usize = 5;
/// The longest pause before a worker is rebuilt.
const REBUILD_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long `stop` waits for handlers that were cut off, and for Redis to take the last outcomes.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Does the work of one job of a lane.
pub type LaneHandler = Arc<dyn Fn(Vec<u8>, JobInfo) -> BoxFuture<'static, JobResult> + Send + Sync>;

/// What runs the jobs of a lane.
#[derive(Clone)]
pub struct LaneWorker {
    /// The lane.
    pub lane: Lane,
    /// How many jobs run at once: rate × latency.
    pub concurrency: usize,
    /// How long one attempt may take; then it counts as failed and is tried again.
    pub timeout: Duration,
    /// Does the work. A panic in it costs this attempt of this job only.
    pub handler: LaneHandler,
}

/// A worker cannot be rebuilt. The process should end with an error and be started anew.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}; restart barid")]
pub struct WorkersError {
    what: String,
}

/// The running workers of a process. Dropping it stops them without waiting: what they hold comes back when its leases run out.
pub struct Workers {
    lanes: Lanes,
    queues: Vec<&'static str>,
    desks: Vec<Arc<Desk>>,
    context: MonitorContext,
    monitor: JoinHandle<()>,
    fetchers: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    abort_control: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    life: Arc<Life>,
}

/// Whether we are ending, on purpose or not.
struct Life {
    stopping: AtomicBool,
    failure: watch::Sender<Option<WorkersError>>,
}

impl Life {
    fn fail(&self, what: String) {
        if self.stopping.load(Ordering::Relaxed) {
            return;
        }
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            if first {
                tracing::error!(what, "queues: a worker cannot be rebuilt");
                *failure = Some(WorkersError { what });
            }
            first
        });
    }

    /// Runs a task that must not end by a panic.
    fn spawn(self: &Arc<Self>, name: String, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let life = Arc::clone(self);
        tokio::spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                life.fail(format!("the {name} panicked"));
            }
        })
    }

    /// Whether apalis should rebuild a worker.
    fn may_restart(&self, worker: &WorkerContext, error: &WorkerError, panics: &AtomicUsize) -> bool {
        let rebuild = match error {
            // Only the control queue has such errors: Redis is away, and will be back.
            WorkerError::BackendError(_) => true,
            WorkerError::PanicError(_) => panics.fetch_add(1, Ordering::Relaxed) < PANICS_MAX,
            _ => false,
        };
        if rebuild {
            tracing::warn!(worker = worker.name(), error = error.to_string(), "a worker ended; it is rebuilt");
        } else {
            self.fail(format!("worker `{}` ended: {error}", worker.name()));
        }
        rebuild
    }
}

impl Workers {
    /// Starts a worker for each entry, and one for control jobs when given.
    pub fn start(lanes: Lanes, lane_workers: Vec<LaneWorker>, control: Option<(ControlQueue, ControlWorker)>) -> Self {
        let life = Arc::new(Life { stopping: AtomicBool::new(false), failure: watch::Sender::new(None) });
        let (stop, abort_control) = (watch::Sender::new(false), watch::Sender::new(false));
        let (mut queues, mut desks, mut fetchers, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut monitor = monitor(&life);
        for worker in lane_workers {
            let lane = worker.lane;
            let (desk, tasks) =
                Desk::open(lanes.clone(), DeskSettings { lane, concurrency: worker.concurrency.max(1) });
            fetchers.push(life.spawn(format!("fetcher of lane `{lane}`"), tasks.fetcher));
            others.push(life.spawn(format!("settler of lane `{lane}`"), tasks.settler));
            monitor = with_lane(monitor, worker, Arc::clone(&desk));
            queues.push(lane.name());
            desks.push(desk);
        }
        if let Some((queue, worker)) = control {
            let stopping = stop.subscribe();
            others.push(life.spawn("janitor of control jobs".to_owned(), queue.clone().keep_tidy(stopping)));
            monitor = queue.register(monitor, worker, abort_control.subscribe());
            queues.push(ControlQueue::NAME);
        }
        others.push(life.spawn("renewer".to_owned(), renew(desks.clone(), stop.subscribe())));
        others.push(life.spawn("mover".to_owned(), move_and_reap(desks.clone(), stop.subscribe())));
        let context = monitor.context();
        let monitor = {
            let ended = Arc::clone(&life);
            life.spawn("monitor".to_owned(), async move {
                if let Err(error) = monitor.run().await {
                    ended.fail(format!("the workers ended: {error}"));
                }
            })
        };
        Self { lanes, queues, desks, context, monitor, fetchers, others, abort_control, stop, life }
    }

    /// For each queue whether its worker runs. A worker runs on while Redis is away: that is [`Lanes::ping`].
    pub fn up(&self) -> Vec<(&'static str, bool)> {
        self.watch_up()()
    }

    /// The same question for whoever asks it later and does not own the workers.
    pub fn watch_up(&self) -> impl Fn() -> Vec<(&'static str, bool)> + Send + Sync + 'static {
        let (queues, context) = (self.queues.clone(), self.context.clone());
        move || queues.iter().copied().zip(context.workers().iter().map(WorkerContext::is_running)).collect()
    }

    /// Resolves when a worker cannot be rebuilt; never while all is well.
    pub fn failed(&self) -> impl Future<Output = WorkersError> + Send + 'static {
        let mut failure = self.life.failure.subscribe();
        async move {
            let failed = match failure.wait_for(Option::is_some).await {
                Ok(failure) => failure.clone(),
                Err(_) => None,
            };
            match failed {
                Some(error) => error,
                // The workers were stopped or dropped.
                None => std::future::pending().await,
            }
        }
    }

    /// Fetches no more, gives back what waits, lets what runs finish for `drain`, then cuts it off and gives that back too.
    /// When it returns, another process can have every job that did not finish here.
    pub async fn stop(mut self, drain: Duration) {
        self.life.stopping.store(true, Ordering::Relaxed);
        self.desks.iter().for_each(|desk| desk.stop_fetching());
        if let Err(error) = self.context.shutdown() {
            tracing::warn!(error = error.to_string(), "queues: the workers cannot be told to stop");
        }
        let fetchers = std::mem::take(&mut self.fetchers);
        let drained = async {
            let (_, monitor) = tokio::join!(join_all(fetchers), &mut self.monitor);
            monitor
        };
        if tokio::time::timeout(drain, drained).await.is_err() {
            tracing::warn!("queues: jobs still run after {drain:?}; they are cut off and given back");
            self.abort_control.send_replace(true);
            self.desks.iter().for_each(|desk| desk.abort());
            if !self.monitor.is_finished() && tokio::time::timeout(LAST_WORDS, &mut self.monitor).await.is_err() {
                tracing::warn!("queues: some handlers block and cannot be cut off");
            }
        }
        let flushed = join_all(self.desks.iter().map(|desk| desk.flush()));
        if tokio::time::timeout(LAST_WORDS, flushed).await.is_err() {
            tracing::warn!(
                lease_s = self.lanes.settings().lease.as_secs(),
                "queues: Redis does not take the last outcomes; their jobs come back when their leases run out"
            );
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.life.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        self.desks.iter().for_each(|desk| desk.stop_fetching());
        self.monitor.abort();
        self.others.iter().for_each(JoinHandle::abort);
    }
}

fn monitor(life: &Arc<Life>) -> Monitor {
    let (ended, judge, panics) = (Arc::clone(life), Arc::clone(life), AtomicUsize::new(0));
    Monitor::new().should_restart(move |worker, error| judge.may_restart(worker, error, &panics)).on_event(
        move |worker, event| {
            if let Event::Exit = event {
                ended.fail(format!("worker `{}` ended by itself", worker.name()));
            }
        },
    )
}

fn with_lane(monitor: Monitor, worker: LaneWorker, desk: Arc<Desk>) -> Monitor {
    let LaneWorker { lane, concurrency, timeout, handler } = worker;
    monitor.register(move |restarts| {
        let (desk, handler) = (Arc::clone(&desk), Arc::clone(&handler));
        // The first layer is the outermost.
        WorkerBuilder::new(format!("{lane}-{}", Ulid::generate()))
            .backend(LaneBackend::new(Arc::clone(&desk), rebuild_pause(restarts)))
            .concurrency(concurrency.max(1))
            .parallelize(tokio::spawn)
            .layer(SettleLayer::new(desk))
            .timeout(timeout)
            .layer(CatchPanicLayer::with_panic_handler(Panicked::new))
            .build(move |job: LeasedJob| {
                let handler = Arc::clone(&handler);
                async move { handler(job.payload, job.info).await }
            })
    })
}

/// apalis rebuilds at once, however often.
pub(super) fn rebuild_pause(restarts: usize) -> Duration {
    let restarts = u32::try_from(restarts).unwrap_or(u32::MAX);
    Duration::from_millis(200).saturating_mul(restarts).min(REBUILD_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life() -> Arc<Life> {
        Arc::new(Life { stopping: AtomicBool::new(false), failure: watch::Sender::new(None) })
    }

    #[test]
    fn a_worker_is_rebuilt_after_redis_errors_for_ever_and_after_panics_a_few_times() {
        let (life, worker, panics) = (life(), WorkerContext::new("sending-1"), AtomicUsize::new(0));
        for _ in 0..1000 {
            assert!(life.may_restart(&worker, &WorkerError::BackendError("away".into()), &panics));
        }
        for _ in 0..PANICS_MAX {
            assert!(life.may_restart(&worker, &WorkerError::PanicError("made up".to_owned()), &panics));
        }
        assert!(life.failure.borrow().is_none());
        assert!(!life.may_restart(&worker, &WorkerError::PanicError("made up".to_owned()), &panics));
        let failure = life.failure.borrow().clone().unwrap();
        assert_eq!(failure.to_string(), "worker `sending-1` ended: Worker panicked: made up; restart barid");
    }

    #[tokio::test]
    async fn a_task_that_panics_ends_the_workers_unless_they_are_stopping() {
        let life = life();
        life.spawn("mover".to_owned(), async { panic!("made up") }).await.unwrap();
        assert_eq!(life.failure.borrow().clone().unwrap().to_string(), "the mover panicked; restart barid");

        let life = Arc::new(Life { stopping: AtomicBool::new(true), failure: watch::Sender::new(None) });
        life.fail("too late".to_owned());
        assert!(life.failure.borrow().is_none());
    }

    #[test]
    fn the_pause_before_a_rebuild_grows_to_a_limit() {
        assert_eq!(rebuild_pause(0), Duration::ZERO);
        assert_eq!(rebuild_pause(3), Duration::from_millis(600));
        assert_eq!(rebuild_pause(usize::MAX), REBUILD_PAUSE_MAX);
    }
}
