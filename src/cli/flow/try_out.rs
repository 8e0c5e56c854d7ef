//! `barid flow try`: a flow played in the terminal, against the engine that plays it for customers. Nothing is sent or kept.

use std::io::{self, BufRead as _};

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::flow::stage::{Line, Stage, shown};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::domain::flow::FlowResult;
use crate::domain::ids::FlowName;
use crate::domain::language::Language;

/// Play a flow in this terminal: you are the customer
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Write answers as a customer would: a number, a word, what a button shows. Lines that begin with `:` are for you:\n  \
                        :wait          let time pass until the next reminder or the end\n  \
                        :press ID      press the button or row of that id\n  \
                        :photo         send something without words\n  \
                        :language ar   go on in that language\n  \
                        :human         a person takes over\n  \
                        :resume        the person hands back, or the conversation is taken up again\n  \
                        :quit          leave; so does the end of the input"
)]
pub(in crate::cli) struct TryOut {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: FlowName,
    /// In which language it is held: ar or en; without it the one of `[contacts]`
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// The customer's name; without it, as for somebody whose name is not known
    #[arg(long, value_name = "NAME")]
    as_name: Option<String>,
    /// A variable of the flow, as whoever begins it may set it; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) fn run(arguments: &TryOut, installation: &Installation) -> Ended {
    let flow = super::named(&arguments.name, installation)?;
    let language = arguments.language.unwrap_or(installation.config.contacts.default_language);
    let mut variables = Vec::new();
    for variable in &arguments.variables {
        let Some((name, value)) = variable.split_once('=') else {
            return Err(Failure::because(Exit::Usage, format!("`--set {variable}` must be NAME=VALUE")));
        };
        if !flow.variables.contains_key(name) {
            let known = flow.variables.keys().map(String::as_str);
            let nearest = crate::domain::problem::did_you_mean(name, known);
            return Err(Failure::because(Exit::Usage, format!("the flow has no variable `{name}`{nearest}")));
        }
        variables.push((name.to_owned(), value.into()));
    }
    let now = installation.clock().now();
    let config = &installation.config;
    let mut stage =
        Stage::open(&flow, config, language, arguments.as_name.clone(), variables.into_iter().collect(), now);
    // With JSON, the result alone goes to standard output.
    let say = |line: &str| say_to(arguments.json.json, line);
    tell(&stage, say)?;
    for line in io::stdin().lock().lines() {
        let line = line.or_exit(Exit::Io)?;
        match Line::read(&line) {
            Ok(Line::Quit) => break,
            Ok(line) => {
                stage.take(line);
                tell(&stage, say)?;
            }
            Err(wrong) => screen::remark(&wrong),
        }
        if stage.is_over() {
            break;
        }
    }
    let result = FlowResult::of(stage.position());
    if arguments.json.json {
        return screen::json(&result);
    }
    let state = result.state.map_or("still waiting", |state| state.name());
    screen::say(&format!("\n{state}"))?;
    screen::table(
        ["step", "kind", "answer", "as written"],
        result.answers.iter().map(|answer| {
            let value = serde_json::to_value(&answer.value).unwrap_or_default();
            let value = &value["value"];
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            [answer.step.to_string(), answer.kind.clone(), value, answer.text.clone()]
        }),
    )
}

fn say_to(standard_error: bool, line: &str) -> Ended {
    if standard_error {
        screen::remark(line);
        return Ok(());
    }
    screen::say(line)
}

fn tell(stage: &Stage<'_>, say: impl Fn(&str) -> Ended) -> Ended {
    for content in &stage.turn().say {
        say(&shown(content))?;
    }
    for error in &stage.turn().left_out {
        screen::remark(&format!("left out: {error}"));
    }
    screen::remark(&format!("({})", stage.standing()));
    Ok(())
}
