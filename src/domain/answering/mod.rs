//! What is answered to what a person sent: one decision over everything that came in since the last answer, so that a burst of messages is
//! answered once.
//!
//! In this order: a stop or start word is acknowledged; while people hold the talk, barid is silent; consent given or declined is
//! acknowledged; a word that calls people, or a text
//! that sounds very unhappy, hands it to them; an open question of a flow takes the answer; a word or button begins a flow; what is asked
//! often is answered; everything else gets a confirmation with its reference.

mod silence;
pub mod staff;
mod wording;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::CampaignValues;
use crate::domain::consent::Purpose;
use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Escalation, Handover, HeldBy, Received};
use crate::domain::detected_language::detect;
use crate::domain::faq::Faq;
use crate::domain::flow::{self, Around, Flow, FlowResult, Input, Start, Turn, WhatCame};
use crate::domain::ids::FlowName;
use crate::domain::keywords::Keywords;
use crate::domain::language::Language;
use crate::domain::loop_guard::{self, Automatic, Given, LoopGuard, MayAnswer, Wanted, may_answer};
use crate::domain::message::Content;
use crate::domain::office_hours::{ExpectedWithin, OfficeHours, Promise, promise};
use crate::domain::schedule::Zone;
use crate::domain::template::{Brand, MessageTemplate, Values};

use silence::Silence;

pub use silence::Patience;

/// What a press on the nudge carries: it opens the service window, and that is all it says.
pub const OPEN_WINDOW: &str = "open-window";

/// The rules by which is answered.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who speaks.
    pub brand: Brand,
    /// The flows in force.
    pub flows: Vec<Arc<Flow>>,
    /// Answers to what is asked often.
    pub faq: Arc<Faq>,
    /// What a confirmation says; `None`: there is no such template, and nothing is confirmed.
    pub confirmation: Option<Arc<MessageTemplate>>,
    /// How long an answer of people takes.
    pub expected_within: ExpectedWithin,
    /// When they are there; `None`: always.
    pub office_hours: Option<OfficeHours>,
    /// Words that call them.
    pub escalation_words: Keywords,
    /// From how sure the analysis must be that a text is negative, in thousandths, for people to be called; `None`: never.
    pub escalate_negative: Option<i64>,
    /// How long people may be silent.
    pub patience: Patience,
    /// What keeps automatic answers from going round.
    pub loop_guard: LoopGuard,
}

/// What is said and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What is said, in this order, and what it is for.
    pub say: Vec<(Content, Purpose)>,
    /// Where the talk stands now.
    pub conversation: Conversation,
    /// Flows that ended.
    pub results: Vec<FlowResult>,
    /// People must look: they were called now, or are told again.
    pub calls_people: Option<Escalation>,
    /// Why, one entry for each thing that was decided; for the log.
    pub because: Vec<String>,
}

impl Decision {
    /// Nothing is said, and the talk stands where it stood.
    fn unchanged(conversation: &Conversation) -> Self {
        Self {
            say: Vec::new(),
            conversation: conversation.clone(),
            results: Vec::new(),
            calls_people: None,
            because: Vec::new(),
        }
    }
}

/// Decides over what came in and over what is due.
pub fn decide(
    contact: &Contact,
    conversation: &Conversation,
    unanswered: &[Received],
    rules: &Rules,
    now: Timestamp,
) -> Decision {
    let mut desk = Desk::new(contact, conversation, rules, now);
    desk.look_at_the_clock();
    for received in unanswered {
        desk.take(received);
    }
    desk.confirm();
    desk.set_alarm();
    desk.decision
}

struct Desk<'a> {
    contact: &'a Contact,
    rules: &'a Rules,
    now: Timestamp,
    /// In which the newest words were written.
    language: Language,
    /// What is being looked at.
    taking: Option<&'a Received>,
    /// The first of what came in that nothing else answered.
    unconfirmed: Option<&'a Received>,
    decision: Decision,
}

