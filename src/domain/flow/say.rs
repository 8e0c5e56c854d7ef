//! From steps to messages: texts with their values, those in a row joined, everything within Meta's limits.

use jiff::civil::Date;

use super::limits::{self, cut, length};
use super::{AnswerValue, Flow, FlowStep, Position, Question, QuestionKind, wording};
use crate::domain::language::Language;
use crate::domain::message::{Content, ListRow, ListSection, ReplyButton};
use crate::domain::template::{ByLanguage, FreeText, RenderError, Values};

use super::Around;

/// What is said in one turn, in the making.
pub(super) struct Speech<'a> {
    flow: &'a Flow,
    around: &'a Around<'a>,
    today: Date,
    /// Said, but not yet a message: more may be joined to it.
    pending: Vec<String>,
    said: Vec<Content>,
    /// What could not be filled in.
    errors: Vec<RenderError>,
}

impl<'a> Speech<'a> {
    pub(super) fn new(flow: &'a Flow, around: &'a Around<'a>, today: Date) -> Self {
        Self { flow, around, today, pending: Vec::new(), said: Vec::new(), errors: Vec::new() }
    }

    /// Says a text.
    pub(super) fn say(&mut self, text: &ByLanguage<FreeText>, position: &Position) {
        let text = self.rendered(text, position);
        self.add(text);
    }

    /// Asks a question for the first time, or again because the conversation goes on.
    pub(super) fn ask(&mut self, step: &FlowStep, question: &Question, position: &Position) {
        let body = self.question_text(step, question, position);
        self.put(body, step, question, position.language);
    }

    /// Asks again because the answer could not be read.
    pub(super) fn ask_again(&mut self, step: &FlowStep, question: &Question, position: &Position) {
        let own = question.retry.as_ref().map(|text| self.rendered(text, position)).filter(|text| !text.is_empty());
        let body = own.unwrap_or_else(|| wording::retry(&question.kind, self.today, position.language));
        self.put(body, step, question, position.language);
    }

    /// Asks again because nobody answered.
    pub(super) fn remind(&mut self, step: &FlowStep, question: &Question, position: &Position) {
        let own = question.remind.as_ref().map(|text| self.rendered(text, position)).filter(|text| !text.is_empty());
        self.add(own.unwrap_or_else(|| wording::remind(position.language).to_owned()));
        self.ask(step, question, position);
    }

    /// All of it.
    pub(super) fn finish(mut self) -> (Vec<Content>, Vec<RenderError>) {
        self.flush();
        (self.said, self.errors)
    }

    fn question_text(&mut self, step: &FlowStep, question: &Question, position: &Position) -> String {
        let text = step.text.as_ref().map(|text| self.rendered(text, position)).unwrap_or_default();
        // Meta refuses an empty body, and a question must be seen to be answered.
        if text.is_empty() { wording::retry(&question.kind, self.today, position.language) } else { text }
    }

    fn rendered(&mut self, text: &ByLanguage<FreeText>, position: &Position) -> String {
        let (text, errors) =
            text.get(position.language).render_what_is_there(&values(self.flow, self.around, position));
        self.errors.extend(errors);
        text
    }

    fn add(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        if length(&self.joined(&text)) > limits::TEXT_MAX {
            self.flush();
        }
        self.pending.push(cut(text, limits::TEXT_MAX));
    }

    fn joined(&self, last: &str) -> String {
        self.pending.iter().map(String::as_str).chain([last]).collect::<Vec<_>>().join("\n\n")
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let body = std::mem::take(&mut self.pending).join("\n\n");
            self.said.push(Content::Text { body, preview_url: false });
        }
    }

    fn put(&mut self, body: String, step: &FlowStep, question: &Question, language: Language) {
        let choices = question.kind.choices();
        if choices.is_empty() {
            return self.add(body);
        }
        // What was said before stands above the question where both fit.
        if length(&self.joined(&body)) > limits::BODY_MAX {
            self.flush();
        }
        let body = cut(self.joined(&body), limits::BODY_MAX);
        self.pending.clear();
        self.said.push(match &question.kind {
            QuestionKind::List { choose, .. } | QuestionKind::Scale { choose, .. } => {
                let rows = choices.iter().map(|choice| ListRow {
                    id: choice.payload(&self.flow.name, &step.id),
                    title: choice.title.get(language).clone(),
                    description: choice.description.as_ref().map(|text| text.get(language).clone()),
                });
                Content::List {
                    header: None,
                    body,
                    footer: None,
                    button: choose.get(language).clone(),
                    sections: vec![ListSection { title: None, rows: rows.collect() }],
                }
            }
            _ => {
                let buttons = choices.iter().map(|choice| ReplyButton {
                    id: choice.payload(&self.flow.name, &step.id),
                    title: choice.title.get(language).clone(),
                });
                Content::Buttons { header: None, body, footer: None, buttons: buttons.collect() }
            }
        });
    }
}

/// What texts may insert at this point of the conversation.
fn values(flow: &Flow, around: &Around<'_>, position: &Position) -> Values {
    let mut variables = flow.variables.clone();
    variables.extend(position.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    let answers = position.answers.iter().map(|answer| {
        let said = match &answer.value {
            AnswerValue::Text(text) => text.clone(),
            AnswerValue::Choice(id) => {
                let choices =
                    flow.step(&answer.step).and_then(FlowStep::question).map(|question| question.kind.choices());
                let choice = choices.into_iter().flatten().find(|choice| choice.id == *id);
                choice.map_or_else(|| answer.text.clone(), |choice| choice.title.get(position.language).clone())
            }
            AnswerValue::Number(number) => number.to_string(),
            AnswerValue::Date(date) => date.to_string(),
            AnswerValue::Score(score) => score.to_string(),
        };
        (answer.step.to_string(), said)
    });
    Values::new(position.language, &variables, around.brand).with_contact(around.contact).with_group("answers", answers)
}
