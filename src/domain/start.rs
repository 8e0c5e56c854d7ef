//! Whether a message may be called at this moment, and why not. Asked once to decide and once more inside the transaction that
//! marks the attempt as started, so that nothing that became true in between is overlooked.

use jiff::{SignedDuration, Timestamp};

use crate::domain::consent::{Consent, Subject};
use crate::domain::delivery::{Delivery, HeldReason, Standing, SuppressedReason};
use crate::domain::run::RunState;
use crate::domain::service_window::ServiceWindow;

/// A closed service window is looked at again after this, so that whoever waits for it is asked again to write.
const WINDOW_LOOK: SignedDuration = SignedDuration::from_hours(1);

/// What decides over one start.
#[derive(Debug, Clone, Copy)]
pub struct StartQuestion<'a> {
    /// Where the message stands.
    pub standing: &'a Standing,
    /// What the person allows now.
    pub consent: Consent,
    /// What the message asks for.
    pub subject: Subject,
    /// Whether the channel that is next has an address of the person.
    pub has_address: bool,
    /// The state of its run; `None` for a message that belongs to none.
    pub run: Option<RunState>,
    /// When it becomes too old to send.
    pub expires_at: Timestamp,
    /// Until when a suspension stops it; an endless one gives the moment in which to look again.
    pub suspended_until: Option<Timestamp>,
    /// Until when it is quiet where the person lives.
    pub quiet_until: Option<Timestamp>,
    /// Whether another message was called for this person so short a time ago that the campaign leaves them alone.
    pub contacted_recently: bool,
    /// Whether it says free words over WhatsApp, and until when the person's service window is open for them.
    pub window: Option<ServiceWindow>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAnswer {
    /// Call.
    Go,
    /// Call, as the one message that a suspension lets through to see whether it may end.
    GoAlone {
        /// Which suspension: to be released when the message is taken.
        suspension: i64,
    },
    /// Never call, for this reason.
    Suppress(SuppressedReason),
    /// Too old, or it would be before it may leave.
    Expire,
    /// Not before that moment.
    Hold {
        /// What it waits for.
        reason: HeldReason,
        /// Until when.
        until: Timestamp,
    },
    /// Not by this job; whoever makes it possible again queues it again.
    NotNow {
        /// Why.
        because: &'static str,
    },
}

