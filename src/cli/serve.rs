//! `barid serve`: the daemon.

use std::path::Path;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::cannot_open;
use crate::cli::screen;
use crate::config::{Config, Environment};
use crate::daemon::lifecycle::{Asked, Signals, tell_systemd};
use crate::daemon::{Daemon, StartError};
use crate::queue::server::RedisServerError;
use crate::telemetry::logging;

/// Run the daemon until it is told to stop
#[derive(Debug, clap::Args)]
pub(super) struct Serve {}

pub(super) fn run(_: &Serve, config: Option<&Path>) -> Ended {
    let environment = Environment::of_process();
    let config = Config::load(config, &environment).or_exit(Exit::Config)?;
    logging::open(config.log.format, &config.log.level, environment.get("JOURNAL_STREAM")).or_exit(Exit::Config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Software)?;
    let ended = runtime.block_on(serve(config));
    // A file that is being read on the blocking pool must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config) -> Ended {
    let mut signals = Signals::listen().or_exit(Exit::Software)?;
    let (listen, ops) = (config.server.listen, config.server.ops_listen);
    let mut starting = std::pin::pin!(Daemon::start(config));
    let daemon = tokio::select! {
        daemon = &mut starting => daemon.map_err(cannot_start)?,
        () = signals.stop() => {
            // Dropped half-way it might leave a redis-server behind; a second signal takes that into account.
            tokio::select! {
                daemon = starting => if let Ok(daemon) = daemon { daemon.stop().await },
                () = signals.stop() => {}
            }
            return Ok(());
        }
    };
    tracing::info!(server.listen = %listen, server.ops_listen = %ops, "barid is ready");
    tell_systemd(&[sd_notify::NotifyState::Ready]);

    let failed = daemon.failed();
    tokio::pin!(failed);
    let failure = loop {
        tokio::select! {
            error = &mut failed => break Some(error),
            asked = signals.next() => match asked {
                Asked::Reload => daemon.reload(),
                Asked::Stop => break None,
            },
        }
    };
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping: calls under way end, the rest is given back; a second signal ends at once");
    tokio::select! {
        () = daemon.stop() => {}
        () = signals.stop() => {
            screen::remark("barid: ended at once; calls without an answer are settled by their callbacks after the next start");
            return Err(Failure::told(Exit::Temporary));
        }
    }
    match failure {
        Some(error) => Err(Failure::new(Exit::Software, error)),
        None => Ok(()),
    }
}

/// A start that failed, with the exit code that fits.
pub(super) fn cannot_start(error: StartError) -> Failure {
    let exit = match error {
        StartError::Store(error) => return cannot_open(error),
        StartError::Missing(_) | StartError::Client(_) | StartError::Hooks(_) | StartError::Setting(_) => Exit::Config,
        StartError::StateDir { .. } | StartError::RedisServer(RedisServerError::Io { .. }) => Exit::Io,
        StartError::RedisServer(_) | StartError::Queue(_) | StartError::Listen(_) => Exit::Unavailable,
    };
    Failure::new(exit, error)
}
