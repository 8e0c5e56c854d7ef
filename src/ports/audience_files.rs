//! Reads the files that name a campaign's audience.

use std::path::Path;

use async_trait::async_trait;

use crate::domain::contact::ContactUpdate;

/// A page of an audience file.
#[derive(Debug, Default)]
pub struct AudiencePage {
    /// The good rows with their line numbers.
    pub updates: Vec<(u64, ContactUpdate)>,
    /// The bad rows: line number and what is wrong; never the value itself.
    pub errors: Vec<(u64, String)>,
    /// How many rows to skip for the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Why an audience file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AudienceFileError(
    /// What is wrong with it and what to do.
    pub String,
);

/// Reads the files that name a campaign's audience.
#[async_trait]
pub trait AudienceFiles: Send + Sync {
    /// The rows after the first `skip_rows`, at most `limit`.
    async fn page(&self, path: &Path, skip_rows: u64, limit: usize) -> Result<AudiencePage, AudienceFileError>;
}
