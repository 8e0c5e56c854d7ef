//! Brings jobs from Redis to the desk, as many as there is room for.

use std::sync::Arc;
use std::time::Duration;

use super::backend::LeasedJob;
use super::blob::Blob;
use super::desk::{Desk, Outcome};
use crate::queue::job::JobInfo;

/// Pause after a Redis error.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the fetcher sleeps at most when nobody wakes it. The mover wakes it; this is for the case that the mover is held up.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Runs until fetching is stopped.
pub(super) async fn run(desk: Arc<Desk>) {
    let mut stop = desk.stopping();
    let low = desk.prefetch / 2;
    loop {
        let waiting = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            waiting = desk.buffer.at_most(low) => waiting,
        };
        // Never cut off: an answer that nobody reads would leave jobs leased to nobody.
        match fetch(&desk, desk.prefetch - waiting).await {
            Fetch::More => {}
            Fetch::Empty => {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = desk.lanes.wake(desk.lane).notified() => {}
                    () = tokio::time::sleep(SLEEP_MAX) => {}
                }
            }
            Fetch::Failed(token) => loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
                // The script may have run although its answer was lost.
                if desk.lanes.reclaim(desk.lane, &token).await.is_ok() {
                    break;
                }
            },
        }
    }
}

enum Fetch {
    /// More is ready.
    More,
    /// Nothing is left.
    Empty,
    /// Redis failed; this token may have been given to jobs.
    Failed(Arc<str>),
}

async fn fetch(desk: &Arc<Desk>, room: usize) -> Fetch {
    let token = desk.lanes.new_token();
    let n = room.clamp(1, desk.lanes.settings().batch);
    let Ok(fetched) = desk.lanes.fetch(desk.lane, n, &token).await else { return Fetch::Failed(token) };
    let empty = fetched.left == 0 || fetched.jobs.is_empty();
    let mut jobs = Vec::with_capacity(fetched.jobs.len());
    for (id, bytes) in fetched.jobs {
        if !desk.held.take(&id, &token) {
            continue;
        }
        match Blob::parse(&bytes) {
            Some(job) => {
                let info = JobInfo { id, attempt: job.attempts.saturating_add(1) };
                let lease = desk.lease(&info);
                jobs.push(LeasedJob { payload: job.payload.to_vec(), allowed: job.allowed, info, lease: Some(lease) });
            }
            None => {
                tracing::error!(lane = desk.lane.name(), job = id, "a job cannot be read; it is in the dead set now");
                let lease = desk.lease(&JobInfo { id, attempt: 0 });
                lease.end(Outcome::Dead { attempt: 0, why: "its record in Redis cannot be read".to_owned() });
            }
        }
    }
    desk.buffer.extend(jobs);
    if empty { Fetch::Empty } else { Fetch::More }
}
