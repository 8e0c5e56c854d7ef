//! `barid demo`: the whole service on this machine, against the simulator.

mod people;

use std::path::Path;

use crate::cli::exit::{Ended, Failure};

/// Run a campaign from end to end on this machine, against the simulator
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// How many made-up contacts
    #[arg(long, value_name = "N", default_value_t = 1000)]
    contacts: u32,
    /// End after the summary, with status 0 only if every recipient is accounted for
    #[arg(long)]
    exit: bool,
    /// Keep the state directory and say where it is
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(_: &Demo, _: Option<&Path>) -> Ended {
    Err(Failure::not_yet_supported("`barid demo`"))
}
