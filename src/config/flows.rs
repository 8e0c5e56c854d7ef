//! Flow files: `jobs/flows/NAME.toml` is the flow NAME; `*.toml.example` is not one.

use std::path::{Path, PathBuf};

use super::layers::{cannot_read, files_in};
use super::{Config, FileErrors, problem_of};
use crate::domain::flow::Flow;
use crate::domain::ids::FlowName;
use crate::domain::keywords::Keywords;
use crate::domain::problem::{Problem, listed};
use crate::domain::template::Brand;

/// What flow files are checked against.
#[derive(Debug, Clone, Copy)]
pub struct FlowContext<'a> {
    /// Whom texts may name.
    pub brand: &'a Brand,
    /// Words that call a person: they cannot begin a flow.
    pub escalation_words: &'a Keywords,
}

impl<'a> FlowContext<'a> {
    /// What the configuration says.
    pub const fn new(config: &'a Config) -> Self {
        Self { brand: &config.brand, escalation_words: &config.answers.escalation_words }
    }
}

/// The files of a folder.
#[derive(Debug)]
pub struct FlowFiles;

impl FlowFiles {
    /// Loads all flows of a folder; a file that is wrong never stops the others. A folder that is not there has no flows.
    ///
    /// Of two files that the same message would begin, the later one by name is refused: the other one may be in use.
    pub fn load(folder: &Path, context: &FlowContext<'_>) -> (Vec<Flow>, Vec<FileErrors>) {
        let files = match files_in(folder, "toml") {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let problems = vec![problem_of(folder, cannot_read(&error))];
                return (Vec::new(), vec![FileErrors { file: folder.to_owned(), problems }]);
            }
        };
        let (mut flows, mut errors): (Vec<(Flow, PathBuf)>, _) = (Vec::new(), Vec::new());
        for file in files {
            let flow = Self::load_one(&file, context).and_then(|flow| {
                let problems: Vec<Problem> =
                    flows.iter().flat_map(|(other, at)| begun_by_the_same(&flow, &file, other, at)).collect();
                if problems.is_empty() { Ok(flow) } else { Err(problems) }
            });
            match flow {
                Ok(flow) => flows.push((flow, file)),
                Err(problems) => errors.push(FileErrors { file, problems }),
            }
        }
        (flows.into_iter().map(|(flow, _)| flow).collect(), errors)
    }

    /// Loads one file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load_one(file: &Path, context: &FlowContext<'_>) -> Result<Flow, Vec<Problem>> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.parse::<FlowName>().map_err(|error| {
            vec![problem_of(file, format!("the file gives the flow its name, but {error}; rename it"))]
        })?;
        let text = std::fs::read_to_string(file).map_err(|error| vec![problem_of(file, cannot_read(&error))])?;
        let flow = Flow::parse(name, &file.display().to_string(), &text, context.brand)?;
        let calls_people: Vec<&str> = flow.starts_on.words.in_common(context.escalation_words).collect();
        if calls_people.is_empty() {
            return Ok(flow);
        }
        let words = listed(calls_people);
        Err(vec![problem_of(
            file,
            format!("`[starts_on] words` has {words}, which `[answers] escalation_words` has too: they call a person"),
        )])
    }
}

fn begun_by_the_same(flow: &Flow, file: &Path, other: &Flow, at: &Path) -> Vec<Problem> {
    let words: Vec<&str> = flow.starts_on.words.in_common(&other.starts_on.words).collect();
    let payloads = flow.starts_on.payloads.iter().filter(|payload| other.starts_on.payloads.contains(payload));
    let payloads: Vec<&str> = payloads.map(String::as_str).collect();
    let told = |key: &str, same: Vec<&str>| {
        let (same, at) = (listed(same), at.display());
        problem_of(
            file,
            format!("`[starts_on] {key}` has {same}, which begins the flow of {at}; take it out of one of them"),
        )
    };
    let mut problems = Vec::new();
    if !words.is_empty() {
        problems.push(told("words", words));
    }
    if !payloads.is_empty() {
        problems.push(told("payloads", payloads));
    }
    problems
}
