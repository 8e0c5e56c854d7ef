//! The channels to which a campaign falls back, and after how long without arrival.

use jiff::SignedDuration;

use super::CampaignContext;
use crate::domain::channel::Channel;
use crate::domain::document::{Node, Read, Table, one_of};

/// The channels in their order: each once, and each set up.
pub(super) fn fallback(table: &Table<'_>, context: &CampaignContext<'_>) -> Vec<Channel> {
    let fallback = table.optional::<Vec<Channel>>("fallback").unwrap_or_default();
    for (at, channel) in fallback.iter().enumerate() {
        let name = channel.name();
        if fallback[..at].contains(channel) {
            table.problem("fallback", format!("`fallback` names `{name}` twice"));
        }
        let missing =
            context.channels.iter().find(|(known, _)| known == channel).map_or(&[][..], |(_, missing)| missing);
        if !missing.is_empty() {
            table
                .problem("fallback", format!("`fallback` names `{name}`, which is not set up: {}", missing.join("; ")));
        }
    }
    fallback
}

/// After how long without arrival another channel takes over; it needs one.
pub(super) fn not_delivered_after(table: &Table<'_>) -> Option<SignedDuration> {
    let after = table.optional::<SignedDuration>("not_delivered_after");
    if after.is_some() && table.node("fallback").is_none() {
        table.problem(
            "not_delivered_after",
            "`not_delivered_after` needs a channel to fall back to; write `fallback = [\"sms\"]` beside it",
        );
    }
    after
}

impl Read for Channel {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::FALLBACKS, Self::name)
    }
}
