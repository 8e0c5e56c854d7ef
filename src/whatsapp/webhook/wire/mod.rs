//! The shapes in a callback body. Every member is optional, unknown ones are skipped, and scalars may be of any type.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/… as checked on
//! 2026-11-22.

mod message;
mod notice;
mod text;

use serde::Deserialize;
use serde::de::IgnoredAny;

pub(super) use self::message::*;
pub(super) use self::notice::*;
pub(super) use self::text::Text;

#[derive(Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub(super) object: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) entry: Vec<Entry<'a>>,
}

impl Body<'_> {
    pub(super) fn is_for_whatsapp(&self) -> bool {
        is_whatsapp(self.object.as_deref())
    }
}

/// Whether the object that a body is about is a WhatsApp account; a body that does not say so is taken for one.
pub(super) fn is_whatsapp(object: Option<&str>) -> bool {
    object.is_none_or(|object| object == "whatsapp_business_account")
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) time: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) changes: Vec<Change<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub(super) field: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) value: Value<'a>,
}

#[derive(Deserialize, Default)]
pub(super) struct Value<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub(super) contacts: Vec<Contact<'a>>,
    #[serde(borrow, default)]
    pub(super) statuses: Vec<Status<'a>>,
    #[serde(borrow, default)]
    pub(super) messages: Vec<Message<'a>>,
    #[serde(default)]
    pub(super) errors: Vec<IgnoredAny>,
    // What people wish, and who they are now.
    #[serde(borrow, default)]
    pub(super) user_preferences: Vec<Preference<'a>>,
    #[serde(borrow, default)]
    pub(super) user_id_update: Vec<UserIdUpdate<'a>>,
    // What Meta says about templates, numbers and accounts.
    #[serde(borrow)]
    pub(super) event: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) decision: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) alert_state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message_template_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message_template_language: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) new_quality_score: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) correct_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) new_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) other_info: Option<OtherInfo<'a>>,
    #[serde(borrow)]
    pub(super) ban_info: Option<BanInfo<'a>>,
    #[serde(borrow)]
    pub(super) alert_info: Option<AlertInfo<'a>>,
    #[serde(borrow, default)]
    pub(super) restriction_info: Vec<Restriction<'a>>,
}

#[derive(Deserialize, Default)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) phone_number_id: Option<Text<'a>>,
}

/// One of the people that the change is about; not in the order of the messages.
#[derive(Deserialize)]
pub(super) struct Contact<'a> {
    #[serde(borrow)]
    pub(super) wa_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parent_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) profile: Option<Profile<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Profile<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) username: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Status<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    /// `group` where the message went to a group.
    #[serde(borrow)]
    pub(super) recipient_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) biz_opaque_callback_data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) pricing: Option<Pricing<'a>>,
    #[serde(borrow, default)]
    pub(super) errors: Vec<Error<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Pricing<'a> {
    pub(super) billable: Option<bool>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) category: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Error<'a> {
    #[serde(borrow)]
    pub(super) code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    /// Older bodies have it here.
    #[serde(borrow)]
    pub(super) details: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error_data: Option<ErrorData<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ErrorData<'a> {
    #[serde(borrow)]
    pub(super) details: Option<Text<'a>>,
}
