//! What a callback told us, typed. Nothing here knows how Meta writes it.
//!
//! | module | owns |
//! |---|---|
//! | `inbound` | what a person sent, changed or took back |
//! | `person` | what is told about a person: another number, another user id, a wish |
//! | `notice` | what the provider says about templates, numbers and accounts |

mod inbound;
mod notice;
mod person;

use jiff::Timestamp;

pub use self::inbound::*;
pub use self::notice::*;
pub use self::person::*;
use crate::domain::failure::Refusal;
use crate::domain::ids::{CallbackReference, SenderId, WhatsAppId};
use crate::domain::pricing::ToldPrice;

/// Who brings callback bodies. Closed set: each has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Meta's webhook.
    Meta,
    /// Twilio, about messages of ours.
    TwilioStatus,
    /// Twilio, about what people wrote.
    TwilioInbound,
    /// Mail servers that return what they could not deliver.
    EmailBounce,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Meta, Self::TwilioStatus, Self::TwilioInbound, Self::EmailBounce];

    /// The word in the store and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::TwilioStatus => "twilio-status",
            Self::TwilioInbound => "twilio-inbound",
            Self::EmailBounce => "email-bounce",
        }
    }

    /// The source of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// One piece of news out of a callback body.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// How far one of our messages has come.
    Status(StatusNews),
    /// Somebody wrote to us. Boxed: most news are statuses, and small.
    Inbound(Box<InboundNews>),
    /// Somebody changed what they had written.
    Edit(Box<EditNews>),
    /// Somebody took back what they had written.
    Revoke(RevokeNews),
    /// Something is told about a person.
    Person(Box<PersonNews>),
    /// The provider speaks about our templates, numbers or accounts.
    Notice(NoticeNews),
    /// A kind that nothing acts on yet; kept in the journal and counted under its name.
    Other {
        /// The kind, from a closed set of ours or `unrecognised`.
        kind: &'static str,
    },
}

impl News {
    /// Which of our WhatsApp numbers it is about, where it says so.
    pub fn sender(&self) -> Option<&SenderId> {
        match self {
            Self::Status(news) => news.sender.as_ref(),
            Self::Inbound(news) => news.sender.as_ref(),
            Self::Edit(news) => news.message.sender.as_ref(),
            Self::Revoke(news) => news.sender.as_ref(),
            Self::Person(news) => news.sender.as_ref(),
            Self::Notice(_) | Self::Other { .. } => None,
        }
    }
}

/// The kinds of news that nothing acts on, as they are counted: the provider's names of fields and kinds, and ours. What is counted under none
/// of them counts as `unrecognised`.
pub const OTHER_KINDS: [&str; 46] = [
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "automatic_events",
    "business_username_updates",
    "calls",
    "customer_identity_changed",
    "errors",
    "flows",
    "group-status",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "mail-not-ours",
    "mail-under-way",
    "mail-without-report",
    "message_echoes",
    "message_template_quality_update",
    "message_template_status_update",
    "messaging_handovers",
    "nameless-sender",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "request_welcome",
    "security",
    "smb_app_state_sync",
    "smb_message_echoes",
    "status-deleted",
    "status-warning",
    "system",
    "template_category_update",
    "template_correct_category_detection",
    "tracking_events",
    "twilio-under-way",
    "unreadable",
    "unrecognised",
    "unrecognised-status",
    "user_changed_number",
    "user_changed_user_id",
    "user_id_update",
    "user_preferences",
];

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNews {
    /// Which of our WhatsApp numbers sent it, by Meta's id; `None` over other channels.
    pub sender: Option<SenderId>,
    /// The provider's id of the message.
    pub whatsapp_id: WhatsAppId,
    /// Our own reference, when it came back.
    pub reference: Option<CallbackReference>,
    /// How far.
    pub status: ProviderStatus,
    /// When Meta says it happened.
    pub provider_at: Timestamp,
    /// What the provider says about its price.
    pub pricing: Option<ToldPrice>,
}

/// A status in the provider's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// It left Meta.
    Sent,
    /// It is on the phone.
    Delivered,
    /// It was seen, or its voice message played.
    Read,
    /// It was refused after all.
    Failed(Refusal),
}
