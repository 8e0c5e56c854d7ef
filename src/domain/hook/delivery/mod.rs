//! When an event is told again, when no more, and when an endpoint is left alone as a whole.

use jiff::{SignedDuration, Timestamp};

use crate::domain::retry::jittered;

/// Waits before each further attempt; the last one repeats. Dense at first (a restart, a deployment), then over days (an outage nobody
/// noticed on a Friday), as the Standard Webhooks specification recommends (version 1.0.0, checked 2026-11-27).
pub const WAITS: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
];
/// An event that could not be told for so long is dead until somebody replays it.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);
/// So many failures one after the other, of whatever events, are the endpoint's and not the events'.
pub const SICK_AFTER: u32 = 5;
/// How long a sick endpoint is left alone; the last one repeats. Then one event tries it.
pub const RESTS: [SignedDuration; 4] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
];
/// What an endpoint may ask for with `Retry-After`.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(24);
/// And what it gets at least.
const ASKED_MIN: SignedDuration = SignedDuration::from_secs(1);

/// Where the telling of an event to an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is still to be told.
    Waiting,
    /// The endpoint took it.
    Delivered,
    /// It is not tried any more.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// The word in the store, the API and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What became of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAnswer {
    /// The endpoint answered.
    Answered {
        /// With this status.
        status: u16,
        /// And asks to be left alone for so long.
        retry_after: Option<SignedDuration>,
    },
    /// Nothing came back, or nothing left.
    NoAnswer {
        /// Why; no address, no text.
        because: String,
    },
}

impl HookAnswer {
    /// Whether the endpoint took it. A redirect is no success: it is not followed, since what was checked is the address that was named.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }

    /// The status, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::NoAnswer { .. } => None,
        }
    }

    /// As operators read it.
    pub fn words(&self) -> String {
        match self {
            Self::Answered { status: status @ 300..=399, .. } => {
                format!("answered {status}: redirects are not followed; name the address that it leads to")
            }
            Self::Answered { status, .. } => format!("answered {status}"),
            Self::NoAnswer { because } => because.clone(),
        }
    }

    /// How long the endpoint asks to be left alone, where it is busy and says so. Asking is not failing.
    fn asked(&self) -> Option<SignedDuration> {
        match self {
            Self::Answered { status: 429 | 503, retry_after: Some(wait) } => Some((*wait).clamp(ASKED_MIN, ASKED_MAX)),
            _ => None,
        }
    }

    /// Whether the endpoint says that it wants nothing any more.
    const fn is_gone(&self) -> bool {
        matches!(self, Self::Answered { status: 410, .. })
    }
}

/// How far the telling of an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// A trial by an operator, who sees the answer: nothing is tried again.
    pub is_test: bool,
    /// Entries of [`WAITS`] that were used up.
    pub waits_used: u16,
    /// When it was first to be told, or was replayed.
    pub since: Timestamp,
}

/// Why an event is not tried any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveUp {
    /// It could not be told for [`GIVE_UP_AFTER`].
    Spent,
    /// The endpoint answered 410, now or before.
    Gone,
    /// It was a trial.
    Test,
    /// The configuration does not name the endpoint any more.
    NotConfigured,
}

impl GaveUp {
    /// As operators read it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Spent => "could not be told for 3 days",
            Self::Gone => "the endpoint answered 410: it wants nothing any more",
            Self::Test => "a test is not repeated",
            Self::NotConfigured => "no `[[hooks]]` of this name is configured any more",
        }
    }
}

/// What is next for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was told.
    Delivered,
    /// It is told again.
    Again {
        /// When.
        at: Timestamp,
        /// Whether that uses up an entry of [`WAITS`].
        takes_wait: bool,
    },
    /// Nothing until somebody replays it.
    GiveUp(GaveUp),
}

/// What follows for an event from one call. `spread`: any number that differs from event to event.
pub fn after_attempt(progress: Progress, answer: &HookAnswer, spread: u64, now: Timestamp) -> Next {
    if answer.is_success() {
        return Next::Delivered;
    }
    if answer.is_gone() {
        return Next::GiveUp(GaveUp::Gone);
    }
    if progress.is_test {
        return Next::GiveUp(GaveUp::Test);
    }
    let (wait, takes_wait) = match answer.asked() {
        Some(asked) => (asked, false),
        None => (WAITS[usize::from(progress.waits_used).min(WAITS.len() - 1)], true),
    };
    let at = after(now, jittered(wait, spread, progress.waits_used));
    if at > after(progress.since, GIVE_UP_AFTER) { Next::GiveUp(GaveUp::Spent) } else { Next::Again { at, takes_wait } }
}

/// How an endpoint does, over all its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookHealth {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// How often it was left alone since then.
    pub rests: u16,
    /// Until when it is left alone.
    pub rest_until: Option<Timestamp>,
    /// The fingerprint of the address that answered 410. Another address is another endpoint.
    pub gone: Option<String>,
}

impl HookHealth {
    /// After one more call, to the address with this fingerprint. A success ends everything that was.
    #[must_use]
    pub fn after(&self, answer: &HookAnswer, fingerprint: &str, now: Timestamp) -> Self {
        if answer.is_success() {
            return Self::default();
        }
        let mut next = self.clone();
        if answer.is_gone() {
            next.gone = Some(fingerprint.to_owned());
            return next;
        }
        if let Some(asked) = answer.asked() {
            next.rest_until = next.rest_until.max(Some(after(now, asked)));
            return next;
        }
        next.failures = next.failures.saturating_add(1);
        next.failing_since.get_or_insert(now);
        // What was under way when the rest began fails during it, and says nothing new.
        if next.failures >= SICK_AFTER && !self.rests_at(now) {
            next.rest_until = Some(after(now, RESTS[usize::from(next.rests).min(RESTS.len() - 1)]));
            next.rests = next.rests.saturating_add(1);
        }
        next
    }

    /// Whether it is left alone now.
    pub fn rests_at(&self, now: Timestamp) -> bool {
        self.rest_until.is_some_and(|until| until > now)
    }

    /// Whether the address with this fingerprint said that it wants nothing any more.
    pub fn is_gone(&self, fingerprint: &str) -> bool {
        self.gone.as_deref() == Some(fingerprint)
    }

    /// How many events may be on their way to it at once: all of its `share`, one that tries whether it is well again, or none.
    pub fn allowance(&self, fingerprint: &str, share: u64, now: Timestamp) -> u64 {
        if self.is_gone(fingerprint) || self.rests_at(now) {
            0
        } else if self.failures >= SICK_AFTER {
            share.min(1)
        } else {
            share
        }
    }

    /// Whether it has failed for so long that what waits for longer than that is given up without being tried.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| after(since, GIVE_UP_AFTER) <= now)
    }
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
