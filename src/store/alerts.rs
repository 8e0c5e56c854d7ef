//! Alerts: one open row for each kind and scope, told in the transaction in which it is raised or cleared.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::{millis, storable};
use super::journal::{limited, page};
use super::open::unexpected;
use super::outbox::{self, Wanted};
use super::request::{Outcome, Request};
use super::sql::{Db, Fault, Row, Sql, args};
use crate::domain::alert::{Alert, AlertKind, AlertMail, AlertScope, Mailed, NewAlert, Severity};
use crate::domain::hook::data::AlertChanged;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::AlertId;
use crate::ports::{AlertToMail, Alerts, Page, Stored};

const COLUMNS: &str = "id, kind, scope, value, severity, text, since, changed_at, cleared_at";
/// Alerts that one transaction deletes.
const TIDIED_MAX: u64 = 500;
/// Between not finding an open alert and not finding none, somebody else may be quicker, and then slower; not for ever.
const RACES_MAX: usize = 8;

/// What is written about alerts.
#[derive(Debug)]
pub(super) enum AlertWrite {
    Raise { new: NewAlert, now: Timestamp },
    Clear { kind: AlertKind, scope: AlertScope, now: Timestamp },
    PlanMail { id: AlertId, planned: Timestamp, next: Option<Timestamp>, tries: u16, reached: Vec<String> },
    Mailed { id: AlertId, mail: AlertMail, severity: Severity, now: Timestamp },
    Tidy { before: Timestamp },
}

/// Writes it.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, wanted: &Wanted, write: &AlertWrite) -> Sql<Outcome> {
    match write {
        AlertWrite::Raise { new, now } => {
            let (alert, is_new) = raise(db, new, *now).await?;
            if is_new {
                tell(db, wanted, HookEvent::AlertRaised, &alert, *now).await?;
            }
            Ok(Outcome::Alert(Some(Box::new(alert)), is_new))
        }
        AlertWrite::Clear { kind, scope, now } => {
            let sql = format!(
                "UPDATE alerts SET cleared_at = ?, mail_due_at = ?, mail_tries = 0, mail_reached = '[]' \
                 WHERE kind = ? AND scope = ? AND value = ? AND cleared_at IS NULL RETURNING {COLUMNS}"
            );
            let cleared = db.first(&sql, args![*now, *now, kind.name(), scope.kind(), scope.value()]).await?;
            let cleared = cleared.map(|row| alert(&mut Row::of(&row, "alerts"))).transpose()?;
            if let Some(alert) = &cleared {
                tell(db, wanted, HookEvent::AlertCleared, alert, *now).await?;
            }
            Ok(Outcome::Alert(cleared.map(Box::new), false))
        }
        AlertWrite::PlanMail { id, planned, next, tries, reached } => {
            let reached = serde_json::to_string(reached).expect("texts are always JSON");
            let sql =
                "UPDATE alerts SET mail_due_at = ?, mail_tries = ?, mail_reached = ? WHERE id = ? AND mail_due_at = ?";
            let values = args![next.map(millis), i64::from(*tries), reached, id.number(), *planned];
            Ok(Outcome::Ended(db.run(sql, values).await? > 0))
        }
        AlertWrite::Mailed { id, mail, severity, now } => {
            let column = match mail {
                AlertMail::Raised | AlertMail::Risen => "raised_mail_at",
                AlertMail::Cleared => "cleared_mail_at",
            };
            // What ended or became critical while its mail was on the way is looked at again: that is to be told, too.
            let sql = format!(
                "UPDATE alerts SET {column} = ?, mail_tries = 0, mail_reached = '[]', \
                 mailed_severity = CASE WHEN mailed_severity = 'critical' THEN mailed_severity ELSE ? END, \
                 mail_due_at = CASE WHEN ? = 1 AND (cleared_at IS NOT NULL OR (severity = 'critical' AND ? <> 'critical')) THEN ? END \
                 WHERE id = ?"
            );
            let may_change = i64::from(*mail != AlertMail::Cleared);
            let told = severity.name();
            db.run(&sql, args![*now, told, may_change, told, millis(*now), id.number()]).await?;
            Ok(Outcome::Done)
        }
        AlertWrite::Tidy { before } => {
            let sql = "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE cleared_at < ? ORDER BY cleared_at, id LIMIT ?)";
            Ok(Outcome::Count(db.run(sql, args![*before, limited(TIDIED_MAX)]).await?))
        }
    }
}

async fn raise(db: &Db<'_, DatabaseTransaction>, new: &NewAlert, now: Timestamp) -> Sql<(Alert, bool)> {
    let (kind, scope, value) = (new.kind.name(), new.scope.kind(), storable(new.scope.value()));
    let (severity, text) = (new.severity.name(), storable(new.text.clone()));
    // Of the row as it was: whoever was told of a warning is to be told of what it has become.
    let rises = match new.severity {
        Severity::Critical => "severity = 'warning'",
        Severity::Warning => "FALSE",
    };
    for _ in 0..RACES_MAX {
        let sql = format!(
            "UPDATE alerts SET severity = ?, text = ?, changed_at = CASE WHEN severity = ? AND text = ? THEN changed_at ELSE ? END, \
             mail_due_at = CASE WHEN {rises} THEN ? ELSE mail_due_at END, mail_tries = CASE WHEN {rises} THEN 0 ELSE mail_tries END, \
             mail_reached = CASE WHEN {rises} THEN '[]' ELSE mail_reached END \
             WHERE kind = ? AND scope = ? AND value = ? AND cleared_at IS NULL RETURNING {COLUMNS}"
        );
        let values = args![severity, text.clone(), severity, text.clone(), now, now, kind, scope, value.clone()];
        if let Some(row) = db.first(&sql, values).await? {
            return Ok((alert(&mut Row::of(&row, "alerts"))?, false));
        }
        let id = db.fresh_ids("alerts", 1).await?[0];
        let sql = format!(
            "INSERT INTO alerts (id, kind, scope, value, severity, text, since, changed_at, mail_due_at, mail_tries, mail_reached) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '[]') ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
        );
        let values = args![id, kind, scope, value.clone(), severity, text.clone(), now, now, now];
        if let Some(row) = db.first(&sql, values).await? {
            return Ok((alert(&mut Row::of(&row, "alerts"))?, true));
        }
    }
    Err(Fault::Impossible("alerts: one that is neither open nor not".to_owned()))
}

