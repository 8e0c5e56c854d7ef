//! Whether callbacks come in as they should: somebody tells us what became of what we send, we keep up with it, and our app is subscribed.

use std::time::Duration;

use jiff::SignedDuration;

use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::ids::SenderName;
use crate::domain::live_check::{Step, Verdict};
use crate::domain::standing_job::{JobOutcome, JobResult};

/// How much of the past is looked at.
pub const LOOK_BACK: SignedDuration = SignedDuration::from_hours(2);
/// Calls that are younger may still be told of: Meta's callbacks come within seconds, and within minutes on a bad day.
pub const GRACE: SignedDuration = SignedDuration::from_mins(10);
/// Of fewer calls silence says little: their people may be without a network.
const CALLED_MIN: u64 = 10;
/// Callbacks that wait for so long are worth a look.
const LAG_WARNING: Duration = Duration::from_secs(60);
/// And after this what we know of messages is of no use.
const LAG_CRITICAL: Duration = Duration::from_secs(600);

/// A sample of what Meta took over one of our numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalledLately {
    /// Which number.
    pub sender: SenderName,
    /// Messages.
    pub called: u64,
    /// Those of which a callback told something since.
    pub heard: u64,
}

/// What was looked at.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Calls between [`LOOK_BACK`] and [`GRACE`] ago.
    pub called: Vec<CalledLately>,
    /// How long the oldest callback waits to be applied.
    pub lag: Duration,
    /// How many wait.
    pub waiting: u64,
    /// Whether our app hears of each account, where Meta said so.
    pub accounts: Vec<(String, Step)>,
    /// Accounts of which Meta did not say it.
    pub unanswered: usize,
}

/// The alerts that are to be open, the kinds of which all is known, and how the run ended.
pub fn judge(watch: &Watch) -> (Vec<NewAlert>, Vec<AlertKind>, JobOutcome) {
    let mut alerts = Vec::new();
    for CalledLately { sender, called, heard } in &watch.called {
        if *heard == 0 && *called >= CALLED_MIN {
            alerts.push(NewAlert {
                kind: AlertKind::CallbacksSilent,
                scope: AlertScope::Sender(sender.clone()),
                severity: Severity::Critical,
                text: format!(
                    "Meta took messages of the number {sender} and tells nothing of them: of {called} that were looked at, all older than {} \
                     minutes, no callback has come; look at the webhook's address and subscription at Meta, and at what stands before this service",
                    GRACE.as_mins()
                ),
            });
        }
    }
    if watch.lag >= LAG_WARNING {
        let severity = if watch.lag >= LAG_CRITICAL { Severity::Critical } else { Severity::Warning };
        alerts.push(NewAlert {
            kind: AlertKind::CallbacksLag,
            scope: AlertScope::Installation,
            severity,
            text: format!(
                "{} callbacks are kept and not applied, the oldest since {} s; look at Redis, the record and the processor of this machine",
                watch.waiting,
                watch.lag.as_secs()
            ),
        });
    }
    let mut known = vec![AlertKind::CallbacksSilent, AlertKind::CallbacksLag];
    // Who was not asked about may have an alert that still holds.
    if watch.unanswered == 0 {
        known.push(AlertKind::WebhookSubscription);
        alerts.extend(watch.accounts.iter().filter(|(_, step)| step.verdict != Verdict::Ok).map(|(account, step)| {
            let remedy = step.remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
            NewAlert {
                kind: AlertKind::WebhookSubscription,
                scope: AlertScope::Account(account.clone()),
                severity: if step.verdict == Verdict::Failed { Severity::Critical } else { Severity::Warning },
                text: format!("{}{remedy}", step.detail),
            }
        }));
    }
    let result = match alerts.iter().map(|alert| alert.severity).max() {
        None => JobResult::Ok,
        Some(Severity::Warning) => JobResult::Warning,
        Some(Severity::Critical) => JobResult::Failed,
    };
    let asked = if watch.unanswered == 0 { "" } else { "; Meta did not say whether our app is subscribed" };
    let summary = if alerts.is_empty() {
        let (called, heard) =
            watch.called.iter().fold((0, 0), |(called, heard), one| (called + one.called, heard + one.heard));
        format!(
            "of {called} messages that were looked at, {heard} were told of; {} callbacks wait{asked}",
            watch.waiting
        )
    } else {
        let texts: Vec<&str> = alerts.iter().map(|alert| alert.text.as_str()).collect();
        format!("{}{asked}", texts.join("; "))
    };
    (alerts, known, JobOutcome::new(result, summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(sender: &str, called: u64, heard: u64) -> CalledLately {
        CalledLately { sender: sender.parse().unwrap(), called, heard }
    }

    fn said(watch: &Watch) -> Vec<(AlertKind, String, Severity)> {
        let (alerts, ..) = judge(watch);
        alerts.into_iter().map(|alert| (alert.kind, alert.scope.value(), alert.severity)).collect()
    }

    #[test]
    fn silence_about_many_calls_of_a_number_is_an_alert_of_that_number() {
        let watch = Watch {
            called: vec![called("default", 10, 0), called("second", 400, 1), called("third", 9, 0)],
            ..Watch::default()
        };
        assert_eq!(said(&watch), [(AlertKind::CallbacksSilent, "default".to_owned(), Severity::Critical)]);
        assert_eq!(judge(&watch).2.result, JobResult::Failed);
    }

    #[test]
    fn callbacks_that_wait_warn_first_and_cry_later() {
        for (seconds, severity) in [(59, None), (60, Some(Severity::Warning)), (600, Some(Severity::Critical))] {
            let watch = Watch { lag: Duration::from_secs(seconds), waiting: 5, ..Watch::default() };
            let found: Vec<_> = said(&watch).into_iter().map(|(.., severity)| severity).collect();
            assert_eq!(found, severity.into_iter().collect::<Vec<_>>(), "{seconds}");
        }
    }

    #[test]
    fn a_lost_subscription_is_told_and_one_that_was_not_asked_about_stays_as_it_was() {
        let lost = crate::domain::live_check::judge_subscription("800", &[], None);
        let watch = Watch { accounts: vec![("800".to_owned(), lost)], ..Watch::default() };
        assert_eq!(said(&watch), [(AlertKind::WebhookSubscription, "800".to_owned(), Severity::Critical)]);
        assert!(judge(&watch).1.contains(&AlertKind::WebhookSubscription));
        let unanswered = Watch { unanswered: 1, ..Watch::default() };
        let (alerts, known, outcome) = judge(&unanswered);
        assert!(alerts.is_empty() && !known.contains(&AlertKind::WebhookSubscription));
        assert_eq!(outcome.result, JobResult::Ok);
        assert!(outcome.summary.contains("did not say"), "{}", outcome.summary);
    }
}
