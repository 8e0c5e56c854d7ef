//! `barid check`: everything that is wrong with what operators wrote.

use std::path::Path;

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::{Json, screen};
use crate::config::{self, Environment};

/// Check settings, templates, campaigns, flows and the schedule, and list everything that is wrong
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    json: Json,
}

pub(super) fn run(arguments: &Check, config: Option<&Path>) -> Ended {
    let report = config::check(config, &Environment::of_process());
    if arguments.json.json {
        screen::json(&serde_json::json!({
            "in_order": report.is_fine(),
            "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "warnings": report.warnings,
            "needed_to_serve": report.missing,
            "templates": report.n_templates,
            "campaigns": report.n_campaigns,
            "flows": report.n_flows,
            "standing_jobs": report.n_standing_jobs,
        }))?;
    } else {
        screen::say(&report.to_string())?;
    }
    if report.is_fine() { Ok(()) } else { Err(Failure::told(Exit::Config)) }
}
