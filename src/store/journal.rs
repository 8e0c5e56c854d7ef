//! The journal of callback bodies and the feedback that came out of it.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use sea_orm::{DatabaseConnection, DatabaseTransaction};

use super::SqlStore;
use super::encode::{millis, storable};
use super::media;
use super::news::Dated;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::channel::Channel;
use crate::domain::feedback::{Feedback, Reading};
use crate::domain::ids::{ContactId, FeedbackId, JournalId, MessageId, RunId};
use crate::domain::news::Source;
use crate::ports::{Applied, Journal, Kept, Page, RowNews, Stored};

/// Whether a row that is looked up by its id was not applied yet.
///
/// `applied_at IS NULL` would say the same. But it also says that the index of unapplied rows holds the row, and PostgreSQL, which thinks that
/// index small, then reads all of it: every row of a backlog, for each lookup.
pub(super) const NOT_APPLIED: &str = "COALESCE(applied_at, -1) = -1";

/// Keeps bodies; answers the row of each by the place of its request.
pub(super) async fn append(
    db: &Db<'_, DatabaseTransaction>,
    bodies: &[(usize, Source, &Bytes, Timestamp)],
) -> Sql<HashMap<usize, JournalId>> {
    let ids = db.fresh_ids("journal", bodies.len()).await?;
    if !ids.is_empty() {
        let table = Table::new()
            .int("id", ids.iter().copied())
            .int("received_at", bodies.iter().map(|(_, _, _, received_at)| millis(*received_at)))
            .text("source", bodies.iter().map(|(_, source, ..)| source.name()))
            .bytes("body", bodies.iter().map(|(_, _, body, _)| body.to_vec()));
        let sql = "INSERT INTO journal (id, received_at, source, body) SELECT id, received_at, source, body FROM {}";
        db.run(sql, args![table]).await?;
    }
    Ok(bodies.iter().zip(ids).map(|((at, ..), id)| (*at, JournalId::new(id))).collect())
}

/// Marks a row that cannot be read.
pub(super) async fn set_aside(
    db: &Db<'_, DatabaseTransaction>,
    row: JournalId,
    because: &str,
    now: Timestamp,
) -> Sql<()> {
    db.run(
        &format!("UPDATE journal SET applied_at = ?, outcome = ? WHERE id = ? AND {NOT_APPLIED}"),
        args![now, storable(because.to_owned()), row.number()],
    )
    .await?;
    Ok(())
}

/// The bodies of rows that nobody applied yet, for the loader.
pub(super) async fn fetch_unapplied(db: &Db<'_, DatabaseConnection>, ids: Vec<i64>) -> Sql<HashMap<i64, Kept>> {
    let sql =
        format!("SELECT id, received_at, source, body, applied_before FROM journal WHERE id {{}} AND {NOT_APPLIED}");
    let rows = db.all(&sql, args![ids]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Row::of(row, "journal");
            let (id, received_at, source) = (row.int()?, row.time()?, row.parsed(Source::named)?);
            let body = Bytes::from(row.bytes()?);
            Ok((id, Kept { source, body, received_at, applied_before: row.flag()? }))
        })
        .collect()
}

