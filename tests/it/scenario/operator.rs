//! The operator: gives orders at their times, and again until each was carried out.

use barid::domain::run::RunCommand;
use barid::jobs::{command_run, replay};
use barid::ports::{Clock as _, DeadLetterFilter, ReplayTerms};
use jiff::{SignedDuration, Timestamp};

use super::campaign::CAMPAIGN;
use super::time::Time;
use super::world::{AGAIN, Ended, World};

/// What an operator orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Pause, resume or cancel the run.
    Run(RunCommand),
    /// Send once more what failed.
    RetryFailed,
    /// Look, and resume the run should it have been halted.
    ResumeIfHalted,
}

impl World {
    /// An operator orders that then, so long after the beginning.
    pub(crate) fn order(&mut self, after: SignedDuration, order: Order) {
        self.orders.push((Time::start() + after, order));
    }

    pub(crate) async fn orders(&mut self) {
        let now = self.time.now();
        for (at, order) in std::mem::take(&mut self.orders) {
            if at > now {
                self.orders.push((at, order));
                continue;
            }
            let ended = match order {
                Order::Run(command) => self.command(command).await,
                Order::RetryFailed => self.retry_failed().await,
                Order::ResumeIfHalted => {
                    if self.newest().await.is_some_and(|run| run.halted().is_some()) {
                        self.command(RunCommand::Resume).await
                    } else if self.newest().await.is_some_and(|run| run.state.has_ended()) {
                        Ended::Well(())
                    } else {
                        // Nothing to see yet.
                        self.orders.push((now + AGAIN, order));
                        continue;
                    }
                }
            };
            // Whoever got no answer tries again.
            if !matches!(ended, Ended::Well(())) {
                self.orders.push((now + AGAIN, order));
            }
        }
    }

    async fn command(&mut self, command: RunCommand) -> Ended<()> {
        let name = CAMPAIGN.parse().expect("a name");
        self.run("command-run", async |process| {
            match command_run::command(&process.services, &name, command).await {
                Err(command_run::CommandError::Job(error)) => Err(error),
                // The operator sees that it does not fit (any more).
                _ => Ok(()),
            }
        })
        .await
    }

    async fn retry_failed(&mut self) -> Ended<()> {
        let filter = DeadLetterFilter { campaign: CAMPAIGN.parse().ok(), ..DeadLetterFilter::default() };
        let terms =
            ReplayTerms { expires_after: None, expires_after_otherwise: SignedDuration::from_hours(1), by: "command" };
        self.run("replay", async |process| replay::run(&process.services, &filter, &terms).await.map(drop)).await
    }

    /// When the next order is given.
    pub(crate) fn next_order(&self) -> Option<Timestamp> {
        self.orders.iter().map(|(at, _)| *at).min()
    }
}
