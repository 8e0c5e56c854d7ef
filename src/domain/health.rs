//! Whether a provider is well, judged by what became of the calls of the last minutes. A refusal is a healthy answer: it is about the
//! message.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// What is looked at,
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// how many calls it takes to say anything,
const CALLS_MIN: usize = 5;
/// and how long a provider that is sick is left alone.
const REST: SignedDuration = SignedDuration::from_mins(2);
/// No more calls than this are remembered: the newest say enough.
const CALLS_MAX: usize = 500;

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, whatever the answer.
    Answered,
    /// It was not: no connection, no answer, a fault of the provider's own.
    Failed,
}

/// The last minutes of one provider.
#[derive(Debug, Clone, Default)]
pub struct Health {
    calls: VecDeque<(Timestamp, Outcome)>,
    sick_until: Option<Timestamp>,
}

impl Health {
    /// Notes a call. After the rest the first call decides: it is well again, or rests once more.
    pub fn note(&mut self, outcome: Outcome, now: Timestamp) {
        if let Some(until) = self.sick_until {
            if now < until {
                // Begun before it was found sick, or because there was nobody else: says nothing new.
                return;
            }
            self.calls.clear();
            self.sick_until = match outcome {
                Outcome::Answered => None,
                Outcome::Failed => Some(later(now, REST)),
            };
            return;
        }
        while self.calls.len() >= CALLS_MAX || self.calls.front().is_some_and(|(at, _)| later(*at, WINDOW) <= now) {
            self.calls.pop_front();
        }
        self.calls.push_back((now, outcome));
        let failed = self.calls.iter().filter(|(_, outcome)| *outcome == Outcome::Failed).count();
        if self.calls.len() >= CALLS_MIN && failed * 2 >= self.calls.len() {
            self.sick_until = Some(later(now, REST));
        }
    }

    /// Until when it is left alone; in the past when it may be tried again.
    pub fn sick_until(&self) -> Option<Timestamp> {
        self.sick_until
    }
}

fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn after(outcomes: &[(i64, Outcome)]) -> Health {
        let mut health = Health::default();
        for (second, outcome) in outcomes {
            health.note(*outcome, at(*second));
        }
        health
    }

    use Outcome::{Answered, Failed};

    #[test]
    fn half_of_enough_calls_make_it_sick() {
        assert_eq!(after(&[(0, Failed), (1, Failed), (2, Failed), (3, Failed)]).sick_until(), None, "too few to say");
        let sick = after(&[(0, Answered), (1, Answered), (2, Failed), (3, Failed), (4, Failed)]);
        assert_eq!(sick.sick_until(), Some(at(4 + 120)));
        let well = after(&[(0, Answered), (1, Answered), (2, Answered), (3, Failed), (4, Failed)]);
        assert_eq!(well.sick_until(), None);
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let health = after(&[(0, Failed), (1, Failed), (2, Failed), (3, Failed), (400, Failed)]);
        assert_eq!(health.sick_until(), None);
    }

    #[test]
    fn after_the_rest_one_call_decides() {
        let sick: Vec<_> = (0..5).map(|second| (second, Failed)).collect();
        let mut health = after(&sick);
        health.note(Answered, at(60));
        assert_eq!(health.sick_until(), Some(at(124)), "while it rests nothing is decided");
        let mut again = health.clone();
        again.note(Failed, at(130));
        assert_eq!(again.sick_until(), Some(at(250)));
        health.note(Answered, at(130));
        assert_eq!(health.sick_until(), None);
        health.note(Failed, at(131));
        assert_eq!(health.sick_until(), None, "the past is forgotten");
    }
}
