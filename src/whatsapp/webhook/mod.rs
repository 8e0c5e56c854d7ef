//! Callbacks: whose they are (the signature over the raw bytes) and what they say (typed news). No HTTP in sight.
//!
//! | module | owns |
//! |---|---|
//! | `wire` | the shapes in a body |
//! | `inbound` | what a person sent, changed or took back |
//! | `content` | what a message says, by its kind |
//! | `person` | what is told about a person: another number, another user id, no more marketing |
//! | `notice` | what Meta says about templates, numbers and accounts |
//! | `lenient` | bodies in which something is broken |
//!
//! A body is read in one pass into borrowed structs. Only when that fails is it read again, slowly and element by element, so
//! that what is broken in one place costs nothing in the others (page …/webhooks/create-webhook-endpoint and the checklist of
//! 2026-11-22: ids and times as strings or integers, seconds or milliseconds, lone surrogates, U+0000).

mod content;
mod inbound;
mod lenient;
mod notice;
mod person;
mod wire;

use std::sync::Arc;

use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use self::notice::Origin;
use self::wire::{Change, Error, Pricing, Status, Value};
use super::error_codes::class_of;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{SenderId, WhatsAppId};
use crate::domain::news::{News, ProviderStatus, StatusNews};
use crate::domain::pricing::{FreeBecause, PriceCategory, ToldKind, ToldPrice};
use crate::ports::WebhookReader;

/// Above this a time is in milliseconds: as seconds it would be in the year 5138.
const SECONDS_MAX: i64 = 100_000_000_000;
/// How the members begin that name the writer of a message, and those that name a wish of a person.
const SAYS_WHO: &[u8] = b"from";
const SAYS_A_WISH: &[u8] = b"user_preferences";
/// What every element is called that lacks what makes it one.
const UNREADABLE: &str = "unreadable";

/// Checks and reads callbacks.
pub struct Reader {
    /// One keyed state for each app secret in force, copied for each body.
    keys: ArcSwap<Vec<Hmac<Sha256>>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("secrets", &self.keys.load().len()).finish()
    }
}

impl Reader {
    /// With the app secrets in force: usually one, two while one is being replaced. Without any, no signature is valid.
    pub fn new(app_secrets: &[SecretString]) -> Self {
        Self { keys: ArcSwap::from_pointee(keys(app_secrets)) }
    }

    /// Puts other secrets in force.
    pub fn replace_secrets(&self, app_secrets: &[SecretString]) {
        self.keys.store(Arc::new(keys(app_secrets)));
    }
}

fn keys(app_secrets: &[SecretString]) -> Vec<Hmac<Sha256>> {
    let key = |secret: &SecretString| {
        Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
    };
    // An empty secret would make a signature that anybody can compute.
    app_secrets.iter().filter(|secret| !secret.expose_secret().is_empty()).map(key).collect()
}

impl WebhookReader for Reader {
    fn signature_is_valid(&self, header: Option<&str>, body: &[u8]) -> bool {
        let mut claimed = [0_u8; 32];
        let Some(digits) = header.and_then(|header| header.trim().strip_prefix("sha256=")) else { return false };
        if hex::decode_to_slice(digits, &mut claimed).is_err() {
            return false;
        }
        // Every secret is tried, whichever fits, so that the time tells nothing.
        self.keys.load().iter().fold(false, |valid, key| {
            let mut mac = key.clone();
            mac.update(body);
            mac.verify_slice(&claimed).is_ok() | valid
        })
    }

    fn may_hold_words(&self, body: &[u8]) -> bool {
        // Whoever writes is named by `from` or `from_user_id`, and statuses have neither. One pass: what stands in quotes is looked at.
        body.split(|byte| *byte == b'"').any(|piece| piece.starts_with(SAYS_WHO) || piece == SAYS_A_WISH)
    }

    fn read(&self, body: &[u8]) -> Result<Vec<News>, String> {
        match serde_json::from_slice::<wire::Body<'_>>(body) {
            Ok(body) => {
                let mut news = Vec::new();
                if body.is_for_whatsapp() {
                    for entry in &body.entry {
                        let origin = Origin { account: entry.id.as_deref(), time: entry.time.as_deref() };
                        entry.changes.iter().for_each(|change| read_change(change, origin, &mut news));
                    }
                } else {
                    news.push(News::Other { kind: "unrecognised" });
                }
                Ok(news)
            }
            Err(_) => lenient::read(body),
        }
    }
}

/// The news in one change.
fn read_change(change: &Change<'_>, origin: Origin<'_>, news: &mut Vec<News>) {
    let Change { field, value } = change;
    let kind = field_kind(field.as_deref());
    if !matches!(kind, "messages" | "user_preferences" | "user_id_update") {
        news.push(notice::read(kind, origin, value).map_or(News::Other { kind }, News::Notice));
        return;
    }
    let Some(sender) = value.metadata.phone_number_id.as_deref().and_then(|id| id.parse::<SenderId>().ok()) else {
        news.push(News::Other { kind: UNREADABLE });
        return;
    };
    let before = news.len();
    match kind {
        "user_preferences" => {
            news.extend(value.user_preferences.iter().map(|wish| person::read_preference(&sender, wish)));
        }
        "user_id_update" => {
            news.extend(value.user_id_update.iter().map(|update| person::read_user_id(&sender, update)));
        }
        _ => return read_messages(&sender, value, news),
    }
    if news.len() == before {
        // A form that we do not know: kept, and counted under its name.
        news.push(News::Other { kind });
    }
}

