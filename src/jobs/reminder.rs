//! Opens reminders: further runs to those who have a campaign's message and did not answer.

use jiff::{SignedDuration, Timestamp};

use crate::domain::reminder::{NextReminder, as_reminder, next_reminder};
use crate::domain::run::Run;
use crate::jobs::JobError;
use crate::jobs::run_campaign::Definitions;
use crate::ports::Services;

/// One look at every finished run of which reminders are to come.
///
/// # Errors
/// When store or queue could not be asked; the next look finds what is still due.
pub async fn run(services: &Services, definitions: &Definitions) -> Result<(), JobError> {
    let doing = "looking for reminders that are due";
    for run in services.store.reminding().await.map_err(JobError::from_store(doing))? {
        look_at(services, definitions, &run).await?;
    }
    Ok(())
}

/// The next reminder of a run that is finished, as it stands.
///
/// # Errors
/// When the store could not be asked.
pub async fn next(services: &Services, definitions: &Definitions, run: &Run) -> Result<NextReminder, JobError> {
    let doing = "looking for the reminders of a run";
    let campaign = definitions.of(services, run.id).await?;
    let (Some(reminder), Some(ended_at)) = (&campaign.reminder, run.ended_at) else { return Ok(NextReminder::None) };
    let sent = services.store.reminders_of(run.id).await.map_err(JobError::from_store(doing))?;
    let sent: Vec<_> = sent.iter().map(|run| run.ended_at).collect();
    Ok(next_reminder(reminder, ended_at, &sent))
}

async fn look_at(services: &Services, definitions: &Definitions, run: &Run) -> Result<(), JobError> {
    let doing = "opening a reminder";
    let (number, due_at) = match next(services, definitions, run).await? {
        NextReminder::Due { number, at } => (number, at),
        NextReminder::Wait => return Ok(()),
        NextReminder::None => return end(services, run).await,
    };
    let now = services.clock.now();
    if due_at > now {
        return Ok(());
    }
    let campaign = definitions.of(services, run.id).await?;
    let Some(reminder) = &campaign.reminder else { return Ok(()) };
    if campaign.expires_at(due_at) <= now {
        tracing::warn!(run.id = %run.id, campaign.name = %run.campaign, due_at = %due_at, "a reminder was missed for so long that it is left out");
        return end(services, run).await;
    }
    let spent = services.store.committed_micros(run.id).await.map_err(JobError::from_store(doing))?;
    let definition = serde_json::to_string(&as_reminder(&campaign, reminder, spent))
        .map_err(|error| JobError::Abort { doing, source: Box::new(error) })?;
    let due_at = beside_schedules(due_at);
    let opened = services.store.open_reminder(run.id, number, due_at, &definition, now).await;
    if let Some(opened) = opened.map_err(JobError::from_store(doing))? {
        tracing::info!(run.id = %opened.id, run.of = %run.id, campaign.name = %run.campaign, reminder.number = number, "a reminder begins");
        services.queue.plan(opened.id).await.map_err(JobError::from_queue(doing))?;
    }
    Ok(())
}

async fn end(services: &Services, run: &Run) -> Result<(), JobError> {
    services.store.end_reminders(run.id).await.map_err(JobError::from_store("ending the reminders of a run"))
}

/// A firing is known by its campaign and moment; schedules fire on whole minutes, so a reminder never begins on one.
fn beside_schedules(at: Timestamp) -> Timestamp {
    if at.as_millisecond().rem_euclid(1_000) == 0 {
        at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(at)
    } else {
        at
    }
}
