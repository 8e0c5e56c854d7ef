//! The engine: where a conversation goes on when something came in. Two pure functions.

use jiff::{SignedDuration, Timestamp};

use super::choices::parts_of_payload;
use super::say::Speech;
use super::understand::{Understood, pressed, written};
use super::{
    Answer, Around, Because, Does, Flow, FlowStep, Input, Position, Question, ResultState, Standing, Start, Target,
    Turn, WhatCame,
};
use crate::domain::campaign::CampaignValues;
use crate::domain::schedule::Zone;

/// Inputs that one conversation takes in at most: a flow that goes round, or another program at the far end, must not talk for ever.
const INPUTS_MAX: usize = 200;

/// Begins a conversation.
pub fn begin(flow: &Flow, start: &Start, around: &Around<'_>, now: Timestamp) -> Turn {
    let mut position = Position::new(flow.name.clone(), flow.version, start.language, now);
    position.hear(&start.id);
    let known = start.variables.iter().filter(|(name, _)| flow.variables.contains_key(*name));
    position.variables.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    let mut engine = Engine::new(flow, position, around, now);
    if let Some(first) = flow.steps.first() {
        engine.go(&Target::Step(first.id.clone()));
    }
    engine.turn(Because::Began)
}

/// Takes something in.
pub fn advance(flow: &Flow, position: &Position, input: &Input, around: &Around<'_>, now: Timestamp) -> Turn {
    let mut engine = Engine::new(flow, position.clone(), around, now);
    let because = if position.flow != flow.name {
        Because::OtherFlow
    } else if position.has_heard(&input.id) {
        Because::Redelivered
    } else {
        engine.take_in(&input.came)
    };
    if because.is_unchanged() {
        let position = position.clone();
        return Turn { say: vec![], position, recorded: None, because, left_out: vec![] };
    }
    engine.position.hear(&input.id);
    engine.turn(because)
}

struct Engine<'a> {
    flow: &'a Flow,
    position: Position,
    speech: Speech<'a>,
    recorded: Option<Answer>,
    now: Timestamp,
    today: jiff::civil::Date,
}

impl<'a> Engine<'a> {
    fn new(flow: &'a Flow, position: Position, around: &'a Around<'a>, now: Timestamp) -> Self {
        let zone = around.contact.timezone.parse().unwrap_or_else(|_| Zone::utc());
        let today = zone.rules().to_datetime(now).date();
        Self { flow, position, speech: Speech::new(flow, around, today), recorded: None, now, today }
    }

    fn turn(self, because: Because) -> Turn {
        let (say, left_out) = self.speech.finish();
        Turn { say, position: self.position, recorded: self.recorded, because, left_out }
    }

    fn take_in(&mut self, came: &WhatCame) -> Because {
        match (came, &self.position.standing) {
            (WhatCame::Resume, Standing::Waiting { .. }) => return Because::NotWaiting,
            (WhatCame::Resume, _) => return self.resume(),
            (_, Standing::Ended { .. } | Standing::Escalated { .. }) => return Because::NotWaiting,
            (WhatCame::Escalate, _) => {
                self.position.standing = Standing::Escalated { at: self.now };
                return Because::EscalatedFromOutside;
            }
            (WhatCame::Cancel, _) => {
                self.end_early();
                return Because::Cancelled;
            }
            (_, Standing::Waiting { .. }) => {}
        }
        let flow = self.flow;
        let Some(open) = self.position.open.clone() else { return Because::NotWaiting };
        let Some((step, question)) = flow.step(&open).and_then(|step| Some((step, step.question()?))) else {
            self.end_early();
            return Because::StepGone(open);
        };
        if self.position.n_inputs() >= INPUTS_MAX && *came != WhatCame::Timer {
            self.end_early();
            return Because::TooLong;
        }
        let understood = match came {
            WhatCame::Text(text) => written(question, text, self.today),
            WhatCame::Other => Understood::Not,
            WhatCame::Pressed(payload) => match parts_of_payload(payload) {
                Some((of, at, choice)) if of == flow.name.as_str() && at == open.as_str() => {
                    pressed(question, choice, self.position.language)
                }
                _ => return Because::ButtonOfAnother,
            },
            WhatCame::Timer => return self.timer(step, question),
            WhatCame::Language(language) if *language == self.position.language => return Because::SameLanguage,
            WhatCame::Language(language) => {
                self.position.language = *language;
                self.speech.ask(step, question, &self.position);
                return Because::LanguageChanged;
            }
            WhatCame::Resume | WhatCame::Escalate | WhatCame::Cancel => return Because::NotWaiting,
        };
        match understood {
            Understood::As(value, text) => {
                let answer =
                    Answer { step: open.clone(), kind: question.kind.name().to_owned(), value, text, at: self.now };
                self.position.record(answer.clone());
                self.recorded = Some(answer);
                self.leave(step);
                Because::Answered(open)
            }
            Understood::Skipped => {
                self.position.forget(&open);
                self.leave(step);
                Because::Skipped(open)
            }
            Understood::Not => self.not_understood(step, question),
        }
    }

