//! Deletes what has been kept long enough, in bounded transactions. Takes no input and is safe to run twice.

use jiff::{SignedDuration, Timestamp};

use crate::domain::standing_job::{JobOutcome, JobResult};
use crate::jobs::{JobError, tidy_hooks, tidy_media};
use crate::ports::Upkeep;

/// How long runs of standing jobs, and alerts that are over, are kept: a year, and long enough to compare a month with that of the year before.
const KEEP_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Does it; says how much that was.
///
/// # Errors
/// When the store could not be asked, or where files are kept does not answer.
pub(super) async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let doing = "deleting what has been kept long enough";
    let Upkeep { store, hooks, media, clock, .. } = upkeep;
    let events = tidy_hooks::run(&**store, &**hooks, &**clock).await?;
    let files = tidy_media::forgotten(&**store, &**media).await? + tidy_media::orphans(&**store, &**media).await?;
    let before = clock.now().saturating_sub(KEEP_FOR).unwrap_or(Timestamp::MIN);
    let (mut runs, mut alerts) = (0, 0);
    loop {
        let some_runs = store.tidy_jobs(before).await.map_err(JobError::from_store(doing))?;
        let some_alerts = store.tidy_alerts(before).await.map_err(JobError::from_store(doing))?;
        if some_runs + some_alerts == 0 {
            break;
        }
        (runs, alerts) = (runs + some_runs, alerts + some_alerts);
    }
    let summary = format!(
        "deleted: {events} events that were told, {files} files, {runs} runs of standing jobs, {alerts} alerts"
    );
    let details = serde_json::json!({"events": events, "files": files, "job_runs": runs, "alerts": alerts});
    Ok(JobOutcome { details: Some(details), ..JobOutcome::new(JobResult::Ok, summary) })
}
