//! Keeps an alert open for each part of the sending that stopped by itself, as long as it stands still. Compares what is with what is told, so that
//! it does not matter who died between the one and the other.

use jiff::Timestamp;

use crate::domain::alert::{AlertKind, of_suspensions};
use crate::jobs::{JobError, alerts};
use crate::ports::Store;

/// Does it. Safe to run in several processes.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(store: &dyn Store, now: Timestamp) -> Result<(), JobError> {
    let in_force = store.suspensions(now).await.map_err(JobError::from_store("looking at suspensions"))?;
    alerts::settle(store, AlertKind::SendingSuspended, of_suspensions(&in_force), now).await
}
