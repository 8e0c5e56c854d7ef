//! `barid flow check`.

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::ids::FlowName;

/// Check flow files, and list everything that is wrong
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {
    /// The stem of one file; without it all are checked
    #[arg(value_name = "NAME")]
    name: Option<FlowName>,
    #[command(flatten)]
    json: Json,
}

pub(super) fn run(arguments: &Check, installation: &Installation) -> Ended {
    let is_asked = |stem: &str| arguments.name.as_ref().is_none_or(|name| name.as_str() == stem);
    let (flows, errors) = super::load(installation);
    let names: Vec<&str> = flows.iter().map(|flow| flow.name.as_str()).filter(|name| is_asked(name)).collect();
    let asked = errors.iter().filter(|error| {
        // What is wrong with the folder itself concerns every flow.
        error.file.file_stem().is_some_and(|stem| is_asked(&stem.to_string_lossy())) || error.file.is_dir()
    });
    let problems: Vec<String> = asked.flat_map(|error| &error.problems).map(ToString::to_string).collect();
    if let (Some(name), true, true) = (&arguments.name, names.is_empty(), problems.is_empty()) {
        super::named(name, installation)?;
    }
    if arguments.json.json {
        screen::json(&serde_json::json!({
            "in_order": problems.is_empty(),
            "problems": problems,
            "flows": names,
        }))?;
    } else {
        for problem in &problems {
            screen::say(&format!("error: {problem}"))?;
        }
        match problems.len() {
            0 => screen::say(&format!(
                "in order: {}",
                if names.is_empty() { "no flows".to_owned() } else { names.join(", ") }
            ))?,
            1 => screen::say("1 problem")?,
            n => screen::say(&format!("{n} problems"))?,
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::told(Exit::Config)) }
}
