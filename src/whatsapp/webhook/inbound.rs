//! What a person sent, out of one element of `messages[]` (page …/webhooks/reference/messages, 2026-11-22).

use super::wire::{Contact, Interactive, Location, Media, Message, Text};
use super::{UNREADABLE, moment, without_nul};
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, WhatsAppId};
use crate::domain::news::{InboundNews, News};
use crate::domain::phone_number::PhoneNumber;

/// What the person sent, whatever its kind.
pub(super) fn read(sender: &SenderId, contacts: &[Contact<'_>], message: &Message<'_>) -> News {
    let kind = message.kind.as_deref();
    // Notices of WhatsApp's about a person, and legacy signals without content: nobody wrote anything.
    for notice in ["system", "request_welcome", "edit", "revoke"] {
        if kind == Some(notice) {
            return News::Other { kind: notice };
        }
    }
    let Some(whatsapp_id) = id(message.id.as_ref()) else { return News::Other { kind: UNREADABLE } };
    let said = said(kind, message);
    let from = message.from.as_deref().unwrap_or_default();
    let phone = PhoneNumber::from_e164(&format!("+{}", from.trim_start_matches('+'))).ok();
    let person = person(contacts, from, message.from_user_id.as_deref());
    let bsuid = message.from_user_id.as_deref().or(person.and_then(|person| person.user_id.as_deref()));
    // A body was seen that has the user id where the number should be.
    let bsuid = bsuid.or_else(|| Some(from).filter(|from| phone.is_none() && !from.is_empty()));
    News::Inbound(InboundNews {
        channel: Channel::Whatsapp,
        sender: Some(sender.clone()),
        whatsapp_id,
        phone: phone.map(|phone| phone.e164().to_owned()),
        bsuid: bsuid.map(without_nul).filter(|id| !id.is_empty()),
        profile_name: person.and_then(|person| person.profile.as_ref()).and_then(|profile| kept(profile.name.as_ref())),
        provider_at: moment(message.timestamp.as_deref()),
        kind: said.kind,
        text: said.text,
        payload: said.payload,
        media_id: said.media_id,
        in_reply_to: said.about.or_else(|| id(message.context.as_ref().and_then(|context| context.id.as_ref()))),
    })
}

/// The contact that the message is from. Contacts do not stand in the order of messages, so they are matched by id.
fn person<'a, 'b>(contacts: &'b [Contact<'a>], from: &str, user_id: Option<&str>) -> Option<&'b Contact<'a>> {
    contacts.iter().find(|contact| {
        (!from.is_empty() && contact.wa_id.as_deref() == Some(from))
            || (user_id.is_some() && contact.user_id.as_deref() == user_id)
    })
}

#[derive(Default)]
struct Said {
    kind: &'static str,
    text: Option<String>,
    payload: Option<String>,
    media_id: Option<String>,
    about: Option<WhatsAppId>,
}

fn said(kind: Option<&str>, message: &Message<'_>) -> Said {
    match kind {
        Some("text") => {
            let body = message.text.as_ref().and_then(|text| text.body.as_ref());
            Said { kind: "text", text: kept(body), ..Said::default() }
        }
        Some("image") => media("image", message.image.as_ref()),
        Some("video") => media("video", message.video.as_ref()),
        Some("audio") => {
            let voice = message.audio.as_ref().is_some_and(|audio| audio.voice);
            media(if voice { "voice" } else { "audio" }, message.audio.as_ref())
        }
        Some("document") => media("document", message.document.as_ref()),
        Some("sticker") => media("sticker", message.sticker.as_ref()),
        Some("location") => {
            Said { kind: "location", text: message.location.as_ref().and_then(place), ..Said::default() }
        }
        Some("contacts") => {
            let names = message.contacts.iter().filter_map(|card| kept(card.name.as_ref()?.formatted_name.as_ref()));
            let names: Vec<String> = names.collect();
            Said { kind: "contacts", text: Some(names.join(", ")).filter(|names| !names.is_empty()), ..Said::default() }
        }
        Some("interactive") => {
            message.interactive.as_ref().map_or_else(|| Said { kind: "interactive", ..Said::default() }, chosen)
        }
        Some("button") => {
            let (text, payload) = message
                .button
                .as_ref()
                .map(|button| (kept(button.text.as_ref()), kept(button.payload.as_ref())))
                .unzip();
            Said { kind: "button", text: text.flatten(), payload: payload.flatten(), ..Said::default() }
        }
        Some("reaction") => {
            let (emoji, about) = message
                .reaction
                .as_ref()
                .map(|reaction| (kept(reaction.emoji.as_ref()), id(reaction.message_id.as_ref())))
                .unzip();
            // Without an emoji the person took the reaction back.
            Said { kind: "reaction", text: emoji.flatten(), about: about.flatten(), ..Said::default() }
        }
        Some("order") => {
            let text = message.order.as_ref().and_then(|order| order.text.as_ref());
            Said { kind: "order", text: kept(text), ..Said::default() }
        }
        Some("unsupported" | "unknown" | "ephemeral") => Said { kind: "unsupported", ..Said::default() },
        _ => Said { kind: "unrecognised", ..Said::default() },
    }
}

fn media(kind: &'static str, media: Option<&Media<'_>>) -> Said {
    Said {
        kind,
        text: media.and_then(|media| kept(media.caption.as_ref())),
        media_id: media.and_then(|media| kept(media.id.as_ref())),
        ..Said::default()
    }
}

fn chosen(interactive: &Interactive<'_>) -> Said {
    if let Some(reply) = &interactive.button_reply {
        Said {
            kind: "button_reply",
            text: kept(reply.title.as_ref()),
            payload: kept(reply.id.as_ref()),
            ..Said::default()
        }
    } else if let Some(reply) = &interactive.list_reply {
        Said {
            kind: "list_reply",
            text: kept(reply.title.as_ref()),
            payload: kept(reply.id.as_ref()),
            ..Said::default()
        }
    } else if let Some(reply) = &interactive.nfm_reply {
        Said {
            kind: "nfm_reply",
            text: kept(reply.body.as_ref()),
            payload: kept(reply.response_json.as_ref()),
            ..Said::default()
        }
    } else {
        Said { kind: "interactive", ..Said::default() }
    }
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

fn id(text: Option<&Text<'_>>) -> Option<WhatsAppId> {
    text.and_then(|text| WhatsAppId::try_from(text.to_string()).ok())
}

/// The text to keep: without U+0000, and nothing instead of an empty one.
fn kept(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| without_nul(text)).filter(|text| !text.is_empty())
}
