//! The body of a call to `/messages`, borrowed from the bytes it came in.
//!
//! Unknown members are refused as Meta refuses them, so a misspelt one cannot pass unnoticed.
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages and its sibling pages, checked 2026-11-22.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};

/// Text that is borrowed where it has no escapes. Numbers are taken as their digits: Graph accepts both for ids and indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// A whole call: a message, or `status = "read"`. Identity hashes and the Marketing Messages API are not simulated, so their members are refused too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub(super) messaging_product: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) recipient_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) to: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) recipient: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) context: Option<Context<'a>>,
    #[serde(borrow)]
    pub(super) biz_opaque_callback_data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) typing_indicator: Option<Typing<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Body<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) audio: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) document: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) sticker: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) location: Option<Location<'a>>,
    #[serde(borrow)]
    pub(super) contacts: Option<Vec<Card<'a>>>,
    #[serde(borrow)]
    pub(super) reaction: Option<Reaction<'a>>,
    #[serde(borrow)]
    pub(super) interactive: Option<Box<Interactive<'a>>>,
    #[serde(borrow)]
    pub(super) template: Option<TemplateCall<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context<'a> {
    #[serde(borrow)]
    pub(super) message_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub(super) body: Option<Text<'a>>,
    #[serde(rename = "preview_url")]
    pub(super) _preview_url: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Media<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) link: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) caption: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) filename: Option<Text<'a>>,
    pub(super) voice: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Location<'a> {
    #[serde(borrow)]
    pub(super) latitude: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) longitude: Option<Text<'a>>,
    #[serde(rename = "name")]
    pub(super) _name: Option<IgnoredAny>,
    #[serde(rename = "address")]
    pub(super) _address: Option<IgnoredAny>,
}

/// A contact card; of its members only the name is checked.
#[derive(Debug, Deserialize)]
pub(super) struct Card<'a> {
    #[serde(borrow)]
    pub(super) name: Option<CardName<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CardName<'a> {
    #[serde(borrow)]
    pub(super) formatted_name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reaction<'a> {
    #[serde(borrow)]
    pub(super) message_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) emoji: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interactive<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) header: Option<InteractiveHeader<'a>>,
    #[serde(borrow)]
    pub(super) body: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) footer: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) action: Option<Action<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InteractiveHeader<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) document: Option<Media<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
}

/// The action of an interactive message; which members count depends on its type.
#[derive(Debug, Deserialize)]
pub(super) struct Action<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) button: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) buttons: Vec<ReplyButton<'a>>,
    #[serde(borrow, default)]
    pub(super) sections: Vec<Section<'a>>,
    #[serde(borrow)]
    pub(super) parameters: Option<ActionParameters<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ActionParameters<'a> {
    #[serde(borrow)]
    pub(super) display_text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) flow_message_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) flow_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) flow_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) flow_cta: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyButton<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reply: Option<Row<'a>>,
}

/// A choice with its id: a reply button or a row of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) description: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Section<'a> {
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) rows: Vec<Row<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateCall<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) language: Option<Language<'a>>,
    #[serde(borrow, default)]
    pub(super) components: Vec<Component<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language<'a> {
    #[serde(borrow)]
    pub(super) code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) policy: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) sub_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) index: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) parameters: Vec<Parameter<'a>>,
    #[serde(rename = "cards")]
    pub(super) _cards: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parameter_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) payload: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) coupon_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) currency: Option<Fallback<'a>>,
    #[serde(borrow)]
    pub(super) date_time: Option<Fallback<'a>>,
    #[serde(borrow)]
    pub(super) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(super) document: Option<Media<'a>>,
    pub(super) location: Option<IgnoredAny>,
    #[serde(rename = "product")]
    pub(super) _product: Option<IgnoredAny>,
    #[serde(rename = "action")]
    pub(super) _action: Option<IgnoredAny>,
    #[serde(rename = "limited_time_offer")]
    pub(super) _limited_time_offer: Option<IgnoredAny>,
}

/// A legacy currency or date: only its fallback text is ever shown.
#[derive(Debug, Deserialize)]
pub(super) struct Fallback<'a> {
    #[serde(borrow)]
    pub(super) fallback_value: Option<Text<'a>>,
}
