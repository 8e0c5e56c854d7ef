//! What the record says of files that people send: which are to be fetched, what became of them, and which are to be removed.
//!
//! The files themselves are elsewhere. A file is removed in two steps: the transaction that makes it unwanted writes its feedback's number
//! down, and whoever removes the file strikes it out after that.

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::{millis, storable};
use super::journal::limited;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::ids::{ContactId, FeedbackId};
use crate::domain::media::{Digest, MediaFile, MediaState};
use crate::ports::{MediaBecame, MediaRecord, MediaRecorded, MediaToFetch, Stored};

/// Columns that [`file()`] reads, of feedback `f`.
pub(super) const FILE_COLUMNS: &str =
    "f.media_state, f.media_type, f.media_name, f.media_bytes, f.media_hash, f.media_detail";

/// Why a file is not there any more that was kept once.
const EXPIRED: &str = "it was kept as long as files are kept, and removed";

/// Makes a feedback one without a file.
const NO_FILE: &str = "media_id = NULL, media_state = NULL, media_type = NULL, media_name = NULL, media_bytes = NULL, media_hash = NULL, \
                       media_detail = NULL, media_due_at = NULL, media_tries = 0";

/// Reads [`FILE_COLUMNS`].
pub(super) fn file(row: &mut Row<'_>) -> Sql<Option<MediaFile>> {
    let state = row.opt_parsed(MediaState::named)?;
    let (file_type, name) = (row.opt_text()?, row.opt_text()?);
    let bytes = row.opt_int()?.and_then(|bytes| u64::try_from(bytes).ok());
    let (hash, detail) = (row.opt_text()?, row.opt_text()?);
    Ok(state.map(|state| MediaFile { state, file_type, name, bytes, hash, detail }))
}

/// Writes down what became of a file.
pub(super) async fn record(
    db: &Db<'_, DatabaseTransaction>,
    id: FeedbackId,
    tries_before: u16,
    became: &MediaBecame,
) -> Sql<MediaRecorded> {
    let tried = "WHERE id = ? AND media_state = 'wanted' AND media_tries = ?";
    let written = match became {
        MediaBecame::Kept { file_type, bytes, hash } => {
            let sql = "UPDATE feedback SET media_state = 'kept', media_type = ?, media_bytes = ?, media_hash = ?, media_detail = NULL, \
                       media_due_at = NULL WHERE id = ? AND media_state = 'wanted'";
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            db.run(sql, args![file_type.as_str(), bytes, hash.to_string(), id.number()]).await?
        }
        MediaBecame::Again { at, takes_try, because } => {
            let sql = format!(
                "UPDATE feedback SET media_due_at = ?, media_tries = media_tries + ?, media_detail = ? {tried}"
            );
            let because = storable(because.clone());
            db.run(&sql, args![*at, i64::from(*takes_try), because, id.number(), i64::from(tries_before)]).await?
        }
        MediaBecame::Lost { because } => {
            let sql = format!(
                "UPDATE feedback SET media_state = 'lost', media_due_at = NULL, media_tries = media_tries + 1, media_detail = ? {tried}"
            );
            db.run(&sql, args![storable(because.clone()), id.number(), i64::from(tries_before)]).await?
        }
    };
    if written > 0 {
        return Ok(MediaRecorded::Written);
    }
    let row = db.first("SELECT media_state FROM feedback WHERE id = ?", args![id.number()]).await?;
    let state = row.map(|row| Row::of(&row, "feedback").opt_text()).transpose()?.flatten();
    Ok(if state.as_deref() == Some(MediaState::Kept.name()) {
        MediaRecorded::KeptAlready
    } else {
        MediaRecorded::NotWanted
    })
}

/// Takes the files out of feedback that `condition` is about, with this one argument; answers how many there were.
async fn release(
    db: &Db<'_, DatabaseTransaction>,
    condition: &str,
    about: super::sql::Arg,
    now: Timestamp,
) -> Sql<u64> {
    // A file that is only wanted may be written at this moment.
    let gone = format!(
        "INSERT INTO media_gone (feedback_id, since) SELECT id, CAST(? AS BIGINT) FROM feedback \
         WHERE {condition} AND media_state IN ('wanted', 'kept') ON CONFLICT (feedback_id) DO NOTHING"
    );
    let n = db.run(&gone, vec![millis(now).into(), about.clone()]).await?;
    let sql = format!(
        "UPDATE feedback SET {NO_FILE} WHERE {condition} AND (media_state IS NOT NULL OR media_id IS NOT NULL)"
    );
    db.run(&sql, vec![about]).await?;
    Ok(n)
}

/// Takes the file out of the feedback with this id of the provider's.
pub(super) async fn take_back(db: &Db<'_, DatabaseTransaction>, whatsapp_id: &str, now: Timestamp) -> Sql<u64> {
    release(db, "whatsapp_id = ?", whatsapp_id.into(), now).await
}