/// Whether to call now. A message that is not waiting to be called is never touched, whatever else is true of it.
pub fn may_start(question: &StartQuestion<'_>, now: Timestamp) -> StartAnswer {
    match question.standing.delivery {
        Delivery::Planned => {}
        Delivery::Held { until, .. } if until <= now => {}
        Delivery::Held { .. } => return StartAnswer::NotNow { because: "it is held until later" },
        Delivery::Calling { .. } => return StartAnswer::NotNow { because: "a call is under way" },
        _ => return StartAnswer::NotNow { because: "nothing is left to call" },
    }
    match question.run {
        Some(RunState::Cancelled) => return StartAnswer::Suppress(SuppressedReason::Cancelled),
        Some(RunState::Paused) => return StartAnswer::NotNow { because: "its run is paused" },
        _ => {}
    }
    if let Some(reason) = question.consent.objection(question.subject) {
        StartAnswer::Suppress(reason)
    } else if !question.has_address {
        StartAnswer::Suppress(SuppressedReason::NoAddress)
    } else if question.expires_at <= now {
        StartAnswer::Expire
    } else if question.contacted_recently && question.standing.attempt == 0 {
        StartAnswer::Suppress(SuppressedReason::ContactedRecently)
    } else if let Some(until) = question.quiet_until.filter(|until| *until > now) {
        // What cannot leave before it is too old ends now, with the truth, instead of waiting for its end.
        if until >= question.expires_at {
            StartAnswer::Expire
        } else {
            StartAnswer::Hold { reason: HeldReason::QuietHours, until }
        }
    } else if let Some(until) = question.suspended_until.filter(|until| *until > now) {
        StartAnswer::Hold { reason: HeldReason::Suspended, until: until.min(question.expires_at) }
    } else if question.window.is_some_and(|window| !window.is_open(now)) {
        // What the person writes next wakes it.
        let look_again = now.saturating_add(WINDOW_LOOK).unwrap_or(Timestamp::MAX);
        StartAnswer::Hold { reason: HeldReason::Window, until: look_again.min(question.expires_at) }
    } else {
        StartAnswer::Go
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::{Purpose, Purposes};
    use crate::domain::delivery::HeldReason;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ask(change: impl FnOnce(&mut StartQuestion<'_>), delivery: Delivery) -> StartAnswer {
        let standing = Standing { delivery, ..Standing::planned() };
        let mut question = StartQuestion {
            standing: &standing,
            consent: Consent { granted: Purposes::NONE.with(Purpose::Survey), ..Consent::default() },
            subject: Subject { purpose: Purpose::Survey, marketing: false },
            has_address: true,
            run: Some(RunState::Running),
            expires_at: at(100),
            suspended_until: None,
            quiet_until: None,
            contacted_recently: false,
            window: None,
        };
        change(&mut question);
        may_start(&question, at(50))
    }

    #[test]
    fn only_what_waits_is_called() {
        assert_eq!(ask(|_| {}, Delivery::Planned), StartAnswer::Go);
        assert_eq!(ask(|_| {}, Delivery::Held { reason: HeldReason::Backoff, until: at(50) }), StartAnswer::Go);
        for busy in [
            Delivery::Held { reason: HeldReason::Backoff, until: at(51) },
            Delivery::Calling { lease_until: at(1) },
            Delivery::Unknown { decide_at: at(1) },
            Delivery::Submitted { assumed: false, fall_back_at: None },
            Delivery::Read,
        ] {
            assert!(matches!(ask(|_| {}, busy), StartAnswer::NotNow { .. }));
        }
    }

    #[test]
    fn consent_run_address_and_age_are_asked_at_the_moment_of_sending() {
        use SuppressedReason::*;
        assert_eq!(ask(|q| q.consent.stopped = true, Delivery::Planned), StartAnswer::Suppress(OptedOut));
        assert_eq!(
            ask(|q| q.subject.purpose = Purpose::Marketing, Delivery::Planned),
            StartAnswer::Suppress(NoConsent)
        );
        let no_marketing =
            |q: &mut StartQuestion<'_>| (q.consent.marketing_stopped, q.subject.marketing) = (true, true);
        assert_eq!(ask(no_marketing, Delivery::Planned), StartAnswer::Suppress(MarketingStopped));
        assert_eq!(ask(|q| q.has_address = false, Delivery::Planned), StartAnswer::Suppress(NoAddress));
        assert_eq!(ask(|q| q.run = Some(RunState::Cancelled), Delivery::Planned), StartAnswer::Suppress(Cancelled));
        assert_eq!(ask(|q| q.expires_at = at(50), Delivery::Planned), StartAnswer::Expire);
        assert!(matches!(ask(|q| q.run = Some(RunState::Paused), Delivery::Planned), StartAnswer::NotNow { .. }));
        assert_eq!(ask(|q| q.run = None, Delivery::Planned), StartAnswer::Go);
        assert_eq!(ask(|q| q.contacted_recently = true, Delivery::Planned), StartAnswer::Suppress(ContactedRecently));
    }

    #[test]
    fn suspensions_and_quiet_hours_hold_and_what_cannot_leave_in_time_expires() {
        let hold = |reason, until| StartAnswer::Hold { reason, until: at(until) };
        assert_eq!(ask(|q| q.suspended_until = Some(at(80)), Delivery::Planned), hold(HeldReason::Suspended, 80));
        assert_eq!(ask(|q| q.suspended_until = Some(at(999)), Delivery::Planned), hold(HeldReason::Suspended, 100));
        assert_eq!(ask(|q| q.quiet_until = Some(at(80)), Delivery::Planned), hold(HeldReason::QuietHours, 80));
        assert_eq!(ask(|q| q.window = Some(ServiceWindow::CLOSED), Delivery::Planned), hold(HeldReason::Window, 100));
        let open = ServiceWindow { open_until: Some(at(80_000)) };
        assert_eq!(ask(|q| q.window = Some(open), Delivery::Planned), StartAnswer::Go);
        assert_eq!(ask(|q| q.quiet_until = Some(at(100)), Delivery::Planned), StartAnswer::Expire);
        assert_eq!(ask(|q| q.quiet_until = Some(at(50)), Delivery::Planned), StartAnswer::Go, "it is over");
    }
}
