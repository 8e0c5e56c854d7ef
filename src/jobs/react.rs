//! What a refusal means for other messages: what slows down, what is suspended, who is told.

use jiff::Timestamp;

use crate::domain::campaign::Campaign;
use crate::domain::channel::Channel;
use crate::domain::failure::{Refusal, Slow};
use crate::domain::ids::ContactId;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::suspension::{NewSuspension, Refused, suspension_after};
use crate::jobs::first_sight::{Sight, TOLD};
use crate::ports::{LoadedMessage, RefusedMessage, Services, SlowDown, Store};

/// Without an estimate of the provider's, the account rests so long.
const ACCOUNT_REST: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Reacts to a refusal that came with the answer of a call, which was made at `called_at`.
pub async fn to_answer(
    services: &Services,
    message: &LoadedMessage,
    campaign: Option<&Campaign>,
    refusal: &Refusal,
    called_at: Timestamp,
) {
    let refused = Refused {
        channel: message.standing.channel,
        sender: &message.sender,
        campaign: campaign.map(|campaign| &campaign.name),
        country: message.contact.phone.as_ref().and_then(PhoneNumber::country),
        class: refusal.class,
        code: refusal.code,
        called_at,
    };
    react(services, &refused, message.contact.id, refusal).await;
}

/// Reacts to a refusal that came by a callback.
pub async fn to_callback(services: &Services, refused: &RefusedMessage) {
    let RefusedMessage { sender, contact, channel, campaign, country, refusal, called_at, .. } = refused;
    let refused = Refused {
        channel: *channel,
        sender,
        campaign: campaign.as_ref(),
        country: *country,
        class: refusal.class,
        code: refusal.code,
        called_at: *called_at,
    };
    react(services, &refused, *contact, refusal).await;
}

async fn react(services: &Services, refused: &Refused<'_>, contact: ContactId, refusal: &Refusal) {
    let Refused { channel, sender, campaign, class, .. } = *refused;
    let slower = match (class.slow(), channel) {
        (Slow::Number, Channel::Whatsapp) => Some(SlowDown::Number(sender.clone())),
        (Slow::Pair, Channel::Whatsapp) => Some(SlowDown::Pair(sender.clone(), contact)),
        (Slow::Account, Channel::Whatsapp) => {
            Some(SlowDown::Account(sender.clone(), refusal.wait.unwrap_or(ACCOUNT_REST)))
        }
        // The message itself waits as long as it was told to; the others of the channel go on more slowly.
        (Slow::Number | Slow::Account, channel) => Some(SlowDown::Channel(channel)),
        _ => None,
    };
    if let Some(slower) = slower {
        services.limits.slow_down(&slower).await;
    }
    let now = services.clock.now();
    let Some(wanted) = suspension_after(refused, &services.rules.suspensions, now) else {
        if class.alerts() {
            tell(Sight::new(channel, class, refusal.code, campaign), now);
        }
        return;
    };
    suspend(&*services.store, wanted, services.clock.now()).await;
}

/// Puts in force what nobody has to think about, and says so once.
pub(super) async fn suspend(store: &dyn Store, wanted: NewSuspension, now: Timestamp) {
    let scope = wanted.scope.clone();
    match store.suspend(wanted, now).await {
        Ok((suspension, true)) => tracing::error!(
            suspension.id = suspension.id,
            suspension.scope = suspension.scope.kind(),
            suspension.value = %suspension.scope.value(),
            failure.class = suspension.cause.name(),
            failure.code = suspension.cause.code(),
            "sending is suspended: {}",
            suspension.cause
        ),
        Ok((_, false)) => {}
        // The next message meets the same refusal and asks again.
        Err(error) => {
            tracing::warn!(suspension.scope = scope.kind(), error = %error, "a suspension cannot be written");
        }
    }
}

/// Tells a person, once for each cause; the others of the same cause are counted and can be read in their history.
fn tell(sight: Sight, now: jiff::Timestamp) {
    let is_new = TOLD.is_new(sight.clone(), now);
    let Sight { channel, class, code, campaign } = sight;
    let (channel, campaign) = (channel.name(), campaign.as_ref().map(tracing::field::display));
    if is_new {
        tracing::error!(
            channel,
            campaign,
            failure.class = class.name(),
            failure.code = code,
            "a refusal that somebody should look at: {}; `barid explain` says more",
            class.explanation()
        );
    } else {
        tracing::debug!(channel, campaign, failure.class = class.name(), failure.code = code, "refused as before");
    }
}
