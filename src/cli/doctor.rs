//! `barid doctor`: live checks of everything outside. Comes with a later version.

use crate::cli::exit::{Ended, Failure};

/// Try out everything outside: token, numbers, templates, webhook, store and queues (not yet supported)
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {}

pub(super) fn run(_: &Doctor) -> Ended {
    Err(Failure::not_yet_supported("`barid doctor`"))
}
