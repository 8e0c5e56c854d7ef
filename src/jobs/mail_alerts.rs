//! Mails what is raised, what has become critical and what is over to those who operate the service: each once, and again where the mail server is away.

use jiff::SignedDuration;

use crate::domain::alert::{Alert, AlertMail, MailStep, Severity, mail_step};
use crate::domain::failure::FailureClass;
use crate::jobs::JobError;
use crate::ports::{AlertToMail, Answer, Clock, Notice, Notices, Store};

/// Alerts looked at in one pass.
const STEP: u64 = 20;
/// How long a mail belongs to the process that sends it: longer than all its recipients take.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Waits after each try that did not reach everybody; the last one repeats.
const WAITS: [SignedDuration; 4] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
];

/// To whom, and how.
#[derive(Debug, Clone)]
pub struct MailTo {
    /// Addresses.
    pub to: Vec<String>,
    /// Between two mails that the same thing was raised.
    pub apart: SignedDuration,
    /// The tag of the record, so that mails of two installations are told apart.
    pub tag: String,
}

/// Mails what is due. Safe to run in several processes: each mail is sent by one of them.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(
    store: &dyn Store,
    notices: &dyn Notices,
    clock: &dyn Clock,
    mail_to: &MailTo,
) -> Result<(), JobError> {
    let doing = "mailing alerts";
    let due = store.alerts_to_mail(clock.now(), STEP).await.map_err(JobError::from_store(doing))?;
    for found in due {
        let AlertToMail { alert, mailed, due_at, tries, reached } = &found;
        let now = clock.now();
        let plan = async |planned, next, tries, reached| {
            store.plan_alert_mail(alert.id, planned, next, tries, reached).await.map_err(JobError::from_store(doing))
        };
        let mail = match mail_step(alert, mailed, mail_to.apart, now) {
            MailStep::Now(mail) => mail,
            MailStep::NotBefore(at) => {
                plan(*due_at, Some(at), *tries, Vec::new()).await?;
                continue;
            }
            MailStep::Nothing => {
                plan(*due_at, None, 0, Vec::new()).await?;
                continue;
            }
        };
        let held_until = now.saturating_add(LEASE).unwrap_or(now);
        if !plan(*due_at, Some(held_until), *tries, reached.clone()).await? {
            continue;
        }
        let (reached, missed) = tell_all(notices, mail_to, alert, mail, reached).await;
        if missed.is_none() {
            store
                .alert_mailed(alert.id, mail, alert.severity, clock.now())
                .await
                .map_err(JobError::from_store(doing))?;
            continue;
        }
        let wait = WAITS[usize::from(*tries).min(WAITS.len() - 1)];
        let next = clock.now().saturating_add(wait).unwrap_or(held_until);
        tracing::warn!(
            alert.id = %alert.id,
            because = missed,
            again_at = %next,
            "an alert could not be mailed to everybody; it is tried again"
        );
        plan(held_until, Some(next), tries.saturating_add(1), reached).await?;
    }
    Ok(())
}

/// Mails it to everybody who was not reached before; answers who is reached now, and why somebody is not.
async fn tell_all(
    notices: &dyn Notices,
    mail_to: &MailTo,
    alert: &Alert,
    mail: AlertMail,
    reached: &[String],
) -> (Vec<String>, Option<String>) {
    let (mut reached, mut missed) = (reached.to_vec(), None);
    for to in &mail_to.to {
        if reached.contains(to) {
            continue;
        }
        match notices.tell(&notice(alert, mail, to, &mail_to.tag)).await {
            Answer::Accepted(_) => reached.push(to.clone()),
            // Nobody is there, and nobody will be: the others have it.
            Answer::Refused(refusal) if refusal.class == FailureClass::Undeliverable => {
                tracing::error!(
                    alert.id = %alert.id,
                    because = refusal.details,
                    "an address of `[alerts] email_to` takes no mail; correct it"
                );
                reached.push(to.clone());
            }
            Answer::Refused(refusal) => missed = Some(refusal.details),
            Answer::NotSent { because } | Answer::Unanswered { because } => missed = Some(because),
        }
    }
    (reached, missed)
}

/// What the mail says.
fn notice(alert: &Alert, mail: AlertMail, to: &str, tag: &str) -> Notice {
    let Alert { id, kind, scope, severity, text, since, cleared_at, .. } = alert;
    let (kind, severity) = (kind.name(), severity.name());
    let (word, subject, more) = match (mail, cleared_at) {
        (AlertMail::Raised, _) => ("raised", format!("barid: {severity}: {kind} ({scope})"), String::new()),
        (AlertMail::Risen, _) => {
            let was = format!("was:      {}\n", Severity::Warning.name());
            ("risen", format!("barid: {severity} now: {kind} ({scope})"), was)
        }
        (AlertMail::Cleared, at) => {
            let at = at.map_or(String::new(), |at| at.to_string());
            ("cleared", format!("barid: over: {kind} ({scope})"), format!("over:     {at}\n"))
        }
    };
    let text = format!(
        "{text}\n\nalert:    {id} ({kind})\nseverity: {severity}\nabout:    {scope}\nsince:    {since}\n{more}\n\
         `barid alert list` shows what is open.\n"
    );
    Notice { id: format!("{tag}.{id}.{word}"), to: to.to_owned(), subject, text, page: None, files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{AlertKind, AlertScope};
    use crate::domain::ids::AlertId;

    #[test]
    fn the_mails_as_they_are_read() {
        let alert = Alert {
            id: AlertId::new(7),
            kind: AlertKind::TokenExpires,
            scope: AlertScope::Installation,
            severity: Severity::Warning,
            text: "the access token ends at 2026-12-01T00:00:00Z; make another one".to_owned(),
            since: "2026-11-20T06:00:00Z".parse().unwrap(),
            changed_at: "2026-11-20T06:00:00Z".parse().unwrap(),
            cleared_at: "2026-11-21T06:00:00Z".parse().ok(),
        };
        let worse = Alert { severity: Severity::Critical, ..alert.clone() };
        let mails = [(&alert, AlertMail::Raised), (&worse, AlertMail::Risen), (&alert, AlertMail::Cleared)];
        let shown = mails.map(|(alert, mail)| {
            let Notice { id, subject, text, .. } = notice(alert, mail, "ops@example.com", "k7q2");
            format!("{id}\n{subject}\n\n{text}")
        });
        insta::assert_snapshot!(shown.join("----\n"), @r#"
        k7q2.alr_00000007.raised
        barid: warning: token-expires (installation)

        the access token ends at 2026-12-01T00:00:00Z; make another one

        alert:    alr_00000007 (token-expires)
        severity: warning
        about:    installation
        since:    2026-11-20T06:00:00Z

        `barid alert list` shows what is open.
        ----
        k7q2.alr_00000007.risen
        barid: critical now: token-expires (installation)

        the access token ends at 2026-12-01T00:00:00Z; make another one

        alert:    alr_00000007 (token-expires)
        severity: critical
        about:    installation
        since:    2026-11-20T06:00:00Z
        was:      warning

        `barid alert list` shows what is open.
        ----
        k7q2.alr_00000007.cleared
        barid: over: token-expires (installation)

        the access token ends at 2026-12-01T00:00:00Z; make another one

        alert:    alr_00000007 (token-expires)
        severity: warning
        about:    installation
        since:    2026-11-20T06:00:00Z
        over:     2026-11-21T06:00:00Z

        `barid alert list` shows what is open.
        "#);
    }
}
