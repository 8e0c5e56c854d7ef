//! What Meta says of our token, numbers, templates and subscriptions.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::cost_report::MetaCost;
use crate::domain::ids::SenderName;
use crate::domain::live_check::{AccountFacts, NumberFacts, TemplateFacts, TokenFacts};

/// Questions to Meta about what is ours there. A question that cannot be answered is answered with a sentence that says why; it names neither
/// token nor people.
#[async_trait]
pub trait Management: Send + Sync {
    /// The token in force.
    async fn token(&self) -> Result<TokenFacts, String>;
    /// One of our numbers.
    async fn number(&self, sender: &SenderName) -> Result<NumberFacts, String>;
    /// One of our accounts.
    async fn account(&self, account: &str) -> Result<AccountFacts, String>;
    /// All templates of an account.
    async fn templates(&self, account: &str) -> Result<Vec<TemplateFacts>, String>;
    /// What Meta's own analytics say of the prices of an account's messages between two moments, summed over its days.
    async fn pricing(&self, account: &str, from: Timestamp, to: Timestamp) -> Result<Vec<MetaCost>, String>;
    /// The ids of the apps that hear of an account.
    async fn subscribed_apps(&self, account: &str) -> Result<Vec<String>, String>;
}
