//! Forgetting people. Everything that names them goes in one transaction, and what is under way finds nobody any more; their traces in kept
//! callbacks, which no index leads to, go in steps afterwards. What stays are numbers: messages in their counts and costs, feedback in its
//! statistics, both of an empty contact.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::storable;
use super::forgotten::{self, Forgot};
use super::journal::{NOT_APPLIED, limited};
use super::ledger::Ledger;
use super::media;
use super::open::unexpected;
use super::policies::Policies;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::delivery::SuppressedReason;
use crate::domain::erasure::{Erasure, Names, without};
use crate::domain::ids::{ContactId, ErasureId, JournalId};
use crate::domain::news::Source;
use crate::ports::{Erasures, Stored};

/// Kept callbacks that one step looks through.
const STEP_ROWS: u64 = 5_000;

const ERASURE_COLUMNS: &str = "id, contact_id, asked_by, at, messages, feedback, callbacks, finished_at";

/// A step through the kept callbacks.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: ErasureId,
    /// Bodies without the person.
    pub(super) bodies: Vec<(i64, Vec<u8>)>,
    /// Until where was looked.
    pub(super) position: i64,
    /// Whether that is all.
    pub(super) is_last: bool,
    pub(super) now: Timestamp,
}

struct Someone {
    id: i64,
    phone: Option<String>,
    bsuid: Option<String>,
    email: Option<String>,
    stopped: bool,
    marketing_stopped: bool,
    erased: bool,
}

