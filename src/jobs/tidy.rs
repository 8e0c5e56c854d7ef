//! Deletes what has been kept long enough, in bounded transactions between which others write. Takes no input and is safe to run twice.

use jiff::{SignedDuration, Timestamp};

use crate::domain::retention::Retained;
use crate::domain::standing_job::{JobOutcome, JobResult};
use crate::jobs::{JobError, tidy_hooks, tidy_media};
use crate::ports::Upkeep;

const DOING: &str = "deleting what has been kept long enough";

/// How long runs of standing jobs, and alerts that are over, are kept: a year, and long enough to compare a month with that of the year before.
const KEEP_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Does it; says how much that was.
///
/// # Errors
/// When the store could not be asked, or where files are kept does not answer: the next run goes on where this one ended.
pub(super) async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let Upkeep { store, hooks, media, clock, retention, catalogue, reports, .. } = upkeep;
    let mut deleted = of_retention(upkeep).await?;
    deleted.push(("events", tidy_hooks::run(&**store, &**hooks, &**clock).await?));
    let files = tidy_media::forgotten(&**store, &**media).await? + tidy_media::orphans(&**store, &**media).await?;
    deleted.push(("files", files));
    if let Some(before) = retention.reports.before(clock.now()) {
        let day = catalogue.tariff().day(before);
        let removed = reports.remove_before(day).await;
        let doing = "removing old reports";
        deleted.push(("reports", removed.map_err(|error| JobError::Retry { doing, source: Box::new(error) })?));
    }
    let before = clock.now().saturating_sub(KEEP_FOR).unwrap_or(Timestamp::MIN);
    let (mut runs, mut alerts) = (0, 0);
    loop {
        let some_runs = store.tidy_jobs(before).await.map_err(JobError::from_store(DOING))?;
        let some_alerts = store.tidy_alerts(before).await.map_err(JobError::from_store(DOING))?;
        if some_runs + some_alerts == 0 {
            break;
        }
        (runs, alerts) = (runs + some_runs, alerts + some_alerts);
    }
    deleted.extend([("job-runs", runs), ("alerts", alerts)]);
    let said: Vec<String> = deleted.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} of {what}")).collect();
    let summary =
        if said.is_empty() { "nothing was old enough".to_owned() } else { format!("deleted: {}", said.join(", ")) };
    let details = deleted.into_iter().map(|(what, n)| (what.to_owned(), n.into())).collect();
    Ok(JobOutcome { details: Some(serde_json::Value::Object(details)), ..JobOutcome::new(JobResult::Ok, summary) })
}

/// What `[retention]` says, each kind with how much of it went.
async fn of_retention(upkeep: &Upkeep) -> Result<Vec<(&'static str, u64)>, JobError> {
    let Upkeep { store, catalogue, clock, retention, .. } = upkeep;
    let now = clock.now();
    let asked = catalogue.campaigns().into_iter().filter_map(|campaign| campaign.audience.not_contacted_for);
    let spoken_to = asked.max().unwrap_or(SignedDuration::ZERO);
    let mut deleted = Vec::new();
    for what in Retained::ALL {
        let Some(before) = retention.before(what, spoken_to, now) else { continue };
        let (mut n, mut after) = (0, None);
        loop {
            let step = store.tidy(what, before, after, now).await.map_err(JobError::from_store(DOING))?;
            n += step.removed;
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        deleted.push((what.name(), n));
    }
    Ok(deleted)
}
