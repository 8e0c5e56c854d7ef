//! Permission given and withdrawn. Withdrawn is a state, not a deletion, and every change keeps its evidence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::delivery::SuppressedReason;

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
    /// The question whether they agree to something, where others or a keyword said so: needs no consent, only that they have not said stop.
    #[serde(skip_deserializing)]
    ConsentRequest,
}

impl Purpose {
    /// Every purpose that a person may agree to.
    pub const ALL: [Self; 3] = [Self::Survey, Self::Marketing, Self::Utility];
    /// Every purpose that a message may have.
    const OF_MESSAGES: [Self; 6] =
        [Self::Survey, Self::Marketing, Self::Utility, Self::Answer, Self::StopNotice, Self::ConsentRequest];

    /// The word in files and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Answer => "answer",
            Self::StopNotice => "stop-notice",
            Self::ConsentRequest => "consent-request",
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

/// What a message asks of a person's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// What it is for.
    pub purpose: Purpose,
    /// Whether its template is of Meta's category MARKETING, whatever it is for.
    pub marketing: bool,
}

/// What a contact allows now: the purposes granted, and whether a stop word suspended all of them.
///
/// A stop keeps the purposes, so that a start word can restore exactly what was held before. The stop of marketing that Meta's own control
/// gives is kept apart from both: it counts by the category of a template, and no import or start word undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// Purposes granted and not withdrawn one by one.
    pub granted: Purposes,
    /// Set by a stop word: nothing at all may be sent.
    pub stopped: bool,
    /// Set by the provider's control: no marketing may be sent.
    pub marketing_stopped: bool,
}

impl Consent {
    /// Whether messages for this purpose may be sent now, as far as the purpose goes.
    pub fn allows(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::StopNotice => true,
            Purpose::Answer | Purpose::ConsentRequest => !self.stopped,
            purpose => !self.stopped && self.granted.contains(purpose),
        }
    }

    /// Why a message about this may not be sent now, if so. What the person said comes first.
    pub fn objection(self, subject: Subject) -> Option<SuppressedReason> {
        let is_marketing = subject.marketing || subject.purpose == Purpose::Marketing;
        if self.stopped && subject.purpose != Purpose::StopNotice {
            Some(SuppressedReason::OptedOut)
        } else if self.marketing_stopped && is_marketing {
            Some(SuppressedReason::MarketingStopped)
        } else if !self.allows(subject.purpose) {
            Some(SuppressedReason::NoConsent)
        } else {
            None
        }
    }

    /// The consent of two contacts that turn out to be one person, with what both of them granted and withdrew over time: a stop of either
    /// counts.
    #[must_use]
    pub fn of_one_person(self, other: Self, granted: Purposes) -> Self {
        Self {
            granted,
            stopped: self.stopped || other.stopped,
            marketing_stopped: self.marketing_stopped || other.marketing_stopped,
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
    /// Where it came from: `import`, `stop-word`, `start-word`, `keyword`, `double-opt-in`, `api`, …
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
    /// No marketing, by the provider's control.
    StopMarketing,
    /// Marketing again, by the same.
    ResumeMarketing,
    /// Somebody says that the person agreed to these, and that must be confirmed: changes nothing, and is kept as evidence.
    Ask(Purposes),
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
            Self::StopMarketing => "stop-marketing",
            Self::ResumeMarketing => "resume-marketing",
            Self::Ask(_) => "ask",
        }
    }

    /// The purposes that it names; none where it is not about purposes.
    pub const fn purposes(self) -> Purposes {
        match self {
            Self::Set(purposes) | Self::Grant(purposes) | Self::Withdraw(purposes) | Self::Ask(purposes) => purposes,
            Self::Stop | Self::Start | Self::StopMarketing | Self::ResumeMarketing => Purposes::NONE,
        }
    }

    /// Whether it was said with the provider's control of marketing.
    pub const fn is_of_control(self) -> bool {
        matches!(self, Self::StopMarketing | Self::ResumeMarketing)
    }
}

/// Whether a start was said before a stop that is in force, and only came later. Providers bring what they could not deliver again, for days.
pub fn is_overtaken(start: &ConsentChange, last_stop: Timestamp) -> bool {
    start.kind == ConsentChangeKind::Start && start.at < last_stop
}

