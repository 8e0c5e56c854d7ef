//! Whether the access token is good and for how long, what is to be alerted, and when to look again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::ids::SenderName;
use crate::domain::live_check::{EXPIRES_SOON, MANAGEMENT, MESSAGING, NEW_TOKEN, Step, TokenFacts, Verdict};
use crate::domain::problem::listed;
use crate::domain::standing_job::{JobOutcome, JobResult};

/// Tokens are changed after this long, whether or not they end.
const ROTATION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// A token that ends within this is urgent.
const EXPIRES_NOW: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How often a token is looked at whose end is near.
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// How often a token is looked at that is refused.
const WHILE_REFUSED: SignedDuration = SignedDuration::from_hours(1);

/// What alerts of a check are about. Whatever of these kinds is open after it and was not found by it is over.
pub const KINDS: [AlertKind; 7] = [
    AlertKind::TokenRefused,
    AlertKind::TokenExpires,
    AlertKind::TokenAge,
    AlertKind::TokenPermission,
    AlertKind::TokenApp,
    AlertKind::NumberState,
    AlertKind::WebhookSubscription,
];

/// What a check keeps of the token in the details of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenChecked {
    /// Whether Meta takes it.
    pub is_valid: bool,
    /// When it ends; `None`: never, as far as Meta says.
    pub expires_at: Option<Timestamp>,
    /// When it was made, where Meta says it.
    pub issued_at: Option<Timestamp>,
}

