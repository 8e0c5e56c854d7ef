//! People and what they allow.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::consent::ConsentChange;
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::ids::ContactId;
use crate::ports::{Page, Stored};

/// People and what they allow.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Writes these, new or known, in one transaction; answers them as they are now, in the same order, with whether each is new.
    /// Two updates of one number in one call are applied in order. At most 500.
    async fn upsert(&self, updates: Vec<ContactUpdate>, now: Timestamp) -> Stored<Vec<(Contact, bool)>>;
    /// As [`Self::upsert`], of rows that the audience of a campaign names. They do not bring back who was forgotten: in the place of such a
    /// person stands their empty contact.
    async fn upsert_audience(&self, updates: Vec<ContactUpdate>, now: Timestamp) -> Stored<Vec<(Contact, bool)>>;
    /// The contact with that number.
    async fn by_phone(&self, phone: &str) -> Stored<Option<Contact>>;
    /// The contact with that id.
    async fn contact(&self, id: ContactId) -> Stored<Option<Contact>>;
    /// Contacts in the order of their ids, after `after`.
    async fn page(&self, after: Option<ContactId>, limit: u64) -> Stored<Page<Contact>>;
    /// Every change of consent of a contact, oldest first.
    async fn consent_history(&self, id: ContactId) -> Stored<Vec<ConsentChange>>;
    /// Changes consent; suppresses what may no longer be sent; answers how many messages that were.
    async fn change_consent(&self, id: ContactId, change: ConsentChange, now: Timestamp) -> Stored<u64>;
}
