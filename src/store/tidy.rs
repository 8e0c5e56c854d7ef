//! Removes what is older than it is to be, a few hundred rows in one transaction.
//!
//! Rows are numbered in the order in which they were written, so a step reads the next few hundred by their key and ends at the first that
//! is too young: no index on times is needed, and nothing is scanned. Of kinds whose rows stay behind, thinner, it is noted up to which row
//! that was done. Sums by day or month have no numbers: some of the oldest go in each step.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::millis;
use super::media;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::budget::{day_number, month_number};
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
/// `None`: its rows are not numbered.
const fn in_order(what: Retained) -> Option<&'static str> {
    let sql = match what {
        Retained::Journal => "SELECT id, received_at FROM journal WHERE id > ? ORDER BY id LIMIT ?",
        Retained::History | Retained::Messages => {
            "SELECT id, planned_at FROM messages WHERE id > ? ORDER BY id LIMIT ?"
        }
        Retained::Media | Retained::Feedback => "SELECT id, received_at FROM feedback WHERE id > ? ORDER BY id LIMIT ?",
        Retained::FlowResults => "SELECT id, ended_at FROM flow_results WHERE id > ? ORDER BY id LIMIT ?",
        Retained::Costs | Retained::Budgets | Retained::ReportMails => return None,
    };
    Some(sql)
}

/// A table whose rows are found by when they are from.
struct DatedTable {
    table: &'static str,
    /// Which column says it.
    written: Written,
    /// The columns of the key, in its order.
    key: &'static str,
}

/// When a row is from.
#[derive(Clone, Copy)]
enum Written {
    /// A day, where the account is.
    Day,
    /// A month, likewise.
    Month,
    /// A moment.
    Moment(&'static str),
}

/// The tables of a kind whose rows have no number.
const fn dated(what: Retained) -> &'static [DatedTable] {
    const COSTS: [DatedTable; 2] = [
        DatedTable {
            table: "cost_days",
            written: Written::Day,
            key: "day, shard, campaign, channel, country, category, language, currency, basis, source, free, difference",
        },
        DatedTable { table: "call_days", written: Written::Day, key: "day, shard, campaign, channel, language" },
    ];
    const BUDGETS: [DatedTable; 2] = [
        DatedTable { table: "budget_days", written: Written::Day, key: "day, shard" },
        DatedTable { table: "price_volumes", written: Written::Month, key: "month, scope, category" },
    ];
    const REPORT_MAILS: [DatedTable; 1] =
        [DatedTable { table: "report_mails", written: Written::Moment("begun_at"), key: "report, recipient" }];
    match what {
        Retained::Costs => &COSTS,
        Retained::Budgets => &BUDGETS,
        Retained::ReportMails => &REPORT_MAILS,
        Retained::Journal
        | Retained::History
        | Retained::Messages
        | Retained::Media
        | Retained::Feedback
        | Retained::FlowResults => &[],
    }
}

/// Removes some of the rows that are from before then; answers how many.
async fn remove_dated(db: &Db<'_, DatabaseTransaction>, what: Retained, before: Timestamp) -> Sql<u64> {
    // Wherever the account is, the day before this one is over.
    let day = before.to_zoned(TimeZone::UTC).date().yesterday().unwrap_or(Date::MIN);
    let mut removed = 0;
    for DatedTable { table, written, key } in dated(what) {
        let (column, before) = match written {
            Written::Day => ("day", day_number(day)),
            Written::Month => ("month", month_number(day)),
            Written::Moment(column) => (*column, millis(before)),
        };
        let sql = format!(
            "DELETE FROM {table} WHERE {column} < ? AND ({key}) IN (SELECT {key} FROM {table} WHERE {column} < ? ORDER BY {column} LIMIT ?)"
        );
        removed += db.run(&sql, args![before, before, STEP]).await?;
    }
    Ok(removed)
}

/// Where it is noted up to which row a kind was made thinner; `None`: its rows go.
const fn mark(what: Retained) -> Option<&'static str> {
    match what {
        Retained::History => Some("tidied-history"),
        Retained::Media => Some("tidied-media"),
        Retained::Journal
        | Retained::Messages
        | Retained::Feedback
        | Retained::FlowResults
        | Retained::Costs
        | Retained::Budgets
        | Retained::ReportMails => None,
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
        Retained::Costs | Retained::Budgets | Retained::ReportMails => remove_dated(db, old.what, old.before).await?,
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
        let remove = async |ids, through| {
            let old = Old { what, before, ids, through, now };
            match self.writers.ask(Request::Tidy(Box::new(old))).await? {
                Outcome::Count(removed) => Ok(removed),
                other => Err(unexpected(&other)),
            }
        };
        let Some(in_order) = in_order(what) else {
            let removed = remove(Vec::new(), 0).await?;
            // Where a step found as many as it may take, there may be more.
            let next = (removed >= STEP.unsigned_abs()).then(|| after.map_or(1, |steps| steps + 1));
            return Ok(Tidied { removed, next });
        };
        let after = match (after, mark(what)) {
            (Some(after), _) => after,
            (None, Some(mark)) => {
                let rows = self.read("SELECT value FROM meta WHERE key = ?", args![mark]).await?;
                let marks = self.rows(&rows, "meta", |row| row.opt_parsed(|text| text.parse().ok()))?;
                marks.into_iter().flatten().next().unwrap_or(0)
            }
            (None, None) => 0,
        };
        let rows = self.read(in_order, args![after, STEP]).await?;
        let rows = self.rows(&rows, what.name(), |row| Ok((row.int()?, row.int()?)))?;
        let ids: Vec<i64> = rows.iter().take_while(|(_, at)| *at < millis(before)).map(|(id, _)| *id).collect();
        let Some(through) = ids.last().copied() else { return Ok(Tidied { removed: 0, next: None }) };
        let next = (ids.len() == rows.len()).then_some(through);
        Ok(Tidied { removed: remove(ids, through).await?, next })
    }
}
