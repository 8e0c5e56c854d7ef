//! What a message says, by its kind (pages …/webhooks/reference/messages/…, 2026-11-22).

use super::inbound::id;
use super::wire::{Card, Edited, Interactive, Location, Media, Message, Order, OrderItem, Referral, Text};
use super::without_nul;
use crate::domain::ids::WhatsAppId;
use crate::domain::money::{Currency, Money};
use crate::domain::news::{
    CardPhone, ContactCard, Extras, FormNews, LocationNews, MediaNews, OrderItem as OrderedItem, OrderNews,
    ReferralNews,
};

/// What a message says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) kind: &'static str,
    pub(super) text: Option<String>,
    pub(super) payload: Option<String>,
    /// The message that it is about, where the kind itself names one.
    pub(super) about: Option<WhatsAppId>,
    pub(super) extras: Extras,
}

impl Said {
    fn plain(kind: &'static str, text: Option<String>) -> Self {
        Self { kind, text, ..Self::default() }
    }
}

/// What the message says.
pub(super) fn said(message: &Message<'_>) -> Said {
    let mut said = by_kind(message);
    said.extras.referral = message.referral.as_ref().map(referral);
    said
}

fn by_kind(message: &Message<'_>) -> Said {
    match message.kind.as_deref() {
        Some("text") => Said::plain("text", message.text.as_ref().and_then(|text| kept(text.body.as_ref()))),
        Some("image") => media("image", message.image.as_ref()),
        Some("video") => media("video", message.video.as_ref()),
        Some("audio") => {
            let voice = message.audio.as_ref().is_some_and(|audio| audio.voice);
            media(if voice { "voice" } else { "audio" }, message.audio.as_ref())
        }
        Some("document") => media("document", message.document.as_ref()),
        Some("sticker") => media("sticker", message.sticker.as_ref()),
        Some("location") => located(message.location.as_ref()),
        Some("contacts") => shared(&message.contacts),
        Some("interactive") => message.interactive.as_ref().map_or_else(|| Said::plain("interactive", None), chosen),
        Some("button") => {
            let button = message.button.as_ref();
            let payload = button.and_then(|button| kept(button.payload.as_ref()));
            Said { payload, ..Said::plain("button", button.and_then(|button| kept(button.text.as_ref()))) }
        }
        Some("reaction") => {
            let reaction = message.reaction.as_ref();
            let about = reaction.and_then(|reaction| id(reaction.message_id.as_ref()));
            // Without an emoji the person took the reaction back.
            Said { about, ..Said::plain("reaction", reaction.and_then(|reaction| kept(reaction.emoji.as_ref()))) }
        }
        Some("order") => ordered(message.order.as_ref()),
        Some("unsupported" | "unknown" | "ephemeral") => {
            let mut said = Said::plain("unsupported", None);
            said.extras.unsupported = message.unsupported.as_ref().and_then(|what| kept(what.kind.as_ref()));
            said
        }
        _ => Said::plain("unrecognised", None),
    }
}

/// What a message says after it was changed.
pub(super) fn edited(message: &Edited<'_>) -> Said {
    match message.kind.as_deref() {
        Some("image") => media("image", message.image.as_ref()),
        Some("video") => media("video", message.video.as_ref()),
        Some("document") => media("document", message.document.as_ref()),
        Some("text") => Said::plain("text", message.text.as_ref().and_then(|text| kept(text.body.as_ref()))),
        _ => Said::plain("unrecognised", None),
    }
}

fn media(kind: &'static str, media: Option<&Media<'_>>) -> Said {
    let mut said = Said::plain(kind, media.and_then(|media| kept(media.caption.as_ref())));
    said.extras.media = media.map(|media| MediaNews {
        id: kept(media.id.as_ref()),
        mime_type: kept(media.mime_type.as_ref()),
        sha256: kept(media.sha256.as_ref()),
        filename: kept(media.filename.as_ref()),
        voice: media.voice,
        animated: media.animated,
        url: kept(media.url.as_ref()),
    });
    said
}

