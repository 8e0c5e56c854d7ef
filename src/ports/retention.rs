//! Data that is kept for some time only.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::retention::Retained;
use crate::ports::Stored;

/// A step of tidying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tidied {
    /// Rows (files, for [`Retained::Media`]) that went.
    pub removed: u64,
    /// Where the next step begins; `None`: nothing older is left.
    pub next: Option<i64>,
}

/// Removes what is older than it is to be.
#[async_trait]
pub trait Tidying: Send + Sync {
    /// Removes a bounded number of rows of this kind from before that moment, in one transaction, beginning after the row of the step before.
    /// `None`: at the beginning, which is where an earlier pass ended for a kind whose rows stay. Rows without numbers are counted in steps.
    async fn tidy(&self, what: Retained, before: Timestamp, after: Option<i64>, now: Timestamp) -> Stored<Tidied>;
}
