//! How a channel stands in the platform's registry of integrations: the words that all integrations of the platform share.

use serde::Serialize;

use crate::domain::channel::Channel;

/// The entry of a channel, as far as it follows from its settings.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    /// Its name: `whatsapp`, `twilio-whatsapp`, `sms`, `email`.
    integration: &'static str,
    category: &'static str,
    group: &'static str,
    /// How much hangs on it: `HIGH`, `MEDIUM` or `LOW`.
    priority: &'static str,
    /// `CONFIGURED`, or `NOT_CONFIGURED` with what is `missing`.
    status: &'static str,
    configured: bool,
    /// Settings without which it cannot work, by the names that operators know.
    missing: &'a [String],
    /// What it cannot do without, in our house and outside.
    dependencies: &'static [&'static str],
}

impl<'a> Entry<'a> {
    pub(super) fn new(channel: Channel, missing: &'a [String]) -> Self {
        let configured = missing.is_empty();
        let (priority, dependencies): (_, &[_]) = match channel {
            Channel::Whatsapp => ("HIGH", &["meta-graph-api", "meta-webhook", "redis", "store"]),
            Channel::TwilioWhatsapp => ("MEDIUM", &["twilio-api", "twilio-callbacks", "redis", "store"]),
            Channel::Sms => ("MEDIUM", &["twilio-api", "twilio-callbacks", "redis", "store"]),
            Channel::Email => ("LOW", &["smtp-server", "redis", "store"]),
        };
        Self {
            integration: channel.name(),
            category: "COMMUNICATION",
            group: "Feedback Channels",
            priority,
            status: if configured { "CONFIGURED" } else { "NOT_CONFIGURED" },
            configured,
            missing,
            dependencies,
        }
    }
}
