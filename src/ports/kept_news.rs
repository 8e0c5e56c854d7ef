//! Callback bodies that were applied or set aside, looked at and applied again.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::JournalId;
use crate::domain::news::Source;
use crate::ports::{Kept, Page, Stored};

/// Which rows of the journal. Rows that wait for their turn are never meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// Only these; empty: all.
    pub rows: Vec<JournalId>,
    /// Received at or after this moment.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
    /// Only those that could not be read and were set aside.
    pub set_aside: bool,
}

/// A row of the journal, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Which.
    pub id: JournalId,
    /// Who brought it.
    pub source: Source,
    /// When.
    pub received_at: Timestamp,
    /// Why it could not be read, if so.
    pub set_aside: Option<String>,
    /// How large it is.
    pub bytes: u64,
}

/// Callback bodies that were applied or set aside.
#[async_trait]
pub trait KeptNews: Send + Sync {
    /// A page of them, oldest first, behind `after`.
    async fn kept_rows(&self, filter: &JournalFilter, after: Option<JournalId>, limit: u64)
    -> Stored<Page<JournalRow>>;
    /// A body, applied or not.
    async fn kept(&self, id: JournalId) -> Stored<Option<Kept>>;
    /// Has rows applied once more; answers which of them wait now. At most 500.
    async fn reopen(&self, rows: Vec<JournalId>) -> Stored<Vec<JournalId>>;
}
