//! The shapes in a callback body. Every member is optional, unknown ones are skipped, and scalars may be of any type.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/… as checked on
//! 2026-11-22.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

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
    // What Meta says about templates, numbers and accounts.
    #[serde(borrow)]
    pub(super) event: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message_template_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message_template_language: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) other_info: Option<OtherInfo<'a>>,
    #[serde(borrow)]
    pub(super) ban_info: Option<BanInfo<'a>>,
    #[serde(borrow, default)]
    pub(super) restriction_info: Vec<Restriction<'a>>,
}

#[derive(Deserialize)]
pub(super) struct OtherInfo<'a> {
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct BanInfo<'a> {
    #[serde(borrow)]
    pub(super) waba_ban_state: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Restriction<'a> {
    #[serde(borrow)]
    pub(super) restriction_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) expiration: Option<Text<'a>>,
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
    pub(super) profile: Option<Profile<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Profile<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Status<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
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

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) from: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) from_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) context: Option<Context<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<TextBody<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) audio: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) document: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) sticker: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) location: Option<Location<'a>>,
    #[serde(borrow, default)]
    pub(super) contacts: Vec<Card<'a>>,
    #[serde(borrow)]
    pub(super) interactive: Option<Interactive<'a>>,
    #[serde(borrow)]
    pub(super) button: Option<Button<'a>>,
    #[serde(borrow)]
    pub(super) reaction: Option<Reaction<'a>>,
    #[serde(borrow)]
    pub(super) order: Option<Order<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Context<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct TextBody<'a> {
    #[serde(borrow)]
    pub(super) body: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Media<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) caption: Option<Text<'a>>,
    #[serde(default)]
    pub(super) voice: bool,
}

#[derive(Deserialize)]
pub(super) struct Location<'a> {
    #[serde(borrow)]
    pub(super) latitude: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) longitude: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) address: Option<Text<'a>>,
}

/// A contact card.
#[derive(Deserialize)]
pub(super) struct Card<'a> {
    #[serde(borrow)]
    pub(super) name: Option<CardName<'a>>,
}

#[derive(Deserialize)]
pub(super) struct CardName<'a> {
    #[serde(borrow)]
    pub(super) formatted_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Interactive<'a> {
    #[serde(borrow)]
    pub(super) button_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub(super) list_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub(super) nfm_reply: Option<FormReply<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

/// The answer of a flow: `response_json` is a string that holds JSON.
#[derive(Deserialize)]
pub(super) struct FormReply<'a> {
    #[serde(borrow)]
    pub(super) body: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) response_json: Option<Text<'a>>,
}

/// The press of a quick reply of a template.
#[derive(Deserialize)]
pub(super) struct Button<'a> {
    #[serde(borrow)]
    pub(super) payload: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Reaction<'a> {
    #[serde(borrow)]
    pub(super) message_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) emoji: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
}

/// A scalar as text: borrowed where it stands in the body as it is, made where it is a number. Objects and lists become empty.
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar).map(Self)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Self::Value, E> {
        Ok(Cow::Owned(yes.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }
}
