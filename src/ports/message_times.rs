//! What a sample of messages says about time, and how campaigns were answered.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::review::{CampaignAnswers, MessageSteps};
use crate::ports::Stored;

/// The record, asked for a review. Nothing here scans messages or keeps writers waiting.
#[async_trait]
pub trait MessageTimes: Send + Sync {
    /// The first and the last number of the messages that were planned from one moment to before the other; some between them may be gone.
    /// Numbers are given in the order of planning, up to what clocks of several processes differ.
    async fn planned_between(&self, from: Timestamp, to: Timestamp) -> Stored<Option<(i64, i64)>>;
    /// What is known of the steps of the messages with these numbers, as far as there are any; a few hundred numbers at once.
    async fn steps_of(&self, numbers: Vec<i64>) -> Stored<Vec<MessageSteps>>;
    /// How many messages of each campaign over each channel were answered, by the answers that came from one moment to before the other.
    async fn answered_by_campaign(&self, from: Timestamp, to: Timestamp) -> Stored<Vec<CampaignAnswers>>;
}