async fn tell(
    db: &Db<'_, DatabaseTransaction>,
    wanted: &Wanted,
    event: HookEvent,
    alert: &Alert,
    now: Timestamp,
) -> Sql<()> {
    let value = alert.scope.value();
    outbox::add(db, wanted, vec![NewHookEvent::new(event, None, now, &AlertChanged::new(alert, &value))]).await
}

fn alert(row: &mut Row<'_>) -> Sql<Alert> {
    let (id, kind) = (AlertId::new(row.int()?), row.parsed(AlertKind::named)?);
    let (scope, value) = (row.text()?, row.text()?);
    let scope = AlertScope::of(&scope, &value).ok_or_else(|| row.impossible())?;
    Ok(Alert {
        id,
        kind,
        scope,
        severity: row.parsed(Severity::named)?,
        text: row.text()?,
        since: row.time()?,
        changed_at: row.time()?,
        cleared_at: row.opt_time()?,
    })
}

impl SqlStore {
    async fn write_alert(&self, write: AlertWrite) -> Stored<Outcome> {
        self.writers.ask(Request::Alert(Box::new(write))).await
    }
}

#[async_trait]
impl Alerts for SqlStore {
    async fn raise_alert(&self, new: NewAlert, now: Timestamp) -> Stored<(Alert, bool)> {
        match self.write_alert(AlertWrite::Raise { new, now }).await? {
            Outcome::Alert(Some(alert), is_new) => Ok((*alert, is_new)),
            other => Err(unexpected(&other)),
        }
    }

    async fn clear_alert(&self, kind: AlertKind, scope: AlertScope, now: Timestamp) -> Stored<Option<Alert>> {
        match self.write_alert(AlertWrite::Clear { kind, scope, now }).await? {
            Outcome::Alert(cleared, _) => Ok(cleared.map(|alert| *alert)),
            other => Err(unexpected(&other)),
        }
    }

    async fn open_alerts(&self) -> Stored<Vec<Alert>> {
        let sql = format!("SELECT {COLUMNS} FROM alerts WHERE cleared_at IS NULL ORDER BY id");
        let rows = self.read(&sql, args![]).await?;
        self.rows(&rows, "alerts", alert)
    }

    async fn all_alerts(&self, before: Option<i64>, limit: u64) -> Stored<Page<Alert>> {
        let sql = format!("SELECT {COLUMNS} FROM alerts WHERE id < ? ORDER BY id DESC LIMIT ?");
        let rows = self.read(&sql, args![before.unwrap_or(i64::MAX), limited(limit)]).await?;
        Ok(page(self.rows(&rows, "alerts", alert)?, limit, |alert| alert.id.number()))
    }

    async fn alerts_to_mail(&self, now: Timestamp, limit: u64) -> Stored<Vec<AlertToMail>> {
        let sql = format!(
            "SELECT {COLUMNS}, raised_mail_at, cleared_mail_at, \
             (SELECT MAX(s.raised_mail_at) FROM alerts s WHERE s.kind = a.kind AND s.scope = a.scope AND s.value = a.value), \
             mailed_severity, mail_due_at, mail_tries, mail_reached FROM alerts a WHERE mail_due_at <= ? ORDER BY mail_due_at, id LIMIT ?"
        );
        let rows = self.read(&sql, args![now, limited(limit)]).await?;
        self.rows(&rows, "alerts", |row| {
            let alert = alert(row)?;
            let (raised_at, cleared_at, same_at) = (row.opt_time()?, row.opt_time()?, row.opt_time()?);
            let severity = row.opt_parsed(Severity::named)?;
            let mailed = Mailed { raised_at, cleared_at, same_at, severity };
            let (due_at, tries) = (row.time()?, row.small()?);
            let reached = row.parsed(|text| serde_json::from_str(text).ok())?;
            Ok(AlertToMail { alert, mailed, due_at, tries, reached })
        })
    }

    async fn plan_alert_mail(
        &self,
        id: AlertId,
        planned: Timestamp,
        next: Option<Timestamp>,
        tries: u16,
        reached: Vec<String>,
    ) -> Stored<bool> {
        match self.write_alert(AlertWrite::PlanMail { id, planned, next, tries, reached }).await? {
            Outcome::Ended(is_ours) => Ok(is_ours),
            other => Err(unexpected(&other)),
        }
    }

    async fn alert_mailed(&self, id: AlertId, mail: AlertMail, severity: Severity, now: Timestamp) -> Stored<()> {
        match self.write_alert(AlertWrite::Mailed { id, mail, severity, now }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn tidy_alerts(&self, before: Timestamp) -> Stored<u64> {
        match self.write_alert(AlertWrite::Tidy { before }).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }
}
