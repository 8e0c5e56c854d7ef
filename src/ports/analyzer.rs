//! Who reads feedback: language, sentiment, category.

use async_trait::async_trait;

use crate::domain::analysis::{Analysis, Model};

/// Why texts were not read. Trying again later can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnalyzerError {
    /// The reader broke off in the middle of these texts.
    #[error("the reader of feedback broke off; the texts can be read again")]
    BrokeOff,
    /// The reader has ended with the process.
    #[error("the reader of feedback has stopped")]
    Stopped,
}

/// Reads feedback. Takes milliseconds a text on threads of its own, never on those of the caller; callers wait while it is busy, so
/// whoever must not wait (the webhook) leaves it to a job.
#[async_trait]
pub trait Analyzer: Send + Sync {
    /// Reads texts: one answer for each, in their order.
    ///
    /// # Errors
    /// [`AnalyzerError`]; then none of these texts was read.
    async fn analyse(&self, texts: &[String]) -> Result<Vec<Analysis>, AnalyzerError>;

    /// As which reader it would sign now, for finding results that another one left. `None`: an outside service that has not said yet.
    fn model(&self) -> Option<Model>;
}
