//! What was said in a talk last, by both sides.

use super::SqlStore;
use super::encode;
use super::journal::limited;
use super::sql::args;
use crate::domain::consent::Purpose;
use crate::domain::delivery::State;
use crate::domain::ids::{FeedbackId, MessageId};
use crate::ports::{Exchange, Stored, TalkId};

/// Newest first, at most `limit`. By the indexes of what a person sent and was sent: those are few.
pub(super) async fn of(store: &SqlStore, talk: &TalkId, limit: u64) -> Stored<Vec<Exchange>> {
    let pair = || args![talk.contact.number(), talk.sender.as_str(), limited(limit)];
    let sql = "SELECT id, reference, kind, text, sentiment, received_at FROM feedback \
               WHERE contact_id = ? AND sender = ? ORDER BY id DESC LIMIT ?";
    let rows = store.read(sql, pair()).await?;
    let mut exchanges = store.rows(&rows, "feedback", |row| {
        Ok(Exchange::Received {
            id: FeedbackId::new(row.int()?),
            reference: row.text()?,
            kind: row.text()?,
            text: row.opt_text()?,
            sentiment: row.opt_text()?,
            at: row.time()?,
        })
    })?;
    let sql = "SELECT m.id, m.purpose, m.content, m.state, s.by_whom, m.planned_at FROM messages m \
               LEFT JOIN staff_actions s ON s.message_id = m.id \
               WHERE m.contact_id = ? AND m.sender = ? ORDER BY m.id DESC LIMIT ?";
    let rows = store.read(sql, pair()).await?;
    exchanges.extend(store.rows(&rows, "messages", |row| {
        Ok(Exchange::Sent {
            id: MessageId::new(row.int()?),
            purpose: row.parsed(Purpose::of_message)?,
            text: row
                .opt_parsed(encode::frozen)?
                .map(|frozen| frozen.text.unwrap_or_else(|| frozen.content.words().to_owned())),
            state: row.parsed(State::named)?,
            by: row.opt_text()?,
            at: row.time()?,
        })
    })?);
    // Both are in order already; at the same moment, what was said to somebody follows what they said.
    exchanges.sort_by_key(|exchange| std::cmp::Reverse((exchange.at(), matches!(exchange, Exchange::Sent { .. }))));
    exchanges.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(exchanges)
}
