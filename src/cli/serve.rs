//! `barid serve`: the daemon.

use std::path::Path;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::screen;
use crate::config::{Config, Environment};
use crate::daemon::lifecycle::{Asked, Signals, tell_systemd};
use crate::daemon::{Daemon, StartError};
use crate::telemetry::logging;

/// Run the daemon until it is told to stop
#[derive(Debug, clap::Args)]
pub(super) struct Serve {}

pub(super) fn run(_: &Serve, config: Option<&Path>) -> Ended {
    let environment = Environment::of_process();
    let config = Config::load(config, &environment).or_exit(Exit::Config)?;
    let format = config.log.format.name().parse().or_exit(Exit::Config)?;
    logging::open(format, &config.log.level, environment.get("JOURNAL_STREAM")).or_exit(Exit::Config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Software)?;
    let ended = runtime.block_on(serve(config));
    // A file that is being read on the blocking pool must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn serve(config: Config) -> Ended {
    let mut signals = Signals::listen().or_exit(Exit::Software)?;
    let (listen, ops) = (config.server.listen, config.server.ops_listen);
    let daemon = tokio::select! {
        daemon = Daemon::start(config) => daemon.map_err(|error| Failure::new(exit_of(&error), error))?,
        () = signals.stop() => return Ok(()),
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

/// Which exit code a start that failed ends with.
pub(super) fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Missing(_) | StartError::Client(_) | StartError::Setting(_) => Exit::Config,
        StartError::StateDir { .. } => Exit::Io,
        StartError::Store(_) | StartError::RedisServer(_) | StartError::Queue(_) | StartError::Listen(_) => {
            Exit::Unavailable
        }
    }
}
