//! The one error of the queues.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Codes with which a Redis that is there says that it cannot serve now.
const NOT_NOW: [&str; 6] = ["OOM", "MISCONF", "BUSY", "NOREPLICAS", "LOADING", "UNBLOCKED"];

/// The queue could not do what was asked. Says what; the source says why.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct QueueError {
    what: String,
    unavailable: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueueError {
    pub(crate) fn new(what: impl Into<String>, source: RedisError) -> Self {
        Self { what: what.into(), unavailable: is_unavailable(&source), source: Some(Box::new(source)) }
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self { what: what.into(), unavailable: false, source: None }
    }

    pub(crate) fn with_source(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
        unavailable: bool,
    ) -> Self {
        Self { what: what.into(), unavailable, source: Some(source.into()) }
    }

    /// Whether Redis is away, full or starting: the same request may succeed later. Otherwise it never will.
    pub fn is_unavailable(&self) -> bool {
        self.unavailable
    }
}

pub(super) fn is_unavailable(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        ),
        _ => {
            error.is_timeout()
                || error.is_connection_dropped()
                || error.code().is_some_and(|code| NOT_NOW.contains(&code))
        }
    }
}
