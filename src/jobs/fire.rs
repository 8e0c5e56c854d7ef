//! Opens the runs of campaigns whose moment has come: each firing once, however many processes watch the clock.

use jiff::Timestamp;

use crate::domain::campaign::{Campaign, Start};
use crate::domain::ids::RunId;
use crate::domain::run::Run;
use crate::jobs::JobError;
use crate::ports::{OpenedRun, Services};

/// Which firing is due now, if one is. Of several missed ones only the newest fires, and none that is too old to send.
///
/// A schedule's firings before the service first watched (`watching_since`) are not missed firings; a single `start` in the past
/// is one, as long as its messages are not too old.
pub fn firing_due(
    campaign: &Campaign,
    newest: Option<&Run>,
    watching_since: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let from = match (campaign.start.as_ref()?, newest) {
        (_, Some(run)) => run.due_at,
        (Start::At(_), None) => Timestamp::MIN,
        (Start::Schedule(_), None) => watching_since,
    };
    let mut due = campaign.due_after(from).filter(|due| *due <= now)?;
    while let Some(later) = campaign.due_after(due).filter(|later| *later <= now) {
        due = later;
    }
    (campaign.expires_at(due) > now).then_some(due)
}

/// Opens what is due; answers the new runs.
///
/// # Errors
/// When store or queue could not be asked; the next look finds what is still due.
pub async fn run(services: &Services, watching_since: Timestamp) -> Result<Vec<RunId>, JobError> {
    let doing = "looking for campaigns that are due";
    let mut opened = Vec::new();
    for campaign in services.catalogue.campaigns() {
        if campaign.start.is_none() {
            continue;
        }
        let newest = services.store.newest(&campaign.name).await.map_err(JobError::from_store(doing))?;
        if let Some(due) = firing_due(&campaign, newest.as_ref(), watching_since, services.clock.now())
            && let Some(run) = open(services, &campaign, due).await?
        {
            opened.push(run);
        }
    }
    Ok(opened)
}

/// Opens the run of one firing and has its audience resolved; `None` when it was open already.
///
/// # Errors
/// When store or queue could not be asked.
pub async fn open(services: &Services, campaign: &Campaign, due: Timestamp) -> Result<Option<RunId>, JobError> {
    let doing = "opening a run";
    let definition =
        serde_json::to_string(campaign).map_err(|error| JobError::Abort { doing, source: Box::new(error) })?;
    let opened = services
        .store
        .open(&campaign.name, due, &definition, services.clock.now())
        .await
        .map_err(JobError::from_store(doing))?;
    match opened {
        OpenedRun::Existing(_) => Ok(None),
        OpenedRun::New(run) => {
            tracing::info!(run.id = %run.id, campaign.name = %campaign.name, due_at = %due, "a run begins");
            services.queue.plan(run.id).await.map_err(JobError::from_queue(doing))?;
            Ok(Some(run.id))
        }
    }
}
