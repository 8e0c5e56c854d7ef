//! What readers make of feedback.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::storable;
use super::journal::limited;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Sql, Table, args};
use crate::domain::analysis::{Analysis, Score};
use crate::domain::ids::FeedbackId;
use crate::ports::{Readings, Stored};

/// A reading of one feedback.
pub(super) type Reading = (FeedbackId, Option<Analysis>);

/// How sure, in thousandths, as the record keeps it.
#[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 1000")]
fn thousandths(score: Score) -> i64 {
    (f64::from(score.value()) * 1_000.0).round() as i64
}

/// Writes readings in place of those that were there.
pub(super) async fn note(db: &Db<'_, DatabaseTransaction>, readings: &[Reading], now: Timestamp) -> Sql<()> {
    if readings.is_empty() {
        return Ok(());
    }
    let all = || readings.iter().map(|(_, reading)| reading.as_ref());
    let sentiment = |reading: Option<&Analysis>| reading.and_then(|reading| reading.sentiment);
    let category = |reading: Option<&Analysis>| reading.and_then(|reading| reading.category.clone());
    let table = Table::new()
        .int("id", readings.iter().map(|(id, _)| id.number()))
        .opt_text("language", all().map(|reading| reading.map(|reading| reading.language.code())))
        .opt_text("sentiment", all().map(|reading| sentiment(reading).map(|sentiment| sentiment.label.name())))
        .opt_int("sentiment_score", all().map(|reading| sentiment(reading).map(|found| thousandths(found.score))))
        .opt_text("category", all().map(|reading| category(reading).map(|found| storable(found.name))))
        .opt_int("category_score", all().map(|reading| category(reading).map(|found| thousandths(found.score))))
        .opt_int("is_question", all().map(|reading| reading.map(|reading| i64::from(reading.is_question))))
        .opt_text("model", all().map(|reading| reading.map(|reading| storable(reading.model.to_string()))));
    db.run(
        "UPDATE feedback SET language = v.language, sentiment = v.sentiment, sentiment_score = v.sentiment_score, category = v.category, \
         category_score = v.category_score, is_question = v.is_question, model = v.model, analysed_at = ? FROM {} WHERE feedback.id = v.id",
        args![now, table],
    )
    .await
    .map(drop)
}

#[async_trait]
impl Readings for SqlStore {
    async fn unread(&self, limit: u64) -> Stored<Vec<(FeedbackId, Option<String>)>> {
        let sql = "SELECT id, text FROM feedback WHERE analysed_at IS NULL ORDER BY id LIMIT ?";
        let rows = self.read(sql, args![limited(limit)]).await?;
        self.rows(&rows, "feedback", |row| Ok((FeedbackId::new(row.int()?), row.opt_text()?)))
    }

    async fn note_readings(&self, readings: Vec<Reading>, now: Timestamp) -> Stored<()> {
        match self.writers.ask(Request::NoteReadings { readings, now }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
