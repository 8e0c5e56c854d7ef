//! `barid queue`: what waits in Redis, what died there, and messages that failed.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::replaying::{Asked, How, Which, replay};
use crate::cli::{Json, screen};
use crate::domain::ids::{CampaignName, MessageId};
use crate::domain::problem::did_you_mean;
use crate::ports::{DeadLetterFilter, DeadLetters as _};
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

/// List messages that failed on every channel and jobs that used up their attempts, with the reason
#[derive(Debug, clap::Args)]
pub(super) struct Dead {
    /// Only jobs of this lane
    #[arg(long, value_name = "LANE", value_parser = lane, conflicts_with_all = ["campaign", "class", "code", "since"])]
    lane: Option<Lane>,
    /// Only messages of this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<CampaignName>,
    #[command(flatten)]
    which: Which,
    /// How many messages, and how many jobs of each lane
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    json: Json,
}

/// Send messages that failed once more, or queue dead jobs again
///
/// Without a lane, messages are meant: those that the filters name, or `--all`. They go through all checks again, and nothing that
/// arrived is sent twice. With a lane, its dead jobs.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Jobs of this lane
    #[arg(value_name = "LANE", value_parser = lane, conflicts_with_all = ["campaign", "class", "code", "since", "message", "expires_after"])]
    lane: Option<Lane>,
    /// Which jobs, by the ids that `queue dead` shows
    #[arg(value_name = "JOB", requires = "lane")]
    jobs: Vec<String>,
    /// Messages of this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<CampaignName>,
    #[command(flatten)]
    which: Which,
    /// This message; may be given more than once
    #[arg(long, value_name = "ID")]
    message: Vec<MessageId>,
    #[command(flatten)]
    how: How,
    /// All of them
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

/// A message or a job that died; `kind` says which.
#[derive(Serialize)]
struct ShownDead {
    kind: &'static str,
    /// For a job.
    lane: Option<&'static str>,
    id: String,
    /// For a message.
    campaign: Option<CampaignName>,
    channel: Option<&'static str>,
    died_at: String,
    attempts: u16,
    why: String,
    /// For a message: what its first failure was.
    first: Option<String>,
}

pub(super) async fn run(command: &Queue, installation: &Installation) -> Ended {
    match command {
        Queue::List(arguments) => list(arguments, &connect(installation).await?).await,
        Queue::Dead(arguments) => dead(arguments, installation).await,
        Queue::Replay(arguments) => match arguments.lane {
            Some(lane) => replay_jobs(arguments, lane, &connect(installation).await?).await,
            None => replay_messages(arguments, installation).await,
        },
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

async fn dead(arguments: &Dead, installation: &Installation) -> Ended {
    let mut shown = Vec::new();
    if arguments.lane.is_none() {
        shown.extend(dead_messages(arguments, installation).await?);
    }
    let only_messages = arguments.campaign.is_some() || arguments.which.names_some();
    if !only_messages {
        match connect(installation).await {
            Ok(lanes) => shown.extend(dead_jobs(arguments, &lanes).await?),
            // Messages are in the store; without a Redis there are no jobs that could have died.
            Err(failure) if arguments.lane.is_none() => screen::remark(&failure.line().unwrap_or_default()),
            Err(failure) => return Err(failure),
        }
    }
    if arguments.json.json {
        return screen::json(&shown);
    }
    let cells = |dead: ShownDead| {
        let of = dead.campaign.map(|campaign| campaign.to_string());
        let of = of.or_else(|| dead.lane.map(|lane| format!("lane {lane}"))).unwrap_or_default();
        [dead.kind.to_owned(), of, dead.id, dead.died_at, dead.attempts.to_string(), dead.why]
    };
    screen::table(["what", "of", "id", "died", "attempts", "why"], shown.into_iter().map(cells))
}

async fn dead_messages(arguments: &Dead, installation: &Installation) -> Ended<Vec<ShownDead>> {
    let store = installation.store().await?;
    let filter = arguments.which.filter(arguments.campaign.as_ref(), &[]);
    let limit = u64::try_from(arguments.limit).unwrap_or(u64::MAX);
    let page = store.dead_letters(&filter, None, limit).await.or_exit(Exit::Unavailable)?;
    let shown = page.items.into_iter().map(|letter| ShownDead {
        kind: "message",
        lane: None,
        id: letter.id.to_string(),
        campaign: letter.campaign,
        channel: Some(letter.channel.name()),
        died_at: letter.failed_at.to_string(),
        attempts: letter.attempts,
        why: match letter.last.code {
            Some(code) => format!("{} {code}", letter.last.class.name()),
            None => letter.last.class.name().to_owned(),
        },
        first: Some(letter.first),
    });
    Ok(shown.collect())
}

async fn dead_jobs(arguments: &Dead, lanes: &Lanes) -> Ended<Vec<ShownDead>> {
    let mut shown = Vec::new();
    for lane in Lane::ALL.into_iter().filter(|lane| arguments.lane.is_none_or(|only| only == *lane)) {
        let jobs = lanes.dead_list(lane, 0, arguments.limit).await.or_exit(Exit::Unavailable)?;
        shown.extend(jobs.into_iter().map(|job| {
            let DeadJob { id, died_at, why, attempts, .. } = job;
            let lane = Some(lane.name());
            let (campaign, channel, first) = (None, None, None);
            ShownDead { kind: "job", lane, id, campaign, channel, died_at: died_at.to_string(), attempts, why, first }
        }));
    }
    Ok(shown)
}

async fn replay_messages(arguments: &Replay, installation: &Installation) -> Ended {
    let Replay { campaign, which, message, how, all, .. } = arguments;
    let filter = which.filter(campaign.as_ref(), message);
    if filter == DeadLetterFilter::default() && !all {
        let what = "say which: `--campaign`, `--class`, `--code`, `--since` or `--message`, `--all` for every message that failed, \
                    or a lane for its dead jobs";
        return Err(Failure::because(Exit::Usage, what));
    }
    let path = "/api/v1/dead-letters/replay".to_owned();
    let asked = Asked { path, campaign: campaign.as_ref(), which, messages: message, how };
    replay(&asked, installation, async |_| Ok(filter)).await
}

async fn replay_jobs(arguments: &Replay, lane: Lane, lanes: &Lanes) -> Ended {
    if arguments.jobs.is_empty() && !arguments.all {
        return Err(Failure::because(Exit::Usage, "name the jobs that `barid queue dead` shows, or say `--all`"));
    }
    if arguments.how.dry_run {
        let dead = lanes.dead_count(lane).await.or_exit(Exit::Unavailable)?;
        let would = if arguments.all { dead } else { arguments.jobs.len() as u64 };
        return screen::say(&format!("would be queued again: {would}"));
    }
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
