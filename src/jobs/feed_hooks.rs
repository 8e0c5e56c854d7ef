//! Brings what is due to be told into its lane: so much for each endpoint as may be on its way at once, and for one that is left alone
//! nothing. So a slow endpoint fills its own share and no other's, and Redis never holds more than that. Whatever Redis forgets is due
//! still, and is brought again.

use jiff::SignedDuration;

use crate::domain::hook::delivery::{GIVE_UP_AFTER, GaveUp, HookHealth};
use crate::jobs::JobError;
use crate::ports::Services;

/// How many calls of one endpoint may be under way: an even share of the lane, so that all others together can hang.
pub fn share(concurrency: usize, hooks: usize) -> u64 {
    (concurrency.max(1) as u64 / hooks.max(1) as u64).max(1)
}

/// One look at every endpoint; answers how many deliveries are in the lane now. Safe to run in several processes: they choose the same.
///
/// # Errors
/// When store or queue could not be asked; the next look goes on.
pub async fn run(services: &Services, share: u64) -> Result<u64, JobError> {
    let doing = "looking for what is to be told";
    let healths = services.store.hook_healths().await.map_err(JobError::from_store(doing))?;
    let mut due = Vec::new();
    for hook in services.hooks.configured() {
        let well = HookHealth::default();
        let health = healths.iter().find(|(name, _)| *name == hook.name).map_or(&well, |(_, health)| health);
        let now = services.clock.now();
        let give_up = if health.is_gone(&hook.fingerprint) {
            Some((now, GaveUp::Gone))
        } else if health.is_lost(now) {
            Some((before(now, GIVE_UP_AFTER), GaveUp::Spent))
        } else {
            None
        };
        if let Some((since, because)) = give_up {
            let dead = services.store.give_up_deliveries(&hook.name, since, because, now).await;
            let dead = dead.map_err(JobError::from_store(doing))?;
            if dead > 0 {
                tracing::warn!(
                    hook.name = %hook.name,
                    events = dead,
                    because = because.words(),
                    "events are not told; `barid hooks replay` tells them once more"
                );
            }
        }
        let allowed = health.allowance(&hook.fingerprint, share, now);
        if allowed > 0 {
            let found = services.store.due_deliveries(&hook.name, now, allowed).await;
            due.extend(found.map_err(JobError::from_store(doing))?);
        }
    }
    if !due.is_empty() {
        services.queue.deliver(&due).await.map_err(JobError::from_queue(doing))?;
    }
    Ok(due.len() as u64)
}

fn before(now: jiff::Timestamp, span: SignedDuration) -> jiff::Timestamp {
    now.saturating_sub(span).unwrap_or(jiff::Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_share_the_lane_evenly_and_each_has_a_place() {
        for (concurrency, hooks, each) in [(40, 1, 40), (40, 3, 13), (40, 100, 1), (0, 1, 1), (40, 0, 40)] {
            assert_eq!(share(concurrency, hooks), each, "{concurrency} {hooks}");
        }
    }
}
