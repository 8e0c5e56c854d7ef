//! `barid campaign retry-failed`: what failed in the newest run, once more.

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::replaying::{Asked, How, Which, replay};
use crate::domain::ids::CampaignName;
use crate::domain::run::RunState;
use crate::jobs::command_run::CommandError;
use crate::ports::{DeadLetterFilter, Runs as _};

/// Send what failed in the newest run once more, with the same words and through all checks again
///
/// People who do not want such messages are left out unless `--class opted-out` asks for them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RetryFailed {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(arguments: &RetryFailed, installation: &Installation) -> Ended {
    let RetryFailed { name, which, how } = arguments;
    let path = format!("/api/v1/campaigns/{name}/retry-failed");
    let asked = Asked { path, campaign: None, which, messages: &[], how };
    replay(&asked, installation, async |store| {
        let Some(run) = store.newest(name).await.or_exit(Exit::Unavailable)? else {
            installation.campaign(name)?;
            return Err(Failure::new(Exit::Data, CommandError::NoRun(name.clone())));
        };
        if run.state == RunState::Cancelled {
            let what = format!("the run of `{name}` was cancelled: what failed in it is not sent again");
            return Err(Failure::because(Exit::Data, what));
        }
        Ok(DeadLetterFilter { run: Some(run.id), ..which.filter(None, &[]) })
    })
    .await
}