/// Whether a wish of the provider's control of marketing changes nothing any more: it was heard before, or a newer one was. Wishes have no
/// ids, and providers bring what they could not deliver again, for days. `heard`: every such wish of this person so far.
pub fn is_superseded(wish: &ConsentChange, heard: &[(ConsentChangeKind, Timestamp)]) -> bool {
    heard.iter().any(|(kind, at)| *at > wish.at || (*at == wish.at && *kind == wish.kind))
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
        ConsentChangeKind::StopMarketing => Consent { marketing_stopped: true, ..consent },
        ConsentChangeKind::ResumeMarketing => Consent { marketing_stopped: false, ..consent },
        ConsentChangeKind::Ask(_) => consent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_restores_what_was_held_and_an_import_does_not_undo_a_stop() {
        let survey = Purposes::NONE.with(Purpose::Survey);
        let stopped = after_change(Consent { granted: survey, ..Consent::default() }, ConsentChangeKind::Stop);
        assert!(!stopped.allows(Purpose::Survey));
        let imported = after_change(stopped, ConsentChangeKind::Set(Purposes::all()));
        assert!(!imported.allows(Purpose::Survey), "a stop is the person's own word");
        let started = after_change(stopped, ConsentChangeKind::Start);
        assert_eq!(started, Consent { granted: survey, ..Consent::default() });
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
        let nothing = Consent::default();
        let stopped = Consent { granted: Purposes::all(), stopped: true, marketing_stopped: true };
        let allowed = |consent: Consent| Purpose::OF_MESSAGES.map(|purpose| consent.allows(purpose));
        assert_eq!(allowed(nothing), [false, false, false, true, true, true]);
        assert_eq!(allowed(stopped), [false, false, false, false, true, false]);
        let notice = Subject { purpose: Purpose::StopNotice, marketing: false };
        assert_eq!(stopped.objection(notice), None);
        assert!(Purpose::named("answer").is_none(), "nobody agrees to answers");
        assert!(serde_json::from_str::<Purpose>("\"answer\"").is_err(), "no campaign is an answer");
    }

    #[test]
    fn a_stop_of_marketing_counts_by_category_and_only_its_own_control_ends_it() {
        use SuppressedReason::{MarketingStopped, NoConsent, OptedOut};
        let all = Consent { granted: Purposes::all(), ..Consent::default() };
        let stopped = after_change(all, ConsentChangeKind::StopMarketing);
        let about = |purpose, marketing| Subject { purpose, marketing };
        for (consent, subject, objection) in [
            (all, about(Purpose::Marketing, true), None),
            (stopped, about(Purpose::Survey, true), Some(MarketingStopped)),
            (stopped, about(Purpose::Marketing, false), Some(MarketingStopped)),
            (stopped, about(Purpose::Survey, false), None),
            (after_change(stopped, ConsentChangeKind::Start), about(Purpose::Survey, true), Some(MarketingStopped)),
            (
                after_change(stopped, ConsentChangeKind::Set(Purposes::all())),
                about(Purpose::Marketing, true),
                Some(MarketingStopped),
            ),
            (after_change(stopped, ConsentChangeKind::Stop), about(Purpose::Survey, true), Some(OptedOut)),
            (after_change(stopped, ConsentChangeKind::ResumeMarketing), about(Purpose::Survey, true), None),
            (Consent::default(), about(Purpose::Survey, true), Some(NoConsent)),
        ] {
            assert_eq!(consent.objection(subject), objection, "{consent:?} {subject:?}");
        }
    }

    #[test]
    fn a_wish_that_comes_again_or_late_changes_nothing() {
        let at = |second: i64| Timestamp::from_second(1_764_000_000 + second).unwrap();
        let wish =
            |kind, second| ConsentChange { kind, at: at(second), source: String::new(), evidence: String::new() };
        let (stop, resume) = (ConsentChangeKind::StopMarketing, ConsentChangeKind::ResumeMarketing);
        let heard = [(stop, at(10)), (resume, at(20))];
        for (wish, expected) in [
            (wish(stop, 10), true),
            (wish(resume, 15), true),
            (wish(resume, 20), true),
            (wish(stop, 20), false),
            (wish(stop, 21), false),
        ] {
            assert_eq!(is_superseded(&wish, &heard), expected, "{wish:?}");
        }
        assert!(!is_superseded(&wish(stop, 0), &[]));
    }

    #[test]
    fn a_stop_of_either_counts_for_two_who_are_one() {
        let one = Consent { stopped: true, ..Consent::default() };
        let other = Consent { marketing_stopped: true, granted: Purposes::all(), stopped: false };
        let survey = Purposes::NONE.with(Purpose::Survey);
        let both = Consent { granted: survey, stopped: true, marketing_stopped: true };
        assert_eq!((one.of_one_person(other, survey), other.of_one_person(one, survey)), (both, both));
    }

    #[test]
    fn purposes_come_back_from_the_store() {
        let set: Purposes = [Purpose::Survey, Purpose::Utility].into_iter().collect();
        assert_eq!(Purposes::from_bits(set.bits()), set);
        assert_eq!(Purposes::from_bits(0xFF), Purposes::all());
    }
}
