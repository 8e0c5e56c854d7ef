//! `barid contacts erase`: everything about a person, everywhere. Comes with a later version.

use crate::cli::exit::{Ended, Failure};

/// Erase everything about a person (not yet supported)
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Erase {
    /// The person's number, as in `+966500000101`
    #[arg(value_name = "PHONE", allow_hyphen_values = true)]
    phone: String,
}

pub(super) fn run(_: &Erase) -> Ended {
    Err(Failure::not_yet_supported("`barid contacts erase`; it must reach queues, journal and media too, and"))
}
