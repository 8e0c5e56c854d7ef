//! What a process has on its desk for one lane: jobs in its hands, jobs that wait, outcomes that must be sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use super::backend::LeasedJob;
use super::buffer::Buffer;
use super::held::Held;
use super::{Lane, Lanes, fetcher, settler};
use crate::queue::QueueError;
use crate::queue::job::JobInfo;

/// How one process works on one lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeskSettings {
    /// The lane.
    pub(crate) lane: Lane,
    /// How many jobs run at once.
    pub(crate) concurrency: usize,
}

/// The state of one lane in this process. It outlives the apalis worker that a restart rebuilds.
pub(crate) struct Desk {
    pub(super) lanes: Lanes,
    pub(super) lane: Lane,
    pub(super) held: Held,
    pub(super) buffer: Buffer<LeasedJob>,
    /// At most how many wait for a worker: no more than keeps the workers busy, so that other processes get their share.
    pub(super) prefetch: usize,
    outcomes: mpsc::UnboundedSender<Message>,
    stop: watch::Sender<bool>,
    abort: watch::Sender<bool>,
}

/// What becomes of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did its work.
    Done,
    /// Again after this wait; so many attempts are used.
    Retry { attempt: u16, wait: Duration },
    /// Not again.
    Dead { attempt: u16, why: String },
    /// Back to the front of its queue, as if it had not been fetched.
    Release,
}

/// To the settler.
pub(super) enum Message {
    Ended {
        id: String,
        outcome: Outcome,
    },
    /// Answered when everything that was sent before is in Redis.
    Flush(oneshot::Sender<()>),
}

/// The right and the duty to say what becomes of a leased job. Dropped without a word (a worker that died, a handler that was cut
/// off, a job that never got a worker), the job goes back to the front of its queue.
pub(crate) struct Lease {
    id: String,
    attempt: u16,
    outcomes: Option<mpsc::UnboundedSender<Message>>,
}

impl Lease {
    pub(super) fn end(mut self, outcome: Outcome) {
        self.say(outcome);
    }

    fn say(&mut self, outcome: Outcome) {
        if let Some(outcomes) = self.outcomes.take() {
            // The settler is gone only when the process is about to be: the lease then runs out.
            let _ = outcomes.send(Message::Ended { id: std::mem::take(&mut self.id), outcome });
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // While a panic unwinds, the attempt counts: otherwise a job that panics would come back for ever.
        let outcome = if std::thread::panicking() {
            Outcome::Retry { attempt: self.attempt, wait: Duration::from_secs(1) }
        } else {
            Outcome::Release
        };
        self.say(outcome);
    }
}

impl Desk {
    /// A desk and the two tasks that must run beside it.
    pub(crate) fn open(lanes: Lanes, settings: DeskSettings) -> (Arc<Self>, DeskTasks) {
        let (outcomes, inbox) = mpsc::unbounded_channel();
        let prefetch = lanes.settings().prefetch.min(settings.concurrency.saturating_mul(2)).max(1);
        let desk = Arc::new(Self {
            lanes,
            lane: settings.lane,
            held: Held::default(),
            buffer: Buffer::new(),
            prefetch,
            outcomes,
            stop: watch::Sender::new(false),
            abort: watch::Sender::new(false),
        });
        let tasks = DeskTasks {
            fetcher: fetcher::run(Arc::clone(&desk)).boxed(),
            settler: settler::run(Arc::clone(&desk), inbox).boxed(),
        };
        (desk, tasks)
    }

    /// No more fetches; what waited for a worker goes back to Redis, for another process.
    pub(crate) fn stop_fetching(&self) {
        self.stop.send_replace(true);
        self.buffer.close();
    }

    /// Cuts off the handlers that still run; their jobs go back to Redis.
    pub(crate) fn abort(&self) {
        self.abort.send_replace(true);
    }

    /// Waits until every outcome so far is in Redis.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.outcomes.send(Message::Flush(done)).is_ok() {
            // An error means that the settler is gone: there is nothing to wait for.
            let _ = flushed.await;
        }
    }

    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(super) fn aborting(&self) -> watch::Receiver<bool> {
        self.abort.subscribe()
    }

    pub(super) fn lease(&self, info: &JobInfo) -> Lease {
        Lease { id: info.id.clone(), attempt: info.attempt, outcomes: Some(self.outcomes.clone()) }
    }

    /// Renews what is held; a lease that is another's by now is noted as such.
    pub(super) async fn renew(&self) -> Result<(), QueueError> {
        let leases = self.held.leases();
        if leases.is_empty() {
            return Ok(());
        }
        let lost = self.lanes.renew(self.lane, &leases).await?;
        if !lost.is_empty() {
            let tokens: HashMap<_, _> = leases.into_iter().collect();
            for id in &lost {
                self.held.lose(id, &tokens[id]);
            }
            // No alarm: an outcome that overtook the renewal looks the same. One that comes too late is warned of by the settler.
            tracing::debug!(lane = self.lane.name(), jobs = lost.len(), "some leases are no longer ours");
        }
        Ok(())
    }
}

/// The tasks of a desk.
pub(crate) struct DeskTasks {
    /// Ends when fetching was stopped.
    pub(crate) fetcher: BoxFuture<'static, ()>,
    /// Never ends by itself: outcomes may come late.
    pub(crate) settler: BoxFuture<'static, ()>,
}
