//! Talks with people: looked at, and written together with what is said in them.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{self, CONTACT_COLUMNS, millis};
use super::journal::{limited, page};
use super::messages;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::conversation::{Conversation, Received};
use crate::domain::flow::{FlowResult, ResultState};
use crate::domain::ids::{ContactId, FeedbackId, MessageId};
use crate::domain::service_window::ServiceWindow;
use crate::ports::{Conversations, ListedTalk, Messages as _, Page, Said, Stored, Talk, TalkId};

/// Messages of one person that are answered together at most.
const TOGETHER_MAX: i64 = 200;

/// Writes what is said, unless the talk is not what it was.
pub(super) async fn say(db: &Db<'_, DatabaseTransaction>, said: &Said, now: Timestamp) -> Sql<Option<Vec<MessageId>>> {
    let (contact, sender) = (said.talk.contact.number(), said.talk.sender.as_str());
    // Whoever is there first lets the other see that they were.
    let lock = db.lock(Lock::Exclusive, "c");
    let sql = format!("SELECT c.id FROM contacts c WHERE c.id = ? AND c.erased_at IS NULL{lock}");
    if db.first(&sql, args![contact]).await?.is_none() {
        return Ok(None);
    }
    let version = "SELECT version FROM conversations WHERE contact_id = ? AND sender = ?";
    let version = db.first(version, args![contact, sender]).await?;
    let version = version.map(|row| Row::of(&row, "conversations").int()).transpose()?.unwrap_or(0);
    let answered: Vec<i64> = said.answered.iter().map(|id| id.number()).collect();
    if version != said.version {
        return Ok(None);
    }
    if !answered.is_empty() {
        let sql = "SELECT COUNT(*) FROM feedback WHERE id {} AND answered_at IS NULL";
        let open = db.first(sql, args![answered.clone()]).await?;
        let open = open.map(|row| Row::of(&row, "feedback").int()).transpose()?.unwrap_or(0);
        if usize::try_from(open) != Ok(answered.len()) {
            return Ok(None);
        }
        db.run("UPDATE feedback SET answered_at = ? WHERE id {}", args![now, answered]).await?;
    }
    let state =
        encode::storable(serde_json::to_string(&said.conversation).expect("texts, numbers and times are always JSON"));
    let (is_human, due_at) = (i64::from(said.conversation.is_human()), said.conversation.due_at().map(millis));
    if version == 0 {
        let sql = "INSERT INTO conversations (contact_id, sender, version, state, is_human, due_at, changed_at) VALUES (?, ?, 1, ?, ?, ?, ?)";
        db.run(sql, args![contact, sender, state, is_human, due_at, now]).await?;
    } else {
        let sql = "UPDATE conversations SET version = version + 1, state = ?, is_human = ?, due_at = ?, changed_at = ? \
                   WHERE contact_id = ? AND sender = ?";
        db.run(sql, args![state, is_human, due_at, now, contact, sender]).await?;
    }
    write_results(db, said, now).await?;
    let singles: Vec<_> = said.messages.iter().enumerate().map(|(at, message)| (at, message, now)).collect();
    let mut created = messages::create(db, &singles).await?;
    created.sort_by_key(|(at, _)| *at);
    Ok(Some(created.into_iter().map(|(_, created)| created.id()).collect()))
}

async fn write_results(db: &Db<'_, DatabaseTransaction>, said: &Said, now: Timestamp) -> Sql<()> {
    if said.results.is_empty() {
        return Ok(());
    }
    let ids = db.fresh_ids("flow_results", said.results.len()).await?;
    let results = || said.results.iter();
    let text = |result: &FlowResult| {
        encode::storable(serde_json::to_string(result).expect("texts, numbers and times are always JSON"))
    };
    let table = Table::new()
        .int("id", ids)
        .int("contact_id", results().map(|_| said.talk.contact.number()))
        .text("flow", results().map(|result| result.flow.as_str()))
        .int("version", results().map(|result| i64::from(result.version)))
        .text("state", results().map(|result| result.state.map_or("", ResultState::name)))
        .text("result", results().map(text))
        .int("ended_at", results().map(|result| millis(result.ended_at.unwrap_or(now))));
    let sql = "INSERT INTO flow_results (id, contact_id, flow, version, state, result, ended_at) \
               SELECT id, contact_id, flow, version, state, result, ended_at FROM {}";
    db.run(sql, args![table]).await.map(drop)
}

fn conversation(row: &mut Row<'_>) -> Sql<Conversation> {
    row.parsed(|text| serde_json::from_str(text).ok())
}

