//! `next`: where a flow goes on, by what was answered.

use jiff::civil::Date;

use super::check::Named;
use super::read::{RawStep, written};
use super::{AnswerValue, FlowStep, Number, Position, QuestionKind, Rule, Target, When};
use crate::domain::campaign::CampaignValues;
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::ids::FlowStepId;
use crate::domain::normalised_text::words as normalise;
use crate::domain::problem::{Place, did_you_mean};
use crate::domain::template::read_values;

/// `next` as it is written.
pub(super) enum RawNext {
    /// Not at all: the step that follows.
    Following,
    /// One step.
    To(Target),
    /// By rules.
    Rules(Vec<RawRule>),
}

/// A rule as it is written.
pub(super) struct RawRule {
    place: Place,
    of: Option<FlowStepId>,
    is: Option<Node>,
    from: Option<Node>,
    to: Option<Node>,
    go: Target,
    set: CampaignValues,
}

/// Reads `next`; `named` gets what it names. `None` has been noted as a problem.
pub(super) fn raw_next(table: &Table<'_>, named: &mut Named) -> Option<RawNext> {
    let Some(node) = table.node("next") else { return Some(RawNext::Following) };
    if !matches!(node.value, NodeValue::List(_)) {
        let target: Target = table.optional("next")?;
        named.targets.push((target.clone(), node.place.clone()));
        return Some(RawNext::To(target));
    }
    let rules = table.tables("next", |rule| {
        let of = rule.node("of").map(|_| rule.optional("of"));
        let [is, from, to] = ["is", "from", "to"].map(|key| rule.node(key).cloned());
        if is.is_some() && (from.is_some() || to.is_some()) {
            rule.problem("is", "`is` and `from`, `to` exclude each other; write two rules");
        }
        let go: Option<Target> = rule.required("go");
        let (set, places) = read_values(rule, "set");
        let of = match of {
            Some(of) => Some(of?),
            None => None,
        };
        Some((RawRule { place: rule.place().clone(), of, is, from, to, go: go?, set }, places))
    });
    let (rules, places): (Vec<RawRule>, Vec<_>) = rules.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    named.variables.extend(places.into_iter().flatten());
    named.targets.extend(rules.iter().map(|rule| (rule.go.clone(), rule.place.clone())));
    if let Some(early) = rules.iter().rev().skip(1).find(|rule| rule.is_for_everything()) {
        table.note(early.place.problem("this rule applies always, so those after it never do; move it to the end"));
    }
    Some(RawNext::Rules(rules))
}

impl RawRule {
    const fn is_for_everything(&self) -> bool {
        self.is.is_none() && self.from.is_none() && self.to.is_none()
    }
}

/// Puts `next` and rules in place, now that all steps are known.
pub(super) fn resolved(table: &Table<'_>, raw: Vec<RawStep>) -> Vec<FlowStep> {
    let ids: Vec<FlowStepId> = raw.iter().map(|raw| raw.step.id.clone()).collect();
    let kinds: Vec<(FlowStepId, Option<QuestionKind>)> = raw
        .iter()
        .map(|raw| (raw.step.id.clone(), raw.step.question().map(|question| question.kind.clone())))
        .collect();
    let in_place = |(at, raw): (usize, RawStep)| {
        let following = ids.get(at + 1).cloned().map_or(Target::End, Target::Step);
        let place = |target: Target| match target {
            Target::Step(id) if id.as_str() == "next" => following.clone(),
            other => other,
        };
        let mut step = raw.step;
        if let super::Does::Ask(question) = &mut step.does {
            question.after_tries = place(question.after_tries.clone());
        }
        step.otherwise = following.clone();
        match raw.next {
            RawNext::Following => {}
            RawNext::To(target) => step.otherwise = place(target),
            RawNext::Rules(rules) => {
                step.rules = rules.into_iter().filter_map(|rule| rule.resolved(table, &step, &kinds, place)).collect();
            }
        }
        step
    };
    raw.into_iter().enumerate().map(in_place).collect()
}

impl RawRule {
    fn resolved(
        self,
        table: &Table<'_>,
        own: &FlowStep,
        kinds: &[(FlowStepId, Option<QuestionKind>)],
        place: impl Fn(Target) -> Target,
    ) -> Option<Rule> {
        let of = self.of.clone().unwrap_or_else(|| own.id.clone());
        let kind = kinds.iter().find(|(id, _)| *id == of).map(|(_, kind)| kind);
        let when = if self.is_for_everything() {
            When::Whatever
        } else {
            match kind {
                Some(Some(kind)) => self.when(table, kind)?,
                Some(None) => {
                    let remedy = "write `of = \"…\"` with the name of a question";
                    table.note(self.place.problem(format!("`{of}` asks nothing, so it has no answer; {remedy}")));
                    return None;
                }
                None => {
                    let known = kinds.iter().filter(|(_, kind)| kind.is_some()).map(|(id, _)| id.as_str());
                    let nearest = did_you_mean(of.as_str(), known);
                    table
                        .note(self.place.problem(format!("`of` names `{of}`, but there is no such question{nearest}")));
                    return None;
                }
            }
        };
        Some(Rule { of, when, go: place(self.go), set: self.set })
    }

