//! Reading messages; asking the writers to change them.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

use super::SqlStore;
use super::encode::{self, LOADED_FROM, loaded_columns, millis};
use super::journal::{limited, page};
use super::links;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Arg, Db, Row, Sql, Table, args};
use super::tallies::{heard_from, minute};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Effect, Fact, HeldReason, State, SuppressedReason};
use crate::domain::ids::{ContactId, MessageId, SenderName};
use crate::domain::message::{Content, Rendered};
use crate::domain::service_window::ServiceWindow;
use crate::domain::start::StartAnswer;
use crate::ports::{
    Clicks, Created, HistoryEntry, ListedMessage, LoadedMessage, MessageFilter, Messages, Once, Page, SingleMessage,
    Start, StoreError, Stored,
};

/// Adds messages without a run, those that were not created under their name before; answers the request's place and the message.
pub(super) async fn create(
    db: &Db<'_, DatabaseTransaction>,
    asked: &[(usize, &SingleMessage, Timestamp)],
) -> Sql<Vec<(usize, Created)>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = named(db, asked).await?;
    let (mut singles, mut again) = (Vec::new(), Vec::new());
    // The first of several under one name in this transaction is the one that counts.
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, message, now) in asked {
        match &message.once {
            Some(once) if known.contains_key(&once.name) || first.contains_key(once.name.as_str()) => {
                again.push((*at, once));
            }
            once => {
                if let Some(once) = once {
                    first.insert(once.name.as_str(), singles.len());
                }
                singles.push((*at, *message, *now));
            }
        }
    }
    let ids = insert(db, &singles).await?;
    for (name, at) in first {
        let once = singles[at].1.once.as_ref().map_or("", |once| once.request.as_str());
        known.insert(name.to_owned(), (once.to_owned(), ids[at]));
    }
    let new = singles.iter().zip(&ids).map(|((at, ..), id)| (*at, Created::New(*id)));
    let again = again.into_iter().map(|(at, once)| {
        let (request, id) = &known[&once.name];
        (at, Created::Known { id: *id, is_same: *request == once.request })
    });
    Ok(new.chain(again).collect())
}

/// What was created under these names, and asked then. Names that are over are forgotten.
async fn named(
    db: &Db<'_, DatabaseTransaction>,
    asked: &[(usize, &SingleMessage, Timestamp)],
) -> Sql<HashMap<String, (String, MessageId)>> {
    let names: Vec<String> =
        asked.iter().filter_map(|(_, message, _)| message.once.as_ref()).map(|once| once.name.clone()).collect();
    let Some((_, _, now)) = asked.first().filter(|_| !names.is_empty()) else { return Ok(HashMap::new()) };
    db.run("DELETE FROM once WHERE name {} AND until <= ?", args![names.clone(), *now]).await?;
    let rows = db.all("SELECT name, request, message_id FROM once WHERE name {}", args![names]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Row::of(row, "once");
            Ok((row.text()?, (row.text()?, MessageId::new(row.int()?))))
        })
        .collect()
}