impl<'a> Desk<'a> {
    fn new(contact: &'a Contact, conversation: &Conversation, rules: &'a Rules, now: Timestamp) -> Self {
        let language = contact.language;
        let decision = Decision::unchanged(conversation);
        let mut desk = Self { contact, rules, now, language, taking: None, unconfirmed: None, decision };
        desk.forget_old();
        desk
    }

    fn forget_old(&mut self) {
        let guard = &self.rules.loop_guard;
        let longest = guard.within.max(guard.same_within).max(guard.burst);
        let since = before(self.now, longest);
        self.decision.conversation.given.retain(|given| given.at >= since);
        self.decision.conversation.received.retain(|at| *at >= since);
    }

    fn because(&mut self, why: impl Into<String>) {
        self.decision.because.push(why.into());
    }

    /// Timers of a flow, and of people who are silent.
    fn look_at_the_clock(&mut self) {
        match self.decision.conversation.held.clone() {
            HeldBy::Human(handover) => self.look_at_people(handover),
            HeldBy::Bot => {
                let id = format!("timer:{}", self.now.as_millisecond());
                self.advance(Input { id, came: WhatCame::Timer });
            }
        }
    }

    fn look_at_people(&mut self, handover: Handover) {
        let silence = silence::of_people(&handover, &self.rules.patience, self.now);
        match silence {
            Silence::Bearable => return,
            Silence::TellPeople => {
                self.decision.calls_people = Some(handover.because);
                self.decision.conversation.held = HeldBy::Human(Handover { told_at: self.now, ..handover });
            }
            Silence::HandBack { tell } => {
                self.decision.conversation.held = HeldBy::Bot;
                if tell && !self.contact.consent.stopped {
                    let text = wording::nobody_came(&self.rules.brand, self.language);
                    self.say_once(Automatic::Answer, text);
                }
            }
        }
        self.because(silence.because());
    }

    fn take(&mut self, received: &'a Received) {
        self.taking = Some(received);
        self.decision.conversation.received.push(received.received_at);
        if let Some(language) = received.text.as_deref().and_then(|text| detect(text).answer_in()) {
            self.language = language;
        }
        match received.consent.as_deref() {
            Some("stop") => return self.stopped(received),
            Some("start") => return self.started(),
            _ => {}
        }
        let text = received.text.as_deref().unwrap_or_default();
        if self.contact.consent.stopped {
            return self.because("the person wants no messages: what they write is kept and not answered");
        }
        if received.payload.as_deref() == Some(OPEN_WINDOW) || received.kind == "reaction" {
            return self.because("it says nothing that wants an answer");
        }
        if let HeldBy::Human(handover) = &mut self.decision.conversation.held {
            handover.waits_since = handover.waits_since.or(Some(received.received_at));
            return self.because("people hold the talk: barid is silent");
        }
        match received.consent.as_deref() {
            Some("grant") => return self.acknowledge(wording::agreed(&self.rules.brand, self.language), "they agree"),
            Some("withdraw") => {
                return self.acknowledge(wording::declined(&self.rules.brand, self.language), "they do not agree");
            }
            Some("ask") => return self.because("they agree, and are asked to confirm it: that question is the answer"),
            _ => {}
        }
        if self.rules.escalation_words.is_said(text) {
            self.escalate(Escalation::Word, received);
        } else if self.is_very_unhappy(received) {
            self.escalate(Escalation::Sentiment, received);
        } else if !(self.goes_on(received) || self.begins(received) || self.is_asked_often(text)) {
            self.unconfirmed = self.unconfirmed.or(Some(received));
        }
    }

    fn stopped(&mut self, received: &Received) {
        self.advance(Input { id: received.whatsapp_id.clone(), came: WhatCame::Cancel });
        self.unconfirmed = None;
        // Whatever was to be said before is no longer wanted.
        self.decision.say.clear();
        let text = wording::stopped(&self.rules.brand, self.language);
        self.decision.say.push((words(text), Purpose::StopNotice));
        self.because("a stop word: it is acknowledged, and nothing else is said");
    }

