//! `barid flow`: see, check and try out the conversations that files describe, and what came of them.

mod check;
mod list;
mod results;
mod stage;
mod try_out;

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::installation::Installation;
use crate::cli::{screen, wait_for};
use crate::config::FileErrors;
use crate::config::flows::{FlowContext, FlowFiles};
use crate::domain::flow::Flow;
use crate::domain::ids::FlowName;
use crate::domain::problem::did_you_mean;

#[derive(Debug, clap::Subcommand)]
pub(super) enum FlowCommand {
    List(list::List),
    Check(check::Check),
    Try(try_out::TryOut),
    Results(results::Results),
    Scores(results::Scores),
}

pub(super) fn run(command: &FlowCommand, installation: &Installation) -> Ended {
    match command {
        FlowCommand::List(arguments) => list::run(arguments, installation),
        FlowCommand::Check(arguments) => check::run(arguments, installation),
        FlowCommand::Try(arguments) => try_out::run(arguments, installation),
        FlowCommand::Results(arguments) => wait_for(results::results(arguments, installation)),
        FlowCommand::Scores(arguments) => wait_for(results::scores(arguments, installation)),
    }
}

/// All flows that are in order, and what is wrong with the others.
fn load(installation: &Installation) -> (Vec<Flow>, Vec<FileErrors>) {
    FlowFiles::load(&installation.config.flows_dir(), &FlowContext::new(&installation.config))
}

/// The flow of that name. When its file is wrong, all that is wrong with it is told.
fn named(name: &FlowName, installation: &Installation) -> Ended<Flow> {
    let (mut flows, errors) = load(installation);
    if let Some(found) = flows.iter().position(|flow| flow.name == *name) {
        return Ok(flows.swap_remove(found));
    }
    if let Some(wrong) = errors.iter().find(|error| error.file.file_stem().is_some_and(|stem| stem == name.as_str())) {
        screen::remark(&wrong.to_string());
        let message = format!("the file of the flow `{name}` is wrong; correct what is told above");
        return Err(Failure::because(Exit::Config, message));
    }
    let nearest = did_you_mean(name.as_str(), flows.iter().map(|flow| flow.name.as_str()));
    let folder = installation.config.flows_dir();
    Err(Failure::because(Exit::NoInput, format!("there is no flow `{name}` in `{}`{nearest}", folder.display())))
}
