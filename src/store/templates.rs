//! Approved templates as they were last seen, what was agreed to about their categories, and when each was sent last.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::storable;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Sql, args};
use crate::domain::live_check::TemplateFacts;
use crate::domain::template_approval::{Agreement, KeptTemplate, TemplateUse};
use crate::ports::{Stored, TemplateRecord};

/// What is written about templates.
#[derive(Debug)]
pub(super) enum TemplateWrite {
    Keep { account: String, found: Vec<TemplateFacts>, seen_at: Timestamp },
    Forget { account: String, before: Timestamp },
    Agree(Agreement),
    Use(TemplateUse),
}

/// A use is written again after so long.
const NOTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Which uses this process wrote lately: a hundred messages in a second write one.
#[derive(Debug, Default)]
pub(super) struct NotedUses(Mutex<HashMap<(String, String), Timestamp>>);

impl NotedUses {
    /// Whether this use is to be written; whoever asks first does it.
    fn is_new(&self, name: &str, language: &str, at: Timestamp) -> bool {
        let mut noted = self.lock();
        let known = noted.entry((name.to_owned(), language.to_owned())).or_insert(Timestamp::MIN);
        let is_new = at.duration_since(*known) >= NOTED_FOR;
        if is_new {
            *known = at;
        }
        is_new
    }

    /// It was not written.
    fn forget(&self, name: &str, language: &str) {
        self.lock().remove(&(name.to_owned(), language.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes it.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, write: &TemplateWrite) -> Sql<Outcome> {
    match write {
        TemplateWrite::Keep { account, found, seen_at } => {
            for facts in found {
                keep(db, account, facts, *seen_at).await?;
            }
            Ok(Outcome::Done)
        }
        TemplateWrite::Forget { account, before } => {
            let sql = "DELETE FROM approved_templates WHERE account = ? AND seen_at < ?";
            Ok(Outcome::Count(db.run(sql, args![storable(account.clone()), *before]).await?))
        }
        TemplateWrite::Agree(Agreement { name, language, category, by, at }) => {
            let sql = "INSERT INTO category_agreements (name, language, category, agreed_by, agreed_at) VALUES (?, ?, ?, ?, ?) \
                       ON CONFLICT (name, language, category) DO NOTHING";
            let values = args![
                storable(name.clone()),
                storable(language.clone()),
                storable(category.clone()),
                storable(by.clone()),
                *at
            ];
            db.run(sql, values).await?;
            Ok(Outcome::Done)
        }
        TemplateWrite::Use(TemplateUse { name, language, at }) => {
            let sql = "INSERT INTO template_uses (name, language, used_at) VALUES (?, ?, ?) \
                       ON CONFLICT (name, language) DO UPDATE SET used_at = excluded.used_at \
                       WHERE template_uses.used_at < excluded.used_at";
            db.run(sql, args![storable(name.clone()), storable(language.clone()), *at]).await?;
            Ok(Outcome::Done)
        }
    }
}

async fn keep(db: &Db<'_, DatabaseTransaction>, account: &str, facts: &TemplateFacts, seen_at: Timestamp) -> Sql<()> {
    let sql = "INSERT INTO approved_templates \
               (account, name, language, meta_id, status, status_since, category, quality, rejected_reason, format, wording, seen_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
               ON CONFLICT (account, name, language) DO UPDATE SET meta_id = excluded.meta_id, \
               status_since = CASE WHEN approved_templates.status = excluded.status THEN approved_templates.status_since \
               ELSE excluded.status_since END, \
               status = excluded.status, category = excluded.category, quality = excluded.quality, \
               rejected_reason = excluded.rejected_reason, format = excluded.format, wording = excluded.wording, \
               seen_at = excluded.seen_at WHERE approved_templates.seen_at <= excluded.seen_at";
    let text = |text: &String| storable(text.clone());
    let wording = serde_json::to_string(&facts.wording).expect("texts are always JSON");
    let values = args![
        storable(account.to_owned()),
        text(&facts.name),
        text(&facts.language),
        text(&facts.id),
        text(&facts.status),
        seen_at,
        text(&facts.category),
        text(&facts.quality),
        text(&facts.rejected_reason),
        text(&facts.format),
        storable(wording),
        seen_at
    ];
    db.run(sql, values).await?;
    Ok(())
}

impl SqlStore {
    async fn write_template(&self, write: TemplateWrite) -> Stored<Outcome> {
        self.writers.ask(Request::Template(Box::new(write))).await
    }
}

#[async_trait]
impl TemplateRecord for SqlStore {
    async fn keep_templates(&self, account: &str, found: Vec<TemplateFacts>, seen_at: Timestamp) -> Stored<()> {
        let account = account.to_owned();
        match self.write_template(TemplateWrite::Keep { account, found, seen_at }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn forget_templates(&self, account: &str, before: Timestamp) -> Stored<u64> {
        match self.write_template(TemplateWrite::Forget { account: account.to_owned(), before }).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }

    async fn kept_templates(&self) -> Stored<Vec<KeptTemplate>> {
        let sql = "SELECT account, meta_id, name, language, status, category, quality, rejected_reason, format, wording, \
                   status_since, seen_at FROM approved_templates ORDER BY account, name, language";
        let rows = self.read(sql, args![]).await?;
        self.rows(&rows, "approved_templates", |row| {
            let account = row.text()?;
            let facts = TemplateFacts {
                id: row.text()?,
                name: row.text()?,
                language: row.text()?,
                status: row.text()?,
                category: row.text()?,
                quality: row.text()?,
                rejected_reason: row.text()?,
                format: row.text()?,
                wording: row.parsed(|text| serde_json::from_str(text).ok())?,
            };
            Ok(KeptTemplate { account, facts, status_since: row.time()?, seen_at: row.time()? })
        })
    }

    async fn agree_category(&self, agreement: Agreement) -> Stored<()> {
        match self.write_template(TemplateWrite::Agree(agreement)).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn category_agreements(&self) -> Stored<Vec<Agreement>> {
        let sql = "SELECT name, language, category, agreed_by, agreed_at FROM category_agreements \
                   ORDER BY agreed_at, name, language, category";
        let rows = self.read(sql, args![]).await?;
        self.rows(&rows, "category_agreements", |row| {
            Ok(Agreement {
                name: row.text()?,
                language: row.text()?,
                category: row.text()?,
                by: row.text()?,
                at: row.time()?,
            })
        })
    }

    async fn note_template_use(&self, name: &str, language: &str, at: Timestamp) -> Stored<()> {
        if !self.noted_uses.is_new(name, language, at) {
            return Ok(());
        }
        let used = TemplateUse { name: name.to_owned(), language: language.to_owned(), at };
        match self.write_template(TemplateWrite::Use(used)).await {
            Ok(Outcome::Done) => Ok(()),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => {
                self.noted_uses.forget(name, language);
                Err(error)
            }
        }
    }

    async fn template_uses(&self) -> Stored<Vec<TemplateUse>> {
        let rows =
            self.read("SELECT name, language, used_at FROM template_uses ORDER BY name, language", args![]).await?;
        self.rows(&rows, "template_uses", |row| {
            Ok(TemplateUse { name: row.text()?, language: row.text()?, at: row.time()? })
        })
    }
}
