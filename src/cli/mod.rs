//! The command line. One file for each sub-command; `main` parses, calls [`run`] and exits with what it answers.
//!
//! Commands that only read open the store themselves. Commands that write go through the daemon's API while one runs (so that
//! queues are woken and its own rules apply), else they open the store too. Results go to standard output, everything else to
//! standard error.

mod accuracy;
mod alert;
mod approved_templates;
mod campaign;
mod check;
mod completions;
mod contacts;
mod conversation;
mod csv_out;
mod daemon_api;
mod demo;
mod doctor;
mod exit;
pub mod explain;
mod feedback;
mod flow;
mod hooks;
mod installation;
mod job;
mod migrate;
mod news;
mod queue;
mod release;
mod replaying;
mod report;
mod screen;
mod serve;
mod simulate;
mod suspend;
mod template;
mod token;
mod trace;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;

/// barid (بريد): runs an organisation's WhatsApp Business messaging
#[derive(Debug, Parser)]
#[command(
    name = "barid",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes are those of sysexits(3): 64 wrong command line, 65 wrong data, 66 missing input, 69 something is not \
                  available, 70 our mistake, 74 reading or writing failed, 75 try again later, 78 wrong configuration."
)]
pub struct Arguments {
    /// Settings; without it the built-in defaults and the environment hold
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Simulate(simulate::Simulate),
    Check(check::Check),
    Doctor(doctor::Doctor),
    /// What somebody should look at
    #[command(subcommand)]
    Alert(alert::Alert),
    /// See, try out and steer campaigns
    #[command(subcommand)]
    Campaign(campaign::Campaign),
    /// The people we may write to
    #[command(subcommand)]
    Contacts(contacts::Contacts),
    /// Talk to people: who waits for a person, what was said, answering, taking over, handing back
    #[command(subcommand)]
    Conversation(conversation::Conversation),
    /// What people sent back
    #[command(subcommand)]
    Feedback(feedback::Feedback),
    /// See, check and try out conversations that files describe, and what came of them
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// What is told to other systems: the endpoints of `[[hooks]]`
    #[command(subcommand)]
    Hooks(hooks::Hooks),
    /// What barid does by itself at times that a schedule names
    #[command(subcommand)]
    Job(job::Job),
    /// Callbacks that are kept, and applying them again
    #[command(subcommand)]
    News(news::News),
    /// What messages cost
    #[command(subcommand)]
    Report(report::Report),
    /// Templates and Meta's approval of them
    #[command(subcommand)]
    Template(template::Template),
    /// The access token for Meta
    #[command(subcommand)]
    Token(token::Token),
    Trace(trace::Trace),
    Explain(explain::Explain),
    Suspend(suspend::Suspend),
    Release(release::Release),
    /// What waits in Redis
    #[command(subcommand)]
    Queue(queue::Queue),
    Migrate(migrate::Migrate),
    Completions(completions::Completions),
}

/// Reads the arguments of this process, does what they say and answers with the exit code.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // When nobody reads the help any more there is nothing left to do.
            let _ = error.print();
            let is_help = error.exit_code() == 0;
            return if is_help { ExitCode::SUCCESS } else { Exit::Usage.into() };
        }
    };
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                screen::remark(&format!("barid: {line}"));
            }
            failure.exit.into()
        }
    }
}

impl Arguments {
    fn run(&self) -> Ended {
        let config = self.config.as_deref();
        match &self.command {
            Command::Serve(arguments) => serve::run(arguments, config),
            Command::Demo(arguments) => demo::run(arguments, config),
            Command::Simulate(arguments) => simulate::run(arguments, config),
            Command::Check(arguments) => check::run(arguments, config),
            Command::Doctor(arguments) => wait_for(doctor::run(arguments, &Installation::load(config)?)),
            Command::Alert(arguments) => wait_for(alert::run(arguments, &Installation::load(config)?)),
            Command::Campaign(arguments) => wait_for(campaign::run(arguments, &Installation::load(config)?)),
            Command::Contacts(arguments) => wait_for(contacts::run(arguments, &Installation::load(config)?)),
            Command::Conversation(arguments) => wait_for(conversation::run(arguments, &Installation::load(config)?)),
            Command::Feedback(arguments) => wait_for(feedback::run(arguments, &Installation::load(config)?)),
            Command::Flow(arguments) => flow::run(arguments, &Installation::load(config)?),
            Command::Hooks(arguments) => wait_for(hooks::run(arguments, &Installation::load(config)?)),
            Command::Job(arguments) => wait_for(job::run(arguments, &Installation::load(config)?)),
            Command::News(arguments) => wait_for(news::run(arguments, &Installation::load(config)?)),
            Command::Report(arguments) => wait_for(report::run(arguments, &Installation::load(config)?)),
            Command::Template(arguments) => wait_for(template::run(arguments, &Installation::load(config)?)),
            Command::Token(arguments) => wait_for(token::run(arguments, &Installation::load(config)?)),
            Command::Trace(arguments) => wait_for(trace::run(arguments, &Installation::load(config)?)),
            Command::Explain(arguments) => explain::run(arguments),
            Command::Suspend(arguments) => wait_for(suspend::run(arguments, &Installation::load(config)?)),
            Command::Release(arguments) => wait_for(release::run(arguments, &Installation::load(config)?)),
            Command::Queue(arguments) => wait_for(queue::run(arguments, &Installation::load(config)?)),
            Command::Migrate(arguments) => wait_for(migrate::run(arguments, &Installation::load(config)?)),
            Command::Completions(arguments) => completions::run(arguments),
        }
    }
}

/// Runs a command to its end. An interrupt ends it at once: no command but `serve` and `demo` leaves anything half done that the
/// store would not undo.
fn wait_for(command: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Software)?;
    let ended = runtime.block_on(command);
    // A reader of a file may still block; nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// Commands that print JSON when asked.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Json {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// A number that an operator typed, in any notation.
fn phone_number(text: &str, installation: &Installation) -> Ended<crate::domain::phone_number::PhoneNumber> {
    crate::domain::phone_number::PhoneNumber::parse(text, installation.default_country)
        .map_err(|error| Failure::because(Exit::Usage, error.to_string()))
}
