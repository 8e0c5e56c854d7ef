//! What can be wrong with a flow as a whole: steps that are not there or never come, circles without a question, variables that nobody
//! sets, texts that are too long.

use super::limits::{self, length};
use super::{Does, Flow, FlowStep, QuestionKind, Target};
use crate::domain::document::Table;
use crate::domain::ids::FlowStepId;
use crate::domain::language::Language;
use crate::domain::problem::{Place, did_you_mean, listed};
use crate::domain::template::{Brand, ByLanguage, FreeText, FreeVariable, Values};

/// What a file names, each with its place.
#[derive(Default)]
pub(super) struct Named {
    /// Steps.
    pub(super) targets: Vec<(Target, Place)>,
    /// Variables that are set.
    pub(super) variables: Vec<(String, Place)>,
}

/// Notes everything that is wrong.
pub(super) fn check(table: &Table<'_>, flow: &Flow, named: &Named, brand: &Brand) {
    targets(table, flow, named);
    for (name, place) in named.variables.iter().filter(|(name, _)| !flow.variables.contains_key(name)) {
        let nearest = did_you_mean(name, flow.variables.keys().map(String::as_str));
        let remedy = "give it a first value under `[variables]`";
        table
            .note(place.problem(format!("`set` names `{name}`, which is no variable of this flow; {remedy}{nearest}")));
    }
    // Of a flow that is not whole, more could only be guessed.
    if table.n_problems() > 0 {
        return;
    }
    let graph = Graph::of(flow);
    graph.unreachable(table);
    graph.circles(table);
    let answered = graph.surely_answered();
    for (at, step) in flow.steps.iter().enumerate() {
        for (key, texts) in step.texts() {
            for language in Language::ALL {
                let text = texts.get(language);
                let before = table.n_problems();
                for variable in text.variables() {
                    if let Some(wrong) = wrong_variable(flow, variable, answered[at]) {
                        table.note(step.place.problem(format!("in `{key}` of `{}`: {wrong}", step.id)));
                    }
                }
                if table.n_problems() == before {
                    sample(table, flow, step, key, text, language, brand);
                }
            }
        }
    }
}

fn targets(table: &Table<'_>, flow: &Flow, named: &Named) {
    for (target, place) in &named.targets {
        if let Target::Step(id) = target
            && id.as_str() != "next"
            && flow.step(id).is_none()
        {
            let known = flow.steps.iter().map(|step| step.id.as_str());
            let nearest = did_you_mean(id.as_str(), known.chain(["end", "escalate", "next"]));
            table.note(place.problem(format!("there is no step `{id}`{nearest}")));
        }
    }
}

impl FlowStep {
    /// Its texts, each with its key.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &ByLanguage<FreeText>)> {
        let question = self.question();
        let texts = [
            ("text", self.text.as_ref()),
            ("retry", question.and_then(|question| question.retry.as_ref())),
            ("remind", question.and_then(|question| question.remind.as_ref())),
        ];
        texts.into_iter().filter_map(|(key, text)| Some((key, text?)))
    }
}

fn wrong_variable(flow: &Flow, variable: FreeVariable<'_>, answered: u128) -> Option<String> {
    let name = variable.name();
    match variable.path().as_slice() {
        ["brand", "name" | "signature"] => None,
        ["contact", _] if variable.is_optional() => None,
        ["contact", _] => Some(format!("not everybody has `{name}`; write `{{{{default {name} '…'}}}}`")),
        ["answers", step] => {
            let Some(at) = flow.steps.iter().position(|known| known.id.as_str() == *step && known.question().is_some())
            else {
                let questions = flow.steps.iter().filter(|step| step.question().is_some()).map(|step| step.id.as_str());
                return Some(format!("`{name}` names no question of this flow{}", did_you_mean(step, questions)));
            };
            (answered & (1 << at) == 0 && !variable.is_optional())
                .then(|| format!("`{step}` may have no answer yet; write `{{{{default {name} '…'}}}}`"))
        }
        [one] if flow.variables.contains_key(*one) => None,
        [one] => {
            let nearest = did_you_mean(one, flow.variables.keys().map(String::as_str));
            Some(format!("unknown variable `{one}`; give it a first value under `[variables]`{nearest}"))
        }
        _ => {
            let groups = listed(["contact.NAME", "answers.STEP", "brand.name", "brand.signature"]);
            Some(format!("unknown variable `{name}`; there are {groups} and those of `[variables]`"))
        }
    }
}

