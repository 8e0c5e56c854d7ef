//! One job about many things: each is done by itself, so that none suffers from another.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::Semaphore;

use crate::jobs::JobError;

/// A panic in one of the many. What it said stands in the process's own panic message: it may hold personal data.
#[derive(Debug, thiserror::Error)]
#[error("its handling panicked")]
struct Panicked;

/// Runs all of them side by side, together with other jobs no more than `at_once` has places. All are run, whatever becomes of one; `doing`
/// names the work of one that panics.
///
/// # Errors
/// The first failure after which another try can help; where there is none, the first one.
pub(super) async fn each<T, F>(
    things: Vec<T>,
    at_once: &Semaphore,
    doing: &'static str,
    run: impl Fn(T) -> F,
) -> Result<(), JobError>
where
    F: Future<Output = Result<(), JobError>>,
{
    let run = &run;
    let mut running: FuturesUnordered<_> = things
        .into_iter()
        .map(|thing| async move {
            let _place = at_once.acquire().await.expect("the semaphore is never closed");
            // Boxed, so that whoever waits for a place holds no room for the work.
            let done = AssertUnwindSafe(Box::pin(run(thing))).catch_unwind().await;
            done.unwrap_or_else(|_panic| Err(JobError::Retry { doing, source: Box::new(Panicked) }))
        })
        .collect();
    let mut failed = None;
    while let Some(done) = running.next().await {
        let Err(error) = done else { continue };
        let is_first_hope = matches!((&failed, &error), (Some(JobError::Abort { .. }), JobError::Retry { .. }));
        if failed.is_none() || is_first_hope {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn failure(retry: bool) -> JobError {
        let source = Box::new(std::fmt::Error);
        if retry { JobError::Retry { doing: "trying", source } } else { JobError::Abort { doing: "trying", source } }
    }

    #[tokio::test]
    async fn whatever_becomes_of_one_the_others_are_done() {
        let done = Mutex::new(Vec::new());
        let (at_once, done) = (Semaphore::new(2), &done);
        let failed = each((0..20).collect(), &at_once, "trying", |n| async move {
            tokio::task::yield_now().await;
            match n {
                3 => panic!("made up"),
                5 => return Err(failure(false)),
                7 => return Err(failure(true)),
                n => done.lock().unwrap().push(n),
            }
            Ok(())
        })
        .await;
        assert!(matches!(failed, Err(JobError::Retry { .. })), "{failed:?}");
        assert_eq!(done.lock().unwrap().len(), 17);
        let failed = each(vec![5], &at_once, "trying", |_| async { Err(failure(false)) }).await;
        assert!(matches!(failed, Err(JobError::Abort { .. })), "{failed:?}");
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_places() {
        let (running, most) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let at_once = Semaphore::new(3);
        let job = || {
            each((0..10).collect(), &at_once, "trying", |_| async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            })
        };
        let (one, other) = tokio::join!(job(), job());
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(most.load(Ordering::Relaxed), 3);
    }
}
