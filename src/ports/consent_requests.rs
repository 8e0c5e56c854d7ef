//! Double opt-in: people who are to be asked whether they agree.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::consent::Purposes;
use crate::domain::contact::Contact;
use crate::domain::ids::{ContactId, MessageId, SenderName};
use crate::ports::{SingleMessage, Stored};

/// Somebody who is to be asked.
#[derive(Debug, Clone)]
pub struct Unasked {
    /// Who.
    pub contact: Contact,
    /// Whether they agree to what.
    pub purposes: Purposes,
    /// Until when they may answer.
    pub until: Timestamp,
    /// To which of our numbers they wrote, if they did.
    pub sender: Option<SenderName>,
}

/// Double opt-in: people who are to be asked whether they agree.
#[async_trait]
pub trait ConsentRequests: Send + Sync {
    /// People who are to be asked and were not, in the order of their ids, after `after`.
    async fn unasked(&self, after: Option<ContactId>, limit: u64) -> Stored<Vec<Unasked>>;
    /// Adds the message that asks a person for these purposes and notes it, in one transaction; `None`: somebody else asked, or there is
    /// nothing to ask any more.
    async fn ask(&self, purposes: Purposes, message: SingleMessage, now: Timestamp) -> Stored<Option<MessageId>>;
    /// No longer asks a person for these purposes.
    async fn end_requests(&self, contact: ContactId, purposes: Purposes) -> Stored<()>;
    /// Forgets requests whose time is over or whose message came to nothing; answers how many.
    async fn end_requests_over(&self, now: Timestamp) -> Stored<u64>;
    /// What these people are asked and have not confirmed; whoever is not in it is asked nothing.
    async fn unconfirmed(&self, contacts: &[ContactId], now: Timestamp) -> Stored<HashMap<ContactId, Purposes>>;
}
