//! Forgets people: all that names them at once, their traces in kept callbacks step by step.

use crate::domain::erasure::Erasure;
use crate::domain::ids::{ContactId, ErasureId};
use crate::jobs::JobError;
use crate::ports::Services;

const DOING: &str = "forgetting a person";
/// Steps that whoever asks waits for: 100,000 callbacks are looked through in a moment. The rest is for [`go_on`].
const STEPS_AT_ONCE: usize = 20;

/// Forgets a person; answers the receipt, or `None` where there is no such contact. Safe to run twice.
///
/// # Errors
/// When the store could not be asked. What was begun goes on by itself.
pub async fn run(services: &Services, contact: ContactId, by: &str) -> Result<Option<Erasure>, JobError> {
    let now = services.clock.now();
    let begun = services.store.erase(contact, by, now).await.map_err(JobError::from_store(DOING))?;
    let Some(erasure) = begun else { return Ok(None) };
    tracing::info!(contact.id = %erasure.contact, erasure.id = %erasure.id, "a person is forgotten");
    further(services, erasure.id, STEPS_AT_ONCE).await?;
    services.store.erasure(erasure.id).await.map_err(JobError::from_store(DOING))
}

/// Goes on with what is not finished; answers whether there is more to do at once. Takes no input and is safe to run twice.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn go_on(services: &Services) -> Result<bool, JobError> {
    let mut more = false;
    for id in services.store.unfinished_erasures().await.map_err(JobError::from_store(DOING))? {
        more |= !further(services, id, 1).await?;
    }
    Ok(more)
}

/// Takes up to so many steps; answers whether there is nothing to do at this moment.
async fn further(services: &Services, id: ErasureId, steps: usize) -> Result<bool, JobError> {
    for _ in 0..steps {
        let now = services.clock.now();
        if services.store.erase_further(id, now).await.map_err(JobError::from_store(DOING))? {
            return Ok(true);
        }
    }
    Ok(false)
}
