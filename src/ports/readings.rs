//! What a reader makes of feedback, and what nobody has read yet.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::analysis::Analysis;
use crate::domain::ids::FeedbackId;
use crate::ports::Stored;

/// What a reader makes of feedback.
#[async_trait]
pub trait Readings: Send + Sync {
    /// Feedback that nobody has read, oldest first, with its text; `None`: it has no words.
    async fn unread(&self, limit: u64) -> Stored<Vec<(FeedbackId, Option<String>)>>;
    /// Notes what a reader made of it, in place of what another made; `None`: it has no words.
    async fn note_readings(&self, readings: Vec<(FeedbackId, Option<Analysis>)>, now: Timestamp) -> Stored<()>;
}
