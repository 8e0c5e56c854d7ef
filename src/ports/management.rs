//! What Meta says of our token, numbers, templates and subscriptions.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::cost_report::MetaCost;
use crate::domain::ids::SenderName;
use crate::domain::live_check::{AccountFacts, NumberFacts, TemplateFacts, TokenFacts};
use crate::domain::template::SampleFile;
use crate::domain::template_approval::Submission;

/// How Meta answers a template that is handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandedIn {
    /// Meta's id of it.
    pub id: String,
    /// Mostly `PENDING`.
    pub status: String,
    /// As Meta takes it.
    pub category: String,
}

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
    /// Uploads the sample of a header for that app; answers the handle under which a template brings it. Meta keeps it for a short while only.
    async fn upload_sample(&self, app: &str, sample: &SampleFile) -> Result<String, String>;
    /// Hands a new template in for approval. `sample`: the handle of its header's sample, where it has one.
    async fn create_template(
        &self,
        account: &str,
        submission: &Submission,
        sample: Option<&str>,
    ) -> Result<HandedIn, String>;
    /// Puts other words, and `with_category` another category, in place of those of a template; Meta looks at it again.
    async fn edit_template(
        &self,
        id: &str,
        submission: &Submission,
        sample: Option<&str>,
        with_category: bool,
    ) -> Result<(), String>;
    /// The ids of the apps that hear of an account.
    async fn subscribed_apps(&self, account: &str) -> Result<Vec<String>, String>;
}
