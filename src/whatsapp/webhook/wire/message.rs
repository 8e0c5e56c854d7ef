//! One element of `messages[]`.

use serde::Deserialize;

use super::{Error, Text};

/// What a person sent, or what is told about a person.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct Message<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) from: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) from_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) from_parent_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) timestamp: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(in crate::whatsapp) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) group_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) context: Option<Context<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) text: Option<TextBody<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) audio: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) document: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) sticker: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) location: Option<Location<'a>>,
    #[serde(borrow, default)]
    pub(in crate::whatsapp) contacts: Vec<Card<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) interactive: Option<Interactive<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) button: Option<Button<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) reaction: Option<Reaction<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) order: Option<Order<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) system: Option<System<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) edit: Option<Edit<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) revoke: Option<Revoke<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) referral: Option<Referral<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) unsupported: Option<Unsupported<'a>>,
    #[serde(borrow, default)]
    pub(in crate::whatsapp) errors: Vec<Error<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Context<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) id: Option<Text<'a>>,
    #[serde(default)]
    pub(in crate::whatsapp) forwarded: bool,
    #[serde(default)]
    pub(in crate::whatsapp) frequently_forwarded: bool,
    #[serde(borrow)]
    pub(in crate::whatsapp) referred_product: Option<Product<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Product<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) catalog_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) product_retailer_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct TextBody<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) body: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Media<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) caption: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) mime_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) sha256: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) filename: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) url: Option<Text<'a>>,
    #[serde(default)]
    pub(in crate::whatsapp) voice: bool,
    #[serde(default)]
    pub(in crate::whatsapp) animated: bool,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Location<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) latitude: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) longitude: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) address: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) url: Option<Text<'a>>,
}

/// A contact card.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct Card<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) name: Option<CardName<'a>>,
    #[serde(borrow, default)]
    pub(in crate::whatsapp) phones: Vec<CardPhone<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) origin: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct CardName<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) formatted_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) first_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct CardPhone<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) phone: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) wa_id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(in crate::whatsapp) kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Interactive<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) button_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) list_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) nfm_reply: Option<FormReply<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) call_permission_reply: Option<CallPermission<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Reply<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) title: Option<Text<'a>>,
}

/// The answer of a flow: `response_json` is a string that holds JSON.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct FormReply<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) body: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) response_json: Option<Text<'a>>,
}

/// Whether we may call the person.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct CallPermission<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) response: Option<Text<'a>>,
}

/// The press of a quick reply of a template.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct Button<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) payload: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) text: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Reaction<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) message_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) emoji: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Order<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) catalog_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) text: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(in crate::whatsapp) product_items: Vec<OrderItem<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct OrderItem<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) product_retailer_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) quantity: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) item_price: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) currency: Option<Text<'a>>,
}

/// Something that Meta tells about a person.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct System<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::whatsapp) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) wa_id: Option<Text<'a>>,
    /// In bodies of older versions.
    #[serde(borrow)]
    pub(in crate::whatsapp) new_wa_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) previous_user_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Edit<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) original_message_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) message: Option<Edited<'a>>,
}

/// What a message says after a change: words and captions can be changed. Not a [`Message`] within a message, so that a body cannot make us
/// read as deep as it likes.
#[derive(Deserialize)]
pub(in crate::whatsapp) struct Edited<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::whatsapp) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) text: Option<TextBody<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) image: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) video: Option<Media<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) document: Option<Media<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Revoke<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) original_message_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Referral<'a> {
    #[serde(borrow)]
    pub(in crate::whatsapp) source_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) source_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) source_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) headline: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) body: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) media_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) image_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) video_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) thumbnail_url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::whatsapp) ctwa_clid: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::whatsapp) struct Unsupported<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::whatsapp) kind: Option<Text<'a>>,
}
