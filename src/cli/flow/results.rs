//! `barid flow results` and `barid flow scores`: what came of the conversations of a flow.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::csv_out::{CsvOut, file_or_standard_output, inert};
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::flow::ResultState;
use crate::domain::ids::FlowName;
use crate::domain::problem::did_you_mean;
use crate::http::{Figure, ResultRow, ScoresItem};
use crate::ports::{FlowResults as _, ResultFilter};
use crate::store::SqlStore;

/// Rows that are asked of the store at once.
const PAGE: u64 = 500;
/// What every row has beside its answers.
const COLUMNS: [&str; 7] = ["contact", "phone", "version", "language", "state", "began_at", "ended_at"];

/// Write what came of a flow's conversations, newest first, with one column for each question
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid flow results nps --since 2026-12-01T00:00:00Z --out nps.csv\n  \
                        barid flow results csat --state completed --format json")]
pub(in crate::cli) struct Results {
    #[command(flatten)]
    which: Which,
    /// Only those that ended so: `completed`, `partial`, `abandoned` or `escalated`
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<ResultState>,
    /// `csv`, or `json` for one array
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// Where to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Show NPS, CSAT and CES of a flow, and how many of its conversations came to their end
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Scores {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The name of the flow; one whose file is gone still has its results
    #[arg(value_name = "FLOW")]
    flow: FlowName,
    /// Ended at or after this moment, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Ended before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Json,
}

fn state(name: &str) -> Result<ResultState, String> {
    let known = ResultState::ALL.map(ResultState::name);
    ResultState::named(name).ok_or_else(|| format!("there is no state `{name}`{}", did_you_mean(name, known)))
}

pub(super) async fn results(arguments: &Results, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let Which { flow, since, until } = &arguments.which;
    let filter = ResultFilter { flow: flow.clone(), since: *since, until: *until, state: arguments.state };
    let questions = questions(&filter, &store, installation).await?;
    match arguments.format {
        Format::Csv => csv(arguments, &questions, &filter, &store).await,
        Format::Json => json(arguments, &questions, &filter, &store).await,
    }
}

/// The names of the columns, and behind which row the export begins: what ends while it is written is left to the next one.
struct Questions {
    names: Vec<String>,
    from: Option<i64>,
}

/// The questions of the flow in the order of its file, and those that only results know, of older versions.
async fn questions(filter: &ResultFilter, store: &SqlStore, installation: &Installation) -> Ended<Questions> {
    let (flows, _) = super::load(installation);
    let file = flows.iter().find(|flow| flow.name == filter.flow);
    let asks = file.iter().flat_map(|flow| flow.steps()).filter(|step| step.question().is_some());
    let mut questions = Questions { names: asks.map(|step| step.id.to_string()).collect(), from: None };
    let mut before = None;
    loop {
        let page = store.flow_results(filter, before, PAGE).await.or_exit(Exit::Unavailable)?;
        if questions.from.is_none() {
            questions.from = Some(page.items.first().map_or(0, |newest| newest.id + 1));
        }
        for answer in page.items.iter().flat_map(|kept| &kept.result.answers) {
            if !questions.names.iter().any(|known| known == answer.step.as_str()) {
                questions.names.push(answer.step.to_string());
            }
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    if questions.from == Some(0) && file.is_none() {
        return Err(unknown(filter, store, flows.iter().map(|flow| flow.name.as_str()).collect()).await?);
    }
    Ok(questions)
}

/// Why nothing is found: there was never such a flow, or nothing in that span.
async fn unknown(filter: &ResultFilter, store: &SqlStore, flows: Vec<&str>) -> Ended<Failure> {
    let ever = ResultFilter { flow: filter.flow.clone(), since: None, until: None, state: None };
    let page = store.flow_results(&ever, None, 1).await.or_exit(Exit::Unavailable)?;
    let what = if page.items.is_empty() {
        let nearest = did_you_mean(filter.flow.as_str(), flows);
        format!("there is no flow `{}`, and nothing came of one{nearest}", filter.flow)
    } else {
        format!("nothing came of `{}` in that span", filter.flow)
    };
    Ok(Failure::because(Exit::NoInput, what))
}

async fn csv(arguments: &Results, questions: &Questions, filter: &ResultFilter, store: &SqlStore) -> Ended {
    let mut out = CsvOut::create(arguments.out.as_deref())?;
    let columns = COLUMNS.into_iter().map(str::to_owned);
    // So that a question that is named like one of ours is not taken for it.
    out.row(columns.chain(questions.names.iter().map(|name| format!("answer_{name}"))))?;
    each(questions, filter, store, |row| {
        let ended_at = row.ended_at.map(|at| at.to_string()).unwrap_or_default();
        let own = [
            row.contact.to_string(),
            row.phone.unwrap_or_default(),
            row.version.to_string(),
            row.language,
            row.state.unwrap_or_default(),
            row.began_at.to_string(),
            ended_at,
        ];
        out.row(own.into_iter().chain(questions.names.iter().map(|name| cell(row.answers.get(name)))))
    })
    .await?;
    out.finish()
}

/// Words may begin like a formula; a number is one, also below zero.
fn cell(answer: Option<&Value>) -> String {
    match answer {
        None => String::new(),
        Some(Value::String(text)) => inert(text),
        Some(number) => number.to_string(),
    }
}

async fn json(arguments: &Results, questions: &Questions, filter: &ResultFilter, store: &SqlStore) -> Ended {
    let mut out = file_or_standard_output(arguments.out.as_deref())?;
    let mut before = "[\n";
    each(questions, filter, store, |row| {
        let row = serde_json::to_string(&row).or_exit(Exit::Software)?;
        let begin = std::mem::replace(&mut before, ",\n");
        screen::written(write!(out, "{begin}  {row}"))
    })
    .await?;
    let end = if before == "[\n" { "[]" } else { "\n]" };
    screen::written(writeln!(out, "{end}").and_then(|()| out.flush()))
}

async fn each(
    questions: &Questions,
    filter: &ResultFilter,
    store: &SqlStore,
    mut write: impl FnMut(ResultRow) -> Ended,
) -> Ended {
    let mut before = questions.from;
    loop {
        let page = store.flow_results(filter, before, PAGE).await.or_exit(Exit::Unavailable)?;
        page.items.into_iter().try_for_each(|kept| write(kept.into()))?;
        before = page.next;
        if before.is_none() {
            return Ok(());
        }
    }
}

pub(super) async fn scores(arguments: &Scores, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let Which { flow, since, until } = &arguments.which;
    let filter = ResultFilter { flow: flow.clone(), since: *since, until: *until, state: None };
    let counts = store.flow_counts(&filter).await.or_exit(Exit::Unavailable)?;
    if counts.ended.is_empty() {
        let (flows, _) = super::load(installation);
        if !flows.iter().any(|known| known.name == *flow) {
            return Err(unknown(&filter, &store, flows.iter().map(|flow| flow.name.as_str()).collect()).await?);
        }
    }
    let scores = ScoresItem::new(filter, &counts);
    if arguments.json.json {
        return screen::json(&scores);
    }
    if scores.versions.is_empty() {
        return screen::say(&format!("no conversation of `{flow}` has ended yet"));
    }
    for version in &scores.versions {
        let rate = version.completion_rate.map(|rate| format!(" ({})", percent(rate))).unwrap_or_default();
        screen::say(&format!(
            "version {}: {} ended, {} completed{rate}, {} partial, {} abandoned, {} escalated",
            version.version, version.ended, version.completed, version.partial, version.abandoned, version.escalated
        ))?;
    }
    let rows = scores.versions.iter().flat_map(|version| {
        version.questions.iter().map(|question| {
            let (scale, figure, counts, answered) = in_words(&question.figure);
            [version.version.to_string(), question.question.clone(), scale, figure, counts, answered.to_string()]
        })
    });
    screen::table(["version", "question", "scale", "figure", "of which", "answered"], rows)
}

fn in_words(figure: &Figure) -> (String, String, String, u64) {
    let (scale, figure, counts, answered) = match figure {
        Figure::Nps { answered, promoters, passives, detractors, nps } => (
            "NPS",
            format!("{nps:+.1}"),
            format!("{promoters} promoters, {passives} passives, {detractors} detractors"),
            answered,
        ),
        Figure::Csat { answered, satisfied, satisfied_share, mean } => (
            "CSAT",
            format!("{}, mean {mean:.2} of 5", percent(*satisfied_share)),
            format!("{satisfied} satisfied"),
            answered,
        ),
        Figure::Ces { answered, agreed, agreed_share, mean } => {
            ("CES", format!("mean {mean:.2} of 7"), format!("{agreed} agreed ({})", percent(*agreed_share)), answered)
        }
    };
    (scale.to_owned(), figure, counts, *answered)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_formulas_and_numbers_stay_numbers() {
        for (answer, shown) in [
            (Some(serde_json::json!("=HYPERLINK(\"x\")")), "'=HYPERLINK(\"x\")"),
            (Some(serde_json::json!("@sum")), "'@sum"),
            (Some(serde_json::json!("-1+2")), "'-1+2"),
            (Some(serde_json::json!(-5)), "-5"),
            (Some(serde_json::json!(2.5)), "2.5"),
            (Some(serde_json::json!("جيد جدًا")), "جيد جدًا"),
            (None, ""),
        ] {
            assert_eq!(cell(answer.as_ref()), shown);
        }
    }
}
