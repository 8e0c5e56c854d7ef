//! What Meta says about people, templates, numbers and accounts.

use serde::Deserialize;

use super::Text;

/// A wish that a person told Meta.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct Preference<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) wa_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) detail: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) category: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) timestamp: Option<Text<'a>>,
}

/// A person has another user id.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct UserIdUpdate<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) wa_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) user_id: Option<Replaced<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) timestamp: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Replaced<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) previous: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) current: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct OtherInfo<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) title: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct BanInfo<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) waba_ban_state: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct AlertInfo<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) alert_severity: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) alert_type: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Restriction<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) restriction_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) expiration: Option<Text<'a>>,
}
