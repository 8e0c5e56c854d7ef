//! What a person sent, out of one element of `messages[]` (page …/webhooks/reference/messages, 2026-11-22).

use super::content::{Said, edited, kept, said};
use super::wire::{Contact, Error, Message, Text};
use super::{UNREADABLE, moment, person, without_nul};
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, WhatsAppId};
use crate::domain::news::{EditNews, Extras, Forwarded, InboundError, InboundNews, News, ProductNews, RevokeNews};
use crate::domain::phone_number::PhoneNumber;

/// What the person sent, whatever its kind; or what is told about them.
pub(super) fn read(sender: &SenderId, contacts: &[Contact<'_>], message: &Message<'_>) -> News {
    match message.kind.as_deref() {
        Some("system") => return person::read_system(sender, contacts, message),
        Some("revoke") => return revoke(sender, message),
        Some("edit") => return edit(sender, contacts, message),
        // A legacy signal without content: somebody opened the chat.
        Some("request_welcome") => return News::Other { kind: "request_welcome" },
        _ => {}
    }
    match inbound(sender, contacts, message, said(message)) {
        Some(news) => News::Inbound(Box::new(news)),
        None => News::Other { kind: UNREADABLE },
    }
}

/// Who it is, as far as a message or a change says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Who {
    /// In E.164.
    pub(super) phone: Option<String>,
    pub(super) bsuid: Option<String>,
}

impl Who {
    /// From the members that name a person. A body was seen that has the user id where the number should be.
    pub(super) fn new(wa_id: &str, user_id: Option<&str>) -> Self {
        let phone = phone(wa_id);
        let bsuid = user_id.or_else(|| Some(wa_id).filter(|_| phone.is_none()));
        Self { phone, bsuid: bsuid.map(without_nul).filter(|id| !id.is_empty()) }
    }

    /// Whether nothing is known of them.
    pub(super) fn is_nobody(&self) -> bool {
        self.phone.is_none() && self.bsuid.is_none()
    }
}

/// What Meta calls a WhatsApp id, as E.164, where it is a number.
pub(super) fn phone(wa_id: &str) -> Option<String> {
    let phone = PhoneNumber::from_e164(&format!("+{}", wa_id.trim_start_matches('+'))).ok()?;
    Some(phone.e164().to_owned())
}

/// The contact with one of these ids. Contacts do not stand in the order of messages, so they are matched by id.
pub(super) fn contact<'a, 'b>(
    contacts: &'b [Contact<'a>],
    wa_id: &str,
    user_id: Option<&str>,
) -> Option<&'b Contact<'a>> {
    contacts.iter().find(|contact| {
        (!wa_id.is_empty() && contact.wa_id.as_deref() == Some(wa_id))
            || (user_id.is_some() && contact.user_id.as_deref() == user_id)
    })
}

fn inbound(sender: &SenderId, contacts: &[Contact<'_>], message: &Message<'_>, said: Said) -> Option<InboundNews> {
    let whatsapp_id = id(message.id.as_ref())?;
    let from = message.from.as_deref().unwrap_or_default();
    let contact = contact(contacts, from, message.from_user_id.as_deref());
    let user_id = message.from_user_id.as_deref().or(contact.and_then(|contact| contact.user_id.as_deref()));
    let who = Who::new(from, user_id);
    let profile = contact.and_then(|contact| contact.profile.as_ref());
    let context = message.context.as_ref();
    let forwarded = context.and_then(|context| match (context.frequently_forwarded, context.forwarded) {
        (true, _) => Some(Forwarded::Often),
        (_, true) => Some(Forwarded::Once),
        _ => None,
    });
    let product = context.and_then(|context| context.referred_product.as_ref()).map(|product| ProductNews {
        catalogue: kept(product.catalog_id.as_ref()),
        product: kept(product.product_retailer_id.as_ref()),
    });
    let parent = contact.and_then(|contact| contact.parent_user_id.as_ref());
    Some(InboundNews {
        channel: Channel::Whatsapp,
        sender: Some(sender.clone()),
        whatsapp_id,
        phone: who.phone,
        bsuid: who.bsuid,
        profile_name: profile.and_then(|profile| kept(profile.name.as_ref())),
        provider_at: moment(message.timestamp.as_deref()),
        kind: said.kind,
        text: said.text,
        payload: said.payload,
        in_reply_to: said.about.or_else(|| id(context.and_then(|context| context.id.as_ref()))),
        extras: Extras {
            forwarded,
            product,
            group: kept(message.group_id.as_ref()),
            errors: message.errors.iter().map(error).collect(),
            username: profile.and_then(|profile| kept(profile.username.as_ref())),
            parent_bsuid: kept(message.from_parent_user_id.as_ref().or(parent)),
            ..said.extras
        },
    })
}

/// What went wrong with a message at Meta.
fn error(error: &Error<'_>) -> InboundError {
    InboundError {
        code: error.code.as_deref().and_then(|code| code.parse().ok()),
        details: without_nul(super::words(error).unwrap_or_default()),
    }
}

/// Somebody changed their words: only with numbers that the Business app shares, since 2025-11-25.
fn edit(sender: &SenderId, contacts: &[Contact<'_>], message: &Message<'_>) -> News {
    let read = || {
        let edit = message.edit.as_ref()?;
        let original = id(edit.original_message_id.as_ref())?;
        let message = inbound(sender, contacts, message, edited(edit.message.as_ref()?))?;
        Some(News::Edit(Box::new(EditNews { original, message })))
    };
    read().unwrap_or(News::Other { kind: UNREADABLE })
}

/// Somebody took their words back: likewise.
fn revoke(sender: &SenderId, message: &Message<'_>) -> News {
    let original = message.revoke.as_ref().and_then(|revoke| id(revoke.original_message_id.as_ref()));
    original.map_or(News::Other { kind: UNREADABLE }, |original| {
        let provider_at = moment(message.timestamp.as_deref());
        News::Revoke(RevokeNews { sender: Some(sender.clone()), original, provider_at })
    })
}

/// An id of a message.
pub(super) fn id(text: Option<&Text<'_>>) -> Option<WhatsAppId> {
    text.and_then(|text| WhatsAppId::try_from(text.to_string()).ok())
}
