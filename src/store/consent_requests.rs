//! Double opt-in in the record: of what people are asked, and which answers count. A request is written in the transaction of the change that needs
//! it, and its message in the transaction that notes it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{self, CONTACT_COLUMNS, millis};
use super::journal::limited;
use super::messages;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::consent::{Consent, Purpose, Purposes};
use crate::domain::double_opt_in::{DoubleOptIn, Question, is_answered, worth_asking};
use crate::domain::ids::{ContactId, MessageId, SenderName};
use crate::domain::news::InboundNews;
use crate::ports::{ConsentRequests, SingleMessage, Stored, Unasked};

/// A request whose message the person may answer.
#[derive(Debug)]
struct Open {
    purpose: Purpose,
    until: Timestamp,
    whatsapp_id: Option<String>,
    called_at: Option<Timestamp>,
    is_newest: bool,
}

/// The requests of the people of one transaction, who are named by their places.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) rules: DoubleOptIn,
    asked: BTreeMap<(usize, Purpose), Option<SenderName>>,
    ended: BTreeSet<(usize, Purpose)>,
    /// Of what people were asked before, or what they withdrew.
    asked_before: HashMap<usize, Purposes>,
    open: HashMap<usize, Vec<Open>>,
    /// Ids of messages of ours that somebody quotes.
    quoted: HashSet<String>,
}

impl Requests {
    pub(super) fn new(rules: DoubleOptIn) -> Self {
        Self { rules, ..Self::default() }
    }

    /// A person is to be asked.
    pub(super) fn ask(&mut self, at: usize, purposes: Purposes, sender: Option<&SenderName>) {
        for purpose in purposes.iter() {
            self.asked.insert((at, purpose), sender.cloned());
        }
        let before = self.asked_before.entry(at).or_default();
        *before = purposes.iter().fold(*before, Purposes::with);
    }

    /// A person need not be asked any more.
    pub(super) fn end(&mut self, at: usize, purposes: Purposes) {
        for purpose in purposes.iter() {
            self.asked.remove(&(at, purpose));
            self.ended.insert((at, purpose));
        }
    }

    /// Of what a person was asked before, or what they withdrew, as far as that was recalled.
    pub(super) fn asked_before(&self, at: usize) -> Purposes {
        self.asked_before.get(&at).copied().unwrap_or_default()
    }

    /// What a person answers with this, if it answers what they were asked.
    pub(super) fn answered(&self, at: usize, news: &InboundNews) -> Purposes {
        let quotes_ours = news.in_reply_to.as_ref().is_some_and(|id| self.quoted.contains(id.as_str()));
        let open = self.open.get(&at).into_iter().flatten();
        let answered = open.filter(|open| {
            let question = Question {
                whatsapp_id: open.whatsapp_id.as_deref(),
                called_at: open.called_at,
                is_newest: open.is_newest,
                until: open.until,
            };
            !self.ended.contains(&(at, open.purpose)) && is_answered(question, news, quotes_ours)
        });
        answered.map(|open| open.purpose).collect()
    }

    /// Two people are one: what the one was asked the other may answer.
    pub(super) fn become_one(&mut self, gone: usize, stays: usize) {
        let open = self.open.remove(&gone).unwrap_or_default();
        self.open.entry(stays).or_default().extend(open);
    }

    /// Finds what these people were asked before, and what they withdrew.
    pub(super) async fn recall_asked(
        &mut self,
        db: &Db<'_, DatabaseTransaction>,
        people: &HashMap<i64, usize>,
    ) -> Sql<()> {
        if people.is_empty() {
            return Ok(());
        }
        let sql =
            "SELECT contact_id, purposes FROM consent_changes WHERE contact_id {} AND kind IN ('ask', 'withdraw')";
        for row in db.all(sql, args![people.keys().copied().collect::<Vec<i64>>()]).await? {
            let mut row = Row::of(&row, "consent_changes");
            if let Some(at) = people.get(&row.int()?) {
                let purposes = encode::purposes(&mut row)?;
                let before = self.asked_before.entry(*at).or_default();
                *before = purposes.iter().fold(*before, Purposes::with);
            }
        }
        Ok(())
    }

