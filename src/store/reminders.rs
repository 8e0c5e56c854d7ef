//! Reminders: runs that belong to another run.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::{self, CONTACT_COLUMNS, RUN_COLUMNS};
use super::journal::limited;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::runs::{locked, missing};
use super::sql::{Db, Row, Sql, args};
use crate::domain::contact::Contact;
use crate::domain::ids::{MessageId, RunId};
use crate::domain::run::{Run, RunState};
use crate::ports::{Page, Reminders, StoreError, Stored};

/// Opens a reminder, unless it is open or the run has no more of them.
pub(super) async fn open(
    db: &Db<'_, DatabaseTransaction>,
    of: RunId,
    number: u32,
    due_at: Timestamp,
    definition: &str,
    now: Timestamp,
) -> Sql<Option<Run>> {
    let (run, _) = locked(db, of).await?.ok_or_else(|| missing(of))?;
    if run.state != RunState::Finished {
        return Ok(None);
    }
    let (of, number) = (of.number(), i64::from(number));
    let new = db
        .run(
            "INSERT INTO runs (campaign, due_at, state, definition, created_at, reminder_of, reminder) \
             SELECT campaign, ?, ?, ?, ?, id, ? FROM runs WHERE id = ? AND reminders_left > 0 ON CONFLICT DO NOTHING",
            args![due_at, RunState::Planning.name(), definition, now, number, of],
        )
        .await?;
    if new == 0 {
        return Ok(None);
    }
    db.run("UPDATE runs SET reminders_left = reminders_left - 1 WHERE id = ?", args![of]).await?;
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs r WHERE r.reminder_of = ? AND r.reminder = ?");
    let row = db.first(&sql, args![of, number]).await?;
    row.map(|row| encode::run(&mut Row::of(&row, "runs"))).transpose()
}

/// No further reminder of this run is opened.
pub(super) async fn end(db: &Db<'_, DatabaseTransaction>, of: RunId) -> Sql<()> {
    db.run("UPDATE runs SET reminders_left = 0 WHERE id = ?", args![of.number()]).await?;
    Ok(())
}

#[async_trait]
impl Reminders for SqlStore {
    async fn reminding(&self) -> Stored<Vec<Run>> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs r WHERE r.reminders_left > 0 AND r.state = 'finished' ORDER BY r.id"
        );
        let rows = self.read(&sql, args![]).await?;
        self.rows(&rows, "runs", encode::run)
    }

    async fn reminders_of(&self, run: RunId) -> Stored<Vec<Run>> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs r WHERE r.reminder_of = ? ORDER BY r.reminder");
        let rows = self.read(&sql, args![run.number()]).await?;
        self.rows(&rows, "runs", encode::run)
    }

    async fn open_reminder(
        &self,
        of: RunId,
        number: u32,
        due_at: Timestamp,
        definition: &str,
        now: Timestamp,
    ) -> Stored<Option<Run>> {
        let request = Request::OpenReminder { of, number, due_at, definition: definition.to_owned(), now };
        match self.writers.ask(request).await? {
            Outcome::NewRun(run) => Ok(run),
            other => Err(unexpected(&other)),
        }
    }

    async fn end_reminders(&self, of: RunId) -> Stored<()> {
        match self.writers.ask(Request::EndReminders { of }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn unanswered(&self, run: RunId, after: Option<MessageId>, limit: u64) -> Stored<Page<Contact>> {
        // A run notes its first and last message, so only its own part of the table is looked through.
        let sql = format!(
            "SELECT {CONTACT_COLUMNS}, m.id FROM messages m JOIN contacts c ON c.id = m.contact_id \
             WHERE m.run_id = ? AND m.id > ? AND m.id >= (SELECT first_message FROM runs WHERE id = ?) \
             AND m.id <= (SELECT last_message FROM runs WHERE id = ?) AND m.state IN ('delivered', 'read') \
             AND NOT EXISTS (SELECT 1 FROM feedback f WHERE f.contact_id = m.contact_id AND f.received_at >= m.called_at) \
             ORDER BY m.id LIMIT ?"
        );
        let (run, after) = (run.number(), after.map_or(0, MessageId::number));
        let rows = self.read(&sql, args![run, after, run, run, limited(limit)]).await?;
        let found = self.rows(&rows, "contacts", |row| Ok((encode::contact(row)?, row.int()?)))?;
        let next = found.last().map(|(_, message)| *message).filter(|_| found.len() as u64 >= limit);
        Ok(Page { items: found.into_iter().map(|(contact, _)| contact).collect(), next })
    }

    async fn committed_micros(&self, run: RunId) -> Stored<i64> {
        let sql = "SELECT CAST(COALESCE(SUM(c.micros + c.reserved), 0) AS BIGINT) FROM run_costs c \
                   WHERE c.run_id IN (SELECT id FROM runs WHERE id = ? OR reminder_of = ?)";
        let rows = self.read(sql, args![run.number(), run.number()]).await?;
        let sum = self.rows(&rows, "run_costs", |row| row.int())?.into_iter().next();
        sum.ok_or_else(|| StoreError::Inconsistent { place: "run_costs: a sum without a row".to_owned() })
    }
}
