//! The stages of runs that begin with a pilot.

use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::RunId;
use crate::domain::rollout::StageStanding;
use crate::ports::Stored;

/// The stages of runs that begin with a pilot. Until its first stage is open, nothing of such a run is fed; then what lies in the lots
/// that are open.
#[async_trait]
pub trait Stages: Send + Sync {
    /// Opens a stage with these lots, if the run sends, its audience is planned whole and its stages still stand as in `before`;
    /// answers whether it did. What is fed begins anew, so that nobody of the new lots is passed over.
    async fn open_stage(
        &self,
        run: RunId,
        before: Option<&StageStanding>,
        stage: usize,
        lots: Range<i64>,
        now: Timestamp,
    ) -> Stored<bool>;
    /// Writes what became of the open stage, if the run sends and its stages still stand as in `before`; a run that is halted in it is
    /// paused. Answers whether it did.
    async fn note_stage(&self, run: RunId, before: &StageStanding, after: &StageStanding) -> Stored<bool>;
    /// Of the run's messages that were called at or after that moment: how many have failed, and how many of their people have withdrawn
    /// since.
    async fn stage_outcome(&self, run: RunId, since: Timestamp) -> Stored<(u64, u64)>;
}
