//! Feeds runs: takes planned messages out of the store a few thousand ahead of the calls, so that Redis stays small and pause,
//! cancel and reprioritise take effect at once, whatever the audience.

use crate::jobs::JobError;
use crate::ports::{Services, Wanted};

/// How many messages of one run are taken in one turn: runs take turns, so that a large one does not starve a small one.
const TURN: u64 = 500;

/// What one pass of feeding did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fed {
    /// Messages queued.
    pub queued: u64,
    /// Runs that ended.
    pub finished: u64,
    /// Runs that have not ended.
    pub active: u64,
}

/// One pass over all active runs.
///
/// # Errors
/// When store or queue could not be asked. What was taken and not queued is found by the sweep.
pub async fn run(services: &Services) -> Result<Fed, JobError> {
    let doing = "feeding the runs";
    let mut fed = Fed::default();
    let runs = services.store.active().await.map_err(JobError::from_store(doing))?;
    fed.active = runs.len() as u64;
    let mut hungry: Vec<_> = runs.iter().filter(|run| run.state.sends()).map(|run| run.id).collect();
    if !hungry.is_empty() {
        let depth = services.queue.sending_depth().await.map_err(JobError::from_queue(doing))?;
        let mut room = services.rules.feed_ahead.saturating_sub(depth);
        while room > 0 && !hungry.is_empty() {
            let mut still = Vec::with_capacity(hungry.len());
            for run in hungry {
                let taken = services.store.feed(run, TURN.min(room)).await.map_err(JobError::from_store(doing))?;
                if taken.is_empty() {
                    continue;
                }
                services.queue.send(Wanted::Sending, &taken, None).await.map_err(JobError::from_queue(doing))?;
                fed.queued += taken.len() as u64;
                room = room.saturating_sub(taken.len() as u64);
                if room == 0 {
                    break;
                }
                still.push(run);
            }
            hungry = still;
        }
    }
    for run in runs {
        if services.store.finish_if_done(run.id, services.clock.now()).await.map_err(JobError::from_store(doing))? {
            fed.finished += 1;
            tracing::info!(run.id = %run.id, campaign.name = %run.campaign, "the run is finished");
        }
    }
    Ok(fed)
}
