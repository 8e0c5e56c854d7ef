//! The lane as an apalis backend: hands over what lies on the desk, and never fails.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use apalis::prelude::{Backend, Task, TaskBuilder, TaskId, WorkerContext};
use apalis_core::backend::BackendConfig;
use apalis_core::backend::finalize::Ephemeral;
use tokio::time::Sleep;
use tower::layer::util::Identity;

use super::desk::{Desk, Lease};
use crate::queue::job::JobInfo;

/// A job with the right to say what becomes of it.
pub(crate) struct LeasedJob {
    /// What was pushed.
    pub(crate) payload: Vec<u8>,
    /// Id and attempt.
    pub(crate) info: JobInfo,
    /// Attempts allowed.
    pub(super) allowed: u16,
    /// Taken out by the settle layer.
    pub(super) lease: Option<Lease>,
}

/// One worker's end of a desk.
pub(crate) struct LaneBackend {
    desk: Arc<Desk>,
    /// A rebuilt worker waits: apalis restarts at once, however often.
    delay: Option<Pin<Box<Sleep>>>,
}

impl LaneBackend {
    /// Begins to hand over jobs after `delay`.
    pub(crate) fn new(desk: Arc<Desk>, delay: Duration) -> Self {
        Self { desk, delay: (!delay.is_zero()).then(|| Box::pin(tokio::time::sleep(delay))) }
    }
}

impl Backend for LaneBackend {
    type Task = Task<LeasedJob>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if let Some(delay) = &mut self.delay {
            ready!(delay.as_mut().poll(cx));
            self.delay = None;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<LeasedJob>, Infallible>>> {
        self.desk.buffer.poll_next(cx).map(|job| {
            job.map(|job| {
                let id = TaskId::String(job.info.id.clone());
                Ok(TaskBuilder::new(job).task_id(id).build())
            })
        })
    }

    /// Outcomes are flushed by whoever stops the desk: a worker may end without its lane ending.
    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LaneBackend {
    type Args = LeasedJob;
    type Id = String;
    /// Payloads stay bytes: the handler decodes them and can bury what it cannot read, where apalis's own decoding kills the worker.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    /// Nothing here: the outcome is told by `SettleLayer`, inside the spawned job, so that it survives the worker.
    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