    fn started(&mut self) {
        if !self.contact.consent.stopped {
            let text = wording::started(&self.rules.brand, self.language);
            self.say_once(Automatic::Answer, text);
            self.because("a start word");
        }
    }

    fn acknowledge(&mut self, text: String, because: &str) {
        self.say_once(Automatic::Answer, text);
        self.because(because);
    }

    fn is_very_unhappy(&self, received: &Received) -> bool {
        self.rules.escalate_negative.zip(received.negative).is_some_and(|(line, sure)| sure >= line)
    }

    fn escalate(&mut self, because: Escalation, received: &Received) {
        self.advance(Input { id: received.whatsapp_id.clone(), came: WhatCame::Escalate });
        self.hand_over(because);
        // Whoever complains gets the reference, too.
        let reference = (because == Escalation::Sentiment).then_some(received.reference.as_str());
        let text =
            wording::handed_over(&self.rules.brand, self.promise_in_words().as_deref(), reference, self.language);
        self.say_once(Automatic::Answer, text);
    }

    fn hand_over(&mut self, because: Escalation) {
        self.decision.conversation.held = HeldBy::Human(Handover {
            since: self.now,
            because,
            told_at: self.now,
            wrote_at: None,
            waits_since: self.taking.map(|received| received.received_at),
            reference: self.taking.map(|received| received.reference.clone()),
            taken_by: None,
        });
        self.decision.calls_people = Some(because);
        self.because(format!("people take over ({})", because.name()));
    }

    /// Whether an open question of a flow takes it.
    fn goes_on(&mut self, received: &Received) -> bool {
        let Some(came) = came(received) else { return false };
        self.advance(Input { id: received.whatsapp_id.clone(), came })
    }

    /// Whether it begins a flow.
    fn begins(&mut self, received: &Received) -> bool {
        let rules = self.rules;
        let text = received.text.as_deref().unwrap_or_default();
        let found = rules.flows.iter().find(|flow| {
            let pressed = received.payload.as_ref().is_some_and(|payload| flow.starts_on.payloads.contains(payload));
            pressed || flow.starts_on.words.is_said(text)
        });
        let Some(flow) = found else { return false };
        let start =
            Start { id: received.whatsapp_id.clone(), language: self.language, variables: CampaignValues::new() };
        let turn = flow::begin(flow, &start, &self.around(), self.now);
        self.because(format!("flow `{}`: {}", flow.name, turn.because));
        self.follow(turn);
        true
    }

    fn is_asked_often(&mut self, text: &str) -> bool {
        let rules = self.rules;
        let Some(entry) = rules.faq.answer(text) else { return false };
        let values = Values::new(self.language, &CampaignValues::new(), &rules.brand).with_contact(self.contact);
        let (text, left_out) = entry.text(&values);
        for error in left_out {
            self.because(format!("the answer `{}` is given without something: {error}", entry.id));
        }
        self.say_once(Automatic::Answer, text);
        self.because(format!("it is asked often: `{}`", entry.id));
        true
    }

    /// The flow under way, if there is one and its file is still there.
    fn flow(&self) -> Option<Arc<Flow>> {
        let name: &FlowName = &self.decision.conversation.flow.as_ref()?.flow;
        self.rules.flows.iter().find(|flow| flow.name == *name).cloned()
    }

    /// Whether the flow under way took it in.
    fn advance(&mut self, input: Input) -> bool {
        let (Some(flow), Some(position)) = (self.flow(), self.decision.conversation.flow.clone()) else { return false };
        let turn = flow::advance(&flow, &position, &input, &self.around(), self.now);
        if turn.because.is_unchanged() || turn.because == flow::Because::ButtonOfAnother {
            return false;
        }
        self.because(format!("flow `{}`: {}", flow.name, turn.because));
        self.follow(turn);
        true
    }