fn chosen(interactive: &Interactive<'_>) -> Said {
    let pressed = |kind, id: Option<&Text<'_>>, title: Option<&Text<'_>>| Said {
        payload: kept(id),
        ..Said::plain(kind, kept(title))
    };
    if let Some(reply) = &interactive.button_reply {
        pressed("button_reply", reply.id.as_ref(), reply.title.as_ref())
    } else if let Some(reply) = &interactive.list_reply {
        pressed("list_reply", reply.id.as_ref(), reply.title.as_ref())
    } else if let Some(reply) = &interactive.nfm_reply {
        let mut said = pressed("nfm_reply", reply.response_json.as_ref(), reply.body.as_ref());
        let answers = said.payload.as_deref().and_then(|json| serde_json::from_str(json).ok());
        said.extras.form = Some(FormNews { name: kept(reply.name.as_ref()), answers });
        said
    } else if let Some(reply) = &interactive.call_permission_reply {
        pressed("call_permission_reply", reply.response.as_ref(), None)
    } else {
        Said::plain("interactive", None)
    }
}

fn located(location: Option<&Location<'_>>) -> Said {
    let mut said = Said::plain("location", location.and_then(place));
    let degrees = |text: Option<&Text<'_>>| text?.parse::<f64>().ok().filter(|degrees| degrees.is_finite());
    said.extras.location = location.map(|location| LocationNews {
        latitude: degrees(location.latitude.as_ref()),
        longitude: degrees(location.longitude.as_ref()),
        name: kept(location.name.as_ref()),
        address: kept(location.address.as_ref()),
        url: kept(location.url.as_ref()),
    });
    said
}

/// A place in words: its name and address where it was chosen by name, and its coordinates.
fn place(location: &Location<'_>) -> Option<String> {
    let coordinates = location.latitude.as_deref().zip(location.longitude.as_deref());
    let parts = [
        kept(location.name.as_ref()),
        kept(location.address.as_ref()),
        coordinates.map(|(latitude, longitude)| format!("({latitude}, {longitude})")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Contact cards, and their names in words.
fn shared(cards: &[Card<'_>]) -> Said {
    let cards: Vec<ContactCard> = cards.iter().map(card).collect();
    let names: Vec<&str> = cards.iter().filter_map(|card| card.name.as_deref()).collect();
    let mut said = Said::plain("contacts", Some(names.join(", ")).filter(|names| !names.is_empty()));
    said.extras.cards = cards;
    said
}

fn card(card: &Card<'_>) -> ContactCard {
    let name = card.name.as_ref().and_then(|name| name.formatted_name.as_ref().or(name.first_name.as_ref()));
    let phones = card.phones.iter().map(|phone| CardPhone {
        phone: kept(phone.phone.as_ref()),
        wa_id: kept(phone.wa_id.as_ref()),
        kind: kept(phone.kind.as_ref()),
    });
    ContactCard { name: kept(name), phones: phones.collect(), origin: kept(card.origin.as_ref()) }
}

fn ordered(order: Option<&Order<'_>>) -> Said {
    let mut said = Said::plain("order", order.and_then(|order| kept(order.text.as_ref())));
    said.extras.order = order.map(|order| OrderNews {
        catalogue: kept(order.catalog_id.as_ref()),
        items: order.product_items.iter().map(item).collect(),
    });
    said
}

fn item(item: &OrderItem<'_>) -> OrderedItem {
    let currency = item.currency.as_deref().and_then(|code| code.parse::<Currency>().ok());
    let price = item.item_price.as_deref().zip(currency);
    OrderedItem {
        product: kept(item.product_retailer_id.as_ref()),
        quantity: item.quantity.as_deref().and_then(|text| text.parse().ok()),
        price: price.and_then(|(amount, currency)| Money::from_decimal(amount, currency).ok()),
    }
}

/// Meta's page: messages, `referral`. `ctwa_clid` is missing for advertisements in WhatsApp Status since 2025-10-20.
fn referral(referral: &Referral<'_>) -> ReferralNews {
    let media = referral.video_url.as_ref().or(referral.image_url.as_ref()).or(referral.thumbnail_url.as_ref());
    ReferralNews {
        source_type: kept(referral.source_type.as_ref()),
        source_id: kept(referral.source_id.as_ref()),
        source_url: kept(referral.source_url.as_ref()),
        headline: kept(referral.headline.as_ref()),
        body: kept(referral.body.as_ref()),
        media_type: kept(referral.media_type.as_ref()),
        media_url: kept(media),
        click_id: kept(referral.ctwa_clid.as_ref()),
    }
}

/// The text to keep: without U+0000, and nothing instead of an empty one.
pub(super) fn kept(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| without_nul(text)).filter(|text| !text.is_empty())
}