impl TokenChecked {
    /// Seconds until it ends: infinitely many when it never does, none when it is refused.
    pub fn seconds_left(&self, now: Timestamp) -> f64 {
        match self.expires_at {
            _ if !self.is_valid => 0.0,
            None => f64::INFINITY,
            Some(at) => at.duration_since(now).as_secs_f64(),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What Meta says of the token.
    pub token: TokenFacts,
    /// How each number answers with it.
    pub numbers: Vec<(SenderName, Step)>,
    /// Whether our app hears of each account.
    pub accounts: Vec<(String, Step)>,
}

/// What follows from a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Alerts of [`KINDS`] that are to be open; of a refused token nothing else is known, so the others stay as they are.
    pub alerts: Vec<NewAlert>,
    /// The kinds of which something is known.
    pub known: Vec<AlertKind>,
    /// How the run ended.
    pub outcome: JobOutcome,
}

/// Judges it. `app_id`: as configured.
pub fn judge(found: &Found, app_id: Option<&str>, now: Timestamp) -> Checked {
    let facts = &found.token;
    let checked = TokenChecked { is_valid: facts.is_valid, expires_at: facts.expires_at, issued_at: facts.issued_at };
    let details = serde_json::to_value(&checked).ok();
    if !facts.is_valid {
        let because = facts.because.as_deref().unwrap_or("no reason is given");
        let text = format!("Meta refuses the access token: {because}; {NEW_TOKEN}");
        let outcome = JobOutcome {
            details,
            again_at: now.checked_add(WHILE_REFUSED).ok(),
            ..JobOutcome::new(JobResult::Failed, &*text)
        };
        let alerts = vec![alert(AlertKind::TokenRefused, AlertScope::Installation, Severity::Critical, text)];
        return Checked { alerts, known: vec![AlertKind::TokenRefused], outcome };
    }
    let mut alerts = token_alerts(facts, app_id, now);
    for (sender, step) in &found.numbers {
        alerts.extend(of_step(AlertKind::NumberState, AlertScope::Sender(sender.clone()), step));
    }
    for (account, step) in &found.accounts {
        alerts.extend(of_step(AlertKind::WebhookSubscription, AlertScope::Account(account.clone()), step));
    }
    let result = match alerts.iter().map(|alert| alert.severity).max() {
        None => JobResult::Ok,
        Some(Severity::Warning) => JobResult::Warning,
        Some(Severity::Critical) => JobResult::Failed,
    };
    let until = facts.expires_at.map_or_else(|| "without an end".to_owned(), |at| format!("until {at}"));
    let summary = match alerts.as_slice() {
        [] => format!(
            "the token is valid {until}; it answers for {} and hears of {}",
            n_of(found.numbers.len(), "number"),
            n_of(found.accounts.len(), "account")
        ),
        alerts => {
            let texts: Vec<&str> = alerts.iter().map(|alert| alert.text.as_str()).collect();
            format!("the token is valid {until}, but: {}", texts.join("; "))
        }
    };
    let outcome = JobOutcome { details, again_at: again_at(facts, now), ..JobOutcome::new(result, summary) };
    Checked { alerts, known: KINDS.to_vec(), outcome }
}

fn n_of(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn alert(kind: AlertKind, scope: AlertScope, severity: Severity, text: String) -> NewAlert {
    NewAlert { kind, scope, severity, text }
}

/// The alert that a step is, if it is one.
fn of_step(kind: AlertKind, scope: AlertScope, step: &Step) -> Option<NewAlert> {
    let severity = match step.verdict {
        Verdict::Ok => return None,
        Verdict::Warning => Severity::Warning,
        Verdict::Failed => Severity::Critical,
    };
    let remedy = step.remedy.map_or(String::new(), |remedy| format!("; {remedy}"));
    Some(alert(kind, scope, severity, format!("{}: {}{remedy}", step.what, step.detail)))
}

fn token_alerts(facts: &TokenFacts, app_id: Option<&str>, now: Timestamp) -> Vec<NewAlert> {
    let of_token = |kind, severity, text| alert(kind, AlertScope::Installation, severity, text);
    let mut alerts = Vec::new();
    let missing: Vec<&str> =
        [MESSAGING, MANAGEMENT].into_iter().filter(|scope| facts.scopes.iter().all(|held| held != scope)).collect();
    if !missing.is_empty() {
        let severity = if missing.contains(&MESSAGING) { Severity::Critical } else { Severity::Warning };
        let text = format!("the access token lacks {}; {NEW_TOKEN}", listed(missing));
        alerts.push(of_token(AlertKind::TokenPermission, severity, text));
    }
    if let Some(expires_at) = facts.expires_at {
        let left = expires_at.duration_since(now);
        if left < EXPIRES_SOON {
            let severity = if left < EXPIRES_NOW { Severity::Critical } else { Severity::Warning };
            alerts.push(of_token(
                AlertKind::TokenExpires,
                severity,
                format!("the access token ends at {expires_at}; {NEW_TOKEN}"),
            ));
        }
    }
    if let Some(issued_at) = facts.issued_at
        && now.duration_since(issued_at) >= ROTATION
    {
        let days = ROTATION.as_hours() / 24;
        let text = format!(
            "the access token was made at {issued_at}, and tokens are to be changed after {days} days; {NEW_TOKEN}"
        );
        alerts.push(of_token(AlertKind::TokenAge, Severity::Warning, text));
    }
    if let (Some(wanted), Some(of)) = (app_id, &facts.app_id)
        && wanted != of
    {
        let text = format!(
            "the access token is of the app {of}, and `[whatsapp] app_id` is {wanted}; set the `app_id` and the app secret of the app that the \
             token is of"
        );
        alerts.push(of_token(AlertKind::TokenApp, Severity::Warning, text));
    }
    alerts
}

/// When a good token is to be looked at again at the latest: when its end or its age begins to matter, and each day from then until its end.
fn again_at(facts: &TokenFacts, now: Timestamp) -> Option<Timestamp> {
    let soon = |at: Timestamp| {
        let begins = at.checked_sub(EXPIRES_SOON).unwrap_or(Timestamp::MIN);
        if begins > now { Some(begins) } else { now.checked_add(DAILY).ok() }
    };
    let grows_old = facts.issued_at.and_then(|at| at.checked_add(ROTATION).ok()).filter(|at| *at > now);
    [facts.expires_at.and_then(soon), grows_old].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-11-27T12:00:00Z";

    fn good() -> TokenFacts {
        TokenFacts {
            is_valid: true,
            app_id: Some("7".to_owned()),
            scopes: vec![MESSAGING.to_owned(), MANAGEMENT.to_owned()],
            issued_at: Some(at("2026-11-01T00:00:00Z")),
            ..TokenFacts::default()
        }
    }

    fn judged(token: TokenFacts) -> (JobResult, Vec<(&'static str, Severity)>, Option<String>) {
        let found = Found { token, ..Found::default() };
        let checked = judge(&found, Some("7"), at(NOW));
        let alerts = checked.alerts.iter().map(|alert| (alert.kind.name(), alert.severity)).collect();
        (checked.outcome.result, alerts, checked.outcome.again_at.map(|at| at.to_string()))
    }

    #[test]
    fn each_trouble_is_an_alert_of_its_own_and_says_when_to_look_again() {
        use JobResult::{Failed, Ok as Fine, Warning};
        let ends = |text: &str| TokenFacts { expires_at: Some(at(text)), ..good() };
        let old = Some("2027-01-30T00:00:00Z".to_owned());
        let day = Some("2026-11-28T12:00:00Z".to_owned());
        let (warning, critical) = (Severity::Warning, Severity::Critical);
        for (facts, result, alerts, again) in [
            (good(), Fine, vec![], old.clone()),
            (TokenFacts { issued_at: None, ..good() }, Fine, vec![], None),
            // The next monthly look may be too late: it comes when the last fourteen days begin.
            (ends("2026-12-20T12:00:00Z"), Fine, vec![], Some("2026-12-06T12:00:00Z".to_owned())),
            (ends("2026-12-11T12:00:00Z"), Fine, vec![], day.clone()),
            (ends("2026-12-11T11:59:59Z"), Warning, vec![("token-expires", warning)], day.clone()),
            (ends("2026-11-30T11:59:59Z"), Failed, vec![("token-expires", critical)], day.clone()),
            (
                TokenFacts { issued_at: Some(at("2026-08-29T12:00:00Z")), ..good() },
                Warning,
                vec![("token-age", warning)],
                None,
            ),
            (
                TokenFacts { issued_at: Some(at("2026-08-29T12:00:01Z")), ..good() },
                Fine,
                vec![],
                Some("2026-11-27T12:00:01Z".to_owned()),
            ),
            (
                TokenFacts { scopes: vec![MESSAGING.to_owned()], ..good() },
                Warning,
                vec![("token-permission", warning)],
                old.clone(),
            ),
            (TokenFacts { scopes: vec![], ..good() }, Failed, vec![("token-permission", critical)], old.clone()),
            (TokenFacts { app_id: Some("8".to_owned()), ..good() }, Warning, vec![("token-app", warning)], old.clone()),
            (
                TokenFacts { is_valid: false, scopes: vec![], ..good() },
                Failed,
                vec![("token-refused", critical)],
                Some("2026-11-27T13:00:00Z".to_owned()),
            ),
        ] {
            let told = format!("{facts:?}");
            assert_eq!(judged(facts), (result, alerts, again), "{told}");
        }
    }

    #[test]
    fn a_refused_token_leaves_open_what_it_cannot_know() {
        let refused = Found { token: TokenFacts::default(), ..Found::default() };
        assert_eq!(judge(&refused, None, at(NOW)).known, [AlertKind::TokenRefused]);
        let good = Found { token: good(), ..Found::default() };
        assert_eq!(judge(&good, None, at(NOW)).known, KINDS);
    }

    #[test]
    fn numbers_and_accounts_that_are_not_well_are_alerts_of_theirs() {
        let step = |what: &str, verdict| Step {
            what: what.to_owned(),
            verdict,
            detail: "its status is FLAGGED".to_owned(),
            remedy: (verdict != Verdict::Ok).then_some("look at it"),
        };
        let found = Found {
            token: good(),
            numbers: vec![
                ("default".parse().unwrap(), step("number default", Verdict::Ok)),
                ("riyadh".parse().unwrap(), step("number riyadh", Verdict::Warning)),
            ],
            accounts: vec![("800".to_owned(), step("webhook of 800", Verdict::Failed))],
        };
        let checked = judge(&found, None, at(NOW));
        let told: Vec<_> = checked.alerts.iter().map(|alert| (alert.scope.to_string(), alert.severity)).collect();
        assert_eq!(
            told,
            [("sender riyadh".to_owned(), Severity::Warning), ("account 800".to_owned(), Severity::Critical)]
        );
        assert_eq!(checked.outcome.result, JobResult::Failed);
        assert_eq!(checked.alerts[0].text, "number riyadh: its status is FLAGGED; look at it");
    }

    #[test]
    fn seconds_left_are_infinitely_many_for_a_token_without_an_end_and_none_for_a_refused_one() {
        let now = at(NOW);
        let checked = TokenChecked { is_valid: true, expires_at: None, issued_at: None };
        assert!(checked.seconds_left(now).is_infinite());
        let ends = TokenChecked { expires_at: Some(at("2026-11-27T12:01:00Z")), ..checked };
        assert!((ends.seconds_left(now) - 60.0).abs() < 1e-9);
        let refused = TokenChecked { is_valid: false, ..ends };
        assert!(refused.seconds_left(now).abs() < 1e-9);
        let details = serde_json::to_value(&refused).unwrap();
        assert_eq!(serde_json::from_value::<TokenChecked>(details).unwrap(), refused);
    }
}
