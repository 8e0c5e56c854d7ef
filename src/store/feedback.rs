//! Writing what people said, and what they put right or took back of it.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::encode::{millis, storable};
use super::ledger::Ledger;
use super::sql::{Db, Sql, Table, args};
use crate::domain::feedback::reference;
use crate::domain::ids::FeedbackId;
use crate::domain::news::RevokeNews;
use crate::ports::Heard;

/// Something that a person said.
pub(super) struct Said<'a> {
    pub(super) heard: &'a Heard,
    pub(super) contact: i64,
    pub(super) now: Timestamp,
}

/// Adds it to the record. `by_whatsapp_id`: messages of ours that are answered.
pub(super) async fn write(
    db: &Db<'_, DatabaseTransaction>,
    ledger: &Ledger,
    said: &[Said<'_>],
    by_whatsapp_id: &HashMap<String, i64>,
) -> Sql<()> {
    if said.is_empty() {
        return Ok(());
    }
    let ids = db.fresh_ids("feedback", said.len()).await?;
    let news = || said.iter().map(|said| &said.heard.news);
    let answered: Vec<Option<i64>> =
        news().map(|news| news.in_reply_to.as_ref().and_then(|id| by_whatsapp_id.get(id.as_str()).copied())).collect();
    let text = |text: Option<&str>| text.map(|text| storable(text.to_owned()));
    let table = Table::new()
        .int("id", ids.iter().copied())
        .text("whatsapp_id", news().map(|news| news.whatsapp_id.as_str()))
        .text("reference", ids.iter().map(|id| reference(FeedbackId::new(*id))))
        .int("contact_id", said.iter().map(|said| said.contact))
        .text("channel", news().map(|news| news.channel.name()))
        .text("kind", news().map(|news| news.kind))
        .opt_text("text", news().map(|news| text(news.text.as_deref())))
        .opt_text("payload", news().map(|news| text(news.payload.as_deref())))
        .opt_text("media_id", news().map(|news| text(news.media_id())))
        .opt_int("message_id", answered.iter().copied())
        .opt_int("run_id", answered.iter().map(|message| message.and_then(|message| ledger.run_of(message))))
        .int("provider_at", news().map(|news| millis(news.provider_at)))
        .int("received_at", said.iter().map(|said| millis(said.now)));
    db.run(
        "INSERT INTO feedback (id, whatsapp_id, reference, contact_id, channel, kind, text, payload, media_id, message_id, run_id, \
         provider_at, received_at) SELECT id, whatsapp_id, reference, contact_id, channel, kind, text, payload, media_id, message_id, \
         run_id, provider_at, received_at FROM {}",
        args![table],
    )
    .await?;
    Ok(())
}

/// Puts the words of an earlier feedback right, unless it was put right later already or taken back; answers whether it did.
pub(super) async fn correct(db: &Db<'_, DatabaseTransaction>, heard: &Heard) -> Sql<bool> {
    let Some(original) = &heard.corrects else { return Ok(false) };
    let at = heard.news.provider_at;
    let sql = "UPDATE feedback SET text = ?, edited_at = ? \
               WHERE whatsapp_id = ? AND revoked_at IS NULL AND COALESCE(edited_at, 0) <= ?";
    let text = heard.news.text.clone().map(storable);
    Ok(db.run(sql, args![text, at, original.as_str(), at]).await? > 0)
}

/// Takes the words out of a feedback that its writer took back; answers whether there was one. That there was one stays.
pub(super) async fn revoke(db: &Db<'_, DatabaseTransaction>, revoked: &RevokeNews) -> Sql<bool> {
    let sql = "UPDATE feedback SET kind = 'revoked', text = NULL, payload = NULL, media_id = NULL, revoked_at = ? \
               WHERE whatsapp_id = ? AND revoked_at IS NULL";
    Ok(db.run(sql, args![revoked.provider_at, revoked.original.as_str()]).await? > 0)
}