/// Forgets a person; `None`: there is no such contact. Whoever was forgotten already has their receipt.
pub(super) async fn erase(
    db: &Db<'_, DatabaseTransaction>,
    policies: &Policies,
    contact: ContactId,
    by: &str,
    now: Timestamp,
    shard: i64,
) -> Sql<Option<Erasure>> {
    let people = locked(db, contact).await?;
    let Some(first) = people.first() else { return Ok(None) };
    if people.iter().all(|one| one.erased) {
        let sql = format!("SELECT {ERASURE_COLUMNS} FROM erasures WHERE contact_id = ? ORDER BY id DESC LIMIT 1");
        let known = db.first(&sql, args![first.id]).await?;
        return known.map(|row| erasure(&mut Row::of(&row, "erasures"))).transpose();
    }
    let ids: Vec<i64> = people.iter().map(|one| one.id).collect();
    let messages = empty_messages(db, policies, &ids, now, shard).await?;
    let feedback = empty_the_rest(db, &ids, now).await?;
    let addresses = people.iter().flat_map(|one| one.phone.iter().chain(&one.bsuid).map(move |address| (address, one)));
    let forgot = |one: &Someone| Forgot {
        contact: first.id,
        at: now,
        stopped: one.stopped,
        marketing_stopped: one.marketing_stopped,
    };
    let known: Vec<_> = addresses.map(|(address, one)| (address.clone(), forgot(one))).collect();
    forgotten::keep(db, policies.digest(), &known).await?;
    let names = people.iter().flat_map(|one| [&one.phone, &one.bsuid, &one.email]).flatten();
    let names: Names = names.map(String::as_str).collect();
    let horizon = db.first("SELECT COALESCE(MAX(id), 0) FROM journal", args![]).await?;
    let horizon = horizon.map(|row| Row::of(&row, "journal").int()).transpose()?.unwrap_or(0);
    db.run(
        "UPDATE contacts SET phone = NULL, bsuid = NULL, name = NULL, email = NULL, tags = '[]', attributes = ?, granted = 0, \
         stopped = 1, updated_at = ?, erased_at = ? WHERE id {}",
        args!["{}", now, now, ids],
    )
    .await?;
    let id = db.fresh_ids("erasures", 1).await?.into_iter().next().unwrap_or_default();
    db.run(
        "INSERT INTO erasures (id, contact_id, asked_by, at, messages, feedback, callbacks, names, position, horizon) \
         VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0, ?)",
        args![
            id,
            first.id,
            storable(by.to_owned()),
            now,
            count(messages),
            count(feedback),
            serde_json::to_string(&names.iter().collect::<Vec<_>>()).expect("texts are always JSON"),
            horizon
        ],
    )
    .await?;
    Ok(Some(Erasure {
        id: ErasureId::new(id),
        contact: ContactId::new(first.id),
        by: by.to_owned(),
        at: now,
        messages,
        feedback,
        callbacks: 0,
        finished_at: None,
    }))
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The contact, locked, with those that turned out to be the same person; the one that stays first.
async fn locked(db: &Db<'_, DatabaseTransaction>, contact: ContactId) -> Sql<Vec<Someone>> {
    let sql = format!(
        "SELECT c.id, c.merged_into, c.phone, c.bsuid, c.email, c.stopped, c.marketing_stopped, \
         CAST(CASE WHEN c.erased_at IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM contacts c \
         WHERE c.id = COALESCE((SELECT merged_into FROM contacts WHERE id = ?), ?) \
         OR c.merged_into = COALESCE((SELECT merged_into FROM contacts WHERE id = ?), ?) ORDER BY c.id{}",
        db.lock(Lock::Exclusive, "c")
    );
    let id = contact.number();
    let mut people = Vec::new();
    for row in db.all(&sql, args![id, id, id, id]).await? {
        let mut row = Row::of(&row, "contacts");
        let (id, merged_into) = (row.int()?, row.opt_int()?);
        let someone = Someone {
            id,
            phone: row.opt_text()?,
            bsuid: row.opt_text()?,
            email: row.opt_text()?,
            stopped: row.flag()?,
            marketing_stopped: row.flag()?,
            erased: row.flag()?,
        };
        people.push((merged_into.is_some(), someone));
    }
    people.sort_by_key(|(is_merged, _)| *is_merged);
    Ok(people.into_iter().map(|(_, someone)| someone).collect())
}

/// Ends what waits, and takes words and addresses out of all messages; answers how many there are. What is being called at this moment learns
/// its outcome without them.
async fn empty_messages(
    db: &Db<'_, DatabaseTransaction>,
    policies: &Policies,
    contacts: &[i64],
    now: Timestamp,
    shard: i64,
) -> Sql<u64> {
    let lock = db.lock(Lock::Exclusive, "m");
    let sql = format!("SELECT m.id, m.state FROM messages m WHERE m.contact_id {{}} ORDER BY m.id{lock}");
    let (mut all, mut waiting) = (Vec::new(), BTreeSet::new());
    for row in db.all(&sql, args![contacts.to_vec()]).await? {
        let mut row = Row::of(&row, "messages");
        let id = row.int()?;
        all.push(id);
        if matches!(row.text()?.as_str(), "planned" | "held") {
            waiting.insert(id);
        }
    }
    db.run("UPDATE history SET detail = '' WHERE message_id {} AND detail <> ''", args![all.clone()]).await?;
    let mut ledger = Ledger::load(db, policies, &waiting, &[]).await?;
    for id in &waiting {
        ledger.suppress(*id, SuppressedReason::Erased, "", now);
    }
    ledger.save(db, shard).await?;
    db.run("UPDATE messages SET content = NULL, whatsapp_id = NULL, details = NULL WHERE id {}", args![all.clone()])
        .await?;
    db.run("DELETE FROM links WHERE message_id {}", args![all.clone()]).await?;
    Ok(all.len() as u64)
}

/// Takes the person out of everything beside messages; answers how much feedback there is.
async fn empty_the_rest(db: &Db<'_, DatabaseTransaction>, contacts: &[i64], now: Timestamp) -> Sql<u64> {
    for contact in contacts {
        media::forget(db, ContactId::new(*contact), now).await?;
    }
    let contacts = || contacts.to_vec();
    let feedback = db
        .run(
            "UPDATE feedback SET whatsapp_id = 'erased:' || CAST(id AS TEXT), text = NULL, payload = NULL, media_id = NULL, \
             media_state = NULL, media_name = NULL, media_hash = NULL, media_detail = NULL, media_due_at = NULL, \
             answered_at = COALESCE(answered_at, ?), analysed_at = COALESCE(analysed_at, ?) WHERE contact_id {}",
            args![now, now, contacts()],
        )
        .await?;
    db.run("UPDATE consent_changes SET source = '', evidence = '' WHERE contact_id {}", args![contacts()]).await?;
    db.run("UPDATE person_changes SET whatsapp_id = NULL WHERE contact_id {}", args![contacts()]).await?;
    let deliveries = "DELETE FROM hook_deliveries WHERE event_id IN (SELECT id FROM hook_events WHERE contact_id {})";
    db.run(deliveries, args![contacts()]).await?;
    let scores = "DELETE FROM flow_scores WHERE result_id IN (SELECT id FROM flow_results WHERE contact_id {})";
    db.run(scores, args![contacts()]).await?;
    for table in ["hook_events", "conversations", "windows", "flow_results", "consent_requests"] {
        db.run(&format!("DELETE FROM {table} WHERE contact_id {{}}"), args![contacts()]).await?;
    }
    Ok(feedback)
}

/// Writes a step, unless somebody else was there.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, step: &Step) -> Sql<()> {
    let bodies = rewrite(db, &step.bodies).await?;
    db.run(
        "UPDATE erasures SET callbacks = callbacks + ?, position = ? WHERE id = ? AND finished_at IS NULL AND position <= ?",
        args![count(bodies), step.position, step.id.number(), step.position],
    )
    .await?;
    if step.is_last {
        let sql = "UPDATE erasures SET finished_at = ?, names = NULL WHERE id = ? AND finished_at IS NULL";
        db.run(sql, args![step.now, step.id.number()]).await?;
    }
    Ok(())
}

async fn rewrite(db: &Db<'_, DatabaseTransaction>, bodies: &[(i64, Vec<u8>)]) -> Sql<u64> {
    if bodies.is_empty() {
        return Ok(0);
    }
    let table = Table::new()
        .int("id", bodies.iter().map(|(id, _)| *id))
        .bytes("body", bodies.iter().map(|(_, body)| body.clone()));
    db.run("UPDATE journal SET body = v.body FROM {} WHERE journal.id = v.id", args![table]).await
}

