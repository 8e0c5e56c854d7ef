//! The workers' side of a lane: the scripts that the tasks beside the workers call.

use std::sync::Arc;
use std::time::Duration;

use super::{Lane, Lanes, scripts};
use crate::queue::QueueError;

/// At most how many jobs one script handles: Redis is never busy with one call for more than a few milliseconds.
pub(super) const JOBS_PER_SCRIPT: usize = 1000;
/// At most how many outcomes one script handles; each has up to five arguments.
const OUTCOMES_PER_SCRIPT: usize = 500;

impl Lanes {
    /// Leases up to `n` jobs; answers how many are still ready, and the jobs as they lie in Redis.
    pub(super) async fn fetch(&self, lane: Lane, n: usize, token: &str) -> Result<Fetched, QueueError> {
        let mut call = self.keys(lane).call(&scripts::FETCH);
        call.arg(n.min(JOBS_PER_SCRIPT)).arg(millis(self.settings().lease)).arg(token);
        let (left, jobs) = self.run(call, || format!("cannot fetch from lane `{lane}`")).await?;
        Ok(Fetched { left, jobs })
    }

    /// Sends outcomes; answers how many had no effect because the lease was another's.
    pub(super) async fn settle(&self, lane: Lane, outcomes: &[Settlement<'_>]) -> Result<usize, QueueError> {
        let mut stale = 0;
        for chunk in outcomes.chunks(OUTCOMES_PER_SCRIPT) {
            let mut call = self.keys(lane).call(&scripts::SETTLE);
            // Nearly all are done, and need no more than two arguments.
            let (done, others): (Vec<_>, Vec<_>) = chunk.iter().partition(|outcome| outcome.fate.is_none());
            call.arg(done.len());
            for Settlement { id, token, .. } in done {
                call.arg(*id).arg(*token);
            }
            for Settlement { id, token, fate } in others {
                let Some(Fate { kind, attempt, value }) = fate else { continue };
                call.arg(*kind).arg(*id).arg(*token).arg(*attempt).arg(value);
            }
            stale += self.run::<usize>(call, || format!("cannot settle jobs of lane `{lane}`")).await?;
        }
        Ok(stale)
    }

    /// Renews leases; answers the ids whose lease is another's by now.
    pub(super) async fn renew(&self, lane: Lane, leases: &[(String, Arc<str>)]) -> Result<Vec<String>, QueueError> {
        let mut lost = Vec::new();
        for chunk in leases.chunks(JOBS_PER_SCRIPT) {
            let mut call = self.keys(lane).call(&scripts::RENEW);
            call.arg(millis(self.settings().lease));
            for (id, token) in chunk {
                call.arg(id).arg(&**token);
            }
            lost.extend(self.run::<Vec<String>>(call, || format!("cannot renew leases of lane `{lane}`")).await?);
        }
        Ok(lost)
    }

    /// One bounded step of the mover. Leases are taken away only until the instant `reap_until` of Redis's clock.
    pub(super) async fn step(&self, lane: Lane, reap_until: u64) -> Result<Step, QueueError> {
        let mut call = self.keys(lane).call(&scripts::STEP);
        call.arg(JOBS_PER_SCRIPT).arg(reap_until).arg(self.settings().lost_max);
        let (now, moved, reaped, ready, next_due): (u64, usize, usize, u64, i64) =
            self.run(call, || format!("cannot move the jobs of lane `{lane}`")).await?;
        let full = moved == JOBS_PER_SCRIPT || reaped == JOBS_PER_SCRIPT;
        let next_due = u64::try_from(next_due).ok().map(Duration::from_millis);
        Ok(Step { now, moved, reaped, ready, full, next_due })
    }

    /// Gives back what the fetch with this token took, when its answer never arrived.
    pub(super) async fn reclaim(&self, lane: Lane, token: &str) -> Result<usize, QueueError> {
        let mut call = self.keys(lane).call(&scripts::RECLAIM);
        call.arg(token);
        self.run(call, || format!("cannot reclaim jobs of lane `{lane}`")).await
    }
}

/// What a fetch brought.
pub(super) struct Fetched {
    /// Jobs that are still ready.
    pub(super) left: u64,
    /// Ids and jobs as they lie in Redis.
    pub(super) jobs: Vec<(String, Vec<u8>)>,
}

/// What a step of the mover did.
pub(super) struct Step {
    /// Redis's clock, in milliseconds.
    pub(super) now: u64,
    /// Delayed jobs that became ready.
    pub(super) moved: usize,
    /// Leases that were taken away.
    pub(super) reaped: usize,
    /// Jobs that are ready.
    pub(super) ready: u64,
    /// Whether there may be more to move at once.
    pub(super) full: bool,
    /// When the next delayed job is due.
    pub(super) next_due: Option<Duration>,
}

/// One outcome, as the script takes it.
pub(super) struct Settlement<'a> {
    pub(super) id: &'a str,
    pub(super) token: &'a str,
    /// What becomes of a job that is not done.
    pub(super) fate: Option<Fate>,
}

/// What becomes of a job that is not done.
pub(super) struct Fate {
    pub(super) kind: &'static str,
    pub(super) attempt: u16,
    pub(super) value: String,
}

pub(super) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX / 4)
}
