//! Which function does which standing job.

use crate::domain::standing_job::{JobOutcome, JobRun, StandingJob};
use crate::jobs::{JobError, sync_templates, tidy, verify_token, watch_callbacks};
use crate::ports::Upkeep;

/// Does it; `run` has its arguments.
pub(super) async fn run(upkeep: &Upkeep, job: StandingJob, run: &JobRun) -> Result<JobOutcome, JobError> {
    // None takes arguments yet; one that does reads them from here.
    debug_assert!(run.arguments.is_empty() || !job.parameters().is_empty(), "arguments that nobody reads");
    match job {
        StandingJob::VerifyToken => verify_token::run(upkeep).await,
        StandingJob::SyncTemplates => sync_templates::run(upkeep).await,
        StandingJob::Tidy => tidy::run(upkeep).await,
        StandingJob::WatchCallbacks => watch_callbacks::run(upkeep).await,
    }
}
