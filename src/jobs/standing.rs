//! Which function does which standing job.

use crate::domain::standing_job::{JobOutcome, JobRun, StandingJob};
use crate::jobs::{
    JobError, report_costs, review_metrics, sync_limits, sync_templates, tidy, verify_token, watch_callbacks,
};
use crate::ports::Upkeep;

/// Does it; `run` has its arguments.
pub(super) async fn run(upkeep: &Upkeep, job: StandingJob, run: &JobRun) -> Result<JobOutcome, JobError> {
    match job {
        StandingJob::VerifyToken => verify_token::run(upkeep).await,
        StandingJob::SyncLimits => sync_limits::run(upkeep).await,
        StandingJob::ReportCosts => report_costs::on_schedule(upkeep, run).await,
        StandingJob::ReviewMetrics => review_metrics::on_schedule(upkeep, run).await,
        StandingJob::SyncTemplates => sync_templates::run(upkeep).await,
        StandingJob::Tidy => tidy::run(upkeep).await,
        StandingJob::WatchCallbacks => watch_callbacks::run(upkeep).await,
    }
}
