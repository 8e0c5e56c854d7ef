//! What people of the staff do in a talk: take it, answer in it, hand it back. Decided over everything that is unanswered at that moment,
//! so that nothing said before is answered by barid after they have.

use jiff::Timestamp;

use super::{Decision, Desk, Rules, words};
use crate::domain::consent::Purpose;
use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Escalation, Handover, HeldBy, Received};
use crate::domain::flow::{Input, WhatCame};

/// Meta takes no longer text (`/documentation/business-messaging/whatsapp/messages/text-messages`, checked 2026-11).
const TEXT_CHARS_MAX: usize = 4_096;

/// What somebody of the staff does. `Debug` shows nothing of what is said.
#[derive(Clone, PartialEq, Eq)]
pub enum StaffAct {
    /// Takes the talk over; barid is silent from now on.
    Take,
    /// Says this, and takes the talk over where nobody has.
    Answer(String),
    /// Hands it back; barid answers again.
    HandBack,
}

impl StaffAct {
    /// The word in the API and in the record.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Answer(_) => "answer",
            Self::HandBack => "hand-back",
        }
    }
}

impl std::fmt::Debug for StaffAct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why somebody of the staff cannot do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// The person said stop.
    #[error("this person has asked for no more messages; only they can change that, by writing a start word")]
    Stopped,
    /// Empty or too long.
    #[error("a text must have 1 to {TEXT_CHARS_MAX} characters, and this one has {0}")]
    TextLength(usize),
}

/// What follows from it; `None`: nothing, as it is so already. `rules` are there where barid answers by itself.
///
/// # Errors
/// Why it cannot be done.
pub fn act(
    contact: &Contact,
    conversation: &Conversation,
    unanswered: &[Received],
    rules: Option<&Rules>,
    (act, who): (&StaffAct, &str),
    now: Timestamp,
) -> Result<Option<Decision>, StaffRefusal> {
    if let StaffAct::Answer(text) = act {
        if contact.consent.stopped {
            return Err(StaffRefusal::Stopped);
        }
        let n = text.chars().count();
        if text.trim().is_empty() || n > TEXT_CHARS_MAX {
            return Err(StaffRefusal::TextLength(n));
        }
    }
    let is_so_already = match (act, conversation.handover()) {
        (StaffAct::Take, Some(handover)) => handover.taken_by.as_deref() == Some(who),
        (StaffAct::HandBack, None) => true,
        _ => false,
    };
    if is_so_already {
        return Ok(None);
    }
    let Some(rules) = rules else {
        let mut decision = Decision::unchanged(conversation);
        done(&mut decision, act, who, now);
        // Nobody looks at the clock where barid says nothing by itself.
        decision.conversation.due_at = None;
        return Ok(Some(decision));
    };
    let mut desk = Desk::new(contact, conversation, rules, now);
    if !conversation.is_human() {
        // A flow ends with what it has; before what came in is looked at, so that barid does not speak once more.
        let id = format!("staff:{}", now.as_millisecond());
        desk.advance(Input { id, came: WhatCame::Escalate });
        taken(&mut desk.decision, who, now);
    }
    // A stop is acknowledged whoever holds the talk; all else is theirs.
    for received in unanswered {
        desk.take(received);
    }
    done(&mut desk.decision, act, who, now);
    desk.set_alarm();
    Ok(Some(desk.decision))
}

/// The talk is in people's hands because one of them wanted it.
fn taken(decision: &mut Decision, who: &str, now: Timestamp) {
    decision.conversation.held = HeldBy::Human(Handover {
        since: now,
        because: Escalation::Staff,
        told_at: now,
        wrote_at: None,
        waits_since: None,
        reference: None,
        taken_by: Some(who.to_owned()),
    });
    decision.because.push("somebody of the staff takes over".to_owned());
}

fn done(decision: &mut Decision, act: &StaffAct, who: &str, now: Timestamp) {
    if !decision.conversation.is_human() {
        taken(decision, who, now);
    }
    let HeldBy::Human(handover) = &mut decision.conversation.held else { return };
    match act {
        StaffAct::Take => handover.taken_by = Some(who.to_owned()),
        StaffAct::Answer(text) => {
            handover.taken_by.get_or_insert_with(|| who.to_owned());
            (handover.wrote_at, handover.waits_since) = (Some(now), None);
            decision.say.push((words(text.clone()), Purpose::Answer));
        }
        StaffAct::HandBack => decision.conversation.held = HeldBy::Bot,
    }
    decision.because.push(format!("somebody of the staff did it: {}", act.name()));
}
