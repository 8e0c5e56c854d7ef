//! From the text of a file to a [`Flow`], with everything wrong in it.

use jiff::SignedDuration;

use super::check::Named;
use super::rules::{RawNext, raw_next, resolved};
use super::{Does, Flow, FlowStep, Question, QuestionKind, StartsOn, Target, check, read_question};
use crate::domain::campaign::Scalar;
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::ids::{FlowName, FlowStepId};
use crate::domain::keywords::Keywords;
use crate::domain::language::Language;
use crate::domain::problem::{Place, Problem};
use crate::domain::template::{Brand, ByLanguage, read_texts, read_values};

/// Words that `next` and its like have for themselves.
const RESERVED: [&str; 3] = ["end", "escalate", "next"];
/// Steps of one flow: more is not a conversation.
const STEPS_MAX: usize = 100;
/// How often a question is asked at most, whatever the file says: who does not understand it twice needs a person.
const TRIES_MAX: u32 = 10;
/// Nobody comes back to a conversation after this long.
const GIVES_UP_AFTER_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What holds for every question of a file that says nothing else: the service window is this long.
const GIVES_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How often a question is asked unless the file says otherwise.
const TRIES: u32 = 3;

/// What holds for the questions of a file that say nothing themselves.
struct Defaults {
    tries: u32,
    after_tries: Target,
    remind_after: Option<SignedDuration>,
    gives_up_after: SignedDuration,
}

/// A step as it is read: where it goes on can only be understood when all steps are known.
pub(super) struct RawStep {
    pub(super) step: FlowStep,
    pub(super) next: RawNext,
    /// What it names, for what must be told about that.
    named: Named,
}

impl Flow {
    /// Reads a flow and checks the whole of it. `path` is for messages; the brand is what texts may name.
    ///
    /// # Errors
    /// Everything that is wrong, each with file, line and remedy.
    pub fn parse(name: FlowName, path: &str, text: &str, brand: &Brand) -> Result<Self, Vec<Problem>> {
        let node = Node::parse(path, text)?;
        let (flow, mut problems, _) = Table::read_document(&node, |table| {
            let (flow, named) = read(table, name)?;
            check::check(table, &flow, &named, brand);
            Some(flow)
        });
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems.dedup();
        match flow {
            Some(flow) if problems.is_empty() => Ok(flow),
            _ => Err(problems),
        }
    }
}

/// Everything is read before the first mistake stops it, so that all are told at once.
fn read(table: &Table<'_>, name: FlowName) -> Option<(Flow, Named)> {
    let version = table.or("version", 1);
    let title = read_labels(table, "title", |_, _| None);
    let starts_on = table.table("starts_on", starts_on);
    let (variables, _) = read_values(table, "variables");
    let defaults = defaults(table);
    let before = table.n_problems();
    let steps = table.tables("steps", |step| step_of(step, defaults.as_ref()));
    if steps.is_empty() && table.n_problems() == before {
        table.problem_here("there is no step; write `[[steps]]` with `id`, `kind` and `text`");
    }
    if steps.len() > STEPS_MAX {
        table.problem(
            "steps",
            format!("there are {} steps, but {STEPS_MAX} are the most; make two flows of it", steps.len()),
        );
    }
    let mut steps: Vec<RawStep> = steps.into_iter().collect::<Option<_>>()?;
    unique(table, &steps);
    let mut named = Named::default();
    if let (Some(defaults), Some(node)) = (&defaults, table.node("after_tries")) {
        named.targets.push((defaults.after_tries.clone(), node.place.clone()));
    }
    for step in &mut steps {
        named.targets.append(&mut step.named.targets);
        named.variables.append(&mut step.named.variables);
    }
    let steps = resolved(table, steps);
    Some((Flow { name, version: version?, title, starts_on: starts_on?, variables, steps }, named))
}

fn defaults(table: &Table<'_>) -> Option<Defaults> {
    let tries = tries(table, TRIES);
    let after_tries = table.or("after_tries", Target::End);
    let remind_after = table.optional("remind_after");
    let gives_up_after = gives_up_after(table, GIVES_UP_AFTER);
    Some(Defaults { tries: tries?, after_tries: after_tries?, remind_after, gives_up_after: gives_up_after? })
}

fn tries(table: &Table<'_>, default: u32) -> Option<u32> {
    let tries = table.or("tries", default)?;
    // What the whole file says is told where it says it, not at each of its questions.
    if tries > TRIES_MAX && table.node("tries").is_some() {
        table.problem("tries", format!("`tries` is {tries}, but must be from 1 to {TRIES_MAX}"));
    }
    Some(tries)
}

fn gives_up_after(table: &Table<'_>, default: SignedDuration) -> Option<SignedDuration> {
    let after: SignedDuration = table.or("gives_up_after", default)?;
    if after > GIVES_UP_AFTER_MAX && table.node("gives_up_after").is_some() {
        table.problem("gives_up_after", "`gives_up_after` must be `30d` at most");
    }
    Some(after)
}

fn starts_on(table: &Table<'_>) -> Option<StartsOn> {
    let words = Keywords::read(table, "words");
    let payloads: Option<Vec<String>> = table.or("payloads", vec![]);
    for payload in payloads.iter().flatten() {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if payload.is_empty() || payload.len() > 64 || !payload.chars().all(fits) {
            table.problem(
                "payloads",
                format!("`payloads` has `{payload}`, but must hold 1 to 64 letters, digits, `-`, `_` and `.` each"),
            );
        }
    }
    let survey = table.or("survey", false);
    Some(StartsOn { words: words?, payloads: payloads?, survey: survey? })
}

