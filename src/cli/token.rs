//! `barid token`: the access token for Meta.

use crate::cli::exit::Ended;
use crate::cli::installation::Installation;
use crate::cli::{Json, job};
use crate::domain::standing_job::StandingJob;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    Verify(Verify),
}

/// Ask Meta about it: validity, end, permissions, age, numbers and webhook; the same as `barid job run verify-token`
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(command: &Token, installation: &Installation) -> Ended {
    match command {
        Token::Verify(arguments) => job::run_now(StandingJob::VerifyToken, arguments.json, installation).await,
    }
}
