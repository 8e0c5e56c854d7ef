//! `barid migrate`: brings the store's tables up to date. Opening the store does it too; this is for doing it before.

use crate::cli::exit::Ended;
use crate::cli::installation::Installation;
use crate::cli::screen;

/// Bring the tables of the store up to date (`serve` does it too)
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {}

pub(super) async fn run(_: &Migrate, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    store.close().await;
    screen::say("the store is up to date")
}
