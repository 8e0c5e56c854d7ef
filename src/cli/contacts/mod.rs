//! `barid contacts`: the people we may write to.

mod erase;
mod export;
mod import;
mod show;

pub(super) use import::cannot_read;

use crate::cli::exit::Ended;
use crate::cli::installation::Installation;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Contacts {
    Import(import::Import),
    Export(export::Export),
    Show(show::Show),
    Erase(erase::Erase),
}

pub(super) async fn run(command: &Contacts, installation: &Installation) -> Ended {
    match command {
        Contacts::Import(arguments) => import::run(arguments, installation).await,
        Contacts::Export(arguments) => export::run(arguments, installation).await,
        Contacts::Show(arguments) => show::run(arguments, installation).await,
        Contacts::Erase(arguments) => erase::run(arguments, installation).await,
    }
}
