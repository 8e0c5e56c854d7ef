//! Alerts, open and past, and what has been mailed about them.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::alert::{Alert, AlertKind, AlertMail, AlertScope, Mailed, NewAlert, Severity};
use crate::domain::ids::AlertId;
use crate::ports::{Page, Stored};

/// An alert about which something may have to be mailed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertToMail {
    /// Which.
    pub alert: Alert,
    /// What has been mailed.
    pub mailed: Mailed,
    /// For when it was planned.
    pub due_at: Timestamp,
    /// How often that was tried in vain.
    pub tries: u16,
    /// Who was reached in these tries.
    pub reached: Vec<String>,
}

/// The alerts. What happens to them is told to `[[hooks]]` in the same transaction.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Raises one; answers it and whether it is new. One that is open already keeps its beginning and says the newest words; one
    /// that becomes critical is looked at anew by whoever mails.
    async fn raise_alert(&self, new: NewAlert, now: Timestamp) -> Stored<(Alert, bool)>;
    /// Ends the open one of that kind and scope; answers it, if there was one.
    async fn clear_alert(&self, kind: AlertKind, scope: AlertScope, now: Timestamp) -> Stored<Option<Alert>>;
    /// All that are open, oldest first.
    async fn open_alerts(&self) -> Stored<Vec<Alert>>;
    /// A page of all that there ever were, newest first.
    async fn all_alerts(&self, before: Option<i64>, limit: u64) -> Stored<Page<Alert>>;
    /// Alerts about which something may have to be mailed now, the longest due first.
    async fn alerts_to_mail(&self, now: Timestamp, limit: u64) -> Stored<Vec<AlertToMail>>;
    /// Plans the next look at one for `next`, if it is still planned for `planned`: of several who look, one mails. `tries` and `reached`:
    /// how often it was tried in vain, and who was reached all the same.
    async fn plan_alert_mail(
        &self,
        id: AlertId,
        planned: Timestamp,
        next: Option<Timestamp>,
        tries: u16,
        reached: Vec<String>,
    ) -> Stored<bool>;
    /// Writes down that something was mailed, and as how urgent. An alert that has changed meanwhile is looked at again.
    async fn alert_mailed(&self, id: AlertId, mail: AlertMail, severity: Severity, now: Timestamp) -> Stored<()>;
    /// Deletes some that were over before then; answers how many.
    async fn tidy_alerts(&self, before: Timestamp) -> Stored<u64>;
}
