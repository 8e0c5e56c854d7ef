//! `barid job`: the standing jobs of the schedule, how they went, and starting one by hand. Through the daemon while one runs; else the record says
//! it, and a job is done from here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cli::daemon_api::{DaemonApi, Items};
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::{failed, operator};
use crate::cli::{Json, screen};
use crate::config::schedule as schedule_file;
use crate::daemon::standing;
use crate::domain::ids::JobName;
use crate::http::{JobItem, JobRunItem};
use crate::jobs::schedule::{self, Carried};
use crate::ports::JobRuns as _;

/// Between two looks at a run that the daemon does.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

#[derive(Debug, clap::Subcommand)]
pub(super) enum Job {
    List(List),
    Run(Run),
    History(History),
}

/// Show the schedule: each job with its next firing and how it last went
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    json: Json,
}

/// Start a job now, wait for its end and say what came of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid job run verify-token\n  barid job run tidy --no-wait")]
pub(super) struct Run {
    /// An entry of the schedule, or a job
    #[arg(value_name = "NAME")]
    name: JobName,
    /// Do not wait for its end; needs a daemon that does it
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    json: Json,
}

/// List what was run, newest first
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// Of this entry of the schedule, or job
    #[arg(value_name = "NAME")]
    name: Option<JobName>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(command: &Job, installation: &Installation) -> Ended {
    match command {
        Job::List(arguments) => list(arguments, installation).await,
        Job::Run(arguments) => run_one(arguments, installation).await,
        Job::History(arguments) => history(arguments, installation).await,
    }
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let jobs: Vec<JobItem> = match installation.daemon().await? {
        Some(daemon) => daemon.get::<Items<_>>("/api/v1/jobs").await?.items,
        None => {
            let (entries, wrong) = schedule_file::load(&installation.config.schedule_file());
            if let Some(wrong) = wrong {
                screen::remark(&wrong.to_string());
            }
            let entries: Vec<_> = entries.unwrap_or_default().into_iter().map(Arc::new).collect();
            let store = installation.store().await?;
            let jobs = standing::all(&store, &entries, &*installation.clock()).await;
            store.close().await;
            jobs.map_err(failed)?
        }
    };
    if arguments.json.json {
        return screen::json(&jobs);
    }
    if jobs.is_empty() {
        return screen::say("the schedule is empty");
    }
    screen::table(
        ["job", "schedule", "next", "last", "result", "what it said"],
        jobs.into_iter().map(|item| {
            let arguments: String = item.arguments.iter().map(|(key, word)| format!(" {key}={word}")).collect();
            let name =
                if item.name == item.job { item.name } else { format!("{} ({}{arguments})", item.name, item.job) };
            let next = item.next_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            let (at, result, summary) = item.last.map_or_else(Default::default, |last| {
                let at = last.finished_at.map(|at| at.to_string());
                (at.unwrap_or_default(), last.result.unwrap_or_default(), last.summary.unwrap_or_default())
            });
            [name, format!("{} {}", item.schedule, item.timezone), next, at, result, summary]
        }),
    )
}

async fn run_one(arguments: &Run, installation: &Installation) -> Ended {
    let item = match installation.daemon().await? {
        Some(daemon) => by_daemon(&daemon, arguments).await?,
        None if arguments.no_wait => {
            return Err(Failure::because(
                Exit::Unavailable,
                "no daemon runs that could do it; start one, or leave `--no-wait` out",
            ));
        }
        None => here(&arguments.name, installation).await?,
    };
    if arguments.json.json {
        screen::json(&item)?;
    } else {
        let result = item.result.as_deref().unwrap_or("not ended yet");
        let summary = item.summary.as_deref().map_or(String::new(), |summary| format!(": {summary}"));
        screen::say(&format!("{} {}: {result}{summary}", item.name, item.id))?;
    }
    if item.result.as_deref() == Some("failed") { Err(Failure::told(Exit::Unavailable)) } else { Ok(()) }
}

async fn by_daemon(daemon: &DaemonApi, arguments: &Run) -> Ended<JobRunItem> {
    let path = format!("/api/v1/jobs/{}/run", arguments.name);
    let mut item: JobRunItem = daemon.post(&path, json!({"by": operator()}).to_string()).await?;
    while item.finished_at.is_none() && !arguments.no_wait {
        tokio::time::sleep(LOOK_AGAIN).await;
        item = daemon.get(&format!("/api/v1/jobs/runs/{}", item.id)).await?;
    }
    Ok(item)
}

/// Does it in this process.
async fn here(name: &JobName, installation: &Installation) -> Ended<JobRunItem> {
    let store = Arc::new(installation.store().await?);
    let upkeep = standing::alone(&installation.config, Arc::clone(&store)).or_exit(Exit::Config)?;
    let opened = standing::run_by_hand(&upkeep, name, &operator()).await.map_err(failed)?;
    let taken = schedule::take(&upkeep, Some(opened.id)).await.or_exit(Exit::Unavailable)?;
    if let Some(run) = &taken {
        let carried = standing::perform(&upkeep, run, std::future::pending()).await.or_exit(Exit::Unavailable)?;
        if let Some(Carried::Again { because, .. }) = carried {
            let what = format!("`{name}` could not do its work: {because}; the daemon tries it again once it runs");
            return Err(Failure::because(Exit::Temporary, what));
        }
    }
    let run = store.job_run(opened.id).await.or_exit(Exit::Unavailable)?;
    store.close().await;
    if taken.is_none() {
        let what =
            format!("another process has `{name}` in hand; run {} comes after it, in whoever looks next", opened.id);
        return Err(Failure::because(Exit::Temporary, what));
    }
    run.map(Into::into).ok_or_else(|| Failure::because(Exit::Software, "a run was deleted while it was done"))
}

async fn history(arguments: &History, installation: &Installation) -> Ended {
    let History { name, limit, json } = arguments;
    let runs: Vec<JobRunItem> = match installation.daemon().await? {
        Some(daemon) => {
            let of = name.as_ref().map_or(String::new(), |name| format!("/{name}"));
            daemon.get::<Items<_>>(&format!("/api/v1/jobs{of}/history?limit={limit}")).await?.items
        }
        None => {
            let store = installation.store().await?;
            let page = store.job_runs(name.as_ref(), None, *limit).await.or_exit(Exit::Unavailable);
            store.close().await;
            page?.items.into_iter().map(Into::into).collect()
        }
    };
    if json.json {
        return screen::json(&runs);
    }
    screen::table(
        ["run", "job", "asked for by", "due", "ended", "result", "what it said"],
        runs.into_iter().map(|run| {
            let ended = run.finished_at.map_or_else(String::new, |at| at.to_string());
            let by = run.by.unwrap_or(run.trigger);
            let (result, summary) = (run.result.unwrap_or_else(|| "open".to_owned()), run.summary.unwrap_or_default());
            [run.id.to_string(), run.name, by, run.due_at.to_string(), ended, result, summary]
        }),
    )
}
