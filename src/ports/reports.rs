//! Where reports go: files that are kept, and mails, each once.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::language::Language;
use crate::domain::report::ReportFile;
use crate::ports::{Notices, Stored};

/// Reports that are kept as files.
#[async_trait]
pub trait ReportFiles: Send + Sync {
    /// Keeps them. Files of the same names are replaced: a later report of the same days knows more.
    async fn keep(&self, files: Vec<ReportFile>) -> io::Result<()>;
    /// Removes those whose last day is before this one; answers how many. Files that are no reports stay.
    async fn remove_before(&self, day: Date) -> io::Result<u64>;
}

/// Who gets reports by mail, and how.
#[derive(Clone)]
pub struct ReportRecipients {
    /// Addresses; none: reports are kept and not mailed.
    pub to: Vec<String>,
    /// The languages of a mail, in this order.
    pub languages: Vec<Language>,
    /// Who brings the mails; nobody where no mail server is set up.
    pub notices: Option<Arc<dyn Notices>>,
}

/// What is known of a mail when it is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportMailBegun {
    /// It is ours to send, and nobody else will.
    Ours,
    /// It was sent, or its address takes no mail.
    Over,
    /// Somebody began it and did not say what came of it: a process that died in the middle of it, or one that is at it.
    Unknown,
}

/// What came of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportMailEnded {
    /// The mail server has it.
    Sent,
    /// Its address takes no mail.
    Nobody,
    /// It was not sent: it may be begun again.
    NotSent,
}

/// The record of mails of reports. A mail is begun before the mail server is called, so that none goes out twice, whoever dies.
#[async_trait]
pub trait ReportMails: Send + Sync {
    /// Begins the mail of a report (its name, the same for every try) to somebody, unless it was begun before and may have been sent.
    async fn begin_report_mail(&self, report: &str, to: &str, now: Timestamp) -> Stored<ReportMailBegun>;
    /// Mails that were begun since then and not sent: the report's name, and to whom.
    async fn unsent_report_mails(&self, since: Timestamp) -> Stored<Vec<(String, String)>>;
    /// Writes down what came of a mail that is ours.
    async fn end_report_mail(&self, report: &str, to: &str, ended: ReportMailEnded) -> Stored<()>;
}