#[async_trait]
impl Conversations for SqlStore {
    async fn talks_to_look_at(
        &self,
        quiet_since: Timestamp,
        waiting_since: Timestamp,
        now: Timestamp,
        limit: u64,
    ) -> Stored<Vec<TalkId>> {
        let read = |row: &mut Row<'_>| {
            Ok(TalkId { contact: ContactId::new(row.int()?), sender: row.parsed(|text| text.parse().ok())? })
        };
        let sql = "SELECT contact_id, sender FROM feedback WHERE answered_at IS NULL AND sender IS NOT NULL GROUP BY contact_id, sender \
                   HAVING MAX(received_at) <= ? OR MIN(received_at) <= ? ORDER BY MIN(received_at) LIMIT ?";
        let rows = self.read(sql, args![quiet_since, waiting_since, limited(limit)]).await?;
        let mut talks = self.rows(&rows, "feedback", read)?;
        let sql = "SELECT contact_id, sender FROM conversations WHERE due_at <= ? ORDER BY due_at LIMIT ?";
        let rows = self.read(sql, args![now, limited(limit)]).await?;
        for talk in self.rows(&rows, "conversations", read)? {
            if !talks.contains(&talk) {
                talks.push(talk);
            }
        }
        Ok(talks)
    }

    async fn talk(&self, id: &TalkId) -> Stored<Option<Talk>> {
        let (contact, sender) = (id.contact.number(), id.sender.as_str());
        let sql = format!(
            "SELECT {CONTACT_COLUMNS}, v.version, v.state FROM contacts c \
             LEFT JOIN conversations v ON v.contact_id = c.id AND v.sender = ? WHERE c.id = ? AND c.erased_at IS NULL"
        );
        let rows = self.read(&sql, args![sender, contact]).await?;
        let found = self.rows(&rows, "conversations", |row| {
            let contact = encode::contact(row)?;
            let version = row.opt_int()?.unwrap_or(0);
            let state = row.opt_parsed(|text| serde_json::from_str(text).ok())?;
            Ok((contact, version, state.unwrap_or_default()))
        })?;
        let Some((contact, version, conversation)) = found.into_iter().next() else { return Ok(None) };
        let sql = "SELECT id, reference, whatsapp_id, kind, text, payload, consent, sentiment, sentiment_score, provider_at, received_at \
                   FROM feedback WHERE contact_id = ? AND sender = ? AND answered_at IS NULL ORDER BY id LIMIT ?";
        let rows = self.read(sql, args![id.contact.number(), sender, TOGETHER_MAX]).await?;
        let unanswered = self.rows(&rows, "feedback", |row| {
            Ok(Received {
                id: FeedbackId::new(row.int()?),
                reference: row.text()?,
                whatsapp_id: row.text()?,
                kind: row.text()?,
                text: row.opt_text()?,
                payload: row.opt_text()?,
                consent: row.opt_text()?,
                negative: {
                    let label = row.opt_text()?;
                    let score = row.opt_int()?;
                    score.filter(|_| label.as_deref() == Some("negative"))
                },
                sent_at: row.time()?,
                received_at: row.time()?,
            })
        })?;
        let window: ServiceWindow = self.window(id.contact, &id.sender).await?;
        Ok(Some(Talk { contact, conversation, version, unanswered, window }))
    }

    async fn say(&self, said: Said, now: Timestamp) -> Stored<Option<Vec<MessageId>>> {
        match self.writers.ask(Request::Say { said: Box::new(said), now }).await? {
            Outcome::Said(messages) => Ok(messages),
            other => Err(unexpected(&other)),
        }
    }

    async fn talks(&self, only_human: bool, before: Option<i64>, limit: u64) -> Stored<Page<ListedTalk>> {
        let sql = "SELECT v.id, v.contact_id, v.sender, c.phone, v.state, v.changed_at FROM conversations v \
                   JOIN contacts c ON c.id = v.contact_id WHERE v.id < ? AND v.is_human >= ? ORDER BY v.id DESC LIMIT ?";
        let rows = self.read(sql, args![before.unwrap_or(i64::MAX), i64::from(only_human), limited(limit)]).await?;
        let items = self.rows(&rows, "conversations", |row| {
            Ok(ListedTalk {
                id: row.int()?,
                talk: TalkId { contact: ContactId::new(row.int()?), sender: row.parsed(|text| text.parse().ok())? },
                phone: row.opt_text()?,
                conversation: conversation(row)?,
                changed_at: row.time()?,
            })
        })?;
        Ok(page(items, limit, |listed| listed.id))
    }
}
