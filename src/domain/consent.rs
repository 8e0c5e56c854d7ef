//! Permission given and withdrawn. Withdrawn is a state, not a deletion, and every change keeps its evidence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Questions about an experience.
    Survey,
    /// Anything promotional or mixed.
    Marketing,
    /// Follow-up to something the person did or asked for.
    Utility,
    /// The answer to what the person wrote: needs no consent, only that they have not said stop. No campaign is for this.
    #[serde(skip_deserializing)]
    Answer,
    /// The one notice that their stop was heard.
    #[serde(skip_deserializing)]
    StopNotice,
}

impl Purpose {
    /// Every purpose that a person may agree to.
    pub const ALL: [Self; 3] = [Self::Survey, Self::Marketing, Self::Utility];
    /// Every purpose that a message may have.
    const OF_MESSAGES: [Self; 5] = [Self::Survey, Self::Marketing, Self::Utility, Self::Answer, Self::StopNotice];

    /// The word in files and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Answer => "answer",
            Self::StopNotice => "stop-notice",
        }
    }

    /// The purpose of that name that a person may agree to, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// The purpose of that name that a message may have, if there is one.
    pub fn of_message(name: &str) -> Option<Self> {
        Self::OF_MESSAGES.into_iter().find(|purpose| purpose.name() == name)
    }
}

/// A set of purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Purposes(u8);

impl Purposes {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub fn all() -> Self {
        Purpose::ALL.into_iter().collect()
    }

    /// Whether the purpose is in the set.
    pub fn contains(self, purpose: Purpose) -> bool {
        self.0 & (1 << purpose as u8) != 0
    }

    /// The set with the purpose added.
    #[must_use]
    pub fn with(self, purpose: Purpose) -> Self {
        Self(self.0 | (1 << purpose as u8))
    }

    /// The set without the purpose.
    #[must_use]
    pub fn without(self, purpose: Purpose) -> Self {
        Self(self.0 & !(1 << purpose as u8))
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members in order.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(move |purpose| self.contains(*purpose))
    }

    /// As a number for the store: one bit for each purpose, in the order of [`Purpose::ALL`].
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From the number in the store; unknown bits are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::all().0)
    }
}

impl FromIterator<Purpose> for Purposes {
    fn from_iter<I: IntoIterator<Item = Purpose>>(purposes: I) -> Self {
        purposes.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What a contact allows now: the purposes granted, and whether a stop word suspended all of them.
///
/// A stop keeps the purposes, so that a start word can restore exactly what was held before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// Purposes granted and not withdrawn one by one.
    pub granted: Purposes,
    /// Set by a stop word: nothing at all may be sent.
    pub stopped: bool,
}

impl Consent {
    /// Whether a message for this purpose may be sent now.
    pub fn allows(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::StopNotice => true,
            Purpose::Answer => !self.stopped,
            purpose => !self.stopped && self.granted.contains(purpose),
        }
    }
}

/// One change of consent, with the evidence that a dispute will ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentChange {
    /// What changed.
    pub kind: ConsentChangeKind,
    /// When the person said so (for an import: when it was imported).
    pub at: Timestamp,
    /// Where it came from: `import`, `stop-word`, `start-word`, `api`, …
    pub source: String,
    /// What was said or shown: the word, the file and line, the form.
    pub evidence: String,
}

/// What a change of consent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentChangeKind {
    /// Exactly these purposes from now on (an import or a form states the whole).
    Set(Purposes),
    /// These in addition.
    Grant(Purposes),
    /// These no longer.
    Withdraw(Purposes),
    /// Nothing at all, until a start.
    Stop,
    /// What was held before the stop, again.
    Start,
}

impl ConsentChangeKind {
    /// The word in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Grant(_) => "grant",
            Self::Withdraw(_) => "withdraw",
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

/// Whether a start was said before a stop that is in force, and only came later. Providers bring what they could not deliver again, for days.
pub fn is_overtaken(start: &ConsentChange, last_stop: Timestamp) -> bool {
    start.kind == ConsentChangeKind::Start && start.at < last_stop
}

/// The consent after a change. A stop survives everything but a start: an import cannot undo what the person said.
pub fn after_change(consent: Consent, change: ConsentChangeKind) -> Consent {
    match change {
        ConsentChangeKind::Set(purposes) => Consent { granted: purposes, ..consent },
        ConsentChangeKind::Grant(purposes) => {
            Consent { granted: purposes.iter().fold(consent.granted, Purposes::with), ..consent }
        }
        ConsentChangeKind::Withdraw(purposes) => {
            Consent { granted: purposes.iter().fold(consent.granted, Purposes::without), ..consent }
        }
        ConsentChangeKind::Stop => Consent { stopped: true, ..consent },
        ConsentChangeKind::Start => Consent { stopped: false, ..consent },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_restores_what_was_held_and_an_import_does_not_undo_a_stop() {
        let survey = Purposes::NONE.with(Purpose::Survey);
        let stopped = after_change(Consent { granted: survey, stopped: false }, ConsentChangeKind::Stop);
        assert!(!stopped.allows(Purpose::Survey));
        let imported = after_change(stopped, ConsentChangeKind::Set(Purposes::all()));
        assert!(!imported.allows(Purpose::Survey), "a stop is the person's own word");
        let started = after_change(stopped, ConsentChangeKind::Start);
        assert_eq!(started, Consent { granted: survey, stopped: false });
        assert!(!started.allows(Purpose::Marketing));
    }

    #[test]
    fn a_start_that_comes_late_does_not_end_a_stop_that_was_said_after_it() {
        let at = |second: i64| Timestamp::from_second(1_764_000_000 + second).unwrap();
        let said = |kind, second| ConsentChange {
            kind,
            at: at(second),
            source: "start-word".to_owned(),
            evidence: "START".to_owned(),
        };
        assert!(is_overtaken(&said(ConsentChangeKind::Start, 9), at(10)));
        assert!(
            !is_overtaken(&said(ConsentChangeKind::Start, 10), at(10)),
            "times are whole seconds: what comes last counts"
        );
        assert!(!is_overtaken(&said(ConsentChangeKind::Stop, 9), at(10)));
    }

    #[test]
    fn an_answer_needs_no_consent_but_no_stop_and_only_the_notice_goes_after_one() {
        let nothing = Consent { granted: Purposes::NONE, stopped: false };
        let stopped = Consent { granted: Purposes::all(), stopped: true };
        let allowed = |consent: Consent| Purpose::OF_MESSAGES.map(|purpose| consent.allows(purpose));
        assert_eq!(allowed(nothing), [false, false, false, true, true]);
        assert_eq!(allowed(stopped), [false, false, false, false, true]);
        assert!(Purpose::named("answer").is_none(), "nobody agrees to answers");
        assert!(serde_json::from_str::<Purpose>("\"answer\"").is_err(), "no campaign is an answer");
    }

    #[test]
    fn purposes_come_back_from_the_store() {
        let set: Purposes = [Purpose::Survey, Purpose::Utility].into_iter().collect();
        assert_eq!(Purposes::from_bits(set.bits()), set);
        assert_eq!(Purposes::from_bits(0xFF), Purposes::all());
    }
}
