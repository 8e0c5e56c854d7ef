//! The record as a whole, and what can go wrong with it.

use async_trait::async_trait;

use crate::domain::run::RunCommandError;
use crate::ports::{
    Alerts, CallbackSamples, ConsentRequests, Contacts, Conversations, Costs, DeadLetters, Erasures, FlowResults,
    JobRuns, Journal, KeptNews, LimitFactsOf, MediaRecord, MessageTimes, Messages, Outbox, Readings, Reminders,
    ReportMails, Runs, Stages, Suspensions, TemplateRecord, Tidying,
};

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, is full or too slow: trying again may help.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds something that cannot be.
    #[error("the store holds an impossible value in `{place}`")]
    Inconsistent {
        /// Table, column and row.
        place: String,
    },
    /// It will never take this: a value that it cannot hold, or a row that is about nothing.
    #[error("the store refuses this")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An operator asked for something that does not fit.
    #[error(transparent)]
    Command(#[from] RunCommandError),
}

impl StoreError {
    /// Whether trying again can help.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// A result of the store.
pub type Stored<T> = Result<T, StoreError>;

/// A page of a list: the items, and where the next page begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The key of the last item when there may be more.
    pub next: Option<i64>,
}

/// The store as a whole.
#[async_trait]
pub trait Store:
    Contacts
    + Alerts
    + ConsentRequests
    + Conversations
    + Costs
    + Runs
    + Stages
    + Reminders
    + Messages
    + MessageTimes
    + DeadLetters
    + Erasures
    + FlowResults
    + JobRuns
    + Journal
    + KeptNews
    + Suspensions
    + LimitFactsOf
    + Outbox
    + Readings
    + ReportMails
    + MediaRecord
    + TemplateRecord
    + Tidying
    + CallbackSamples
{
    /// Four letters, made when the store was made: tells our callbacks from those of another installation.
    fn tag(&self) -> &str;
    /// Whether it answers.
    async fn ping(&self) -> Stored<()>;
}
