//! The ways out: Meta, and the channels that take over.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::channel::{Channel, Channels};
use crate::domain::failure::Refusal;
use crate::domain::ids::{CallbackReference, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::message::{Content, Envelope, TemplateContent};
use crate::domain::phone_number::PhoneNumber;

/// What a provider answered to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Taken, under the provider's id: Meta's WhatsApp id, Twilio's sid, an e-mail's Message-ID.
    Accepted(WhatsAppId),
    /// Refused, with a reason that can be read.
    Refused(Refusal),
    /// The request was certainly not written: no connection.
    NotSent {
        /// Why, for the history.
        because: String,
    },
    /// It may or may not have been taken.
    Unanswered {
        /// Why, for the history.
        because: String,
    },
}

/// Sends through Meta's Graph API. Whatever happens is an [`Answer`]: a refusal is an outcome, not an error.
#[async_trait]
pub trait WhatsApp: Send + Sync {
    /// One call.
    async fn send(&self, envelope: &Envelope, content: &Content) -> Answer;
    /// A harmless question about one of our numbers with the same token: `Ok` when Meta answers it.
    ///
    /// # Errors
    /// With the refusal, or why there was no answer; never personal data.
    async fn ask(&self, sender: &SenderName) -> Result<(), String>;
}

/// Where a letter goes. `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A telephone.
    Phone(PhoneNumber),
    /// A mailbox.
    Email(String),
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Phone(_) => "Address::Phone(…)",
            Self::Email(_) => "Address::Email(…)",
        })
    }
}

/// A message as another channel takes it. `Debug` shows neither address nor text.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: Address,
    /// Comes back in every status; makes an e-mail's Message-ID, its return address and the token of its unsubscribe link.
    pub reference: CallbackReference,
    /// In which language: Arabic is set from right to left.
    pub language: Language,
    /// The line above an e-mail.
    pub subject: Option<String>,
    /// What it says, as plain text.
    pub text: String,
    /// The approved template with its parameters, for WhatsApp through Twilio.
    pub template: Option<TemplateContent>,
    /// When the provider need not try any longer.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("to", &self.to).field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// A channel that takes over where WhatsApp gave up. As with [`WhatsApp`], whatever happens is an [`Answer`].
#[async_trait]
pub trait Fallback: Send + Sync {
    /// Which channel it is.
    fn channel(&self) -> Channel;
    /// What this letter will cost, in micro-units of the configured currency.
    fn price_micros(&self, letter: &Letter) -> i64;
    /// One call.
    async fn send(&self, letter: &Letter) -> Answer;
}

/// Which channels are left alone for a while because their provider does not answer; shared by whoever calls them and whoever chooses
/// between them.
#[derive(Debug, Default)]
pub struct SickChannels([AtomicI64; Channel::ALL.len()]);

impl SickChannels {
    /// Leaves a channel alone until then; `None`: it is well.
    pub fn set(&self, channel: Channel, until: Option<Timestamp>) {
        self.0[channel as usize].store(until.map_or(0, Timestamp::as_millisecond), Ordering::Relaxed);
    }

    /// Until when a channel is left alone; `None`: it is not at that moment.
    pub fn until(&self, channel: Channel, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_millisecond(self.0[channel as usize].load(Ordering::Relaxed)).ok()?;
        (until > now).then_some(until)
    }

    /// Those that are to be left alone at that moment.
    pub fn at(&self, now: Timestamp) -> Channels {
        Channel::ALL
            .into_iter()
            .fold(Channels::NONE, |sick, channel| sick.with(channel, self.until(channel, now).is_some()))
    }
}