/// Takes all files of a person out. For erasing a person: call it in the transaction that erases, before the feedback goes.
pub(super) async fn forget(db: &Db<'_, DatabaseTransaction>, contact: ContactId, now: Timestamp) -> Sql<u64> {
    release(db, "contact_id = ?", contact.number().into(), now).await
}

/// Takes the files out of this feedback, which is about to go itself.
pub(super) async fn release_all(db: &Db<'_, DatabaseTransaction>, feedback: Vec<i64>, now: Timestamp) -> Sql<u64> {
    release(db, "id {}", feedback.into(), now).await
}

/// Removes the files of this feedback, which stays and says so; answers how many there were.
pub(super) async fn expire(db: &Db<'_, DatabaseTransaction>, feedback: Vec<i64>, now: Timestamp) -> Sql<u64> {
    let gone = "INSERT INTO media_gone (feedback_id, since) SELECT id, CAST(? AS BIGINT) FROM feedback \
                WHERE id {} AND media_state = 'kept' ON CONFLICT (feedback_id) DO NOTHING";
    let n = db.run(gone, args![now, feedback.clone()]).await?;
    let lost = "UPDATE feedback SET media_state = 'lost', media_detail = ? WHERE id {} AND media_state = 'kept'";
    db.run(lost, args![EXPIRED, feedback]).await?;
    Ok(n)
}

/// Strikes out what was removed.
pub(super) async fn removed(db: &Db<'_, DatabaseTransaction>, ids: &[FeedbackId]) -> Sql<()> {
    db.run("DELETE FROM media_gone WHERE feedback_id {}", args![numbers(ids)]).await.map(drop)
}

fn numbers(ids: &[FeedbackId]) -> Vec<i64> {
    ids.iter().map(|id| id.number()).collect()
}

#[async_trait]
impl MediaRecord for SqlStore {
    async fn due_media(&self, now: Timestamp, limit: u64) -> Stored<Vec<(FeedbackId, u16)>> {
        let sql = "SELECT id, media_tries FROM feedback WHERE media_state = 'wanted' AND media_due_at <= ? \
                   ORDER BY media_due_at, id LIMIT ?";
        let rows = self.read(sql, args![now, limited(limit)]).await?;
        self.rows(&rows, "feedback", |row| Ok((FeedbackId::new(row.int()?), row.small()?)))
    }

    async fn media_to_fetch(&self, id: FeedbackId) -> Stored<Option<MediaToFetch>> {
        let sql = "SELECT id, media_id, sender, kind, media_type, media_hash, media_tries, media_due_at, received_at FROM feedback \
                   WHERE id = ? AND media_state = 'wanted' AND media_id IS NOT NULL AND media_due_at IS NOT NULL";
        let rows = self.read(sql, args![id.number()]).await?;
        let found = self.rows(&rows, "feedback", |row| {
            Ok(MediaToFetch {
                feedback: FeedbackId::new(row.int()?),
                media_id: row.text()?,
                sender: row.opt_parsed(|text| text.parse().ok())?,
                kind: row.text()?,
                file_type: row.opt_text()?,
                hash: row.opt_parsed(|text| Digest::parse(text).ok())?,
                tries: row.small()?,
                due_at: row.time()?,
                received_at: row.time()?,
            })
        })?;
        Ok(found.into_iter().next())
    }

    async fn record_media(&self, id: FeedbackId, tries_before: u16, became: MediaBecame) -> Stored<MediaRecorded> {
        match self.writers.ask(Request::RecordMedia { id, tries_before, became: Box::new(became) }).await? {
            Outcome::MediaRecorded(recorded) => Ok(recorded),
            other => Err(unexpected(&other)),
        }
    }

    async fn media_waiting(&self) -> Stored<u64> {
        let rows = self.read("SELECT COUNT(*) FROM feedback WHERE media_state = 'wanted'", args![]).await?;
        Ok(self.rows(&rows, "feedback", |row| row.small())?.into_iter().next().unwrap_or(0))
    }

    async fn media_to_remove(&self, limit: u64) -> Stored<Vec<FeedbackId>> {
        let sql = "SELECT feedback_id FROM media_gone ORDER BY feedback_id LIMIT ?";
        let rows = self.read(sql, args![limited(limit)]).await?;
        self.rows(&rows, "media_gone", |row| row.int().map(FeedbackId::new))
    }

    async fn removed_media(&self, ids: Vec<FeedbackId>) -> Stored<()> {
        match self.writers.ask(Request::RemovedMedia { ids }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn with_media(&self, of: &[FeedbackId]) -> Stored<HashSet<FeedbackId>> {
        if of.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = "SELECT id FROM feedback WHERE id {} AND media_state IN ('wanted', 'kept')";
        let rows = self.read(sql, args![numbers(of)]).await?;
        Ok(self.rows(&rows, "feedback", |row| row.int().map(FeedbackId::new))?.into_iter().collect())
    }

    async fn forget_media(&self, contact: ContactId, now: Timestamp) -> Stored<u64> {
        match self.writers.ask(Request::ForgetMedia { contact, now }).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }
}
