//! `barid serve`: the daemon.

use std::path::Path;

use crate::cli::exit::{Ended, Failure};

/// Run the daemon until it is told to stop
#[derive(Debug, clap::Args)]
pub(super) struct Serve {}

pub(super) fn run(_: &Serve, _: Option<&Path>) -> Ended {
    Err(Failure::not_yet_supported("`barid serve`"))
}
