//! The journal looked at from outside: what is kept, what was set aside, and applying it again.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::journal::{NOT_APPLIED, limited, page};
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Arg, Db, Row, Sql, args};
use crate::domain::ids::JournalId;
use crate::domain::news::Source;
use crate::ports::{JournalFilter, JournalRow, Kept, KeptNews, Page, Stored};

/// Writers give out ids in lots, so a row may have a smaller id than another that came so much earlier.
const IDS_RUN_BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// Has rows that were applied or set aside applied once more; answers which. What was applied before stays marked so: what follows from it
/// beside the record does not follow again.
pub(super) async fn reopen(db: &Db<'_, DatabaseTransaction>, rows: &[JournalId]) -> Sql<Vec<JournalId>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.number()).collect();
    let sql = format!(
        "UPDATE journal SET applied_at = NULL, outcome = NULL, applied_before = CASE WHEN outcome IS NULL THEN 1 ELSE applied_before END \
         WHERE id {{}} AND NOT {NOT_APPLIED} RETURNING id"
    );
    let rows = db.all(&sql, args![ids]).await?;
    let mut reopened =
        rows.iter().map(|row| Row::of(row, "journal").int().map(JournalId::new)).collect::<Sql<Vec<_>>>()?;
    reopened.sort_unstable();
    Ok(reopened)
}

impl SqlStore {
    /// The smallest id behind which everything came at or after that moment. The journal has no index of times, which every callback would
    /// pay for; but ids grow with them.
    async fn first_since(&self, moment: Timestamp) -> Stored<i64> {
        let ends = self.read("SELECT COALESCE(MIN(id), 0), COALESCE(MAX(id), 0) FROM journal", args![]).await?;
        let ends = self.rows(&ends, "journal", |row| Ok((row.int()?, row.int()?)))?;
        let (mut low, mut high) =
            ends.into_iter().next().map_or((0, 0), |(first, last)| (first, last.saturating_add(1)));
        while low < high {
            let middle = low + (high - low) / 2;
            let sql = "SELECT id, received_at FROM journal WHERE id >= ? ORDER BY id LIMIT 1";
            let rows = self.read(sql, args![middle]).await?;
            let found = self.rows(&rows, "journal", |row| Ok((row.int()?, row.time()?)))?;
            match found.first() {
                Some((id, received_at)) if *received_at < moment => low = id.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The conditions of a filter.
    async fn conditions(&self, filter: &JournalFilter) -> Stored<(String, Vec<Arg>)> {
        let (mut sql, mut values) = ("applied_at IS NOT NULL".to_owned(), Vec::new());
        if filter.set_aside {
            sql.push_str(" AND outcome IS NOT NULL");
        }
        if !filter.rows.is_empty() {
            sql.push_str(" AND id {}");
            values.extend(args![filter.rows.iter().map(|row| row.number()).collect::<Vec<i64>>()]);
        }
        if let Some(since) = filter.since {
            let early = since.saturating_sub(IDS_RUN_BEHIND).unwrap_or(Timestamp::MIN);
            sql.push_str(" AND received_at >= ? AND id >= ?");
            values.extend(args![since, self.first_since(early).await?]);
        }
        if let Some(until) = filter.until {
            let late = until.saturating_add(IDS_RUN_BEHIND).unwrap_or(Timestamp::MAX);
            sql.push_str(" AND received_at < ? AND id < ?");
            values.extend(args![until, self.first_since(late).await?]);
        }
        Ok((sql, values))
    }
}

#[async_trait]
impl KeptNews for SqlStore {
    async fn kept_rows(
        &self,
        filter: &JournalFilter,
        after: Option<JournalId>,
        limit: u64,
    ) -> Stored<Page<JournalRow>> {
        let (conditions, mut values) = self.conditions(filter).await?;
        let sql = format!(
            "SELECT id, source, received_at, outcome, CAST(LENGTH(body) AS BIGINT) FROM journal WHERE {conditions} AND id > ? ORDER BY id LIMIT ?"
        );
        values.extend(args![after.map_or(0, JournalId::number), limited(limit)]);
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "journal", |row| {
            Ok(JournalRow {
                id: JournalId::new(row.int()?),
                source: row.parsed(Source::named)?,
                received_at: row.time()?,
                set_aside: row.opt_text()?,
                bytes: row.small()?,
            })
        })?;
        Ok(page(items, limit, |row| row.id.number()))
    }

    async fn kept(&self, id: JournalId) -> Stored<Option<Kept>> {
        let rows = self
            .read("SELECT source, body, received_at, applied_before FROM journal WHERE id = ?", args![id.number()])
            .await?;
        let kept = self.rows(&rows, "journal", |row| {
            let (source, body) = (row.parsed(Source::named)?, Bytes::from(row.bytes()?));
            Ok(Kept { source, body, received_at: row.time()?, applied_before: row.flag()? })
        })?;
        Ok(kept.into_iter().next())
    }

    async fn reopen(&self, rows: Vec<JournalId>) -> Stored<Vec<JournalId>> {
        match self.writers.ask(Request::Reopen { rows }).await? {
            Outcome::Rows(rows) => Ok(rows),
            other => Err(unexpected(&other)),
        }
    }
}