    /// Finds what these people are asked, and which of the ids that they quote are of messages of ours.
    pub(super) async fn recall_open(
        &mut self,
        db: &Db<'_, DatabaseTransaction>,
        people: &HashMap<i64, usize>,
        quoted: Vec<String>,
    ) -> Sql<()> {
        if people.is_empty() {
            return Ok(());
        }
        let sql = "SELECT q.contact_id, q.purpose, q.until, m.whatsapp_id, m.called_at, m.id, \
                   (SELECT n.id FROM messages n WHERE n.contact_id = q.contact_id AND n.called_at IS NOT NULL \
                   AND n.state NOT IN ('failed', 'suppressed', 'expired') ORDER BY n.called_at DESC, n.id DESC LIMIT 1) \
                   FROM consent_requests q JOIN messages m ON m.id = q.message_id WHERE q.contact_id {}";
        for row in db.all(sql, args![people.keys().copied().collect::<Vec<i64>>()]).await? {
            let mut row = Row::of(&row, "consent_requests");
            let contact = row.int()?;
            let (purpose, until) = (row.parsed(Purpose::named)?, row.time()?);
            let (whatsapp_id, called_at) = (row.opt_text()?, row.opt_time()?);
            let is_newest = Some(row.int()?) == row.opt_int()?;
            if let Some(at) = people.get(&contact) {
                self.open.entry(*at).or_default().push(Open { purpose, until, whatsapp_id, called_at, is_newest });
            }
        }
        // Only a question whose own id is not known yet may be mistaken for another.
        if self.open.values().flatten().any(|open| open.whatsapp_id.is_none()) && !quoted.is_empty() {
            for row in db.all("SELECT whatsapp_id FROM messages WHERE whatsapp_id {}", args![quoted]).await? {
                self.quoted.insert(Row::of(&row, "messages").text()?);
            }
        }
        Ok(())
    }

    /// Writes what begins and what ends. `contact`: the id of whoever somebody is now; `known`: all ids under which the record may have a
    /// request of theirs.
    pub(super) async fn save(
        &mut self,
        db: &Db<'_, DatabaseTransaction>,
        contact: impl Fn(usize) -> i64,
        known: impl Fn(usize) -> Vec<i64>,
        now: Timestamp,
    ) -> Sql<()> {
        let ended = std::mem::take(&mut self.ended);
        let ended: BTreeSet<(i64, Purpose)> =
            ended.into_iter().flat_map(|(at, purpose)| known(at).into_iter().map(move |id| (id, purpose))).collect();
        // Most installations ask nobody.
        if !ended.is_empty() && db.first("SELECT 1 FROM consent_requests LIMIT 1", args![]).await?.is_some() {
            let table = Table::new()
                .int("contact_id", ended.iter().map(|(contact, _)| *contact))
                .text("purpose", ended.iter().map(|(_, purpose)| purpose.name()));
            db.run(
                "DELETE FROM consent_requests WHERE EXISTS (SELECT 1 FROM {} WHERE v.contact_id = consent_requests.contact_id \
                 AND v.purpose = consent_requests.purpose)",
                args![table],
            )
            .await?;
        }
        let asked: BTreeMap<(i64, Purpose), Option<SenderName>> = std::mem::take(&mut self.asked)
            .into_iter()
            .map(|((at, purpose), sender)| ((contact(at), purpose), sender))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let until = self.rules.until(now);
        let table = Table::new()
            .int("contact_id", asked.keys().map(|(contact, _)| *contact))
            .text("purpose", asked.keys().map(|(_, purpose)| purpose.name()))
            .int("requested_at", asked.keys().map(|_| millis(now)))
            .int("until", asked.keys().map(|_| millis(until)))
            .opt_text("sender", asked.values().map(|sender| sender.as_ref().map(SenderName::as_str)));
        // Who is asked already is not asked again, unless that came to nothing.
        db.run(
            "INSERT INTO consent_requests (contact_id, purpose, requested_at, until, sender) \
             SELECT contact_id, purpose, requested_at, until, sender FROM {} WHERE TRUE ON CONFLICT (contact_id, purpose) DO UPDATE SET \
             requested_at = excluded.requested_at, until = excluded.until, sender = excluded.sender, message_id = NULL \
             WHERE consent_requests.until <= excluded.requested_at OR EXISTS (SELECT 1 FROM messages m \
             WHERE m.id = consent_requests.message_id AND m.state IN ('failed', 'suppressed', 'expired'))",
            args![table],
        )
        .await?;
        Ok(())
    }
}

fn names(purposes: Purposes) -> Vec<String> {
    purposes.iter().map(|purpose| purpose.name().to_owned()).collect()
}

/// Adds the message that asks, and notes it.
pub(super) async fn ask(
    db: &Db<'_, DatabaseTransaction>,
    purposes: Purposes,
    message: &SingleMessage,
    now: Timestamp,
) -> Sql<Option<MessageId>> {
    let contact = message.contact.number();
    // Whoever is there first lets the other see that they were.
    let lock = db.lock(Lock::Exclusive, "c");
    let sql = format!(
        "SELECT c.granted, c.stopped, c.marketing_stopped FROM contacts c WHERE c.id = ? AND c.erased_at IS NULL \
         AND c.merged_into IS NULL{lock}"
    );
    let Some(row) = db.first(&sql, args![contact]).await? else { return Ok(None) };
    let consent = encode::consent(&mut Row::of(&row, "contacts"))?;
    let sql = "SELECT purpose FROM consent_requests WHERE contact_id = ? AND message_id IS NULL AND until > ?";
    let open = db.all(sql, args![contact, now]).await?;
    let open: Purposes = open
        .iter()
        .map(|row| Row::of(row, "consent_requests").parsed(Purpose::named))
        .collect::<Sql<Vec<Purpose>>>()?
        .into_iter()
        .collect();
    // A question about something else would have other words.
    if purposes.is_empty() || worth_asking(consent, open) != purposes {
        return Ok(None);
    }
    let created = messages::create(db, &[(0, message, now)]).await?;
    let id = created.first().map(|(_, created)| created.id());
    if let Some(id) = id {
        let sql =
            "UPDATE consent_requests SET message_id = ? WHERE contact_id = ? AND message_id IS NULL AND purpose {}";
        db.run(sql, args![id.number(), contact, names(purposes)]).await?;
    }
    Ok(id)
}

