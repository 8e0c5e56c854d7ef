//! What stands at Meta of templates, as it was last seen, and to which categories people agreed.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::live_check::TemplateFacts;
use crate::domain::template_approval::{Agreement, KeptTemplate, TemplateUse};
use crate::ports::Stored;

/// The record of approved templates.
#[async_trait]
pub trait TemplateRecord: Send + Sync {
    /// Keeps what the list of an account said at that moment; a state that is the same as before keeps its beginning. A hundred at most.
    async fn keep_templates(&self, account: &str, found: Vec<TemplateFacts>, seen_at: Timestamp) -> Stored<()>;
    /// Forgets those of an account that were last seen before then: they are not there any more.
    async fn forget_templates(&self, account: &str, before: Timestamp) -> Stored<u64>;
    /// All, by account, name and language.
    async fn kept_templates(&self) -> Stored<Vec<KeptTemplate>>;
    /// Writes down that somebody agreed. What was agreed to before keeps who did so first.
    async fn agree_category(&self, agreement: Agreement) -> Stored<()>;
    /// Everything that was agreed to, oldest first.
    async fn category_agreements(&self) -> Stored<Vec<Agreement>>;
    /// Notes that a template was sent then. Written once an hour for each language at most, so each message may say it.
    async fn note_template_use(&self, name: &str, language: &str, at: Timestamp) -> Stored<()>;
    /// When each was sent last, by name and language.
    async fn template_uses(&self) -> Stored<Vec<TemplateUse>>;
}
