//! `[alerts]`: who is told that somebody should look at something.

use jiff::SignedDuration;

use super::Config;
use super::channels::is_mailbox;
use crate::domain::channel::Channel;
use crate::domain::document::Table;

/// Who is told.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Addresses that get each alert by mail.
    pub email_to: Vec<String>,
    /// Between two mails that the same thing was raised.
    pub mails_apart: SignedDuration,
}

impl Alerts {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let email_to = addresses(table);
        Some(Self { email_to: email_to?, mails_apart: table.required("mails_apart")? })
    }
}

/// `email_to`: addresses of those who operate the service.
pub(super) fn addresses(table: &Table<'_>) -> Option<Vec<String>> {
    let email_to: Option<Vec<String>> = table.required("email_to");
    let is_plain = |address: &String| is_mailbox(address) && !address.contains(['<', ' ']);
    if !email_to.iter().flatten().all(is_plain) {
        table.problem("email_to", "`email_to` must hold addresses without names, as in `[\"operations@example.com\"]`");
    }
    email_to
}

impl Config {
    /// What keeps alerts from being mailed although somebody wants them.
    pub(super) fn warnings_of_alerts(&self) -> Vec<String> {
        if self.alerts.email_to.is_empty() {
            return Vec::new();
        }
        let missing = self.missing_for(Channel::Email).into_iter();
        missing.map(|what| format!("`[alerts] email_to` is set, but nothing can be mailed: {what}")).collect()
    }
}