/// Renders the text once with made-up answers: what a helper cannot use, and what gets too long, is better known now.
fn sample(
    table: &Table<'_>,
    flow: &Flow,
    step: &FlowStep,
    key: &str,
    text: &FreeText,
    language: Language,
    brand: &Brand,
) {
    let answers = flow.steps.iter().filter_map(|step| {
        let answer = match &step.question()?.kind {
            QuestionKind::Text { .. } => "…".to_owned(),
            QuestionKind::Number { min, .. } => min.map_or_else(|| "1".to_owned(), |min| min.to_string()),
            QuestionKind::Date { .. } => "2026-12-01".to_owned(),
            QuestionKind::Scale { scale, .. } => scale.most().to_string(),
            kind => kind.choices().first()?.title.get(language).clone(),
        };
        Some((step.id.to_string(), answer))
    });
    let values = Values::new(language, &flow.variables, brand).with_group("answers", answers).with_group("contact", []);
    let most = if step.question().is_some_and(|question| !question.kind.choices().is_empty()) {
        limits::BODY_MAX
    } else {
        limits::TEXT_MAX
    };
    let wrong = match text.render(&values) {
        Err(error) => error.to_string(),
        Ok(said) if said.is_empty() => "nothing is left of the text; write some words beside the variable".to_owned(),
        Ok(said) if length(&said) > most => {
            format!("the text has {} characters, but Meta allows {most}; shorten it", length(&said))
        }
        Ok(_) => return,
    };
    table.note(step.place.problem(format!("in `{key}` of `{}`, in `{language}`: {wrong}", step.id)));
}

/// Which step leads to which, by their numbers.
struct Graph<'a> {
    flow: &'a Flow,
    /// After an answer (or, for a step that asks nothing, after it).
    answered: Vec<Vec<usize>>,
    /// Without one.
    unanswered: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn of(flow: &'a Flow) -> Self {
        let number = |id: &FlowStepId| flow.steps.iter().position(|step| step.id == *id);
        let of = |target: &Target| match target {
            Target::Step(id) => number(id),
            Target::End | Target::Escalate => None,
        };
        let answered = flow.steps.iter().map(|step| match step.does {
            Does::Escalate => vec![],
            Does::Say | Does::Ask(_) => step.targets().filter_map(of).collect(),
        });
        let unanswered = flow.steps.iter().map(|step| {
            let Some(question) = step.question() else { return vec![] };
            let passed = step.targets().filter(|_| question.optional);
            passed.chain([&question.after_tries]).filter_map(of).collect()
        });
        Self { flow, answered: answered.collect(), unanswered: unanswered.collect() }
    }

    fn unreachable(&self, table: &Table<'_>) {
        let mut seen = vec![false; self.flow.steps.len()];
        let mut ahead = vec![0];
        while let Some(at) = ahead.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                ahead.extend(self.answered[at].iter().chain(&self.unanswered[at]));
            }
        }
        for (step, _) in self.flow.steps.iter().zip(seen).filter(|(_, seen)| !seen) {
            let id = &step.id;
            table.note(
                step.place.problem(format!("nothing leads to the step `{id}`; name it in a `next`, or take it out")),
            );
        }
    }

    /// Steps that ask nothing and lead to each other would never stop talking.
    fn circles(&self, table: &Table<'_>) {
        let asks = |at: usize| self.flow.steps[at].question().is_some();
        // A step is in such a circle if it leads to itself without a question on the way.
        let mut told = vec![false; self.flow.steps.len()];
        for start in (0..self.flow.steps.len()).filter(|at| !asks(*at)) {
            let mut seen = vec![false; self.flow.steps.len()];
            let mut ahead = self.answered[start].clone();
            while let Some(at) = ahead.pop() {
                if !asks(at) && !std::mem::replace(&mut seen[at], true) {
                    ahead.extend(&self.answered[at]);
                }
            }
            if seen[start] && !told[start] {
                let steps =
                    self.flow.steps.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(step, _)| step.id.as_str());
                let steps = listed(steps);
                told = told.iter().zip(&seen).map(|(told, seen)| *told || *seen).collect();
                let place = &self.flow.steps[start].place;
                table.note(place.problem(format!(
                    "{steps} lead back to `{}` without a question; put one between or end it",
                    self.flow.steps[start].id
                )));
            }
        }
    }

    /// For each step, the questions that have an answer whenever it comes: on every way to it. One bit for each step.
    fn surely_answered(&self) -> Vec<u128> {
        let n = self.flow.steps.len();
        let mut before = vec![u128::MAX; n];
        before[0] = 0;
        // Sets only shrink, so this ends.
        let mut changed = true;
        while changed {
            changed = false;
            for at in 0..n {
                let bit = if self.flow.steps[at].question().is_some() { 1 << at } else { 0 };
                let after = self.answered[at].iter().map(|next| (*next, before[at] | bit));
                // A question that is asked again without an answer loses the one that it had.
                let left = self.unanswered[at].iter().map(|next| (*next, before[at] & !bit));
                for (next, known) in after.chain(left).collect::<Vec<_>>() {
                    let met = before[next] & known;
                    changed |= met != before[next];
                    before[next] = met;
                }
            }
        }
        before
    }
}
