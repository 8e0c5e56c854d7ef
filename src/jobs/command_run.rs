//! What an operator asks of a campaign's newest run.

use crate::domain::campaign::Campaign;
use crate::domain::ids::{CampaignName, RunId};
use crate::domain::run::{Run, RunCommand};
use crate::jobs::{JobError, fire};
use crate::ports::{Services, StoreError};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No file defines it.
    #[error("there is no campaign `{0}`; see `barid campaign list` and `barid check`")]
    NoCampaign(CampaignName),
    /// It never fired.
    #[error("the campaign `{0}` has no run yet; start it with `barid campaign start {0}`")]
    NoRun(CampaignName),
    /// It has a run that has not ended.
    #[error("the campaign `{0}` has a run that has not ended; cancel it first or wait for its end")]
    StillRunning(CampaignName),
    /// It does not fit.
    #[error(transparent)]
    DoesNotFit(#[from] crate::domain::run::RunCommandError),
    /// We could not do our work.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// Starts a campaign now.
///
/// # Errors
/// When a run of it has not ended, or store or queue could not be asked.
pub async fn start(services: &Services, campaign: &Campaign) -> Result<RunId, CommandError> {
    let newest = newest(services, &campaign.name).await?;
    if newest.is_some_and(|run| !run.state.has_ended()) {
        return Err(CommandError::StillRunning(campaign.name.clone()));
    }
    match fire::open(services, campaign, services.clock.now()).await? {
        Some(run) => Ok(run),
        None => Err(CommandError::StillRunning(campaign.name.clone())),
    }
}

/// Pauses, resumes or cancels the newest run, or its reminder where that is what has not ended. Answers the newest run.
///
/// # Errors
/// When there is none, the command does not fit its state, or store or queue could not be asked.
pub async fn command(services: &Services, name: &CampaignName, verb: RunCommand) -> Result<Run, CommandError> {
    let run = newest(services, name).await?.ok_or_else(|| CommandError::NoRun(name.clone()))?;
    let doing = "looking for the reminders of a run";
    let reminders = services.store.reminders_of(run.id).await.map_err(JobError::from_store(doing))?;
    let open: Vec<Run> = reminders.into_iter().filter(|reminder| !reminder.state.has_ended()).collect();
    for reminder in &open {
        command_one(services, name, reminder, verb).await?;
    }
    if verb == RunCommand::Cancel && !open.is_empty() {
        // Whoever ends a reminder wants no other one.
        services.store.end_reminders(run.id).await.map_err(JobError::from_store(doing))?;
    }
    // Where a reminder is what was meant, the run before it has ended and stays as it is.
    if run.state.has_ended() && !open.is_empty() { Ok(run) } else { command_one(services, name, &run, verb).await }
}

async fn command_one(
    services: &Services,
    name: &CampaignName,
    run: &Run,
    command: RunCommand,
) -> Result<Run, CommandError> {
    let run = services.store.command(run.id, command, services.clock.now()).await.map_err(|error| match error {
        StoreError::Command(error) => CommandError::DoesNotFit(error),
        other => CommandError::Job(JobError::from_store("commanding a run")(other)),
    })?;
    tracing::info!(run.id = %run.id, campaign.name = %name, state = run.state.name(), "an operator changed the run");
    if command == RunCommand::Resume && !run.planned_whole {
        services.queue.plan(run.id).await.map_err(JobError::from_queue("resuming a run"))?;
    }
    Ok(run)
}

async fn newest(services: &Services, name: &CampaignName) -> Result<Option<Run>, CommandError> {
    Ok(services.store.newest(name).await.map_err(JobError::from_store("looking for the newest run"))?)
}
