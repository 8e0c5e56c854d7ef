//! `barid completions`: what shells need to complete our commands.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::exit::Ended;
use crate::cli::screen;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Completions) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "barid", &mut script);
    screen::written(io::Write::write_all(&mut io::stdout().lock(), &script))
}