    fn when(&self, table: &Table<'_>, kind: &QuestionKind) -> Option<When> {
        let read = |node: &Node| {
            value(node, kind)
                .map_err(|wrong| table.note(self.place.problem(format!("`{}` {wrong}", written(node)))))
                .ok()
        };
        if let Some(is) = &self.is {
            let values: Option<Vec<AnswerValue>> = match &is.value {
                NodeValue::List(items) => items.iter().map(read).collect(),
                _ => read(is).map(|value| vec![value]),
            };
            return values.map(When::Is);
        }
        if matches!(kind, QuestionKind::Text { .. } | QuestionKind::Buttons { .. } | QuestionKind::List { .. }) {
            let remedy = "write `is = \"…\"` or `is = [\"…\", \"…\"]`";
            table.note(
                self.place
                    .problem(format!("`from` and `to` are for numbers and dates, not for `{}`; {remedy}", kind.name())),
            );
            return None;
        }
        let side = |node: &Option<Node>| match node {
            Some(node) => read(node).map(Some),
            None => Some(None),
        };
        let (from, to) = (side(&self.from), side(&self.to));
        let (from, to) = (from?, to?);
        if let (Some(from), Some(to)) = (&from, &to)
            && compared(from, to).is_none_or(|order| order.is_gt())
        {
            table.note(self.place.problem("`from` is above `to`: no answer is like that"));
            return None;
        }
        Some(When::Between(from, to))
    }
}

/// A value of a rule as an answer to a question of that kind.
fn value(node: &Node, kind: &QuestionKind) -> Result<AnswerValue, String> {
    match kind {
        QuestionKind::Text { .. } => String::read(node).map(|text| AnswerValue::Text(normalise(&text))),
        QuestionKind::Buttons { choices } | QuestionKind::List { choices, .. } => {
            let id = String::read(node)?;
            if choices.iter().any(|choice| choice.id == id) {
                return Ok(AnswerValue::Choice(id));
            }
            let nearest = did_you_mean(&id, choices.iter().map(|choice| choice.id.as_str()));
            Err(format!("is none of the choices{nearest}"))
        }
        QuestionKind::Number { min, max, .. } => {
            let number = Number::read(node)?;
            if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
                return Err("is never answered: it is below `min` or above `max`".to_owned());
            }
            Ok(AnswerValue::Number(number))
        }
        QuestionKind::Date { .. } => {
            let text = written(node);
            let date = Some(&text).filter(|text| text.len() == 10).and_then(|text| text.parse::<Date>().ok());
            date.map(AnswerValue::Date).ok_or_else(|| "must be a date such as `2026-12-01`".to_owned())
        }
        QuestionKind::Scale { scale, .. } => {
            let (least, most) = (scale.least(), scale.most());
            let number = Number::read(node)?.as_whole().and_then(|number| u8::try_from(number).ok());
            let score = number.filter(|number| (least..=most).contains(number));
            score.map(AnswerValue::Score).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        }
    }
}

fn compared(a: &AnswerValue, b: &AnswerValue) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (AnswerValue::Number(a), AnswerValue::Number(b)) => Some(a.cmp(b)),
        (AnswerValue::Date(a), AnswerValue::Date(b)) => Some(a.cmp(b)),
        (AnswerValue::Score(a), AnswerValue::Score(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

impl Rule {
    /// Whether what was answered is like that.
    pub(super) fn applies(&self, position: &Position) -> bool {
        let answer = position.answer(&self.of).map(|answer| &answer.value);
        match (&self.when, answer) {
            (When::Whatever, _) => true,
            (_, None) => false,
            (When::Is(values), Some(AnswerValue::Text(text))) => {
                let said = AnswerValue::Text(normalise(text));
                values.contains(&said)
            }
            (When::Is(values), Some(answer)) => values.contains(answer),
            (When::Between(from, to), Some(answer)) => {
                let not = |bound: &Option<AnswerValue>, order| {
                    bound.as_ref().is_some_and(|bound| compared(answer, bound) == Some(order))
                };
                !not(from, std::cmp::Ordering::Less) && !not(to, std::cmp::Ordering::Greater)
            }
        }
    }
}
