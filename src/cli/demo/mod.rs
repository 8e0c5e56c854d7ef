//! `barid demo`: the whole service on this machine, against the simulator: real files, real Redis, real SQLite, real HTTP.

mod people;
mod stage;
mod summary;

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::demo::stage::{Stage, Took};
use crate::cli::demo::summary::Summary;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::{screen, serve};
use crate::daemon::Daemon;
use crate::daemon::lifecycle::Signals;
use crate::domain::log_format::LogFormat;
use crate::domain::run::RunState;
use crate::http::{CampaignVerb, Operations as _, StateCounts};
use crate::simulator::Simulator;
use crate::telemetry::logging;

/// Between two looks at the counts.
const LOOK: Duration = Duration::from_millis(200);
/// After which a demo that does not come to its end is given up, and says so.
const PATIENCE: Duration = Duration::from_secs(600);

/// Run a campaign from end to end on this machine, against the simulator
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// How many made-up contacts
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    contacts: u32,
    /// End after the summary, with status 0 only if every recipient is accounted for
    #[arg(long)]
    exit: bool,
    /// Keep the state directory and say where it is
    #[arg(long)]
    keep: bool,
    /// Where all chance of the demo comes from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(arguments: &Demo, config: Option<&Path>) -> Ended {
    if config.is_some() {
        return Err(Failure::because(Exit::Usage, "the demo brings its own configuration; leave out `--config`"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Software)?;
    let ended = runtime.block_on(play(arguments));
    runtime.shutdown_background();
    ended
}

async fn play(arguments: &Demo) -> Ended {
    let mut signals = Signals::listen().or_exit(Exit::Software)?;
    logging::open(LogFormat::Pretty, "warn", None).or_exit(Exit::Software)?;
    let stage = Stage::build(arguments.contacts, arguments.seed)?;
    screen::say(&format!(
        "{} made-up contacts (seed {}), the simulator as Meta, Redis and SQLite in {}",
        arguments.contacts,
        arguments.seed,
        stage.folder().display()
    ))?;

    let simulator = Simulator::start(stage.simulator()?).await.or_exit(Exit::Unavailable)?;
    let config = stage.config(&simulator)?;
    let daemon = Daemon::start(config).await.map_err(serve::cannot_start)?;
    let shown = tokio::select! {
        shown = show(arguments, &stage, &daemon, &simulator) => shown,
        () = signals.stop() => Err(Failure::because(Exit::Temporary, "the demo was interrupted")),
    };
    let ended = match shown {
        Ok(summary) if !arguments.exit => {
            screen::say(&stage.addresses())?;
            screen::say("it goes on running: try the addresses, end with Ctrl-C")?;
            signals.stop().await;
            summary.verdict()
        }
        Ok(summary) => summary.verdict(),
        Err(failure) => Err(failure),
    };
    daemon.stop().await;
    simulator.shutdown().await;
    if arguments.keep {
        screen::say(&format!("kept: {}", stage.keep().display()))?;
    }
    ended
}

/// The campaign, from start to the last callback, with its bars; then the summary.
async fn show(arguments: &Demo, stage: &Stage, daemon: &Daemon, simulator: &Simulator) -> Ended<Summary> {
    let desk = daemon.desk();
    let name = stage.campaign();
    let begin = Instant::now();
    desk.command(&name, CampaignVerb::Start).await.or_exit(Exit::Software)?;
    let bars = Bars::new(u64::from(arguments.contacts));
    let mut sent_after = None;
    // What was said a moment ago may be on its way: all must be quiet twice in a row.
    let mut was_quiet = false;
    loop {
        let campaign = desk.campaign(&name).await.or_exit(Exit::Software)?;
        bars.show(&campaign.run);
        let finished = campaign.state == RunState::Finished.name();
        if finished && sent_after.is_none() {
            sent_after = Some(begin.elapsed());
        }
        // The simulator knows when all callbacks were taken, the journal when all of them were applied.
        if finished && simulator.counts().pending == 0 {
            let (_, waiting) =
                daemon.services().store.lag(daemon.services().clock.now()).await.or_exit(Exit::Software)?;
            // The last callback may have made another channel take over since the run was looked at.
            let campaign = desk.campaign(&name).await.or_exit(Exit::Software)?;
            let answered = is_everybody_answered(daemon).await?;
            let is_quiet = answered
                && waiting == 0
                && campaign.state == RunState::Finished.name()
                && simulator.counts().pending == 0;
            if is_quiet && was_quiet {
                break;
            }
            was_quiet = is_quiet;
        }
        if begin.elapsed() > PATIENCE {
            return Err(Failure::because(
                Exit::Software,
                "the demo did not come to its end in ten minutes; please report it",
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
    bars.finish();
    let store = &daemon.services().store;
    let run = store.newest(&name).await.or_exit(Exit::Software)?;
    let run = run.ok_or_else(|| Failure::because(Exit::Software, "the run of the demo is gone; please report it"))?;
    let counts = store.counts(run.id).await.or_exit(Exit::Software)?;
    let campaign = desk.campaign(&name).await.or_exit(Exit::Software)?;
    let feedback = feedback_count(daemon).await?;
    let summary = Summary {
        contacts: u64::from(arguments.contacts),
        counts,
        cost: campaign.cost,
        sent_within: sent_after.unwrap_or_default(),
        feedback,
        ledger: simulator.counts(),
        texts: simulator.twilio_ledger().len() as u64,
        took: Took::of(&simulator.ledger()),
    };
    summary.print()?;
    Ok(summary)
}

/// Whether nobody waits for an answer to what they wrote.
async fn is_everybody_answered(daemon: &Daemon) -> Ended<bool> {
    let (store, now) = (&daemon.services().store, daemon.services().clock.now());
    let unanswered = store.talks_to_look_at(now, now, now, 1).await.or_exit(Exit::Software)?;
    Ok(unanswered.is_empty() && store.single_waiting(now, 1).await.or_exit(Exit::Software)?.is_empty())
}

/// How many pieces of feedback came in.
async fn feedback_count(daemon: &Daemon) -> Ended<usize> {
    let (mut n, mut before) = (0, None);
    loop {
        let page = daemon.services().store.feedback(before, 1_000).await.or_exit(Exit::Software)?;
        n += page.items.len();
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(n),
        }
    }
}

/// How far the recipients have come, live; on a terminal only.
struct Bars {
    bars: [ProgressBar; 3],
}

impl Bars {
    fn new(total: u64) -> Self {
        let group = MultiProgress::new();
        if !screen::shows_progress() {
            group.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{prefix:>10} {bar:40} {pos:>7}/{len} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bars = ["called", "delivered", "read"]
            .map(|name| group.add(ProgressBar::new(total).with_style(style.clone()).with_prefix(name)));
        Self { bars }
    }

    fn show(&self, run: &StateCounts) {
        let read = run.read;
        let delivered = read + run.delivered;
        let called = delivered + run.sent + run.submitted + run.failed;
        self.bars[0].set_message(format!("{} suppressed, {} failed", run.suppressed, run.failed));
        for (bar, value) in self.bars.iter().zip([called, delivered, read]) {
            bar.set_position(value);
        }
    }

    fn finish(&self) {
        self.bars.iter().for_each(|bar| bar.abandon());
    }
}
