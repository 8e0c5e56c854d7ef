//! Reading contacts; asking the writers to change them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::SqlStore;
use super::encode::{self, CONTACT_COLUMNS};
use super::journal::{limited, page};
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::args;
use crate::domain::consent::ConsentChange;
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::ids::ContactId;
use crate::ports::{Contacts, Page, Stored};

impl SqlStore {
    async fn written(
        &self,
        updates: Vec<ContactUpdate>,
        brings_back: bool,
        now: Timestamp,
    ) -> Stored<Vec<(Contact, bool)>> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let language = self.default_language;
        match self.writers.ask(Request::Upsert { updates, language, brings_back, now }).await? {
            Outcome::Contacts(contacts) => Ok(contacts),
            other => Err(unexpected(&other)),
        }
    }
}

#[async_trait]
impl Contacts for SqlStore {
    async fn upsert(&self, updates: Vec<ContactUpdate>, now: Timestamp) -> Stored<Vec<(Contact, bool)>> {
        self.written(updates, true, now).await
    }

    async fn upsert_audience(&self, updates: Vec<ContactUpdate>, now: Timestamp) -> Stored<Vec<(Contact, bool)>> {
        self.written(updates, false, now).await
    }

    async fn by_phone(&self, phone: &str) -> Stored<Option<Contact>> {
        let rows =
            self.read(&format!("SELECT {CONTACT_COLUMNS} FROM contacts c WHERE c.phone = ?"), args![phone]).await?;
        Ok(self.rows(&rows, "contacts", encode::contact)?.into_iter().next())
    }

    async fn contact(&self, id: ContactId) -> Stored<Option<Contact>> {
        // One that turned out to be another is that other.
        let sql = format!(
            "SELECT {CONTACT_COLUMNS} FROM contacts c WHERE c.id = COALESCE((SELECT merged_into FROM contacts WHERE id = ?), ?)"
        );
        let rows = self.read(&sql, args![id.number(), id.number()]).await?;
        Ok(self.rows(&rows, "contacts", encode::contact)?.into_iter().next())
    }

    async fn page(&self, after: Option<ContactId>, limit: u64) -> Stored<Page<Contact>> {
        let sql = format!(
            "SELECT {CONTACT_COLUMNS} FROM contacts c WHERE c.id > ? AND c.merged_into IS NULL AND c.erased_at IS NULL ORDER BY c.id LIMIT ?"
        );
        let rows = self.read(&sql, args![after.map_or(0, ContactId::number), limited(limit)]).await?;
        let items = self.rows(&rows, "contacts", encode::contact)?;
        Ok(page(items, limit, |contact| contact.id.number()))
    }

    async fn consent_history(&self, id: ContactId) -> Stored<Vec<ConsentChange>> {
        let sql = "SELECT kind, purposes, at, source, evidence FROM consent_changes WHERE contact_id = ? ORDER BY id";
        let rows = self.read(sql, args![id.number()]).await?;
        self.rows(&rows, "consent_changes", encode::consent_change)
    }

    async fn change_consent(&self, id: ContactId, change: ConsentChange, now: Timestamp) -> Stored<u64> {
        match self.writers.ask(Request::ChangeConsent { id, change, now }).await? {
            Outcome::Count(suppressed) => Ok(suppressed),
            other => Err(unexpected(&other)),
        }
    }
}