    fn not_understood(&mut self, step: &FlowStep, question: &Question) -> Because {
        let Standing::Waiting { tries, .. } = self.position.standing else { return Because::NotWaiting };
        if tries < question.tries {
            // Whoever answers is there: time begins anew, and a reminder that was given is not given again.
            self.speech.ask_again(step, question, &self.position);
            let reminded = matches!(self.position.standing, Standing::Waiting { remind_at: None, .. });
            self.wait(question, tries + 1, !reminded);
            return Because::NotUnderstood(step.id.clone());
        }
        self.position.forget(&step.id);
        self.position.open = None;
        self.set(&step.set);
        match &question.after_tries {
            Target::End => self.end_early(),
            other => self.go(other),
        }
        Because::TriesUsedUp(step.id.clone())
    }

    fn timer(&mut self, step: &FlowStep, question: &Question) -> Because {
        let Standing::Waiting { tries, remind_at, give_up_at } = self.position.standing else {
            return Because::NotWaiting;
        };
        if self.now >= give_up_at {
            self.end_early();
            // What is open can be taken up again.
            self.position.open = Some(step.id.clone());
            return Because::GivenUp(step.id.clone());
        }
        if remind_at.is_some_and(|remind_at| self.now >= remind_at) {
            self.position.standing = Standing::Waiting { tries, remind_at: None, give_up_at };
            self.speech.remind(step, question, &self.position);
            return Because::Reminded(step.id.clone());
        }
        Because::NothingDue
    }

    fn resume(&mut self) -> Because {
        let flow = self.flow;
        let Some(open) = self.position.open.clone() else { return Because::NotWaiting };
        let Some((step, question)) = flow.step(&open).and_then(|step| Some((step, step.question()?))) else {
            return Because::NotWaiting;
        };
        self.speech.ask(step, question, &self.position);
        self.wait(question, 1, true);
        Because::Resumed(open)
    }

    /// Goes on from a step that is done.
    fn leave(&mut self, step: &FlowStep) {
        let target = self.next_of(step);
        self.position.open = None;
        self.go(&target);
    }

    fn next_of(&mut self, step: &FlowStep) -> Target {
        self.set(&step.set);
        match step.rules.iter().find(|rule| rule.applies(&self.position)) {
            Some(rule) => {
                self.set(&rule.set);
                rule.go.clone()
            }
            None => step.otherwise.clone(),
        }
    }

    fn set(&mut self, values: &CampaignValues) {
        self.position.variables.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Goes to a step and on, until something is asked or it is over.
    fn go(&mut self, target: &Target) {
        let flow = self.flow;
        let mut target = target.clone();
        // Steps that ask nothing form no circle (checked at load), so as many as there are is enough.
        for _ in 0..=flow.steps.len() {
            let step = match &target {
                Target::End => break,
                Target::Escalate => {
                    self.position.standing = Standing::Escalated { at: self.now };
                    return;
                }
                Target::Step(id) => match flow.step(id) {
                    Some(step) => step,
                    None => break,
                },
            };
            match &step.does {
                Does::Ask(question) => {
                    self.position.open = Some(step.id.clone());
                    self.speech.ask(step, question, &self.position);
                    self.wait(question, 1, true);
                    return;
                }
                Does::Say | Does::Escalate => {
                    if let Some(text) = &step.text {
                        self.speech.say(text, &self.position);
                    }
                }
            }
            target = if matches!(step.does, Does::Escalate) { Target::Escalate } else { self.next_of(step) };
        }
        self.position.standing = Standing::Ended { state: ResultState::Completed, at: self.now };
    }

    fn wait(&mut self, question: &Question, tries: u32, reminds: bool) {
        let after = |span: SignedDuration| self.now.saturating_add(span).unwrap_or(Timestamp::MAX);
        let remind_at = question.remind_after.filter(|_| reminds).map(after);
        self.position.standing = Standing::Waiting { tries, remind_at, give_up_at: after(question.gives_up_after) };
    }

    /// It is over before its end.
    fn end_early(&mut self) {
        let state = if self.position.answers.is_empty() { ResultState::Abandoned } else { ResultState::Partial };
        self.position.standing = Standing::Ended { state, at: self.now };
        self.position.open = None;
    }
}
