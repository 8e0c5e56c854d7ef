//! Removes what is older than it is to be, a few hundred rows in one transaction.
//!
//! Rows are numbered in the order in which they were written, so a step reads the next few hundred by their key and ends at the first that
//! is too young: no index on times is needed, and nothing is scanned. Of kinds whose rows stay behind, thinner, it is noted up to which row
//! that was done.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::millis;
use super::media;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::retention::Retained;
use crate::ports::{Stored, Tidied, Tidying};

/// Rows in one step: so few that whoever writes beside it waits for some milliseconds.
const STEP: i64 = 200;

/// Rows that one step is about.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) what: Retained,
    pub(super) before: Timestamp,
    pub(super) ids: Vec<i64>,
    /// The last row that was looked at.
    pub(super) through: i64,
    pub(super) now: Timestamp,
}

/// Key and time of the rows of a kind, in the order of the key. The time is that of writing: a row behind a younger one is not looked at.
const fn in_order(what: Retained) -> &'static str {
    match what {
        Retained::Journal => "SELECT id, received_at FROM journal WHERE id > ? ORDER BY id LIMIT ?",
        Retained::History | Retained::Messages => {
            "SELECT id, planned_at FROM messages WHERE id > ? ORDER BY id LIMIT ?"
        }
        Retained::Media | Retained::Feedback => "SELECT id, received_at FROM feedback WHERE id > ? ORDER BY id LIMIT ?",
        Retained::FlowResults => "SELECT id, ended_at FROM flow_results WHERE id > ? ORDER BY id LIMIT ?",
    }
}

/// Where it is noted up to which row a kind was made thinner; `None`: its rows go.
const fn mark(what: Retained) -> Option<&'static str> {
    match what {
        Retained::History => Some("tidied-history"),
        Retained::Media => Some("tidied-media"),
        Retained::Journal | Retained::Messages | Retained::Feedback | Retained::FlowResults => None,
    }
}

/// Removes those of the rows that may go; answers how many.
pub(super) async fn remove(db: &Db<'_, DatabaseTransaction>, old: &Old) -> Sql<u64> {
    let ids = || old.ids.clone();
    let removed = match old.what {
        // What was not applied yet waits, however old.
        Retained::Journal => db.run("DELETE FROM journal WHERE id {} AND applied_at IS NOT NULL", args![ids()]).await?,
        Retained::History => {
            db.run("DELETE FROM history WHERE message_id {} AND at < ?", args![ids(), old.before]).await?
        }
        Retained::Messages => messages(db, old).await?,
        Retained::Media => media::expire(db, ids(), old.now).await?,
        Retained::Feedback => {
            media::release_all(db, ids(), old.now).await?;
            db.run("DELETE FROM feedback WHERE id {}", args![ids()]).await?
        }
        Retained::FlowResults => {
            db.run("DELETE FROM flow_scores WHERE result_id {}", args![ids()]).await?;
            db.run("DELETE FROM flow_results WHERE id {}", args![ids()]).await?
        }
    };
    if let Some(mark) = mark(old.what) {
        let sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        db.run(sql, args![mark, old.through.to_string()]).await?;
    }
    Ok(removed)
}

/// Messages whose story is over, with what belongs to them.
async fn messages(db: &Db<'_, DatabaseTransaction>, old: &Old) -> Sql<u64> {
    let sql = "SELECT id FROM messages WHERE id {} AND changed_at < ? AND expires_at < ? AND due_at IS NULL \
               AND state NOT IN ('planned', 'held', 'calling', 'unknown') \
               AND (reason IS NULL OR reason <> 'awaiting-delivery')";
    let rows = db.all(sql, args![old.ids.clone(), old.before, old.now]).await?;
    let over: Vec<i64> = rows.iter().map(|row| Row::of(row, "messages").int()).collect::<Sql<_>>()?;
    if over.is_empty() {
        return Ok(0);
    }
    db.run("DELETE FROM history WHERE message_id {}", args![over.clone()]).await?;
    db.run("DELETE FROM links WHERE message_id {}", args![over.clone()]).await?;
    // What they cost stays in the sums by day.
    db.run("DELETE FROM charges WHERE message_id {}", args![over.clone()]).await?;
    db.run("DELETE FROM messages WHERE id {}", args![over]).await
}

#[async_trait]
impl Tidying for SqlStore {
    async fn tidy(&self, what: Retained, before: Timestamp, after: Option<i64>, now: Timestamp) -> Stored<Tidied> {
        let after = match (after, mark(what)) {
            (Some(after), _) => after,
            (None, Some(mark)) => {
                let rows = self.read("SELECT value FROM meta WHERE key = ?", args![mark]).await?;
                let marks = self.rows(&rows, "meta", |row| row.opt_parsed(|text| text.parse().ok()))?;
                marks.into_iter().flatten().next().unwrap_or(0)
            }
            (None, None) => 0,
        };
        let rows = self.read(in_order(what), args![after, STEP]).await?;
        let rows = self.rows(&rows, what.name(), |row| Ok((row.int()?, row.int()?)))?;
        let ids: Vec<i64> = rows.iter().take_while(|(_, at)| *at < millis(before)).map(|(id, _)| *id).collect();
        let Some(through) = ids.last().copied() else { return Ok(Tidied { removed: 0, next: None }) };
        let next = (ids.len() == rows.len()).then_some(through);
        match self.writers.ask(Request::Tidy(Box::new(Old { what, before, ids, through, now }))).await? {
            Outcome::Count(removed) => Ok(Tidied { removed, next }),
            other => Err(unexpected(&other)),
        }
    }
}
