//! Brings files that are due to be fetched into their lane, a few more than are fetched at once. Whatever Redis forgets is due still, and
//! is brought again.

use crate::jobs::JobError;
use crate::ports::Services;

/// One look; answers how many are in the lane now. Safe to run in several processes: they choose the same.
///
/// # Errors
/// When store or queue could not be asked; the next look goes on.
pub async fn run(services: &Services, limit: u64) -> Result<u64, JobError> {
    let doing = "looking for files to fetch";
    let due = services.store.due_media(services.clock.now(), limit).await.map_err(JobError::from_store(doing))?;
    if !due.is_empty() {
        services.queue.fetch(&due).await.map_err(JobError::from_queue(doing))?;
    }
    Ok(due.len() as u64)
}