/// Takes people out of bodies that are applied in this transaction: what is told late about somebody who was forgotten.
pub(super) async fn take_out(db: &Db<'_, DatabaseTransaction>, rows: &[(JournalId, Names)]) -> Sql<()> {
    let mut bodies = Vec::new();
    for (id, names) in rows {
        let Some(row) = db.first("SELECT source, body FROM journal WHERE id = ?", args![id.number()]).await? else {
            continue;
        };
        let mut row = Row::of(&row, "journal");
        let source = row.parsed(Source::named)?;
        bodies.extend(without(source, &row.bytes()?, names).map(|body| (id.number(), body)));
    }
    rewrite(db, &bodies).await.map(drop)
}

fn erasure(row: &mut Row<'_>) -> Sql<Erasure> {
    Ok(Erasure {
        id: ErasureId::new(row.int()?),
        contact: ContactId::new(row.int()?),
        by: row.text()?,
        at: row.time()?,
        messages: row.int()?.unsigned_abs(),
        feedback: row.int()?.unsigned_abs(),
        callbacks: row.int()?.unsigned_abs(),
        finished_at: row.opt_time()?,
    })
}

#[async_trait]
impl Erasures for SqlStore {
    async fn erase(&self, contact: ContactId, by: &str, now: Timestamp) -> Stored<Option<Erasure>> {
        match self.writers.ask(Request::Erase { contact, by: by.to_owned(), now }).await? {
            Outcome::Erased(erasure) => Ok(erasure),
            other => Err(unexpected(&other)),
        }
    }

    async fn erasure(&self, id: ErasureId) -> Stored<Option<Erasure>> {
        let rows =
            self.read(&format!("SELECT {ERASURE_COLUMNS} FROM erasures WHERE id = ?"), args![id.number()]).await?;
        Ok(self.rows(&rows, "erasures", erasure)?.into_iter().next())
    }

    async fn unfinished_erasures(&self) -> Stored<Vec<ErasureId>> {
        let rows = self.read("SELECT id FROM erasures WHERE finished_at IS NULL ORDER BY id", args![]).await?;
        self.rows(&rows, "erasures", |row| row.int().map(ErasureId::new))
    }

    async fn erase_further(&self, id: ErasureId, now: Timestamp) -> Stored<bool> {
        let sql = "SELECT names, position, horizon FROM erasures WHERE id = ? AND finished_at IS NULL";
        let rows = self.read(sql, args![id.number()]).await?;
        let found = self.rows(&rows, "erasures", |row| {
            let names: Vec<String> = row.parsed(|text| serde_json::from_str(text).ok())?;
            Ok((names.iter().map(String::as_str).collect::<Names>(), row.int()?, row.int()?))
        })?;
        let Some((names, position, horizon)) = found.into_iter().next() else { return Ok(true) };
        // What is not applied yet says something about messages first, and is looked at then.
        let sql = "SELECT MIN(id) FROM journal WHERE applied_at IS NULL";
        let waiting = self.read(sql, args![]).await?;
        let waiting = self.rows(&waiting, "journal", |row| row.opt_int())?.into_iter().next().flatten();
        let last = waiting.map_or(horizon, |waiting| horizon.min(waiting - 1));
        let sql = "SELECT MAX(id) FROM (SELECT id FROM journal WHERE id > ? AND id <= ? ORDER BY id LIMIT ?) AS step";
        let end = self.read(sql, args![position, last, limited(STEP_ROWS)]).await?;
        let end = self.rows(&end, "journal", |row| row.opt_int())?.into_iter().next().flatten();
        let mut bodies: Vec<(i64, Vec<u8>)> = Vec::new();
        if let Some(end) = end {
            let of_names = names.iter().map(|_| self.dialect.contains("body")).collect::<Vec<_>>().join(" OR ");
            let sql = format!(
                "SELECT id, source, body FROM journal WHERE id > ? AND id <= ? AND NOT {NOT_APPLIED} AND ({of_names}) ORDER BY id"
            );
            let mut values = args![position, end];
            values.extend(names.iter().map(Into::into));
            let rows = self.read(&sql, values).await?;
            let found = self.rows(&rows, "journal", |row| {
                let (id, source) = (row.int()?, row.parsed(Source::named)?);
                Ok((id, without(source, &row.bytes()?, &names)))
            })?;
            bodies.extend(found.into_iter().filter_map(|(id, body)| Some((id, body?))));
        }
        let is_last = end.is_none() && last == horizon;
        if end.is_some() || is_last {
            let step = Step { id, bodies, position: end.unwrap_or(position), is_last, now };
            match self.writers.ask(Request::EraseFurther(Box::new(step))).await? {
                Outcome::Done => {}
                other => return Err(unexpected(&other)),
            }
        }
        // Whoever asks again at once would only find what waits to be applied.
        Ok(end.is_none())
    }
}