/// The news in a change of the field `messages`.
fn read_messages(sender: &SenderId, value: &Value<'_>, news: &mut Vec<News>) {
    news.extend(value.statuses.iter().map(|status| read_status(sender, status)));
    news.extend(value.messages.iter().map(|message| inbound::read(sender, &value.contacts, message)));
    // Trouble of the number, the account or the app, such as 130429; not about one message.
    news.extend(value.errors.iter().map(|_| News::Other { kind: "errors" }));
}

/// Our name for a field, from a closed set (page …/webhooks/overview, 2026-11-22).
fn field_kind(field: Option<&str>) -> &'static str {
    const KNOWN: [&str; 32] = [
        "messages",
        "message_template_status_update",
        "message_template_quality_update",
        "message_template_components_update",
        "template_category_update",
        "template_correct_category_detection",
        "phone_number_quality_update",
        "phone_number_name_update",
        "account_update",
        "account_review_update",
        "account_alerts",
        "account_settings_update",
        "business_capability_update",
        "user_preferences",
        "security",
        "user_id_update",
        "business_username_updates",
        "flows",
        "calls",
        "smb_message_echoes",
        "smb_app_state_sync",
        "history",
        "message_echoes",
        "messaging_handovers",
        "payment_configuration_update",
        "partner_solutions",
        "automatic_events",
        "tracking_events",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
    ];
    KNOWN.into_iter().find(|known| Some(*known) == field).unwrap_or("unrecognised")
}

/// What a status says (page …/webhooks/reference/messages/status, 2026-11-22).
fn read_status(sender: &SenderId, status: &Status<'_>) -> News {
    // We never write to groups; such a status is about what somebody else sent there, for one participant of many.
    if status.recipient_type.as_deref() == Some("group") {
        return News::Other { kind: "group-status" };
    }
    let Some(whatsapp_id) = status.id.as_deref().and_then(|id| WhatsAppId::try_from(id.to_owned()).ok()) else {
        return News::Other { kind: UNREADABLE };
    };
    let provider_status = match status.status.as_deref() {
        Some("sent") => ProviderStatus::Sent,
        Some("delivered") => ProviderStatus::Delivered,
        // A voice message that was played was seen.
        Some("read" | "played") => ProviderStatus::Read,
        Some("failed") => ProviderStatus::Failed(refusal(status)),
        // Old ones, and those that are new to us: none of them moves a message.
        Some("deleted") => return News::Other { kind: "status-deleted" },
        Some("warning") => return News::Other { kind: "status-warning" },
        _ => return News::Other { kind: "unrecognised-status" },
    };
    News::Status(StatusNews {
        sender: Some(sender.clone()),
        whatsapp_id,
        reference: status.biz_opaque_callback_data.as_deref().and_then(|reference| reference.parse().ok()),
        status: provider_status,
        provider_at: moment(status.timestamp.as_deref()),
        pricing: status.pricing.as_ref().and_then(told_price),
    })
}

/// What a status says about the price (page …/whatsapp/pricing, 2026-11-22). `billable` is to be withdrawn, so it counts only where `type`
/// says nothing that we know.
fn told_price(pricing: &Pricing<'_>) -> Option<ToldPrice> {
    let kind = match (pricing.kind.as_deref(), pricing.billable) {
        (Some("regular"), _) => ToldKind::Charged,
        (Some("free_customer_service"), _) => ToldKind::Free(FreeBecause::ServiceWindow),
        (Some("free_entry_point"), _) => ToldKind::Free(FreeBecause::EntryPoint),
        (_, Some(true)) => ToldKind::Charged,
        (_, Some(false)) => ToldKind::Free(FreeBecause::Told),
        (_, None) => return None,
    };
    Some(ToldPrice { kind, category: pricing.category.as_deref().map(PriceCategory::told), amount: None })
}

fn refusal(status: &Status<'_>) -> Refusal {
    let Some(error) = status.errors.first() else {
        return Refusal::new(FailureClass::Unrecognised, None, "");
    };
    let code = error.code.as_deref().and_then(|code| code.parse().ok());
    let class = code.map_or(FailureClass::Unrecognised, |code| class_of(code, None));
    Refusal::new(class, code, without_nul(words(error).unwrap_or_default()))
}

/// What an error says, in the most exact words that it has.
fn words<'a>(error: &'a Error<'_>) -> Option<&'a str> {
    let words = error.error_data.as_ref().and_then(|data| data.details.as_deref());
    words.or(error.details.as_deref()).or(error.message.as_deref()).or(error.title.as_deref())
}

/// A time as Meta writes it: seconds, or milliseconds where the number is too large for seconds.
///
/// Without a readable one the epoch stands in: what happened counts, and nothing is decided by this time that an old one could
/// make worse: a start word without one does not end a stop.
fn moment(text: Option<&str>) -> Timestamp {
    let number = text.and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or_default();
    let at = if number > SECONDS_MAX { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) };
    at.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The text without U+0000, which PostgreSQL cannot keep.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests;
