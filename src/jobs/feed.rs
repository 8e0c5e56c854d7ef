//! Feeds runs: takes planned messages out of the store a little ahead of the calls, so that Redis stays small and pause, cancel and
//! reprioritise take effect at once, whatever the audience.
//!
//! How far ahead is the heart of fairness. Lanes are first come, first served: a run that has fed a minute of work ahead makes every
//! later one wait a minute. So each run is fed a few seconds of its own share ahead, and a small campaign that begins beside a large
//! one has its turn within that time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::campaign::Campaign;
use crate::domain::delivery::HeldReason;
use crate::domain::ids::{MessageId, RunId, SenderName};
use crate::domain::run::Run;
use crate::domain::suspension::Suspension;
use crate::jobs::run_campaign::Definitions;
use crate::jobs::{JobError, probe};
use crate::ports::{Services, Wanted};

/// How many messages of one run are taken in one turn: runs take turns, so that a large one does not starve a small one.
const TURN: u64 = 500;
/// How many seconds of its own pace a run is fed ahead: far more than passes between two feedings.
const AHEAD_SECONDS: u64 = 2;
/// And never fewer messages than this, so that the slowest run has one on its way while the next is being fed.
const AHEAD_MIN: u64 = 4;

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

/// Where the waiting part of each run began when it was last looked at, so that each look begins there.
#[derive(Default)]
pub struct Marks(Mutex<HashMap<RunId, MessageId>>);

impl Marks {
    fn of(&self, run: RunId) -> Option<MessageId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied()
    }

    /// Keeps only runs that are active.
    fn set(&self, marks: HashMap<RunId, MessageId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = marks;
    }
}

/// A run that may be fed, and how many of its messages.
struct Hungry {
    run: RunId,
    room: u64,
}

/// One pass over all active runs.
///
/// # Errors
/// When store or queue could not be asked. What was taken and not queued is found by the sweep.
pub async fn run(services: &Services, definitions: &Definitions, marks: &Marks) -> Result<Fed, JobError> {
    let doing = "feeding the runs";
    let mut fed = Fed::default();
    let runs = services.store.active().await.map_err(JobError::from_store(doing))?;
    fed.active = runs.len() as u64;
    let mut hungry = hungry(services, definitions, marks, &runs).await?;
    if !hungry.is_empty() {
        let depth = services.queue.sending_depth().await.map_err(JobError::from_queue(doing))?;
        let mut room = services.rules.feed_ahead.saturating_sub(depth);
        while room > 0 && !hungry.is_empty() {
            let mut still = Vec::with_capacity(hungry.len());
            for Hungry { run, room: own } in hungry {
                let turn = TURN.min(room).min(own);
                if turn == 0 {
                    continue;
                }
                let taken = services.store.feed(run, turn).await.map_err(JobError::from_store(doing))?;
                if taken.is_empty() {
                    continue;
                }
                services.queue.send(Wanted::Sending, &taken, None).await.map_err(JobError::from_queue(doing))?;
                let n = taken.len() as u64;
                fed.queued += n;
                room = room.saturating_sub(n);
                still.push(Hungry { run, room: own.saturating_sub(n) });
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

/// Why nothing of the run is to be fed now, and until when that is so as far as it is known.
fn stopped(
    services: &Services,
    run: &Run,
    campaign: &Campaign,
    in_force: &[Suspension],
    now: Timestamp,
) -> Option<(HeldReason, Option<Timestamp>)> {
    // What is too old is fed all the same: only whoever looks at a message can end it.
    if campaign.expires_at(run.due_at) <= now {
        return None;
    }
    if let Some((limit, until)) = services.limits.full(&campaign.sender, run.id, now) {
        return Some((HeldReason::Limit(limit), Some(until)));
    }
    let stopping = probe::stops_run(in_force, campaign, now)?;
    Some((HeldReason::Suspended, stopping.may_end_at(now)))
}

/// The runs that may be fed now, and how far.
async fn hungry(
    services: &Services,
    definitions: &Definitions,
    marks: &Marks,
    runs: &[Run],
) -> Result<Vec<Hungry>, JobError> {
    let doing = "looking how far runs are fed";
    let now = services.clock.now();
    let in_force = match runs.is_empty() {
        true => Vec::new(),
        false => services.store.suspensions(now).await.map_err(JobError::from_store(doing))?,
    };
    let mut sending: Vec<(RunId, SenderName, Option<u32>)> = Vec::new();
    for run in runs.iter().filter(|run| run.state.sends()) {
        // A definition that cannot be read sends nothing: whoever resolves its audience says so.
        let Ok(campaign) = definitions.of(services, run.id).await else { continue };
        if stopped(services, run, &campaign, &in_force, now).is_none() {
            sending.push((run.id, campaign.sender.clone(), campaign.delivery.rate));
        }
    }
    let mut of_sender: BTreeMap<&SenderName, u32> = BTreeMap::new();
    for (_, sender, _) in &sending {
        *of_sender.entry(sender).or_default() += 1;
    }
    let (mut hungry, mut waiting) = (Vec::new(), HashMap::new());
    for (run, sender, rate) in &sending {
        let asked = services.store.queued_from(*run, marks.of(*run)).await;
        let (queued, first) = asked.map_err(JobError::from_store(doing))?;
        waiting.extend(first.map(|first| (*run, first)));
        let mps = services.rules.pace.get(sender).copied().unwrap_or(u32::MAX);
        let ahead = ahead(mps, of_sender.get(sender).copied().unwrap_or(1), *rate);
        hungry.push(Hungry { run: *run, room: ahead.min(services.rules.feed_ahead).saturating_sub(queued) });
    }
    marks.set(waiting);
    Ok(hungry)
}

/// How many messages of a run may wait in the lane: what it sends in a few seconds, at its own rate and its share of the sender's.
fn ahead(sender_mps: u32, runs_of_sender: u32, rate: Option<u32>) -> u64 {
    let share = u64::from(sender_mps).div_ceil(u64::from(runs_of_sender.max(1)));
    let pace = rate.map_or(share, |rate| share.min(u64::from(rate)));
    (pace * AHEAD_SECONDS).max(AHEAD_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_fed_seconds_of_its_own_share_ahead() {
        assert_eq!(ahead(70, 1, None), 140);
        assert_eq!(ahead(70, 2, None), 70, "half of the number's pace is another's");
        assert_eq!(ahead(70, 2, Some(1)), 4, "a slow one keeps few places of the lane");
        assert_eq!(ahead(1_000, 1, Some(40)), 80);
        assert_eq!(ahead(1, 50, None), 4);
    }
}
