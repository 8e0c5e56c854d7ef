//! Talks with people: looked at, and written together with what is said in them.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::dialect::Lock;
use super::encode::{self, CONTACT_COLUMNS, millis};
use super::journal::{limited, page};
use super::open::unexpected;
use super::outbox::{self, Wanted};
use super::request::{Outcome, Request};
use super::sql::{Arg, Db, Row, Sql, args};
use super::{SqlStore, exchanges, flow_results, messages};
use crate::domain::answering::staff::StaffAct;
use crate::domain::conversation::{Conversation, Holder, Received, handed};
use crate::domain::flow::ResultState;
use crate::domain::hook::data::{EscalationClosed, EscalationOpened, FlowCompleted, Whose};
use crate::domain::hook::{HookEvent, NewHookEvent};
use crate::domain::ids::{ContactId, FeedbackId, MessageId, SenderName};
use crate::domain::service_window::ServiceWindow;
use crate::ports::{Conversations, Exchange, ListedTalk, Messages as _, Page, Said, Stored, Talk, TalkFilter, TalkId};

/// Messages of one person that are answered together at most.
const TOGETHER_MAX: i64 = 200;

/// Where a list of talks reads from, and what.
const LISTED: &str = "SELECT v.id, c.id, c.phone, c.name, c.language, v.state, w.open_until, v.changed_at";

/// Writes what is said, unless the talk is not what it was; and tells what changed hands and what came to its end.
pub(super) async fn say(
    db: &Db<'_, DatabaseTransaction>,
    said: &Said,
    wanted: &Wanted,
    now: Timestamp,
) -> Sql<Option<Vec<MessageId>>> {
    let (contact, sender) = (said.talk.contact.number(), said.talk.sender.as_str());
    // Whoever is there first lets the other see that they were.
    let lock = db.lock(Lock::Exclusive, "c");
    let person = format!("SELECT c.phone, c.language FROM contacts c WHERE c.id = ? AND c.erased_at IS NULL{lock}");
    // Whoever is not there any more is not written to.
    let Some(person) = db.first(&person, args![contact]).await? else { return Ok(None) };
    let mut person = Row::of(&person, "contacts");
    let (phone, language) = (person.opt_text()?, person.parsed(encode::language)?);
    let kept = "SELECT version, state FROM conversations WHERE contact_id = ? AND sender = ?";
    let kept = match db.first(kept, args![contact, sender]).await? {
        Some(row) => {
            let mut row = Row::of(&row, "conversations");
            Some((row.int()?, conversation(&mut row)?))
        }
        None => None,
    };
    let (version, before) = kept.unwrap_or_default();
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
    flow_results::add(db, said.talk.contact, &said.results, now).await?;
    let singles: Vec<_> = said.messages.iter().enumerate().map(|(at, message)| (at, message, now)).collect();
    let mut created = messages::create(db, &singles).await?;
    created.sort_by_key(|(at, _)| *at);
    let created: Vec<MessageId> = created.into_iter().map(|(_, created)| created.id()).collect();
    if let Some(by) = &said.by {
        let answer = created.last().filter(|_| matches!(by.act, StaffAct::Answer(_))).map(|id| id.number());
        let sql =
            "INSERT INTO staff_actions (contact_id, sender, act, by_whom, message_id, at) VALUES (?, ?, ?, ?, ?, ?)";
        db.run(sql, args![contact, sender, by.act.name(), encode::storable(by.who.clone()), answer, now]).await?;
    }
    let whose = Whose { contact: said.talk.contact, phone: phone.as_deref(), sender: &said.talk.sender, language };
    outbox::add(db, wanted, events(said, &before, whose, now)).await?;
    Ok(Some(created))
}

