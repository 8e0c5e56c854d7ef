//! How long people may be silent in a talk that they hold, and what follows then: they are told again, and at last barid answers again.

use jiff::{SignedDuration, Timestamp};

use super::after;
use crate::domain::conversation::Handover;

/// How long people may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Somebody waits for a word of theirs for so long: they are told again.
    pub told_again_after: SignedDuration,
    /// After so long without a word of theirs barid answers again.
    pub handed_back_after: SignedDuration,
    /// Whether a person who still waits then is told that nobody came.
    pub is_person_told: bool,
}

/// What follows from the silence of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing yet.
    Bearable,
    /// They are told again that somebody waits.
    TellPeople,
    /// barid answers again.
    HandBack {
        /// Whether the person is told.
        tell: bool,
    },
}

impl Silence {
    /// Why, for the log.
    pub(super) const fn because(self) -> &'static str {
        match self {
            Self::Bearable => "people have not been silent for long",
            Self::TellPeople => "somebody still waits for a word of people: they are told again",
            Self::HandBack { tell: true } => {
                "people left somebody waiting for too long: barid answers again, and tells them"
            }
            Self::HandBack { tell: false } => "people have not written for long: barid answers again",
        }
    }
}

/// What follows now. Silence counts from the last word of people or, where somebody waits for one, from when they began to; so that
/// whoever writes after days is not handed back a minute later.
pub(super) fn of_people(handover: &Handover, patience: &Patience, now: Timestamp) -> Silence {
    if hand_back_at(handover, patience) <= now {
        Silence::HandBack { tell: patience.is_person_told && handover.waits_since.is_some() }
    } else if tell_again_at(handover, patience).is_some_and(|at| at <= now) {
        Silence::TellPeople
    } else {
        Silence::Bearable
    }
}

/// When something follows next, if nothing changes.
pub(super) fn look_again_at(handover: &Handover, patience: &Patience) -> Timestamp {
    let hand_back_at = hand_back_at(handover, patience);
    tell_again_at(handover, patience).map_or(hand_back_at, |at| at.min(hand_back_at))
}

fn hand_back_at(handover: &Handover, patience: &Patience) -> Timestamp {
    let Handover { since, wrote_at, waits_since, .. } = handover;
    let last = [*wrote_at, *waits_since].into_iter().flatten().fold(*since, Timestamp::max);
    after(last, patience.handed_back_after)
}

fn tell_again_at(handover: &Handover, patience: &Patience) -> Option<Timestamp> {
    handover.waits_since.map(|waits_since| after(waits_since.max(handover.told_at), patience.told_again_after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::Escalation;

    const PATIENCE: Patience = Patience {
        told_again_after: SignedDuration::from_mins(30),
        handed_back_after: SignedDuration::from_hours(12),
        is_person_told: true,
    };

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + 60 * minute).unwrap()
    }

    /// Called at minute 0; told, wrote and waits in minutes.
    fn handover(told: i64, wrote: Option<i64>, waits: Option<i64>) -> Handover {
        Handover {
            since: at(0),
            because: Escalation::Word,
            told_at: at(told),
            wrote_at: wrote.map(at),
            waits_since: waits.map(at),
            reference: None,
            taken_by: None,
        }
    }

    #[test]
    fn people_are_told_again_while_somebody_waits_and_relieved_after_a_long_silence() {
        let back = |tell| Silence::HandBack { tell };
        for (told, wrote, waits, now, follows, why) in [
            (0, None, Some(0), 29, Silence::Bearable, "they were told just now"),
            (0, None, Some(0), 30, Silence::TellPeople, "nobody came"),
            (30, None, Some(0), 59, Silence::Bearable, "they were told again"),
            (30, None, Some(0), 60, Silence::TellPeople, "and once more"),
            (0, None, Some(0), 720, back(true), "nobody ever came"),
            (0, Some(10), None, 719, Silence::Bearable, "they wrote, and nobody waits"),
            (0, Some(10), None, 730, back(false), "the talk went to sleep: nothing to be told"),
            (0, Some(10), Some(500), 529, Silence::Bearable, "an answer has its time"),
            (0, Some(10), Some(500), 530, Silence::TellPeople, "an answer of the person is waited for, too"),
            (0, Some(10), Some(729), 730, Silence::Bearable, "who writes late begins to wait then"),
            (0, Some(10), Some(729), 1_449, back(true), "and not for ever"),
            (0, None, None, 719, Silence::Bearable, "staff took it, and nobody waits"),
            (0, None, None, 720, back(false), "and forgot it"),
        ] {
            let handover = handover(told, wrote, waits);
            assert_eq!(of_people(&handover, &PATIENCE, at(now)), follows, "{why}");
        }
        let quiet = Patience { is_person_told: false, ..PATIENCE };
        assert_eq!(of_people(&handover(0, None, Some(0)), &quiet, at(720)), back(false), "the configuration says so");
    }

    #[test]
    fn the_alarm_rings_when_something_follows_and_not_before() {
        for (told, wrote, waits) in [(0, None, Some(0)), (30, Some(10), Some(5)), (0, Some(10), None), (0, None, None)]
        {
            let handover = handover(told, wrote, waits);
            let rings = look_again_at(&handover, &PATIENCE);
            assert_ne!(of_people(&handover, &PATIENCE, rings), Silence::Bearable, "{handover:?}");
            let before = rings - SignedDuration::from_millis(1);
            assert_eq!(of_people(&handover, &PATIENCE, before), Silence::Bearable, "{handover:?}");
        }
    }
}
