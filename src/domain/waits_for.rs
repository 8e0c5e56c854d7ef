//! Why a message that is to be called is not called now, and until when, as far as anybody knows.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::delivery::{Delivery, HeldReason};
use crate::domain::limit::Limit;
use crate::domain::run::RunState;
use crate::domain::suspension::{Suspension, Target};

/// What a message waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitsFor {
    /// `paused`, `suspended`, `limit-…`, or another of [`HeldReason::name`].
    pub reason: &'static str,
    /// For people: who or what stops it.
    pub because: String,
    /// Until when, where that is known. Nobody knows when a person will resume or release.
    pub until: Option<Timestamp>,
    /// The suspension that stops it, if one does.
    pub suspension: Option<i64>,
}

/// What the message waits for; `None` when nothing stops it, or it does not wait to be called. `full` is a limit that keeps whole runs waiting.
pub fn waits_for(
    delivery: &Delivery,
    run: Option<RunState>,
    target: &Target<'_>,
    in_force: &[Suspension],
    full: Option<(Limit, Timestamp)>,
    now: Timestamp,
) -> Option<WaitsFor> {
    let held = match delivery {
        Delivery::Planned => None,
        Delivery::Held { reason, until } => Some((*reason, *until)),
        _ => return None,
    };
    if run == Some(RunState::Paused) {
        let because = "its run is paused; `barid campaign resume` lets it go on".to_owned();
        return Some(WaitsFor { reason: "paused", because, until: None, suspension: None });
    }
    if let Some(suspension) = in_force.iter().find(|suspension| suspension.stops(target, now)) {
        return Some(WaitsFor {
            reason: HeldReason::Suspended.name(),
            because: format!("{} is suspended: {}", suspension.scope, suspension.cause),
            until: suspension.may_end_at(now),
            suspension: Some(suspension.id),
        });
    }
    let (reason, until) = held.or(full.map(|(limit, until)| (HeldReason::Limit(limit), until)))?;
    let because = match reason {
        HeldReason::Backoff => "it is tried again then".to_owned(),
        HeldReason::Throttled => "the provider asked us to slow down".to_owned(),
        HeldReason::Suspended => "what suspended it is over; its turn comes".to_owned(),
        HeldReason::QuietHours => "it is night or a day off where the person lives".to_owned(),
        HeldReason::Window => {
            "free words may go only within 24 hours after the person wrote; it goes when they write again".to_owned()
        }
        HeldReason::Fallback => format!("`{}` takes over then", target.channel.name()),
        HeldReason::Limit(limit) => format!("the limit `{}` is reached", limit.name()),
    };
    Some(WaitsFor { reason: reason.name(), because, until: Some(until), suspension: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::Channel;
    use crate::domain::suspension::{Cause, Probe, Scope};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_stops_for_longest_is_told_first_and_what_was_called_waits_for_nothing() {
        let sender = "default".parse().unwrap();
        let target = Target { sender: &sender, campaign: None, channel: Channel::Whatsapp, country: None };
        let suspension = Suspension {
            id: 3,
            scope: Scope::Sender(sender.clone()),
            cause: Cause::Operator("fair at the weekend".to_owned()),
            by: "amal".to_owned(),
            since: at(0),
            until: Some(at(90)),
            probe: Probe::Never,
            probe_at: None,
            probes: 0,
            probe_message: None,
        };
        let full = Some((Limit::Tier, at(70)));
        let held = Delivery::Held { reason: HeldReason::QuietHours, until: at(60) };
        let ask = |delivery: &Delivery, run, in_force: &[Suspension], full| {
            let found = waits_for(delivery, run, &target, in_force, full, at(10))?;
            Some((found.reason, found.until.map(Timestamp::as_second)))
        };
        let running = Some(RunState::Running);
        assert_eq!(ask(&Delivery::Planned, running, &[], None), None, "it is its turn");
        assert_eq!(ask(&Delivery::Read, running, std::slice::from_ref(&suspension), full), None);
        assert_eq!(
            ask(&Delivery::Planned, Some(RunState::Paused), std::slice::from_ref(&suspension), full),
            Some(("paused", None))
        );
        assert_eq!(ask(&held, running, std::slice::from_ref(&suspension), full), Some(("suspended", Some(90))));
        assert_eq!(ask(&held, running, &[], full), Some(("quiet-hours", Some(60))));
        assert_eq!(ask(&Delivery::Planned, running, &[], full), Some(("limit-tier", Some(70))));
        let told = waits_for(&held, running, &target, &[suspension], None, at(10)).unwrap();
        assert_eq!(told.because, "sender default is suspended: fair at the weekend");
        assert_eq!(told.suspension, Some(3));
    }
}
