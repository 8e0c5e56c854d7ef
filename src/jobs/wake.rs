//! Says to the queue "look at this message then". What cannot be said now is found by the sweep.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::delivery::{Delivery, HeldReason, Standing};
use crate::domain::ids::MessageId;
use crate::ports::{Services, Wanted};

/// The lane of a further attempt over that channel.
pub fn lane(channel: Channel) -> Wanted {
    if channel == Channel::Whatsapp { Wanted::Retries } else { Wanted::Fallbacks }
}

/// Queues a held message for its moment.
pub async fn at(services: &Services, id: MessageId, attempts: u16, channel: Channel, until: Timestamp) {
    let due = (until > services.clock.now()).then_some(until);
    if let Err(error) = services.queue.send(lane(channel), &[(id, attempts)], due).await {
        tracing::debug!(message.id = %id, error = %error, "a held message is not queued; the sweep will find it");
    }
}

/// Counts that another channel takes over, where that is what a message waits for now.
pub fn count(services: &Services, from: Channel, next: &Standing) {
    if matches!(next.delivery, Delivery::Held { reason: HeldReason::Fallback, .. }) && next.channel != from {
        services.tally.fell_back(from, next.channel);
    }
}