    fn follow(&mut self, turn: Turn) {
        for error in &turn.left_out {
            self.because(format!("said without something: {error}"));
        }
        if turn.ends().is_some() {
            self.decision.results.push(FlowResult::of(&turn.position));
        }
        let escalates = turn.escalates();
        self.decision.conversation.flow = Some(turn.position);
        for content in turn.say {
            self.note(Automatic::Answer, content.words());
            self.decision.say.push((content, Purpose::Answer));
        }
        if escalates && !self.decision.conversation.is_human() {
            self.hand_over(Escalation::Flow);
        }
    }

    /// Confirms what nothing else answered, once for all of it.
    fn confirm(&mut self) {
        let Some(received) = self.unconfirmed.filter(|_| !self.decision.conversation.is_human()) else { return };
        let rules = self.rules;
        let Some(template) = &rules.confirmation else {
            return self.because("there is no template `feedback-confirmation` in order: nothing is confirmed");
        };
        let hours = self.promise().map_or(24, |promise| promise.hours_from(self.now));
        let values = Values::new(self.language, &CampaignValues::new(), &rules.brand)
            .with_contact(self.contact)
            .with("reference", &received.reference)
            .with("response_hours", &hours.to_string());
        match template.text(&values) {
            // The reference differs each time: what is said again and again is the confirmation as such.
            Ok(text) if self.may("feedback-confirmation", Automatic::Confirmation) => {
                self.note(Automatic::Confirmation, "feedback-confirmation");
                self.decision.say.push((words(text), Purpose::Answer));
                self.because("confirmed");
            }
            Ok(_) => {}
            Err(error) => self.because(format!("the confirmation cannot be made: {error}")),
        }
    }

    fn say_once(&mut self, kind: Automatic, text: String) {
        if self.may(&text, kind) {
            self.note(kind, &text);
            self.decision.say.push((words(text), Purpose::Answer));
        }
    }

    fn may(&mut self, says: &str, kind: Automatic) -> bool {
        let wanted = Wanted { kind, says: loop_guard::what_it_says(says) };
        let Conversation { given, received, .. } = &self.decision.conversation;
        match may_answer(&self.rules.loop_guard, wanted, given, received, self.now) {
            MayAnswer::Yes => true,
            MayAnswer::No(because) => {
                self.because(format!("not answered: {because}"));
                false
            }
        }
    }

    fn note(&mut self, kind: Automatic, says: &str) {
        let what = Wanted { kind, says: loop_guard::what_it_says(says) };
        self.decision.conversation.given.push(Given { what, at: self.now });
    }

    fn promise(&self) -> Option<Promise> {
        promise(self.rules.office_hours.as_ref(), self.rules.expected_within, self.now)
    }

    fn promise_in_words(&self) -> Option<String> {
        let zone = self.rules.office_hours.as_ref().map_or_else(Zone::utc, |hours| hours.timezone.clone());
        self.promise().map(|promise| promise.in_words(&zone, self.now, self.language))
    }

    fn around(&self) -> Around<'a> {
        Around { contact: self.contact, brand: &self.rules.brand }
    }

    fn set_alarm(&mut self) {
        let rules = self.rules;
        let conversation = &mut self.decision.conversation;
        conversation.due_at = match conversation.held {
            HeldBy::Human(ref handover) => Some(silence::look_again_at(handover, &rules.patience)),
            HeldBy::Bot => conversation.flow.as_ref().and_then(flow::Position::next_timer),
        };
    }
}

/// What a flow hears.
fn came(received: &Received) -> Option<WhatCame> {
    match (&received.payload, &received.text) {
        (Some(payload), _) => Some(WhatCame::Pressed(payload.clone())),
        (None, Some(text)) => Some(WhatCame::Text(text.clone())),
        (None, None) => Some(WhatCame::Other),
    }
}

fn words(body: String) -> Content {
    Content::Text { body, preview_url: false }
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