/// No longer asks a person for these purposes.
pub(super) async fn end(db: &Db<'_, DatabaseTransaction>, contact: i64, purposes: Purposes) -> Sql<()> {
    if purposes.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM consent_requests WHERE contact_id = ? AND purpose {}";
    db.run(sql, args![contact, names(purposes)]).await.map(drop)
}

/// Forgets what is over.
pub(super) async fn end_over(db: &Db<'_, DatabaseTransaction>, now: Timestamp) -> Sql<u64> {
    db.run("DELETE FROM consent_requests WHERE until <= ?", args![now]).await
}

/// Moves what a contact was asked to the one that it turned out to be; what that granted or stopped needs no asking.
pub(super) async fn become_one(db: &Db<'_, DatabaseTransaction>, gone: i64, stays: i64, consent: Consent) -> Sql<()> {
    db.run(
        "UPDATE consent_requests SET contact_id = ? WHERE contact_id = ? AND NOT EXISTS \
         (SELECT 1 FROM consent_requests o WHERE o.contact_id = ? AND o.purpose = consent_requests.purpose)",
        args![stays, gone, stays],
    )
    .await?;
    db.run("DELETE FROM consent_requests WHERE contact_id = ?", args![gone]).await?;
    let all = Purposes::all();
    end(db, stays, worth_asking(consent, all).iter().fold(all, Purposes::without)).await
}

#[async_trait]
impl ConsentRequests for SqlStore {
    async fn unasked(&self, after: Option<ContactId>, limit: u64) -> Stored<Vec<Unasked>> {
        let sql = format!(
            "SELECT {CONTACT_COLUMNS}, q.purpose, q.until, q.sender FROM consent_requests q JOIN contacts c ON c.id = q.contact_id \
             WHERE q.message_id IS NULL AND q.contact_id IN (SELECT DISTINCT contact_id FROM consent_requests \
             WHERE message_id IS NULL AND contact_id > ? ORDER BY contact_id LIMIT ?) ORDER BY q.contact_id, q.purpose"
        );
        let rows = self.read(&sql, args![after.map_or(0, ContactId::number), limited(limit)]).await?;
        let rows = self.rows(&rows, "contacts", |row| {
            let contact = encode::contact(row)?;
            let purposes = Purposes::NONE.with(row.parsed(Purpose::named)?);
            Ok(Unasked { contact, purposes, until: row.time()?, sender: row.opt_parsed(|text| text.parse().ok())? })
        })?;
        let mut people: Vec<Unasked> = Vec::new();
        for one in rows {
            match people.last_mut().filter(|last| last.contact.id == one.contact.id) {
                Some(last) => {
                    last.purposes = one.purposes.iter().fold(last.purposes, Purposes::with);
                    last.until = last.until.min(one.until);
                    last.sender = last.sender.take().or(one.sender);
                }
                None => people.push(one),
            }
        }
        Ok(people)
    }

    async fn ask(&self, purposes: Purposes, message: SingleMessage, now: Timestamp) -> Stored<Option<MessageId>> {
        match self.writers.ask(Request::AskConsent { purposes, message: Box::new(message), now }).await? {
            Outcome::Asked(message) => Ok(message),
            other => Err(unexpected(&other)),
        }
    }

    async fn end_requests(&self, contact: ContactId, purposes: Purposes) -> Stored<()> {
        match self.writers.ask(Request::EndConsentRequests { contact, purposes }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn end_requests_over(&self, now: Timestamp) -> Stored<u64> {
        // Asked again and again: nobody is to wait for a transaction that changes nothing.
        if self.read("SELECT 1 FROM consent_requests WHERE until <= ? LIMIT 1", args![now]).await?.is_empty() {
            return Ok(0);
        }
        match self.writers.ask(Request::EndConsentRequestsOver { now }).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }

    async fn unconfirmed(&self, contacts: &[ContactId], now: Timestamp) -> Stored<HashMap<ContactId, Purposes>> {
        let mut found: HashMap<ContactId, Purposes> = HashMap::new();
        if contacts.is_empty() {
            return Ok(found);
        }
        let ids: Vec<i64> = contacts.iter().map(|contact| contact.number()).collect();
        let sql = "SELECT contact_id, purpose FROM consent_requests WHERE contact_id {} AND until > ?";
        let rows = self.read(sql, args![ids, now]).await?;
        for (contact, purpose) in
            self.rows(&rows, "consent_requests", |row| Ok((ContactId::new(row.int()?), row.parsed(Purpose::named)?)))?
        {
            let purposes = found.entry(contact).or_default();
            *purposes = purposes.with(purpose);
        }
        Ok(found)
    }
}