async fn insert(
    db: &Db<'_, DatabaseTransaction>,
    singles: &[(usize, &SingleMessage, Timestamp)],
) -> Sql<Vec<MessageId>> {
    if singles.is_empty() {
        return Ok(Vec::new());
    }
    let ids = db.fresh_ids("messages", singles.len()).await?;
    let messages = || singles.iter().map(|(_, message, _)| *message);
    let content = |message: &SingleMessage| encode::rendered(&Rendered::only(message.content.clone()));
    let times = || singles.iter().map(|(_, _, now)| millis(*now));
    let table = Table::new()
        .int("id", ids.iter().copied())
        .int("contact_id", messages().map(|message| message.contact.number()))
        .text("sender", messages().map(|message| message.sender.as_str()))
        .text("language", messages().map(|message| message.language.code()))
        .text("purpose", messages().map(|message| message.purpose.name()))
        .int("marketing", messages().map(|message| i64::from(message.marketing)))
        .text("state", messages().map(|_| State::Planned.name()))
        .text("content", messages().map(content))
        .int("free_form", messages().map(|message| i64::from(!matches!(message.content, Content::Template(_)))))
        .int("price_micros", messages().map(|message| message.price_micros))
        .int("expires_at", messages().map(|message| millis(message.expires_at)))
        .int("planned_at", times())
        .int("changed_at", times());
    db.run(
        "INSERT INTO messages (id, contact_id, sender, language, purpose, marketing, state, content, free_form, price_micros, expires_at, \
         planned_at, changed_at) SELECT id, contact_id, sender, language, purpose, marketing, state, content, free_form, price_micros, \
         expires_at, planned_at, changed_at FROM {}",
        args![table],
    )
    .await?;
    let names: Vec<(&Once, i64)> =
        messages().zip(&ids).filter_map(|(message, id)| Some((message.once.as_ref()?, *id))).collect();
    if !names.is_empty() {
        let table = Table::new()
            .text("name", names.iter().map(|(once, _)| once.name.as_str()))
            .text("request", names.iter().map(|(once, _)| once.request.as_str()))
            .int("message_id", names.iter().map(|(_, id)| *id))
            .int("until", names.iter().map(|(once, _)| millis(once.until)));
        let sql = "INSERT INTO once (name, request, message_id, until) SELECT name, request, message_id, until FROM {}";
        db.run(sql, args![table]).await?;
    }
    let with_links: Vec<_> =
        messages().zip(&ids).filter_map(|(message, id)| Some((message.link.as_ref()?, *id))).collect();
    links::add(db, &with_links).await?;
    forget(db, singles, &ids).await?;
    Ok(ids.into_iter().map(MessageId::new).collect())
}

/// Of people who were forgotten since somebody decided to write to them nothing is kept: no words, no links.
async fn forget(
    db: &Db<'_, DatabaseTransaction>,
    singles: &[(usize, &SingleMessage, Timestamp)],
    ids: &[i64],
) -> Sql<()> {
    let contacts: Vec<i64> = singles.iter().map(|(_, message, _)| message.contact.number()).collect();
    let erased =
        db.all("SELECT id FROM contacts WHERE id {} AND erased_at IS NOT NULL", args![contacts.clone()]).await?;
    let erased = erased.iter().map(|row| Row::of(row, "contacts").int()).collect::<Sql<Vec<i64>>>()?;
    if erased.is_empty() {
        return Ok(());
    }
    let theirs = contacts.iter().zip(ids).filter(|(contact, _)| erased.contains(contact));
    let theirs: Vec<i64> = theirs.map(|(_, id)| *id).collect();
    db.run("DELETE FROM links WHERE message_id {}", args![theirs.clone()]).await?;
    let sql = "UPDATE messages SET state = ?, reason = ?, content = NULL WHERE id {}";
    db.run(sql, args![State::Suppressed.name(), SuppressedReason::Erased.name(), theirs]).await.map(drop)
}

/// Messages with all that sending needs, for the loader.
pub(super) async fn fetch(db: &Db<'_, DatabaseConnection>, ids: Vec<i64>) -> Sql<HashMap<i64, LoadedMessage>> {
    let found = db.packed(&loaded_columns(), &format!("{LOADED_FROM} WHERE m.id {{}}"), args![ids]).await?;
    let messages = found.read("messages", |row| encode::loaded(row).map(|message| (message.id.number(), message)))?;
    Ok(messages.into_iter().collect())
}

#[async_trait]
impl Messages for SqlStore {
    async fn load(&self, id: MessageId) -> Stored<Option<LoadedMessage>> {
        self.loaded.load(id.number()).await
    }

