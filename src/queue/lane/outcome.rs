//! The layer that turns what a handler answered (a time-out and a panic included) into what becomes of the job.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{BoxDynError, Task};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};

use super::backend::LeasedJob;
use super::desk::{Desk, Outcome};
use crate::domain::causes::in_one_line;
use crate::queue::job::{JobError, JobInfo};

/// A handler panicked. What it said stays in the process's own panic message: it may hold personal data.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
pub(crate) struct Panicked;

impl Panicked {
    /// For apalis's layer, which asks for this signature.
    pub(crate) fn new(_: &Box<dyn Any + Send>) -> Self {
        Self
    }
}

/// Stands directly inside `parallelize`: a spawned job tells its outcome itself, even when its worker is gone.
#[derive(Clone)]
pub(crate) struct SettleLayer {
    desk: Arc<Desk>,
}

impl SettleLayer {
    /// Outcomes go to this desk.
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }
}

impl<S> Layer<S> for SettleLayer {
    type Service = Settle<S>;

    fn layer(&self, inner: S) -> Settle<S> {
        Settle { inner, desk: Arc::clone(&self.desk) }
    }
}

/// See [`SettleLayer`].
#[derive(Clone)]
pub(crate) struct Settle<S> {
    inner: S,
    desk: Arc<Desk>,
}

impl<S> Service<Task<LeasedJob>> for Settle<S>
where
    S: Service<Task<LeasedJob>, Response = ()>,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut task: Task<LeasedJob>) -> Self::Future {
        let lease = task.args.lease.take().expect("a job passes this layer once");
        let (info, allowed) = (task.args.info.clone(), task.args.allowed);
        let desk = Arc::clone(&self.desk);
        let mut aborting = desk.aborting();
        let run = self.inner.call(task);
        async move {
            let result = tokio::select! {
                biased;
                result = run => result.map_err(Into::into),
                // The lease is dropped here, which gives the job back.
                _ = aborting.wait_for(|abort| *abort) => return Ok(()),
            };
            let outcome = match &result {
                Ok(()) => Outcome::Done,
                Err(error) => after_error(error, &info, allowed, &desk),
            };
            lease.end(outcome);
            // Told and logged already. To apalis it is a job like any other.
            Ok(())
        }
        .boxed()
    }
}

fn after_error(error: &BoxDynError, info: &JobInfo, allowed: u16, desk: &Desk) -> Outcome {
    let (why, attempt, lane) = (in_one_line(error.as_ref()), info.attempt, desk.lane.name());
    let after = match error.downcast_ref::<JobError>() {
        Some(JobError::Abort { .. }) => {
            tracing::error!(lane, job = info.id, attempt, error = why, "a job failed for good");
            return Outcome::Dead { attempt, why };
        }
        Some(JobError::Retry { after, .. }) => *after,
        None => None,
    };
    if attempt >= allowed {
        tracing::error!(lane, job = info.id, attempt, error = why, "a job failed in its last attempt");
        return Outcome::Dead { attempt, why };
    }
    let wait = after.unwrap_or_else(|| backoff(&desk.lanes.settings().backoff, info));
    tracing::warn!(
        lane,
        job = info.id,
        attempt,
        error = why,
        wait_ms = wait.as_millis(),
        "a job failed; it runs again"
    );
    Outcome::Retry { attempt, wait }
}

/// The wait after this attempt, up to a fifth longer or shorter: what failed together need not come back together. The same job and
/// attempt always get the same wait.
fn backoff(waits: &[Duration], info: &JobInfo) -> Duration {
    let index = usize::from(info.attempt.max(1) - 1).min(waits.len() - 1);
    let mut hasher = DefaultHasher::new();
    (&info.id, info.attempt).hash(&mut hasher);
    let share = 800 + u32::try_from(hasher.finish() % 401).expect("a remainder of 401 is small");
    waits[index] * share / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_follows_the_list_and_stays_at_its_end() {
        let waits = [1, 10, 100].map(Duration::from_secs);
        for (attempt, secs) in [(1, 1), (2, 10), (3, 100), (4, 100), (40_000, 100)] {
            let wait = backoff(&waits, &JobInfo { id: "msg_1".to_owned(), attempt });
            let (least, most) = (Duration::from_millis(secs * 800), Duration::from_millis(secs * 1200));
            assert!((least..=most).contains(&wait), "attempt {attempt}: {wait:?}");
        }
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let waits = [Duration::from_secs(100)];
        let all: std::collections::HashSet<_> =
            (0..100).map(|n| backoff(&waits, &JobInfo { id: format!("msg_{n}"), attempt: 1 })).collect();
        assert!(all.len() > 50);
    }
}
