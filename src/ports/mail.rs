//! Mails to those who operate the service.

use async_trait::async_trait;

use crate::ports::Answer;

/// A mail to somebody who operates the service. `Debug` does not show to whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which mail it is, in words that make an address: the same for every try.
    pub id: String,
    /// To whom.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as a page, where there is one.
    pub page: Option<String>,
    /// Pages that come along as files, of mails with a page of their own.
    pub files: Vec<NoticeFile>,
}

/// A page that comes along with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeFile {
    /// What it is called.
    pub name: String,
    /// HTML.
    pub page: String,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Brings mails to those who operate the service.
#[async_trait]
pub trait Notices: Send + Sync {
    /// One mail to one person. What becomes of it is told as for any call of a provider.
    async fn tell(&self, notice: &Notice) -> Answer;
}
