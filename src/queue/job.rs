//! What a handler is told about its job, and what it may answer. No queue library in sight.

use std::error::Error;
use std::time::Duration;

/// Why a job could not do its work, as the error that said so.
pub type JobErrorSource = Box<dyn Error + Send + Sync + 'static>;

/// What a handler is told about the job it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobInfo {
    /// The id under which the job was pushed.
    pub id: String,
    /// Which attempt this is, from 1. A run that a dying worker cut short is not counted.
    pub attempt: u16,
}

/// The handler did its work, or could not.
///
/// A refusal by WhatsApp is an outcome that is recorded: the job succeeds. An error means that *we* could not do our own work.
pub type JobResult = Result<(), JobError>;

/// We could not do our own work.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Worth another attempt; after the last allowed one the job is dead.
    #[error("cannot run the job now")]
    Retry {
        /// How long to wait; `None` takes the lane's own backoff.
        after: Option<Duration>,
        /// What went wrong.
        #[source]
        source: JobErrorSource,
    },
    /// Another attempt would fail in the same way: the job is dead at once.
    #[error("cannot run the job at all")]
    Abort {
        /// What went wrong.
        #[source]
        source: JobErrorSource,
    },
}

impl JobError {
    /// Worth another attempt, after the lane's own backoff.
    pub fn retry(source: impl Into<JobErrorSource>) -> Self {
        Self::Retry { after: None, source: source.into() }
    }

    /// Worth another attempt, after this long.
    pub fn retry_after(after: Duration, source: impl Into<JobErrorSource>) -> Self {
        Self::Retry { after: Some(after), source: source.into() }
    }

    /// Dead at once.
    pub fn abort(source: impl Into<JobErrorSource>) -> Self {
        Self::Abort { source: source.into() }
    }
}
