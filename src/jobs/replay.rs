//! Sends once more what failed, through all checks again.

use crate::domain::channel::Channel;
use crate::jobs::{JobError, wake};
use crate::ports::{DeadLetterFilter, ReplayTerms, Services};

/// Puts everything that matches back to waiting and queues it; answers how many that were.
///
/// # Errors
/// When the store could not be asked; what was put back until then stays so. What cannot be queued is found by the sweep.
pub async fn run(services: &Services, filter: &DeadLetterFilter, terms: &ReplayTerms) -> Result<u64, JobError> {
    let doing = "replaying messages that failed";
    let (mut after, mut replayed) = (None, 0);
    loop {
        // Forward by id: what fails again meanwhile lies behind and is not taken up twice.
        let step = services.store.replay(filter, terms, after, services.clock.now()).await;
        let step = step.map_err(JobError::from_store(doing))?;
        replayed += step.messages.len() as u64;
        if !step.messages.is_empty()
            && let Err(error) = services.queue.send(wake::lane(Channel::Whatsapp), &step.messages, None).await
        {
            tracing::debug!(error = %error, "replayed messages are not queued; the sweep will find them");
        }
        match step.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    tracing::info!(messages = replayed, by = terms.by, "messages that failed are sent once more");
    Ok(replayed)
}
