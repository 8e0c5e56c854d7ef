//! Deletes events of old, and gives up what waits for endpoints that nobody configures any more.

use jiff::{SignedDuration, Timestamp};

use crate::domain::hook::delivery::{DeliveryState, GIVE_UP_AFTER, GaveUp};
use crate::jobs::JobError;
use crate::ports::{Clock, Hooks, Store};

/// How long events are kept that need not be told any more: to be looked at and replayed. What people wrote is in them, so not for ever.
const KEEP_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Does it, in bounded transactions; answers how many events were deleted. Takes no input and is safe to run twice.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(store: &dyn Store, hooks: &dyn Hooks, clock: &dyn Clock) -> Result<u64, JobError> {
    let doing = "tidying what was told";
    let now = clock.now();
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    let counts = store.hook_counts().await.map_err(JobError::from_store(doing))?;
    for (hook, ..) in counts.into_iter().filter(|(_, state, _)| *state == DeliveryState::Waiting) {
        // Not at once: a hook that comes back under its name goes on.
        while hooks.named(&hook).is_none()
            && store
                .give_up_deliveries(&hook, before(GIVE_UP_AFTER), GaveUp::NotConfigured, now)
                .await
                .map_err(JobError::from_store(doing))?
                > 0
        {}
    }
    let mut deleted = 0;
    loop {
        match store.tidy_events(before(KEEP_FOR)).await.map_err(JobError::from_store(doing))? {
            0 => return Ok(deleted),
            n => deleted += n,
        }
    }
}
