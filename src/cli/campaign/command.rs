//! `barid campaign start|pause|resume|cancel`: through the daemon while one runs; else in the store, where the next one finds it.

use serde::Deserialize;

use crate::cli::campaign::standing;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::screen;
use crate::domain::ids::CampaignName;
use crate::domain::run::RunCommand;
use crate::http::CampaignVerb;
use crate::jobs::command_run::CommandError;
use crate::ports::{Reminders as _, Runs as _, StoreError};
use crate::store::SqlStore;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Named {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
}

/// What the daemon answers, as far as it is shown.
#[derive(Deserialize)]
struct Answer {
    state: String,
}

pub(super) async fn run(arguments: &Named, verb: CampaignVerb, installation: &Installation) -> Ended {
    let name = &arguments.name;
    if let Some(daemon) = installation.daemon().await? {
        let path = format!("/api/v1/campaigns/{name}/{}", word(verb));
        let answer: Answer = daemon.post(&path, String::new()).await?;
        return screen::say(&format!("{name}: {}", answer.state));
    }
    let store = installation.store().await?;
    let done = match verb {
        CampaignVerb::Start => start(&store, name, installation).await,
        CampaignVerb::Pause => command(&store, name, RunCommand::Pause, installation).await,
        CampaignVerb::Resume => command(&store, name, RunCommand::Resume, installation).await,
        CampaignVerb::Cancel => command(&store, name, RunCommand::Cancel, installation).await,
    };
    let state = match done {
        Ok(()) => Ok(standing::newest(&store, name, installation).await?.standing.state),
        Err(failure) => Err(failure),
    };
    store.close().await;
    screen::say(&format!("{name}: {} (no daemon was asked)", state?))
}

const fn word(verb: CampaignVerb) -> &'static str {
    match verb {
        CampaignVerb::Start => "start",
        CampaignVerb::Pause => "pause",
        CampaignVerb::Resume => "resume",
        CampaignVerb::Cancel => "cancel",
    }
}

/// Opens a run. There is no queue to wake: the sweep of whatever daemon comes next finds a run whose audience is not resolved.
async fn start(store: &SqlStore, name: &CampaignName, installation: &Installation) -> Ended {
    let (campaign, _) = installation.campaign(name)?;
    let newest = store.newest(name).await.or_exit(Exit::Unavailable)?;
    if newest.is_some_and(|run| !run.state.has_ended()) {
        return Err(Failure::new(Exit::Data, CommandError::StillRunning(name.clone())));
    }
    let definition = serde_json::to_string(&campaign).or_exit(Exit::Software)?;
    let now = installation.clock().now();
    store.open(name, now, &definition, now).await.or_exit(Exit::Unavailable)?;
    screen::remark("no daemon is running here: the run begins when `barid serve` does");
    Ok(())
}

async fn command(store: &SqlStore, name: &CampaignName, command: RunCommand, installation: &Installation) -> Ended {
    let Some(run) = store.newest(name).await.or_exit(Exit::Unavailable)? else {
        // A name that no file has is the likelier mistake.
        installation.campaign(name)?;
        return Err(Failure::new(Exit::Data, CommandError::NoRun(name.clone())));
    };
    let reminders = store.reminders_of(run.id).await.or_exit(Exit::Unavailable)?;
    let mut open: Vec<_> = reminders.iter().filter(|reminder| !reminder.state.has_ended()).map(|run| run.id).collect();
    if !run.state.has_ended() || open.is_empty() {
        open.push(run.id);
    }
    for run in open {
        match store.command(run, command, installation.clock().now()).await {
            Ok(_) => {}
            Err(StoreError::Command(error)) => return Err(Failure::new(Exit::Data, error)),
            Err(error) => return Err(Failure::new(Exit::Unavailable, error)),
        }
    }
    if command == RunCommand::Cancel {
        store.end_reminders(run.id).await.or_exit(Exit::Unavailable)?;
    }
    Ok(())
}
