//! Reminders: further runs to those who did not answer.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::contact::Contact;
use crate::domain::ids::{MessageId, RunId};
use crate::domain::run::Run;
use crate::ports::{Page, Stored};

/// Reminders: further runs to those who did not answer.
#[async_trait]
pub trait Reminders: Send + Sync {
    /// Finished runs of which reminders are still to come, oldest first.
    async fn reminding(&self) -> Stored<Vec<Run>>;
    /// The reminders of a run that were opened, in order.
    async fn reminders_of(&self, run: RunId) -> Stored<Vec<Run>>;
    /// Opens the reminder of that number of a run that is finished: once, however many ask. `None` when it is not to be opened by whoever
    /// asks.
    async fn open_reminder(
        &self,
        of: RunId,
        number: u32,
        due_at: Timestamp,
        definition: &str,
        now: Timestamp,
    ) -> Stored<Option<Run>>;
    /// No further reminder of this run is opened.
    async fn end_reminders(&self, of: RunId) -> Stored<()>;
    /// People of a run who have its message and did not write to us since it was called, in the order of their messages, after the one
    /// with that number.
    async fn unanswered(&self, run: RunId, after: Option<MessageId>, limit: u64) -> Stored<Page<Contact>>;
    /// What a run and its reminders have spent, and what of them may still be charged, in micro-units.
    async fn committed_micros(&self, run: RunId) -> Stored<i64>;
}