fn unique(table: &Table<'_>, steps: &[RawStep]) {
    for (at, RawStep { step, .. }) in steps.iter().enumerate() {
        if let Some(first) = steps[..at].iter().find(|first| first.step.id == step.id) {
            let id = &step.id;
            table.note(step.place.problem(format!("there is another step `{id}` at {}; rename one", first.step.place)));
        }
    }
}

fn step_of(table: &Table<'_>, defaults: Option<&Defaults>) -> Option<RawStep> {
    let id: Option<FlowStepId> = table.required("id");
    if let Some(id) = id.as_ref().filter(|id| RESERVED.contains(&id.as_str())) {
        table.problem("id", format!("`{id}` says where a flow goes on and cannot be the name of a step; rename it"));
    }
    let kind: Option<String> = table.required("kind");
    let text = read_texts(table, "text");
    let mut named = Named::default();
    let set;
    (set, named.variables) = read_values(table, "set");
    let next = raw_next(table, &mut named);
    let asked = |kind: Option<QuestionKind>, named: &mut Named| {
        question(table, kind, defaults, named).map(|question| Does::Ask(Box::new(question)))
    };
    let does = match kind.as_deref() {
        Some("say") => Some(Does::Say),
        Some("escalate") => Some(Does::Escalate),
        Some(word) => match read_question::kind(table, word) {
            Ok(kind) => asked(kind, &mut named),
            Err(unknown) => {
                table.problem("kind", unknown);
                // What else stands there cannot be judged, and need not be told as well.
                table.allow_everything();
                None
            }
        },
        None => {
            table.allow_everything();
            None
        }
    };
    if table.node("text").is_none() && !matches!(does, Some(Does::Escalate)) {
        table.problem_here("`text` is missing; write `text = { ar = \"…\", en = \"…\" }`");
    }
    if matches!(does, Some(Does::Escalate)) && table.node("next").is_some() {
        table.problem("next", "a step that hands over to a person is the last one; leave `next` out");
    }
    let step = FlowStep {
        id: id?,
        place: table.place().clone(),
        text,
        does: does?,
        rules: Vec::new(),
        otherwise: Target::End,
        set,
    };
    Some(RawStep { step, next: next?, named })
}

fn question(
    table: &Table<'_>,
    kind: Option<QuestionKind>,
    defaults: Option<&Defaults>,
    named: &mut Named,
) -> Option<Question> {
    let retry = read_texts(table, "retry");
    let remind = read_texts(table, "remind");
    let tries = tries(table, defaults.map_or(TRIES, |defaults| defaults.tries));
    let after_tries: Option<Target> =
        table.or("after_tries", defaults.map_or(Target::End, |defaults| defaults.after_tries.clone()));
    if let (Some(target), Some(node)) = (&after_tries, table.node("after_tries")) {
        named.targets.push((target.clone(), node.place.clone()));
    }
    let remind_after = match table.node("remind_after") {
        Some(_) => Some(table.optional::<SignedDuration>("remind_after")?),
        None => defaults.and_then(|defaults| defaults.remind_after),
    };
    let gives_up_after = gives_up_after(table, defaults.map_or(GIVES_UP_AFTER, |defaults| defaults.gives_up_after));
    if let (Some(remind), Some(gives_up)) = (remind_after, gives_up_after)
        && remind >= gives_up
    {
        table.problem(
            "remind_after",
            "`remind_after` must be shorter than `gives_up_after`: the reminder would never come",
        );
    }
    let optional = table.or("optional", false);
    Some(Question {
        kind: kind?,
        retry,
        remind,
        tries: tries?,
        after_tries: after_tries?,
        remind_after,
        gives_up_after: gives_up_after?,
        optional: optional?,
    })
}

/// A short text in both languages that is shown as it stands. `wrong` says what is wrong with one of them.
pub(super) fn read_labels(
    table: &Table<'_>,
    key: &'static str,
    wrong: impl Fn(&Place, &str) -> Option<Problem>,
) -> Option<ByLanguage<String>> {
    table.optional_table(key, |texts| {
        let read = |language: Language| {
            let code = language.code();
            let text: String = texts.required(code)?;
            if let Some(problem) = wrong(&texts.node(code)?.place, &text) {
                texts.note(problem);
            }
            Some(text)
        };
        let (ar, en) = (read(Language::Ar), read(Language::En));
        Some(ByLanguage { ar: ar?, en: en? })
    })?
}

impl Read for Target {
    fn read(node: &Node) -> Result<Self, String> {
        match String::read(node)?.as_str() {
            "end" => Ok(Self::End),
            "escalate" => Ok(Self::Escalate),
            // `next`, too: it is put in place when the order of the steps is known.
            step => step.parse().map(Self::Step).map_err(|error| format!("is wrong: {error}")),
        }
    }
}

/// A bare scalar as an author wrote it, for messages.
pub(super) fn written(node: &Node) -> String {
    match &node.value {
        NodeValue::Text(text) | NodeValue::Decimal(text) | NodeValue::Datetime(text) => text.clone(),
        NodeValue::Integer(number) => Scalar::Integer(*number).to_string(),
        other => other.kind().to_owned(),
    }
}
