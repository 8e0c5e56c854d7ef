//! How automatic suspensions find out by themselves whether they may end.

use jiff::{SignedDuration, Timestamp};

use super::{Scope, Suspension};
use crate::domain::failure::FailureClass;

/// How an automatic suspension finds out by itself whether it may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A person must release it.
    Never,
    /// A harmless question to the provider, with the same token, is answered.
    Ask,
    /// One message is let through; if it is taken, all may go on.
    LetOneThrough,
}

impl Probe {
    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Ask => "ask",
            Self::LetOneThrough => "let-one-through",
        }
    }

    /// The probe of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Never, Self::Ask, Self::LetOneThrough].into_iter().find(|probe| probe.name() == name)
    }
}

/// How long suspensions wait for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Before each question to the provider; the last one repeats.
    pub ask_waits: Vec<SignedDuration>,
    /// Before each message that is let through; the last one repeats.
    pub let_through_waits: Vec<SignedDuration>,
    /// How long a number rests that people block or report.
    pub quality_rest: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        let minutes = |waits: &[i64]| waits.iter().copied().map(SignedDuration::from_mins).collect();
        Self {
            ask_waits: minutes(&[1, 2, 5, 10]),
            let_through_waits: minutes(&[30, 60, 120, 240, 360]),
            quality_rest: SignedDuration::from_hours(24),
        }
    }
}

impl Rules {
    /// When the next probe is, after so many; `None` when there is none.
    pub fn next_probe(&self, probe: Probe, probes: u16, now: Timestamp) -> Option<Timestamp> {
        let waits = match probe {
            Probe::Never => return None,
            Probe::Ask => &self.ask_waits,
            Probe::LetOneThrough => &self.let_through_waits,
        };
        let wait = waits.get(usize::from(probes)).or(waits.last())?;
        now.checked_add(*wait).ok()
    }
}

/// What became of a message that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetThrough {
    /// The provider took it.
    Taken,
    /// It left the provider, or came further.
    Left,
    /// It was refused.
    Refused(FailureClass),
    /// It told nothing: the provider could not be reached, or its answer was not seen.
    Unclear,
}

/// What that means for the suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLetThrough {
    /// It is over.
    Release,
    /// It stays; the next one goes when it was planned.
    Wait,
    /// It showed nothing either way: the next one goes soon.
    TrySoon,
}

/// What the message that was let through shows. Some refusals come only by a callback, after the provider has taken the message: there
/// being taken shows nothing.
pub fn after_let_through(suspension: &Suspension, became: LetThrough) -> AfterLetThrough {
    let class = suspension.cause.class();
    let refused_later = matches!(suspension.scope, Scope::Sender(_)) && class == Some(FailureClass::AccountRestricted);
    match became {
        LetThrough::Left => AfterLetThrough::Release,
        LetThrough::Taken if refused_later => AfterLetThrough::Wait,
        LetThrough::Taken => AfterLetThrough::Release,
        LetThrough::Refused(refused) if Some(refused) == class => AfterLetThrough::Wait,
        LetThrough::Refused(_) | LetThrough::Unclear => AfterLetThrough::TrySoon,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::suspended;
    use super::*;
    use crate::domain::channel::Channel;
    use crate::domain::suspension::Cause;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_message_that_was_let_through_shows_what_its_kind_of_refusal_lets_it_show() {
        use AfterLetThrough::{Release, TrySoon, Wait};
        use FailureClass::{AccountRestricted, Credentials, TemplateUnavailable, Undeliverable};
        let after = |class, became| after_let_through(&suspended(Cause::Refusal { class, code: None }), became);
        for class in [AccountRestricted, Credentials, TemplateUnavailable] {
            assert_eq!(after(class, LetThrough::Left), Release);
            assert_eq!(after(class, LetThrough::Refused(class)), Wait);
            assert_eq!(after(class, LetThrough::Refused(Undeliverable)), TrySoon);
            assert_eq!(after(class, LetThrough::Unclear), TrySoon);
        }
        assert_eq!(after(Credentials, LetThrough::Taken), Release);
        assert_eq!(after(TemplateUnavailable, LetThrough::Taken), Release);
        assert_eq!(after(AccountRestricted, LetThrough::Taken), Wait, "an unpaid account is told by a callback");
        let of_channel = Suspension {
            scope: Scope::Channel(Channel::Email),
            ..suspended(Cause::Refusal { class: AccountRestricted, code: None })
        };
        assert_eq!(after_let_through(&of_channel, LetThrough::Taken), Release, "e-mail has no callbacks");
    }

    #[test]
    fn probes_come_less_and_less_often() {
        let rules = Rules::default();
        let minutes = |probe, probes| rules.next_probe(probe, probes, at(0)).map(|next| next.as_second() / 60);
        assert_eq!([0, 1, 2, 3, 99].map(|probes| minutes(Probe::Ask, probes)), [1, 2, 5, 10, 10].map(Some));
        assert_eq!([0, 1, 4, 99].map(|probes| minutes(Probe::LetOneThrough, probes)), [30, 60, 360, 360].map(Some));
        assert_eq!(minutes(Probe::Never, 0), None);
    }
}