#[async_trait]
impl Journal for SqlStore {
    async fn append(&self, source: Source, body: Bytes, received_at: Timestamp) -> Stored<JournalId> {
        match self.writers.ask(Request::Append { source, body, received_at }).await? {
            Outcome::Appended(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    async fn append_and_apply(
        &self,
        source: Source,
        body: Bytes,
        news: RowNews,
        received_at: Timestamp,
    ) -> Stored<(JournalId, Applied)> {
        let news = Dated { news, now: received_at };
        match self.writers.ask(Request::AppendAndApply { source, body, news }).await? {
            Outcome::AppendedAndApplied(row, applied) => Ok((row, applied)),
            other => Err(unexpected(&other)),
        }
    }

    async fn unapplied(&self, id: JournalId) -> Stored<Option<Kept>> {
        self.bodies.load(id.number()).await
    }

    async fn waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<JournalId>> {
        let sql =
            "SELECT id FROM journal WHERE applied_at IS NULL AND received_at < ? ORDER BY received_at, id LIMIT ?";
        let rows = self.read(sql, args![before, limited(limit)]).await?;
        self.rows(&rows, "journal", |row| row.int().map(JournalId::new))
    }

    async fn apply(&self, id: JournalId, news: RowNews, now: Timestamp) -> Stored<Applied> {
        let news = Dated { news, now };
        match self.writers.ask(Request::Apply { row: id, news }).await? {
            Outcome::Applied(applied) => Ok(applied),
            other => Err(unexpected(&other)),
        }
    }

    async fn set_aside(&self, id: JournalId, because: &str, now: Timestamp) -> Stored<()> {
        match self.writers.ask(Request::SetAside { row: id, because: because.to_owned(), now }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn lag(&self, now: Timestamp) -> Stored<(Duration, u64)> {
        let sql = "SELECT (SELECT COUNT(*) FROM journal WHERE applied_at IS NULL), \
                   (SELECT MIN(received_at) FROM journal WHERE applied_at IS NULL)";
        let rows = self.read(sql, args![]).await?;
        let found = self.rows(&rows, "journal", |row| Ok((row.small::<u64>()?, row.opt_time()?)))?;
        let (n, oldest) = found.into_iter().next().unwrap_or((0, None));
        let waited =
            oldest.map_or(Duration::ZERO, |oldest| Duration::try_from(now.duration_since(oldest)).unwrap_or_default());
        Ok((waited, n))
    }

    async fn respondents(&self, run: RunId) -> Stored<u64> {
        let sql = "SELECT COUNT(DISTINCT contact_id) FROM feedback WHERE run_id = ? AND consent IS NULL";
        let rows = self.read(sql, args![run.number()]).await?;
        Ok(self.rows(&rows, "feedback", |row| row.small())?.into_iter().next().unwrap_or(0))
    }

    async fn feedback(&self, before: Option<i64>, limit: u64) -> Stored<Page<Feedback>> {
        let sql = format!("{} WHERE f.id < ? ORDER BY f.id DESC LIMIT ?", select_feedback());
        let rows = self.read(&sql, args![before.unwrap_or(i64::MAX), limited(limit)]).await?;
        let items = self.rows(&rows, "feedback", feedback)?;
        Ok(page(items, limit, |feedback| feedback.id.number()))
    }

    async fn one_feedback(&self, id: FeedbackId) -> Stored<Option<Feedback>> {
        let rows = self.read(&format!("{} WHERE f.id = ?", select_feedback()), args![id.number()]).await?;
        Ok(self.rows(&rows, "feedback", feedback)?.into_iter().next())
    }
}

/// The beginning of a statement whose rows [`feedback`] reads.
fn select_feedback() -> String {
    format!(
        "SELECT f.id, f.reference, f.contact_id, c.phone, f.channel, f.kind, f.text, f.payload, f.media_id, {}, f.language, f.sentiment, \
         f.sentiment_score, f.category, f.category_score, f.is_question, f.model, f.whatsapp_id, f.message_id, f.run_id, r.campaign, \
         f.provider_at, f.received_at FROM feedback f JOIN contacts c ON c.id = f.contact_id LEFT JOIN runs r ON r.id = f.run_id",
        media::FILE_COLUMNS
    )
}

fn feedback(row: &mut Row<'_>) -> Sql<Feedback> {
    Ok(Feedback {
        id: FeedbackId::new(row.int()?),
        reference: row.text()?,
        contact: ContactId::new(row.int()?),
        phone: row.opt_text()?,
        channel: row.parsed(Channel::named)?,
        kind: row.text()?,
        text: row.opt_text()?,
        payload: row.opt_text()?,
        media_id: row.opt_text()?,
        media: media::file(row)?,
        reading: reading(row)?,
        whatsapp_id: row.parsed(|text| text.parse().ok())?,
        message: row.opt_int()?.map(MessageId::new),
        run: row.opt_int()?.map(RunId::new),
        campaign: row.opt_text()?,
        provider_at: row.time()?,
        received_at: row.time()?,
    })
}

/// Reads `language, sentiment, sentiment_score, category, category_score, is_question, model`.
fn reading(row: &mut Row<'_>) -> Sql<Option<Reading>> {
    let language = row.opt_text()?;
    let sentiment = (row.opt_text()?, row.opt_int()?);
    let category = (row.opt_text()?, row.opt_int()?);
    let (is_question, model) = (row.opt_int()?, row.opt_text()?);
    #[expect(clippy::cast_precision_loss, reason = "they are thousandths")]
    let sure = |(name, score): (Option<String>, Option<i64>)| Some((name?, score.unwrap_or(0) as f64 / 1_000.0));
    Ok(language.map(|language| Reading {
        language,
        sentiment: sure(sentiment),
        category: sure(category),
        is_question: is_question == Some(1),
        model: model.unwrap_or_default(),
    }))
}

/// A limit as a parameter.
pub(super) fn limited(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A page of a list that was cut at `limit`.
pub(super) fn page<T>(items: Vec<T>, limit: u64, key: impl Fn(&T) -> i64) -> Page<T> {
    let next = items.last().map(key).filter(|_| items.len() as u64 >= limit);
    Page { items, next }
}
