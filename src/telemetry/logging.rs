//! The log: where it goes and in which form. Nothing is masked here, because nothing personal is logged: phone numbers, names,
//! texts and tokens have types whose `Debug` and `Display` do not show them, and a test reads the log of a whole scenario.
//!
//! That holds for our own lines only. What libraries say below `warn` may hold addresses, headers and bodies, so it is never logged,
//! whatever the filter asks for.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::domain::log_format::LogFormat;

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter makes no sense.
    #[error("`{filter}` is not a log level; use `error`, `warn`, `info`, `debug`, `trace` or `module=level,…`")]
    Filter {
        /// What was given.
        filter: String,
        /// Where it goes wrong.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The journal was asked for and is not there.
    #[error("cannot write to the journal; run under systemd or choose `json`")]
    Journal(#[source] std::io::Error),
    /// Somebody opened one before.
    #[error("the log is open already")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Opens the log of this process.
///
/// `filter` is a level such as `info`, or directives such as `info,barid::queue=debug`; libraries are heard from `warn` up only.
/// `journal_stream` is the environment's
/// `JOURNAL_STREAM`, which systemd sets where standard error goes to the journal; it decides what `auto` means.
///
/// # Errors
/// When the filter makes no sense, or the journal was asked for by name and is not there.
pub fn open(format: LogFormat, filter: &str, journal_stream: Option<&str>) -> Result<(), LoggingError> {
    let level = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| LoggingError::Filter { filter: filter.to_owned(), source })?;
    let layer = layer(format, journal_stream.is_some_and(|stream| !stream.is_empty()))?;
    let libraries_capped = Targets::new().with_target("barid", LevelFilter::TRACE).with_default(LevelFilter::WARN);
    let filter = level.and(libraries_capped);
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(LoggingError::Twice)
}

fn layer(format: LogFormat, under_systemd: bool) -> Result<Box<dyn Layer<Registry> + Send + Sync>, LoggingError> {
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    match format {
        LogFormat::Auto if under_systemd => {
            // A container may have the variable and not the socket: JSON lines are then the next best.
            layer(LogFormat::Journald, under_systemd).or_else(|_| layer(LogFormat::Json, under_systemd))
        }
        LogFormat::Auto if stderr().is_terminal() => layer(LogFormat::Pretty, under_systemd),
        LogFormat::Auto | LogFormat::Json => Ok(Box::new(lines.json().flatten_event(true))),
        LogFormat::Pretty => {
            let colours = stderr().is_terminal();
            Ok(Box::new(lines.with_ansi(colours).with_target(false).compact()))
        }
        LogFormat::Journald => {
            let journal = tracing_journald::layer().map_err(LoggingError::Journal)?;
            Ok(Box::new(journal.with_syslog_identifier("barid".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_refused() {
        assert!(matches!(open(LogFormat::Json, "barid=loud", None), Err(LoggingError::Filter { .. })));
    }
}