/// What is to be told of it.
fn events(said: &Said, before: &Conversation, whose: Whose<'_>, now: Timestamp) -> Vec<NewHookEvent> {
    let contact = Some(whose.contact);
    let handed = handed(before, &said.conversation);
    let who = said.by.as_ref().map(|by| by.who.as_str());
    let closed = handed.closed.map(|handover| {
        NewHookEvent::new(HookEvent::EscalationClosed, contact, now, &EscalationClosed::new(whose, handover, who, now))
    });
    let opened = handed.opened.map(|handover| {
        NewHookEvent::new(HookEvent::EscalationOpened, contact, now, &EscalationOpened::new(whose, handover))
    });
    let completed = said.results.iter().filter(|result| result.state == Some(ResultState::Completed));
    let completed = completed.map(|result| {
        NewHookEvent::new(HookEvent::FlowCompleted, contact, now, &FlowCompleted::new(whose, result, now))
    });
    completed.chain(closed).chain(opened).collect()
}

/// Reads [`LISTED`], and behind it the number of ours unless that is known.
fn listed(row: &mut Row<'_>, sender: Option<&SenderName>) -> Sql<ListedTalk> {
    let (id, contact) = (row.opt_int()?.unwrap_or(0), ContactId::new(row.int()?));
    let (phone, name) = (row.opt_text()?, row.opt_text()?);
    let language = row.parsed(encode::language)?;
    let conversation = row.opt_parsed(|text| serde_json::from_str(text).ok())?.unwrap_or_default();
    let window = ServiceWindow { open_until: row.opt_time()? };
    let changed_at = row.opt_time()?;
    let sender = match sender {
        Some(sender) => sender.clone(),
        None => row.parsed(|text| text.parse().ok())?,
    };
    Ok(ListedTalk { id, talk: TalkId { contact, sender }, phone, name, language, conversation, window, changed_at })
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

    async fn talks(&self, filter: TalkFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedTalk>> {
        let mut conditions = "v.id < ?".to_owned();
        let mut values: Vec<Arg> = args![before.unwrap_or(i64::MAX)];
        match filter.holder {
            // In these words there is an index.
            Some(Holder::Person) => conditions.push_str(" AND v.is_human = 1"),
            Some(Holder::Bot) => conditions.push_str(" AND v.is_human = 0"),
            None => {}
        }
        if let Some(contact) = filter.contact {
            conditions.push_str(" AND v.contact_id = ?");
            values.extend(args![contact.number()]);
        }
        values.extend(args![limited(limit)]);
        let sql = format!(
            "{LISTED}, v.sender FROM conversations v JOIN contacts c ON c.id = v.contact_id \
             LEFT JOIN windows w ON w.contact_id = v.contact_id AND w.sender = v.sender \
             WHERE {conditions} ORDER BY v.id DESC LIMIT ?"
        );
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "conversations", |row| listed(row, None))?;
        Ok(page(items, limit, |listed| listed.id))
    }

    async fn listed_talk(&self, id: &TalkId) -> Stored<Option<ListedTalk>> {
        let (contact, sender) = (id.contact.number(), id.sender.as_str());
        let sql = format!(
            "{LISTED} FROM contacts c LEFT JOIN conversations v ON v.contact_id = c.id AND v.sender = ? \
             LEFT JOIN windows w ON w.contact_id = c.id AND w.sender = ? WHERE c.id = ? AND c.erased_at IS NULL"
        );
        let rows = self.read(&sql, args![sender, sender, contact]).await?;
        Ok(self.rows(&rows, "conversations", |row| listed(row, Some(&id.sender)))?.into_iter().next())
    }

    async fn senders_talked_to(&self, contact: ContactId) -> Stored<Vec<SenderName>> {
        // `UNION` names each once.
        let sql = "SELECT sender FROM conversations WHERE contact_id = ? UNION \
                   SELECT sender FROM feedback WHERE contact_id = ? AND sender IS NOT NULL ORDER BY 1";
        let rows = self.read(sql, args![contact.number(), contact.number()]).await?;
        self.rows(&rows, "conversations", |row| row.parsed(|text| text.parse().ok()))
    }

    async fn exchanges(&self, id: &TalkId, limit: u64) -> Stored<Vec<Exchange>> {
        exchanges::of(self, id, limit).await
    }
}
