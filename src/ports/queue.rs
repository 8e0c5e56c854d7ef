//! Wakes up work.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::{FeedbackId, HookDeliveryId, JournalId, MessageId, RunId};

/// A queue of message work. Closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// First attempts of messages that were asked for by themselves, and answers: before bulk.
    Replies,
    /// First attempts of runs.
    Sending,
    /// Later attempts on the same channel.
    Retries,
    /// Attempts on another channel.
    Fallbacks,
}

/// Something the queue could not do; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("the queue is not available")]
pub struct QueueUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Wakes up work. Queuing what is queued already is harmless.
#[async_trait]
pub trait Queue: Send + Sync {
    /// "Look at these messages", each with the number of attempts behind it, now or at `due`.
    async fn send(
        &self,
        lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable>;
    /// "Apply these journal rows".
    async fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable>;
    /// "Tell these events", each with the number of calls behind it.
    async fn deliver(&self, deliveries: &[(HookDeliveryId, u16)]) -> Result<(), QueueUnavailable>;
    /// "Fetch these files", each with the number of tries behind it.
    async fn fetch(&self, files: &[(FeedbackId, u16)]) -> Result<(), QueueUnavailable>;
    /// "Resolve the audience of this run".
    async fn plan(&self, run: RunId) -> Result<(), QueueUnavailable>;
    /// How many messages wait in the lane for first attempts.
    async fn sending_depth(&self) -> Result<u64, QueueUnavailable>;
    /// Whether it answers.
    async fn ping(&self) -> Result<(), QueueUnavailable>;
}
