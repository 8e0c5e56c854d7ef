//! What readers make of feedback.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::storable;
use super::journal::limited;
use super::open::unexpected;
use super::outbox::{self, Wanted};
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::analysis::{Analysis, Score};
use crate::domain::hook::data::FeedbackRead;
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{ContactId, FeedbackId};
use crate::ports::{Readings, Stored};

/// A reading of one feedback.
pub(super) type Reading = (FeedbackId, Option<Analysis>);

/// How sure, in thousandths, as the record keeps it.
#[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 1000")]
fn thousandths(score: Score) -> i64 {
    (f64::from(score.value()) * 1_000.0).round() as i64
}

/// Writes readings in place of those that were there, and tells of them.
pub(super) async fn note(
    db: &Db<'_, DatabaseTransaction>,
    readings: &[Reading],
    wanted: &Wanted,
    now: Timestamp,
) -> Sql<()> {
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
    .await?;
    tell(db, readings, wanted, now).await
}

/// Tells those who want to hear of it; of what has no words nothing is told.
async fn tell(db: &Db<'_, DatabaseTransaction>, readings: &[Reading], wanted: &Wanted, now: Timestamp) -> Sql<()> {
    if !wanted.wants(HookEvent::FeedbackRead) {
        return Ok(());
    }
    let ids: Vec<i64> = readings.iter().map(|(id, _)| id.number()).collect();
    let sql = "SELECT f.id, f.reference, f.contact_id, c.phone FROM feedback f JOIN contacts c ON c.id = f.contact_id \
               WHERE f.id {} ORDER BY f.id";
    let mut events = Vec::new();
    for row in db.all(sql, args![ids]).await? {
        let mut row = Row::of(&row, "feedback");
        let (id, reference) = (FeedbackId::new(row.int()?), row.text()?);
        let (contact, phone) = (ContactId::new(row.int()?), row.opt_text()?);
        let reading = readings.iter().find(|(of, _)| *of == id).and_then(|(_, reading)| reading.as_ref());
        if let Some(reading) = reading {
            let data = FeedbackRead::new((id, &reference), (contact, phone.as_deref()), reading, now);
            events.push(NewHookEvent::new(HookEvent::FeedbackRead, Some(contact), now, &data));
        }
    }
    outbox::add(db, wanted, events).await
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
