//! `barid flow list`.

use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::flow::Flow;
use crate::domain::language::Language;

/// List all flows with what begins them
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    version: u32,
    title: Option<Titles>,
    steps: usize,
    questions: usize,
    words: Vec<String>,
    payloads: Vec<String>,
    survey: bool,
}

#[derive(Serialize)]
struct Titles {
    ar: String,
    en: String,
}

impl From<&Flow> for Listed {
    fn from(flow: &Flow) -> Self {
        let title = |title: &crate::domain::template::ByLanguage<String>| Titles {
            ar: title.get(Language::Ar).clone(),
            en: title.get(Language::En).clone(),
        };
        Self {
            name: flow.name.to_string(),
            version: flow.version,
            title: flow.title.as_ref().map(title),
            steps: flow.steps().len(),
            questions: flow.steps().iter().filter(|step| step.question().is_some()).count(),
            words: flow.starts_on.words.iter().map(str::to_owned).collect(),
            payloads: flow.starts_on.payloads.clone(),
            survey: flow.starts_on.survey,
        }
    }
}

impl Listed {
    /// What begins it, for people.
    fn begins(&self) -> String {
        let mut begins = Vec::new();
        if self.survey {
            begins.push("a campaign's survey".to_owned());
        }
        begins.extend(self.payloads.iter().map(|payload| format!("button {payload}")));
        begins.extend(self.words.iter().map(|word| format!("«{word}»")));
        if begins.is_empty() { "nothing yet".to_owned() } else { begins.join(", ") }
    }
}

pub(super) fn run(arguments: &List, installation: &Installation) -> Ended {
    let (flows, errors) = super::load(installation);
    let listed: Vec<Listed> = flows.iter().map(Listed::from).collect();
    for error in &errors {
        screen::remark(&error.to_string());
    }
    if arguments.json.json {
        screen::json(&listed)?;
    } else {
        screen::table(
            ["flow", "version", "title", "steps", "questions", "begins with"],
            listed.iter().map(|flow| {
                let title = flow.title.as_ref().map_or_else(|| "–".to_owned(), |title| title.en.clone());
                let [version, steps, questions] =
                    [flow.version.to_string(), flow.steps.to_string(), flow.questions.to_string()];
                [flow.name.clone(), version, title, steps, questions, flow.begins()]
            }),
        )?;
    }
    match errors.len() {
        0 => Ok(()),
        _ => Err(Failure::because(Exit::Config, "some files are wrong and left out; correct what is told above")),
    }
}
