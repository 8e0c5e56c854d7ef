//! `[twilio]`, `[email]` and `[nlp]`: settings that are checked now and take effect with their channels and parts.

use std::path::PathBuf;

use super::address::WebUrl;
use super::layers::located;
use crate::domain::document::Table;
use crate::domain::phone_number::PhoneNumber;

/// Twilio.
#[derive(Debug, Clone)]
pub struct Twilio {
    /// Where its API is.
    pub api_url: WebUrl,
    /// Our WhatsApp number there.
    pub whatsapp_from: Option<PhoneNumber>,
    /// Our number for text messages there.
    pub sms_from: Option<PhoneNumber>,
}

impl Twilio {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let number = |key| {
            let text: String = table.optional(key)?;
            let wrong = |_| table.problem(key, format!("`{key}` must be `+` and digits with the country code"));
            PhoneNumber::from_e164(&text).map_err(wrong).ok()
        };
        let (whatsapp_from, sms_from) = (number("whatsapp_from"), number("sms_from"));
        Some(Self { api_url: table.required("api_url")?, whatsapp_from, sms_from })
    }
}

/// The sender of e-mail, if there is one.
pub(super) fn email_from(table: &Table<'_>) -> Option<String> {
    let from: String = table.optional("from")?;
    let address = from.rsplit_once('<').map_or(from.as_str(), |(_, rest)| rest.trim_end_matches('>')).trim();
    if !address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')) {
        table.problem("from", "`from` must be an address such as `Voice of Customer <voice@example.com>`");
    }
    Some(from)
}

/// Where the model for sentiment is, if said.
pub(super) fn nlp_model(table: &Table<'_>) -> Option<PathBuf> {
    Some(located(table.node("model")?, table.optional("model")?))
}
