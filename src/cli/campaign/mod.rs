//! `barid campaign`: see, try out and steer campaigns.

mod command;
mod forecast;
mod list;
mod plan;
mod plan_costs;
mod preview;
mod retry_failed;
mod show;
mod standing;
mod test;

use crate::cli::exit::Ended;
use crate::cli::installation::Installation;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Campaign {
    List(list::List),
    Show(show::Show),
    Plan(plan::Plan),
    Preview(preview::Preview),
    Test(test::Test),
    /// Begin a run now
    Start(command::Named),
    /// Call nothing new until resumed
    Pause(command::Named),
    /// Go on
    Resume(command::Named),
    /// End the run; what is not called yet is never sent
    Cancel(command::Named),
    RetryFailed(retry_failed::RetryFailed),
}

pub(super) async fn run(command: &Campaign, installation: &Installation) -> Ended {
    use crate::http::CampaignVerb;
    match command {
        Campaign::List(arguments) => list::run(arguments, installation).await,
        Campaign::Show(arguments) => show::run(arguments, installation).await,
        Campaign::Plan(arguments) => plan::run(arguments, installation).await,
        Campaign::Preview(arguments) => preview::run(arguments, installation).await,
        Campaign::Test(arguments) => test::run(arguments, installation).await,
        Campaign::Start(arguments) => command::run(arguments, CampaignVerb::Start, installation).await,
        Campaign::Pause(arguments) => command::run(arguments, CampaignVerb::Pause, installation).await,
        Campaign::Resume(arguments) => command::run(arguments, CampaignVerb::Resume, installation).await,
        Campaign::Cancel(arguments) => command::run(arguments, CampaignVerb::Cancel, installation).await,
        Campaign::RetryFailed(arguments) => retry_failed::run(arguments, installation).await,
    }
}
