//! A conversation with whoever sits at the terminal: their lines become what came in, and time passes when they say so.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::domain::campaign::CampaignValues;
use crate::domain::consent::Consent;
use crate::domain::contact::Contact;
use crate::domain::flow::{Around, Flow, Input, Position, Standing, Start, Turn, WhatCame, advance, begin};
use crate::domain::ids::ContactId;
use crate::domain::language::Language;
use crate::domain::message::Content;
use crate::domain::problem::did_you_mean;
use crate::domain::template::Brand;

/// What a line of the terminal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Said(String),
    Pressed(String),
    Photo,
    Wait,
    Language(Language),
    Human,
    Resume,
    Quit,
}

const COMMANDS: [&str; 7] = [":wait", ":press", ":photo", ":language", ":human", ":resume", ":quit"];

impl Line {
    /// # Errors
    /// What is wrong with a line that begins with `:`.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let line = line.trim_end_matches(['\r', '\n']);
        if !line.starts_with(':') {
            return Ok(Self::Said(line.to_owned()));
        }
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (command, rest.trim()) {
            (":wait", "") => Ok(Self::Wait),
            (":press", id) if !id.is_empty() => Ok(Self::Pressed(id.to_owned())),
            (":press", _) => Err("`:press` needs the id of a button or row".to_owned()),
            (":photo", "") => Ok(Self::Photo),
            (":language", code) => code.parse().map(Self::Language).map_err(|error| format!("`:language`: {error}")),
            (":human", "") => Ok(Self::Human),
            (":resume", "") => Ok(Self::Resume),
            (":quit", "") => Ok(Self::Quit),
            _ => Err(format!("there is no command `{line}`{}", did_you_mean(command, COMMANDS))),
        }
    }
}

/// The conversation.
pub(super) struct Stage<'a> {
    flow: &'a Flow,
    brand: &'a Brand,
    contact: Contact,
    now: Timestamp,
    n: usize,
    turn: Turn,
}

impl<'a> Stage<'a> {
    /// Begins it at `now`.
    pub(super) fn open(
        flow: &'a Flow,
        config: &'a Config,
        language: Language,
        name: Option<String>,
        variables: CampaignValues,
        now: Timestamp,
    ) -> Self {
        let contact = Contact {
            id: ContactId::new(0),
            phone: None,
            bsuid: None,
            name,
            language,
            timezone: config.contacts.default_timezone.name().to_owned(),
            email: None,
            tags: vec![],
            attributes: BTreeMap::new(),
            consent: Consent::default(),
        };
        let start = Start { id: "0".to_owned(), language, variables };
        let turn = begin(flow, &start, &Around { contact: &contact, brand: &config.brand }, now);
        Self { flow, brand: &config.brand, contact, now, n: 0, turn }
    }

    /// What follows from a line.
    pub(super) fn take(&mut self, line: Line) {
        let came = match line {
            Line::Said(text) => WhatCame::Text(text),
            Line::Pressed(id) => self.pressed(id),
            Line::Photo => WhatCame::Other,
            Line::Wait => {
                self.now = self.turn.timers().map_or(self.now, |timers| timers.next());
                WhatCame::Timer
            }
            Line::Language(language) => WhatCame::Language(language),
            Line::Human => WhatCame::Escalate,
            Line::Resume => WhatCame::Resume,
            Line::Quit => return,
        };
        self.n += 1;
        let input = Input { id: self.n.to_string(), came };
        let around = Around { contact: &self.contact, brand: self.brand };
        self.turn = advance(self.flow, &self.turn.position, &input, &around, self.now);
    }

    /// A short id means a choice of the open question; a long one is taken as the whole payload of some button.
    fn pressed(&self, id: String) -> WhatCame {
        let open = self.turn.position.open.as_ref().and_then(|open| self.flow.step(open));
        let choice = open.and_then(|step| step.question()).and_then(|question| {
            let mut choices = question.kind.choices().iter();
            choices.find(|choice| choice.id == id)
        });
        let payload = choice.zip(open).map(|(choice, step)| choice.payload(&self.flow.name, &step.id));
        WhatCame::Pressed(payload.unwrap_or(id))
    }

    pub(super) fn turn(&self) -> &Turn {
        &self.turn
    }

    pub(super) fn position(&self) -> &Position {
        &self.turn.position
    }

    /// Whether nothing more can come of it.
    pub(super) fn is_over(&self) -> bool {
        self.turn.timers().is_none() && self.turn.position.open.is_none()
    }

    /// Why it stands where it stands, and until when.
    pub(super) fn standing(&self) -> String {
        let because = &self.turn.because;
        let zone = self.contact.timezone.as_str();
        let clock =
            |at: Timestamp| at.in_tz(zone).map_or_else(|_| at.to_string(), |at| at.strftime("%F %H:%M").to_string());
        let stands = match &self.turn.position.standing {
            Standing::Waiting { remind_at, give_up_at, .. } => {
                let reminds = remind_at.map_or_else(String::new, |at| format!("reminds at {}, ", clock(at)));
                format!("waits; {reminds}gives up at {}", clock(*give_up_at))
            }
            Standing::Ended { state, .. } => state.name().to_owned(),
            Standing::Escalated { .. } => "with a person".to_owned(),
        };
        format!("{because}; {stands}")
    }
}

/// A message as the terminal shows it: buttons and rows by their ids.
pub(super) fn shown(content: &Content) -> String {
    // The last part of what a button carries is what its author calls it.
    let name = |payload: &str| payload.rsplit(':').next().unwrap_or_default().to_owned();
    let mut text = match content {
        Content::Text { body, .. } | Content::Buttons { body, .. } | Content::List { body, .. } => format!("\n{body}"),
        other => format!("\n({})", other.kind()),
    };
    match content {
        Content::Buttons { buttons, .. } => {
            for button in buttons {
                text.push_str(&format!("\n  [{}]  ({})", button.title, name(&button.id)));
            }
        }
        Content::List { button, sections, .. } => {
            text.push_str(&format!("\n  [{button}]"));
            for row in sections.iter().flat_map(|section| &section.rows) {
                let description = row.description.as_ref().map_or_else(String::new, |text| format!(": {text}"));
                text.push_str(&format!("\n    · {}{description}  ({})", row.title, name(&row.id)));
            }
        }
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_the_author_begin_with_a_colon() {
        for (line, expected) in [
            ("hello", Ok(Line::Said("hello".into()))),
            ("", Ok(Line::Said(String::new()))),
            (":wait", Ok(Line::Wait)),
            (":press yes", Ok(Line::Pressed("yes".into()))),
            (":language ar", Ok(Line::Language(Language::Ar))),
        ] {
            assert_eq!(Line::read(line), expected, "{line}");
        }
        assert_eq!(Line::read(":wiat").unwrap_err(), "there is no command `:wiat`; did you mean `:wait`?");
        for wrong in [":press", ":language fr", ":quit now", ":"] {
            assert!(Line::read(wrong).is_err(), "{wrong}");
        }
    }
}
