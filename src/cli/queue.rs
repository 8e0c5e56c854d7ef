//! `barid queue`: what waits in Redis, and what died there.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::problem::did_you_mean;
use crate::queue::lane::{DeadJob, Lane, LaneSettings, Lanes};
use crate::queue::server;

/// Dead jobs that are asked of Redis at once.
const PAGE: usize = 500;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Queue {
    List(List),
    Dead(Dead),
    Replay(Replay),
}

/// Show how full each lane is
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    json: Json,
}

/// List the jobs that used up their attempts, with the reason
#[derive(Debug, clap::Args)]
pub(super) struct Dead {
    /// Only of this lane
    #[arg(long, value_name = "LANE", value_parser = lane)]
    lane: Option<Lane>,
    /// How many of each lane
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    json: Json,
}

/// Queue dead jobs again
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Of which lane
    #[arg(value_name = "LANE", value_parser = lane)]
    lane: Lane,
    /// Which jobs, by the ids that `queue dead` shows
    #[arg(value_name = "JOB", required_unless_present = "all")]
    jobs: Vec<String>,
    /// All of the lane
    #[arg(long, conflicts_with = "jobs")]
    all: bool,
}

fn lane(name: &str) -> Result<Lane, String> {
    let wrong = || format!("there is no lane `{name}`{}", did_you_mean(name, Lane::ALL.map(Lane::name)));
    Lane::named(name).ok_or_else(wrong)
}

#[derive(Serialize)]
struct Depth {
    lane: &'static str,
    ready: u64,
    delayed: u64,
    leased: u64,
    dead: u64,
    oldest_seconds: Option<f64>,
}

#[derive(Serialize)]
struct ShownDead {
    lane: &'static str,
    id: String,
    died_at: String,
    attempts: u16,
    why: String,
}

pub(super) async fn run(command: &Queue, installation: &Installation) -> Ended {
    let lanes = connect(installation).await?;
    match command {
        Queue::List(arguments) => list(arguments, &lanes).await,
        Queue::Dead(arguments) => dead(arguments, &lanes).await,
        Queue::Replay(arguments) => replay(arguments, &lanes).await,
    }
}

/// The Redis of the configuration, or the daemon's own while it runs; none is started for looking at it.
async fn connect(installation: &Installation) -> Ended<Lanes> {
    let redis = &installation.config.redis;
    let url = match &redis.url {
        Some(url) => url.expose().to_owned(),
        None => server::url_of_running(&installation.config.state_dir).ok_or_else(|| {
            let folder = installation.config.state_dir.display();
            Failure::because(
                Exit::Unavailable,
                format!("no `barid serve` runs on `{folder}`, and with it no Redis; start it, or set `[redis] url`"),
            )
        })?,
    };
    let settings = LaneSettings { namespace: redis.namespace.clone(), ..LaneSettings::default() };
    let connecting = tokio::time::timeout(Duration::from_secs(5), Lanes::connect(&url, settings)).await;
    // The address may hold a password.
    let what = "cannot reach Redis; check that it runs and that `[redis] url` is right";
    connecting.context(what).or_exit(Exit::Unavailable)?.context(what).or_exit(Exit::Unavailable)
}

async fn list(arguments: &List, lanes: &Lanes) -> Ended {
    let mut depths = Vec::new();
    for lane in Lane::ALL {
        let depth = lanes.depth(lane).await.or_exit(Exit::Unavailable)?;
        depths.push(Depth {
            lane: lane.name(),
            ready: depth.ready,
            delayed: depth.delayed,
            leased: depth.leased,
            dead: depth.dead,
            oldest_seconds: depth.oldest.map(|oldest| oldest.as_secs_f64()),
        });
    }
    if arguments.json.json {
        return screen::json(&depths);
    }
    screen::table(
        ["lane", "ready", "later", "in work", "dead", "oldest waits"],
        depths.into_iter().map(|depth| {
            let oldest = depth.oldest_seconds.map(|seconds| format!("{seconds:.1} s")).unwrap_or_default();
            let [ready, delayed, leased, dead] =
                [depth.ready, depth.delayed, depth.leased, depth.dead].map(|n| n.to_string());
            [depth.lane.to_owned(), ready, delayed, leased, dead, oldest]
        }),
    )
}

async fn dead(arguments: &Dead, lanes: &Lanes) -> Ended {
    let mut shown = Vec::new();
    for lane in Lane::ALL.into_iter().filter(|lane| arguments.lane.is_none_or(|only| only == *lane)) {
        let jobs = lanes.dead_list(lane, 0, arguments.limit).await.or_exit(Exit::Unavailable)?;
        shown.extend(jobs.into_iter().map(|job| {
            let DeadJob { id, died_at, why, attempts, .. } = job;
            ShownDead { lane: lane.name(), id, died_at: died_at.to_string(), attempts, why }
        }));
    }
    if arguments.json.json {
        return screen::json(&shown);
    }
    let cells = |job: ShownDead| [job.lane.to_owned(), job.id, job.died_at, job.attempts.to_string(), job.why];
    screen::table(["lane", "job", "died", "attempts", "why"], shown.into_iter().map(cells))
}

async fn replay(arguments: &Replay, lanes: &Lanes) -> Ended {
    let lane = arguments.lane;
    let replayed = if arguments.all {
        let (mut replayed, mut left) = (0, lanes.dead_count(lane).await.or_exit(Exit::Unavailable)?);
        // Bounded by what was dead at the start: a job that dies again at once is not replayed for ever.
        while left > 0 {
            let ids: Vec<String> = lanes
                .dead_list(lane, 0, PAGE)
                .await
                .or_exit(Exit::Unavailable)?
                .into_iter()
                .map(|job| job.id)
                .collect();
            if ids.is_empty() {
                break;
            }
            replayed += lanes.dead_requeue(lane, &ids).await.or_exit(Exit::Unavailable)?;
            left = left.saturating_sub(ids.len() as u64);
        }
        replayed
    } else {
        lanes.dead_requeue(lane, &arguments.jobs).await.or_exit(Exit::Unavailable)?
    };
    screen::say(&format!("queued again: {replayed}"))?;
    if !arguments.all && replayed < arguments.jobs.len() {
        return Err(Failure::because(
            Exit::NoInput,
            format!(
                "{} of these jobs are not dead in the lane `{lane}`; see `barid queue dead`",
                arguments.jobs.len() - replayed
            ),
        ));
    }
    Ok(())
}
