//! What came of conversations: read one by one, and counted.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::flow::{FlowCounts, FlowResult, ResultState};
use crate::domain::ids::{ContactId, FlowName};
use crate::ports::{Page, Stored};

/// Which results are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFilter {
    /// Of this flow.
    pub flow: FlowName,
    /// Ended at or after this moment.
    pub since: Option<Timestamp>,
    /// Ended before this moment.
    pub until: Option<Timestamp>,
    /// Ended so.
    pub state: Option<ResultState>,
}

/// A result as it is kept. `Debug` shows no number.
#[derive(Clone)]
pub struct KeptResult {
    /// For paging.
    pub id: i64,
    /// With whom the conversation was held.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<String>,
    /// What came of it.
    pub result: FlowResult,
}

impl std::fmt::Debug for KeptResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptResult").field("id", &self.id).field("result", &self.result).finish_non_exhaustive()
    }
}

/// What came of conversations.
#[async_trait]
pub trait FlowResults: Send + Sync {
    /// A page of results, newest first.
    async fn flow_results(&self, filter: &ResultFilter, before: Option<i64>, limit: u64) -> Stored<Page<KeptResult>>;
    /// How conversations ended and what was chosen on scales; the filter's state does not count.
    async fn flow_counts(&self, filter: &ResultFilter) -> Stored<FlowCounts>;
}
