//! What a person sent us, with everything that came along; and what they changed or took back of it.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, WhatsAppId};
use crate::domain::money::Money;

/// Something that a person sent. `Debug` shows no personal data.
#[derive(Clone, PartialEq)]
pub struct InboundNews {
    /// Over which channel.
    pub channel: Channel,
    /// Which of our WhatsApp numbers they wrote to, by Meta's id; `None` over other channels.
    pub sender: Option<SenderId>,
    /// The provider's id of what they wrote.
    pub whatsapp_id: WhatsAppId,
    /// Their number in E.164, unless Meta withholds it.
    pub phone: Option<String>,
    /// Their business-scoped user id.
    pub bsuid: Option<String>,
    /// Their profile's name.
    pub profile_name: Option<String>,
    /// When they sent it.
    pub provider_at: Timestamp,
    /// What it is: `text`, `image`, `button`, … or `unrecognised`.
    pub kind: &'static str,
    /// What it says: the text, the caption, the title of the button or row.
    pub text: Option<String>,
    /// What a pressed button or chosen row carries; the form of a flow as it came.
    pub payload: Option<String>,
    /// The message that it answers, mostly one of ours.
    pub in_reply_to: Option<WhatsAppId>,
    /// What came along, by the kind of the message.
    pub extras: Extras,
}

impl InboundNews {
    /// The provider's id of the file (Meta) or its address (Twilio), if a file came.
    pub fn media_id(&self) -> Option<&str> {
        let media = self.extras.media.as_ref()?;
        media.id.as_deref().or(media.url.as_deref())
    }
}

impl std::fmt::Debug for InboundNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InboundNews").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What comes along with some messages and not with others.
#[derive(Clone, PartialEq, Default)]
pub struct Extras {
    /// A file.
    pub media: Option<MediaNews>,
    /// A place.
    pub location: Option<LocationNews>,
    /// Contact cards.
    pub cards: Vec<ContactCard>,
    /// An order out of a catalogue.
    pub order: Option<OrderNews>,
    /// A form that was filled in: the answer of a flow.
    pub form: Option<FormNews>,
    /// The advertisement or post from which the person came.
    pub referral: Option<ReferralNews>,
    /// Whether the person passed on what somebody else wrote.
    pub forwarded: Option<Forwarded>,
    /// The group in which it was written, by the provider's id.
    pub group: Option<String>,
    /// The product of a catalogue that a question is about.
    pub product: Option<ProductNews>,
    /// What it was that the provider does not pass on, in the provider's word, such as `poll_creation`.
    pub unsupported: Option<String>,
    /// What went wrong with it at the provider.
    pub errors: Vec<InboundError>,
    /// The user name of the person's profile.
    pub username: Option<String>,
    /// The user id under which linked portfolios know the person.
    pub parent_bsuid: Option<String>,
}

impl std::fmt::Debug for Extras {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Extras(…)")
    }
}

/// A file that came along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaNews {
    /// The provider's id of it; Meta keeps it for 7 days (page …/webhooks/reference/messages, 2026-11-22).
    pub id: Option<String>,
    /// Such as `audio/ogg; codecs=opus`.
    pub mime_type: Option<String>,
    /// SHA-256 of its bytes in base64.
    pub sha256: Option<String>,
    /// The name of a document.
    pub filename: Option<String>,
    /// Whether it was spoken into the app, and not attached.
    pub voice: bool,
    /// Whether a sticker moves.
    pub animated: bool,
    /// Where it lies; Meta asks for the token there.
    pub url: Option<String>,
}

/// A place that was shared.
#[derive(Clone, PartialEq, Default)]
pub struct LocationNews {
    /// Degrees north of the equator.
    pub latitude: Option<f64>,
    /// Degrees east of Greenwich.
    pub longitude: Option<f64>,
    /// For places that were chosen by name.
    pub name: Option<String>,
    /// Likewise.
    pub address: Option<String>,
    /// Likewise.
    pub url: Option<String>,
}

/// A contact card that was shared: somebody else's data.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ContactCard {
    /// The name in one line.
    pub name: Option<String>,
    /// Phone numbers.
    pub phones: Vec<CardPhone>,
    /// Why it came: `contact_request` when we had asked for it, else `other`.
    pub origin: Option<String>,
}

/// A phone number on a contact card.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CardPhone {
    /// As the card writes it.
    pub phone: Option<String>,
    /// The digits under which WhatsApp knows it.
    pub wa_id: Option<String>,
    /// Such as `MOBILE`.
    pub kind: Option<String>,
}

/// An order out of a catalogue.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OrderNews {
    /// Meta's id of the catalogue.
    pub catalogue: Option<String>,
    /// What is ordered.
    pub items: Vec<OrderItem>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderItem {
    /// The retailer's id of the product.
    pub product: Option<String>,
    /// How many of it.
    pub quantity: Option<u64>,
    /// What one costs.
    pub price: Option<Money>,
}

/// A form that a person filled in.
#[derive(Clone, PartialEq, Default)]
pub struct FormNews {
    /// `flow`, `address_message`, …: the provider's word.
    pub name: Option<String>,
    /// The answers, where they are JSON. Mostly an object, but not always.
    pub answers: Option<Value>,
}

/// The advertisement or post from which a person came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReferralNews {
    /// `ad` or `post`.
    pub source_type: Option<String>,
    /// Meta's id of it.
    pub source_id: Option<String>,
    /// Its address.
    pub source_url: Option<String>,
    /// Its line above.
    pub headline: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// `image` or `video`.
    pub media_type: Option<String>,
    /// Where the picture or film lies.
    pub media_url: Option<String>,
    /// Meta's id of the click.
    pub click_id: Option<String>,
}

/// How often something was passed on before it reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// Once or a few times.
    Once,
    /// More than five times.
    Often,
}

/// A product of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductNews {
    /// Meta's id of the catalogue.
    pub catalogue: Option<String>,
    /// The retailer's id of the product.
    pub product: Option<String>,
}

/// What went wrong with a message at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboundError {
    /// The provider's code.
    pub code: Option<i64>,
    /// The provider's words.
    pub details: String,
}

/// A person changed what they had written.
#[derive(Debug, Clone, PartialEq)]
pub struct EditNews {
    /// Which of their messages.
    pub original: WhatsAppId,
    /// What it says now; its id and time are those of the change.
    pub message: InboundNews,
}

/// A person took back what they had written. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct RevokeNews {
    /// Which of our WhatsApp numbers they had written to.
    pub sender: Option<SenderId>,
    /// Which of their messages.
    pub original: WhatsAppId,
    /// When.
    pub provider_at: Timestamp,
}

impl std::fmt::Debug for RevokeNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevokeNews").field("original", &self.original).finish_non_exhaustive()
    }
}