    async fn start(&self, start: Start) -> Stored<StartAnswer> {
        match self.writers.ask(Request::Start(Box::new(start))).await? {
            Outcome::Started(answer) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    async fn hold(
        &self,
        id: MessageId,
        attempts_before: u16,
        reason: HeldReason,
        until: Timestamp,
        now: Timestamp,
    ) -> Stored<bool> {
        match self.writers.ask(Request::Hold { id, attempts_before, reason, until, now }).await? {
            Outcome::Ended(held) => Ok(held),
            other => Err(unexpected(&other)),
        }
    }

    async fn learn(&self, id: MessageId, attempt: u16, fact: Fact, now: Timestamp) -> Stored<Effect> {
        match self.writers.ask(Request::Learn { id, attempt, fact, now }).await? {
            Outcome::Learnt(effect) => Ok(effect),
            other => Err(unexpected(&other)),
        }
    }

    async fn suppress(&self, id: MessageId, reason: SuppressedReason, detail: &str, now: Timestamp) -> Stored<()> {
        match self.writers.ask(Request::Suppress { id, reason, detail: detail.to_owned(), now }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn contacted_since(&self, people: &[ContactId], since: Timestamp) -> Stored<HashSet<ContactId>> {
        if people.is_empty() {
            return Ok(HashSet::new());
        }
        let people: Vec<i64> = people.iter().map(|contact| contact.number()).collect();
        // By the index of messages of a contact: a person has few.
        let sql = "SELECT DISTINCT contact_id FROM messages WHERE contact_id {} AND called_at >= ? \
                   AND state NOT IN ('failed', 'suppressed', 'expired')";
        let rows = self.read(sql, args![people, since]).await?;
        Ok(self.rows(&rows, "messages", |row| Ok(ContactId::new(row.int()?)))?.into_iter().collect())
    }

    async fn create(&self, message: SingleMessage, now: Timestamp) -> Stored<Created> {
        match self.writers.ask(Request::Create { message: Box::new(message), now }).await? {
            Outcome::Created(created) => Ok(created),
            other => Err(unexpected(&other)),
        }
    }

    async fn created_as(&self, name: &str, now: Timestamp) -> Stored<Option<(MessageId, String)>> {
        let sql = "SELECT message_id, request FROM once WHERE name = ? AND until > ?";
        let rows = self.read(sql, args![name, now]).await?;
        Ok(self.rows(&rows, "once", |row| Ok((MessageId::new(row.int()?), row.text()?)))?.into_iter().next())
    }

    async fn window(&self, contact: ContactId, sender: &SenderName) -> Stored<ServiceWindow> {
        let sql = "SELECT open_until FROM windows WHERE contact_id = ? AND sender = ?";
        let rows = self.read(sql, args![contact.number(), sender.as_str()]).await?;
        Ok(ServiceWindow { open_until: self.rows(&rows, "windows", |row| row.time())?.into_iter().next() })
    }

    async fn open_link(&self, token: &str, count: bool, now: Timestamp) -> Stored<Option<(String, MessageId)>> {
        if !count {
            return self.link(token).await;
        }
        match self.writers.ask(Request::OpenLink { token: token.to_owned(), now }).await? {
            Outcome::Link(link) => Ok(link),
            other => Err(unexpected(&other)),
        }
    }

    async fn clicks(&self, message: MessageId) -> Stored<Option<Clicks>> {
        self.clicks_of(message).await
    }

    async fn due(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, MessageId)>,
        limit: u64,
    ) -> Stored<Vec<LoadedMessage>> {
        let (moment, id) = after.map_or((i64::MIN, 0), |(moment, id)| (millis(moment), id.number()));
        let sql = format!(
            "SELECT {} {LOADED_FROM} WHERE m.due_at IS NOT NULL AND m.due_at <= ? AND (m.due_at, m.id) > (?, ?) \
             ORDER BY m.due_at, m.id LIMIT ?",
            loaded_columns()
        );
        let rows = self.read(&sql, args![now, moment, id, limited(limit)]).await?;
        self.rows(&rows, "messages", encode::loaded)
    }

    async fn single_waiting(&self, before: Timestamp, limit: u64) -> Stored<Vec<(MessageId, u16)>> {
        let sql = "SELECT id, attempt FROM messages WHERE run_id IS NULL AND state = 'planned' AND planned_at < ? ORDER BY id LIMIT ?";
        let rows = self.read(sql, args![before, limited(limit)]).await?;
        self.rows(&rows, "messages", |row| Ok((MessageId::new(row.int()?), row.small()?)))
    }

    async fn others_were_heard(&self, channel: Channel, sender: &SenderName, called_at: Timestamp) -> Stored<bool> {
        // A message that is still unknown was never heard of itself, so whatever is found is about another.
        let sql = "SELECT 1 FROM heard WHERE sender = ? AND called_minute >= ? AND last_at >= ? LIMIT 1";
        let rows = self.read(sql, args![heard_from(channel, sender), minute(millis(called_at)) - 1, called_at]).await?;
        Ok(!rows.is_empty())
    }

    async fn slowest_callback(
        &self,
        channel: Channel,
        sender: &SenderName,
        since: Timestamp,
    ) -> Stored<Option<SignedDuration>> {
        let sql = "SELECT MAX(slowest) FROM heard WHERE sender = ? AND called_minute >= ? AND slowest > 0";
        let rows = self.read(sql, args![heard_from(channel, sender), minute(millis(since))]).await?;
        let slowest = self.rows(&rows, "heard", |row| row.opt_int())?.into_iter().next().flatten();
        Ok(slowest.map(SignedDuration::from_millis))
    }

    async fn list(&self, filter: &MessageFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedMessage>> {
        let mut conditions = "m.id < ?".to_owned();
        let mut values: Vec<Arg> = args![before.unwrap_or(i64::MAX)];
        if let Some(campaign) = &filter.campaign {
            // A run notes its first and last message, so that an old campaign is found without looking through the newer ones.
            conditions.push_str(
                " AND m.run_id IN (SELECT id FROM runs WHERE campaign = ?) \
                 AND m.id >= (SELECT MIN(first_message) FROM runs WHERE campaign = ?) \
                 AND m.id <= (SELECT MAX(last_message) FROM runs WHERE campaign = ?)",
            );
            values.extend(args![campaign.as_str(), campaign.as_str(), campaign.as_str()]);
        }
        if let Some(phone) = &filter.phone {
            conditions.push_str(" AND m.contact_id = (SELECT id FROM contacts WHERE phone = ?)");
            values.extend(args![phone.as_str()]);
        }
        if let Some(state) = filter.state {
            conditions.push_str(" AND m.state = ?");
            values.extend(args![state.name()]);
        }
        values.extend(args![limited(limit)]);
        let sql = format!(
            "SELECT {}, r.campaign, m.changed_at {LOADED_FROM} WHERE {conditions} ORDER BY m.id DESC LIMIT ?",
            loaded_columns()
        );
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "messages", |row| {
            Ok(ListedMessage {
                message: encode::loaded(row)?,
                campaign: row.opt_parsed(|text| text.parse().ok())?,
                changed_at: row.time()?,
            })
        })?;
        Ok(page(items, limit, |listed| listed.message.id.number()))
    }

    async fn history(&self, id: MessageId) -> Stored<Vec<HistoryEntry>> {
        let planned = self.read("SELECT planned_at FROM messages WHERE id = ?", args![id.number()]).await?;
        let Some(at) = self.rows(&planned, "messages", |row| row.time())?.into_iter().next() else {
            return Ok(Vec::new());
        };
        // That it was planned is in the message itself and costs no row.
        let mut history = vec![HistoryEntry {
            at,
            provider_at: None,
            attempt: 0,
            event: "planned".to_owned(),
            detail: String::new(),
        }];
        let sql = "SELECT at, provider_at, attempt, event, detail FROM history WHERE message_id = ? ORDER BY seq";
        let rows = self.read(sql, args![id.number()]).await?;
        history.extend(self.rows(&rows, "history", |row| {
            Ok(HistoryEntry {
                at: row.time()?,
                provider_at: row.opt_time()?,
                attempt: row.small()?,
                event: row.text()?,
                detail: row.text()?,
            })
        })?);
        Ok(history)
    }

    async fn unknown_count(&self) -> Stored<u64> {
        let rows = self.read("SELECT COUNT(*) FROM messages WHERE state = 'unknown'", args![]).await?;
        let counted = self.rows(&rows, "messages", |row| row.small::<u64>())?.into_iter().next();
        counted.ok_or_else(|| StoreError::Inconsistent { place: "messages: a count without a row".to_owned() })
    }
}
