//! What becomes of a call, where a scenario says so and does not leave it to the seed.

use std::ops::RangeInclusive;

use barid::domain::channel::Channel;
use barid::domain::failure::FailureClass;
use jiff::{SignedDuration, Timestamp};

/// What a provider does with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// Refuses it at once.
    Refuses(FailureClass),
    /// Takes it, and tells these statuses so many seconds later. A failed one is named by its class.
    Takes(&'static [(&'static str, f64)]),
}

/// Takes it, and it arrives.
pub(crate) const ARRIVES: Does = Does::Takes(&[("sent", 1.0), ("delivered", 2.0)]);

/// Which calls it is about, and what becomes of them.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    /// To one person, or to anybody.
    who: Option<usize>,
    channel: Channel,
    /// Which calls to that person on that channel, from 1.
    calls: RangeInclusive<u64>,
    /// Only calls before that moment, so long after the beginning.
    before: SignedDuration,
    pub(crate) does: Does,
}

impl Fate {
    fn of(who: Option<usize>, channel: Channel, does: Does) -> Self {
        Self { who, channel, calls: 1..=u64::MAX, before: SignedDuration::MAX, does }
    }

    /// All calls to this person over WhatsApp.
    pub(crate) fn of_person(who: usize, does: Does) -> Self {
        Self::of(Some(who), Channel::Whatsapp, does)
    }

    /// All calls over WhatsApp.
    pub(crate) fn of_all(does: Does) -> Self {
        Self::of(None, Channel::Whatsapp, does)
    }

    pub(crate) fn on(self, channel: Channel) -> Self {
        Self { channel, ..self }
    }

    pub(crate) fn call(self, nth: u64) -> Self {
        Self { calls: nth..=nth, ..self }
    }

    pub(crate) fn before(self, before: SignedDuration) -> Self {
        Self { before, ..self }
    }

    /// Whether it is about this call.
    pub(crate) fn is_about(&self, who: usize, channel: Channel, nth: u64, begin: Timestamp, now: Timestamp) -> bool {
        self.who.is_none_or(|person| person == who)
            && self.channel == channel
            && self.calls.contains(&nth)
            && now.duration_since(begin) < self.before
    }
}
