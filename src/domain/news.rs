//! What a callback told us, typed. Nothing here knows how Meta writes it.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::failure::Refusal;
use crate::domain::ids::{CallbackReference, SenderId, WhatsAppId};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How far one of our messages has come.
    Status(StatusNews),
    /// Somebody wrote to us.
    Inbound(InboundNews),
    /// The provider speaks about our templates, numbers or accounts.
    Notice(NoticeNews),
    /// A kind that nothing acts on yet; kept in the journal and counted under its name.
    Other {
        /// The kind, from a closed set of ours or `unrecognised`.
        kind: &'static str,
    },
}

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
    /// What Meta says about its price.
    pub pricing: Option<PricingNews>,
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

/// What a status says about the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricingNews {
    /// Whether the message is charged.
    pub billable: bool,
    /// Meta's category, lower case.
    pub category: String,
}

/// What the provider says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeNews {
    /// The account that it is about, by the provider's id.
    pub account: Option<String>,
    /// When it was said, if the provider says so.
    pub at: Option<Timestamp>,
    /// What was said.
    pub notice: Notice,
}

/// What the provider says about our templates, numbers or accounts. Each `event` is one of the provider's words that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A template may be sent in a language again, or no more.
    Template {
        /// The provider's name for it.
        name: String,
        /// The provider's code of the language.
        language: String,
        /// Whether it may be sent.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
    },
    /// The account may send again, or no more.
    Account {
        /// Whether it may send.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
        /// When it ends by itself, if the provider says so.
        until: Option<Timestamp>,
    },
    /// People block or report a number, or do so no more.
    Quality {
        /// Whether it may send at its pace.
        may_send: bool,
        /// The provider's word.
        event: &'static str,
    },
    /// Something that nothing follows from but that it is told.
    Told {
        /// What it is about: the provider's name for this kind of callback.
        about: &'static str,
        /// The provider's word, or an empty one.
        event: &'static str,
        /// Whether a person must look.
        alerts: bool,
    },
}

/// Something that a person sent. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
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
    /// What a pressed button or chosen row carries.
    pub payload: Option<String>,
    /// Meta's id of the file.
    pub media_id: Option<String>,
    /// The message of ours that it answers.
    pub in_reply_to: Option<WhatsAppId>,
}

impl std::fmt::Debug for InboundNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InboundNews").field("kind", &self.kind).finish_non_exhaustive()
    }
}
