//! Messages that failed: listed through their own index, and put back to waiting in bounded transactions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::{self, STANDING_COLUMNS};
use super::journal::{limited, page};
use super::ledger::Ledger;
use super::open::unexpected;
use super::policies::Policies;
use super::request::{Outcome, Request};
use super::sql::{Arg, Db, Row, Sql, args};
use crate::domain::delivery::Delivery;
use crate::domain::failure::FailureClass;
use crate::domain::ids::MessageId;
use crate::ports::{DeadLetter, DeadLetterFilter, DeadLetters, Page, ReplayTerms, Replayed, Stored};

/// Messages that one transaction puts back.
const PART_ROWS: u64 = 500;
/// What records of version 0.1 call a throttled number.
const THROTTLED: &str = "throttled";

/// One step of a replay.
pub(super) struct Part<'a> {
    pub(super) filter: &'a DeadLetterFilter,
    pub(super) terms: &'a ReplayTerms,
    pub(super) after: Option<MessageId>,
    pub(super) now: Timestamp,
}

/// The tables and conditions behind a filter, of messages `m` and runs `r`.
fn matching(filter: &DeadLetterFilter) -> (String, Vec<Arg>) {
    let mut sql = "FROM messages m LEFT JOIN runs r ON r.id = m.run_id WHERE m.state = 'failed'".to_owned();
    let mut values = Vec::new();
    if let Some(campaign) = &filter.campaign {
        sql.push_str(
            " AND r.campaign = ? AND m.id >= (SELECT MIN(first_message) FROM runs WHERE campaign = ?) \
             AND m.id <= (SELECT MAX(last_message) FROM runs WHERE campaign = ?)",
        );
        values.extend(args![campaign.as_str(), campaign.as_str(), campaign.as_str()]);
    }
    if let Some(run) = filter.run {
        sql.push_str(
            " AND m.run_id = ? AND m.id >= (SELECT first_message FROM runs WHERE id = ?) \
             AND m.id <= (SELECT last_message FROM runs WHERE id = ?)",
        );
        values.extend(args![run.number(), run.number(), run.number()]);
    }
    if let Some(class) = filter.class {
        let mut names = vec![class.name().to_owned()];
        names.extend((class == FailureClass::NumberThrottled).then(|| THROTTLED.to_owned()));
        sql.push_str(" AND m.reason {}");
        values.extend(args![names]);
    }
    if let Some(code) = filter.code {
        sql.push_str(" AND m.code = ?");
        values.extend(args![code]);
    }
    if let Some(since) = filter.since {
        sql.push_str(" AND m.changed_at >= ?");
        values.extend(args![since]);
    }
    if !filter.messages.is_empty() {
        sql.push_str(" AND m.id {}");
        values.extend(args![filter.messages.iter().map(|id| id.number()).collect::<Vec<i64>>()]);
    }
    (sql, values)
}

/// Likewise, without what a replay leaves out.
fn replayable(filter: &DeadLetterFilter) -> (String, Vec<Arg>) {
    let (mut sql, mut values) = matching(filter);
    sql.push_str(" AND (r.state IS NULL OR r.state <> 'cancelled')");
    if filter.class.is_none() {
        sql.push_str(" AND m.reason <> ?");
        values.extend(args![FailureClass::OptedOut.name()]);
    }
    (sql, values)
}

/// Puts some of them back to waiting.
pub(super) async fn replay(
    db: &Db<'_, DatabaseTransaction>,
    policies: &Policies,
    part: &Part<'_>,
    shard: i64,
) -> Sql<Replayed> {
    let (matching, mut values) = replayable(part.filter);
    let sql = format!("SELECT m.id {matching} AND m.id > ? ORDER BY m.id LIMIT ?");
    values.extend(args![part.after.map_or(0, MessageId::number), limited(PART_ROWS)]);
    let rows = db.all(&sql, values).await?;
    let ids = rows.iter().map(|row| Row::of(row, "messages").int()).collect::<Sql<BTreeSet<i64>>>()?;
    let next = ids.last().filter(|_| ids.len() as u64 >= PART_ROWS).map(|id| MessageId::new(*id));
    if ids.is_empty() {
        return Ok(Replayed::default());
    }
    // Locked and looked at once more: what was shown to have arrived meanwhile stays where it is.
    let mut ledger = Ledger::load(db, policies, &ids, &[]).await?;
    let replayed = ids.iter().filter_map(|id| Some((MessageId::new(*id), ledger.replay(*id, part.terms, part.now)?)));
    let messages = replayed.collect();
    ledger.save(db, shard).await?;
    Ok(Replayed { messages, next })
}

fn dead_letter(row: &mut Row<'_>) -> Sql<Option<DeadLetter>> {
    let id = MessageId::new(row.int()?);
    let campaign = row.opt_parsed(|text| text.parse().ok())?;
    let standing = encode::standing(row)?;
    let (failed_at, expires_at, first) = (row.time()?, row.time()?, row.opt_text()?);
    // Every row is a failed one: the statement says so.
    let Delivery::Failed(last) = standing.delivery else { return Ok(None) };
    let first = first.unwrap_or_else(|| encode::refusal_text(&last));
    let (channel, attempts) = (standing.channel, standing.attempt);
    Ok(Some(DeadLetter { id, campaign, channel, last, first, attempts, failed_at, expires_at }))
}

#[async_trait]
impl DeadLetters for SqlStore {
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Stored<Page<DeadLetter>> {
        let (matching, mut values) = matching(filter);
        let sql = format!(
            "SELECT m.id, r.campaign, {STANDING_COLUMNS}, m.changed_at, m.expires_at, \
             (SELECT h.detail FROM history h WHERE h.message_id = m.id AND h.event IN ('failed', 'not-sent', 'unanswered') \
              ORDER BY h.seq LIMIT 1) AS first {matching} AND m.id < ? ORDER BY m.id DESC LIMIT ?"
        );
        values.extend(args![before.unwrap_or(i64::MAX), limited(limit)]);
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "messages", dead_letter)?.into_iter().flatten().collect();
        Ok(page(items, limit, |letter: &DeadLetter| letter.id.number()))
    }

    async fn replayable(&self, filter: &DeadLetterFilter) -> Stored<u64> {
        let (matching, values) = replayable(filter);
        let rows = self.read(&format!("SELECT COUNT(*) {matching}"), values).await?;
        Ok(self.rows(&rows, "messages", |row| row.small())?.into_iter().next().unwrap_or(0))
    }

    async fn replay(
        &self,
        filter: &DeadLetterFilter,
        terms: &ReplayTerms,
        after: Option<MessageId>,
        now: Timestamp,
    ) -> Stored<Replayed> {
        let request = Request::Replay { filter: Box::new(filter.clone()), terms: terms.clone(), after, now };
        match self.writers.ask(request).await? {
            Outcome::Replayed(replayed) => Ok(replayed),
            other => Err(unexpected(&other)),
        }
    }
}
