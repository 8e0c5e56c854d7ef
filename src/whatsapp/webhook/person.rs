//! What Meta tells about a person who wrote nothing: another number, another user id, no more marketing (pages
//! …/webhooks/reference/messages/system, …/user_preferences and …/business-scoped-user-ids, 2026-11-22).

use super::content::kept;
use super::inbound::{Who, contact, id, phone};
use super::wire::{Contact, Message, Preference, System, Text, UserIdUpdate};
use super::{UNREADABLE, moment};
use crate::domain::ids::SenderId;
use crate::domain::news::{News, PersonChange, PersonNews};

/// The only category of wishes that is known.
const MARKETING: &str = "marketing_messages";

/// A message of type `system`.
pub(super) fn read_system(sender: &SenderId, contacts: &[Contact<'_>], message: &Message<'_>) -> News {
    let Some(system) = &message.system else { return News::Other { kind: "system" } };
    let from = message.from.as_deref().unwrap_or_default();
    let known = contact(contacts, from, message.from_user_id.as_deref());
    let user_id = message.from_user_id.as_deref().or(known.and_then(|known| known.user_id.as_deref()));
    let mut who = Who::new(from, user_id);
    let (kind, change) = match system.kind.as_deref() {
        Some("user_changed_number" | "customer_changed_number") => ("user_changed_number", new_number(system)),
        Some("user_changed_user_id") => {
            // The writer is mostly not named here, and where it is, perhaps by the new id already.
            who.bsuid = kept(system.previous_user_id.as_ref())
                .or_else(|| who.bsuid.filter(|bsuid| Some(bsuid.as_str()) != system.user_id.as_deref()));
            ("user_changed_user_id", new_user_id(system.user_id.as_ref()))
        }
        Some("customer_identity_changed") => return News::Other { kind: "customer_identity_changed" },
        _ => return News::Other { kind: "system" },
    };
    match change {
        // Without the old id nobody can be found; `user_id_update` names both.
        Some(_) if who.is_nobody() => News::Other { kind },
        Some(change) => News::Person(Box::new(PersonNews {
            sender: Some(sender.clone()),
            whatsapp_id: id(message.id.as_ref()),
            phone: who.phone,
            bsuid: who.bsuid,
            provider_at: moment(message.timestamp.as_deref()),
            change,
        })),
        None => News::Other { kind: UNREADABLE },
    }
}

fn new_number(system: &System<'_>) -> Option<PersonChange> {
    let wa_id = system.wa_id.as_deref().or(system.new_wa_id.as_deref())?;
    phone(wa_id).map(|phone| PersonChange::Number { phone })
}

fn new_user_id(user_id: Option<&Text<'_>>) -> Option<PersonChange> {
    kept(user_id).map(|bsuid| PersonChange::UserId { bsuid })
}

/// An element of `user_id_update`.
pub(super) fn read_user_id(sender: &SenderId, update: &UserIdUpdate<'_>) -> News {
    let ids = update.user_id.as_ref();
    let Some(change) = ids.and_then(|ids| new_user_id(ids.current.as_ref())) else {
        return News::Other { kind: UNREADABLE };
    };
    let who =
        Who { phone: update.wa_id.as_deref().and_then(phone), bsuid: ids.and_then(|ids| kept(ids.previous.as_ref())) };
    if who.is_nobody() {
        return News::Other { kind: UNREADABLE };
    }
    News::Person(Box::new(PersonNews {
        sender: Some(sender.clone()),
        whatsapp_id: None,
        phone: who.phone,
        bsuid: who.bsuid,
        provider_at: moment(update.timestamp.as_deref()),
        change,
    }))
}

/// An element of `user_preferences`.
pub(super) fn read_preference(sender: &SenderId, preference: &Preference<'_>) -> News {
    let may_send = match (preference.category.as_deref(), preference.value.as_deref()) {
        (Some(MARKETING), Some("stop")) => false,
        (Some(MARKETING), Some("resume")) => true,
        // A wish of another kind, such as `signup`.
        _ => return News::Other { kind: "user_preferences" },
    };
    let who = Who::new(preference.wa_id.as_deref().unwrap_or_default(), preference.user_id.as_deref());
    if who.is_nobody() {
        return News::Other { kind: UNREADABLE };
    }
    let detail = kept(preference.detail.as_ref()).unwrap_or_default();
    News::Person(Box::new(PersonNews {
        sender: Some(sender.clone()),
        whatsapp_id: None,
        phone: who.phone,
        bsuid: who.bsuid,
        provider_at: moment(preference.timestamp.as_deref()),
        change: PersonChange::Marketing { may_send, detail },
    }))
}
