//! The one place where jobs raise and clear alerts. What is raised already is not told again.

use jiff::Timestamp;

use crate::domain::alert::{Alert, AlertKind, AlertScope, NewAlert, Severity, to_settle};
use crate::jobs::JobError;
use crate::ports::Store;

const DOING: &str = "writing an alert";

/// Raises it, or gives the one that is open its newest words.
///
/// # Errors
/// When the store could not be asked.
pub async fn raise(store: &dyn Store, new: NewAlert, now: Timestamp) -> Result<(), JobError> {
    let (alert, is_new) = store.raise_alert(new, now).await.map_err(JobError::from_store(DOING))?;
    if is_new {
        let Alert { id, kind, scope, severity, text, .. } = &alert;
        let kind = kind.name();
        match severity {
            Severity::Critical => {
                tracing::error!(alert.id = %id, alert.kind = kind, alert.scope = %scope, "alert: {text}")
            }
            Severity::Warning => {
                tracing::warn!(alert.id = %id, alert.kind = kind, alert.scope = %scope, "alert: {text}")
            }
        }
    }
    Ok(())
}

/// Ends the open one, if there is one.
///
/// # Errors
/// When the store could not be asked.
pub async fn clear(store: &dyn Store, kind: AlertKind, scope: AlertScope, now: Timestamp) -> Result<(), JobError> {
    let cleared = store.clear_alert(kind, scope, now).await.map_err(JobError::from_store(DOING))?;
    if let Some(alert) = cleared {
        tracing::info!(alert.id = %alert.id, alert.kind = kind.name(), alert.scope = %alert.scope, "an alert is over");
    }
    Ok(())
}

/// Sees to it that of a kind exactly these are open.
///
/// # Errors
/// When the store could not be asked; doing it again does the rest.
pub async fn settle(store: &dyn Store, kind: AlertKind, wanted: Vec<NewAlert>, now: Timestamp) -> Result<(), JobError> {
    let open = store.open_alerts().await.map_err(JobError::from_store(DOING))?;
    let to_do = to_settle(kind, wanted, &open);
    for new in to_do.raise {
        raise(store, new, now).await?;
    }
    for scope in to_do.clear {
        clear(store, kind, scope, now).await?;
    }
    Ok(())
}
