//! The channels over which a person can be reached.

use serde::{Deserialize, Serialize};

/// A channel. Closed set: each has an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// WhatsApp through Meta's Graph API: where every message begins.
    #[default]
    Whatsapp,
    /// WhatsApp through Twilio.
    TwilioWhatsapp,
    /// Text message.
    Sms,
    /// E-mail.
    Email,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 4] = [Self::Whatsapp, Self::TwilioWhatsapp, Self::Sms, Self::Email];
    /// The channels that can take over when WhatsApp gave up.
    pub const FALLBACKS: [Self; 3] = [Self::TwilioWhatsapp, Self::Sms, Self::Email];

    /// The word in files, the store, the API and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::TwilioWhatsapp => "twilio-whatsapp",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    /// The channel of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether it tells us when a message has arrived. An e-mail is taken by a server, and then nothing is heard.
    pub const fn reports_delivery(self) -> bool {
        !matches!(self, Self::Email)
    }

    /// Whether WhatsApp's own rules (window, templates, reachability, quality) hold on it, whoever carries it.
    pub const fn is_whatsapp(self) -> bool {
        matches!(self, Self::Whatsapp | Self::TwilioWhatsapp)
    }
}

/// A set of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Channels(u8);

impl Channels {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether the channel is in the set.
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & (1 << channel as u8) != 0
    }

    /// The set with the channel in it if `present`.
    #[must_use]
    pub const fn with(self, channel: Channel, present: bool) -> Self {
        if present { Self(self.0 | (1 << channel as u8)) } else { self }
    }

    /// The channels over which somebody with these addresses can be reached.
    pub const fn reaching(has_phone: bool, has_bsuid: bool, has_email: bool) -> Self {
        Self::NONE
            .with(Channel::Whatsapp, has_phone || has_bsuid)
            .with(Channel::TwilioWhatsapp, has_phone)
            .with(Channel::Sms, has_phone)
            .with(Channel::Email, has_email)
    }
}
