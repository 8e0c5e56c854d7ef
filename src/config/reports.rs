//! `[reports]`: who gets reports by mail, and in which languages.

use super::Config;
use super::alerts::addresses;
use crate::domain::channel::Channel;
use crate::domain::document::Table;
use crate::domain::language::Language;

/// Who gets reports.
#[derive(Debug, Clone)]
pub struct Reports {
    /// Addresses that get each report by mail.
    pub email_to: Vec<String>,
    /// The languages of a mail, in this order; at least one.
    pub languages: Vec<Language>,
}

impl Reports {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let email_to = addresses(table);
        let codes: Vec<String> = table.required("languages")?;
        let mut languages = Vec::new();
        for code in &codes {
            match Language::ALL.into_iter().find(|language| language.code() == code) {
                Some(language) if !languages.contains(&language) => languages.push(language),
                Some(_) => {}
                None => table.problem("languages", format!("`languages` holds `{code}`; there are `ar` and `en`")),
            }
        }
        if codes.is_empty() {
            table.problem("languages", "`languages` must hold `ar`, `en` or both");
        }
        Some(Self { email_to: email_to?, languages })
    }
}

impl Config {
    /// What keeps reports from being mailed although somebody wants them.
    pub(super) fn warnings_of_reports(&self) -> Vec<String> {
        if self.reports.email_to.is_empty() {
            return Vec::new();
        }
        let missing = self.missing_for(Channel::Email).into_iter();
        missing.map(|what| format!("`[reports] email_to` is set, but nothing can be mailed: {what}")).collect()
    }
}
