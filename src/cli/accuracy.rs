//! `barid feedback accuracy`: how often the reader of feedback is right, and what it takes for what.

use std::path::PathBuf;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::problem::Problem;
use crate::nlp::{self, Group, Line, Measurement, Subject};

/// Measure how often the reader of feedback is right, on sentences that it has not learnt from
///
/// Rows are the right answers, columns what was answered; `-` is none. Your categories, your labelled lines and your model file are
/// used as the service uses them.
#[derive(Debug, clap::Args)]
pub(super) struct Accuracy {
    /// A model file; without it, the configured one, and n-grams where there is none
    #[arg(long, value_name = "PATH", conflicts_with = "without_model")]
    model: Option<PathBuf>,
    /// Measure n-grams although there is a model file
    #[arg(long)]
    without_model: bool,
    /// Sentences with right answers: variety, language, sentiment, category and text with tabs between them, `-` for not labelled;
    /// without it, those that ship
    #[arg(long, value_name = "TSV")]
    file: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(arguments: &Accuracy, installation: &Installation) -> Ended {
    let lines = lines(arguments)?;
    let settings = installation.nlp(arguments.model.as_deref(), arguments.without_model);
    let measured =
        tokio::task::spawn_blocking(move || nlp::measure(&settings, &lines)).await.or_exit(Exit::Software)?;
    let measured = measured.map_err(|error| Failure::because(Exit::NoInput, error.to_string()))?;
    if arguments.json.json { screen::json(&measured) } else { show(&measured) }
}

fn lines(arguments: &Accuracy) -> Ended<Vec<Line>> {
    let (name, text) = match &arguments.file {
        None => ("evaluation.tsv".to_owned(), nlp::SHIPPED.to_owned()),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| anyhow::Error::new(error).context(format!("cannot read `{name}`")))
                .or_exit(Exit::NoInput)?;
            (name, text)
        }
    };
    let lines = nlp::read_evaluation(&name, &text).map_err(|problems| wrong(&name, &problems))?;
    if lines.is_empty() {
        return Err(Failure::because(Exit::Data, format!("`{name}` holds no sentences")));
    }
    Ok(lines)
}

fn wrong(name: &str, problems: &[Problem]) -> Failure {
    problems.iter().for_each(|problem| screen::remark(&problem.to_string()));
    Failure::because(Exit::Data, format!("`{name}` is wrong; correct what is told above"))
}

fn show(measured: &Measurement) -> Ended {
    let n = measured.groups.iter().map(|group| group.n).max().unwrap_or_default();
    screen::say(&format!("model {}, {n} sentences", measured.model))?;
    if measured.n_learnt > 0 {
        screen::remark(&format!("{} sentences left out: the reader learns from them", measured.n_learnt));
    }
    let row = |group: &Group| {
        let share = |value: f64| format!("{value:.3}");
        [
            group.subject.name().to_owned(),
            group.group.clone(),
            group.n.to_string(),
            share(group.accuracy),
            share(group.macro_f1),
        ]
    };
    screen::table(["", "sentences", "n", "accuracy", "macro-F1"], measured.groups.iter().map(row))?;
    for subject in Subject::ALL {
        for group in measured.groups.iter().filter(|group| group.subject == subject) {
            screen::say(&format!("\n{}, {}: right answers down, given answers across", subject.name(), group.group))?;
            let header = std::iter::once(String::new()).chain(group.confusion.labels.iter().cloned()).collect();
            let rows = group.confusion.labels.iter().zip(&group.confusion.counts).map(|(label, counts)| {
                std::iter::once(label.clone())
                    .chain(counts.iter().map(|n| if *n == 0 { ".".to_owned() } else { n.to_string() }))
                    .collect()
            });
            screen::wide_table(header, rows)?;
        }
    }
    Ok(())
}
