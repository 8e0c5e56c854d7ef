//! Somebody said stop to a provider and not to us; a refusal tells it. What Meta refuses for this reason is marketing only; every other
//! provider's stop counts for all channels.
//!
//! The stop is in force before the refusal counts as heard. Whoever dies in between leaves an attempt without an answer, or a callback
//! that is applied again: never a person whose stop nobody knows of.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::consent::{ConsentChange, ConsentChangeKind};
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::ContactId;
use crate::domain::news::{ProviderStatus, Source, StatusNews};
use crate::jobs::JobError;
use crate::ports::{Services, Stored};

/// The stop of which a refusal over that channel tells, if it does.
pub(super) fn told(channel: Channel, refusal: &Refusal) -> Option<ConsentChangeKind> {
    match (refusal.class, channel) {
        (FailureClass::OptedOut, Channel::Whatsapp) => Some(ConsentChangeKind::StopMarketing),
        (FailureClass::OptedOut, _) => Some(ConsentChangeKind::Stop),
        _ => None,
    }
}

/// Puts the stop in force. `at`: when the provider said so.
pub(super) async fn note(
    services: &Services,
    told_by: &str,
    contact: ContactId,
    refusal: &Refusal,
    kind: ConsentChangeKind,
    at: Timestamp,
) -> Stored<()> {
    let code = refusal.code.map_or_else(|| "its words".to_owned(), |code| code.to_string());
    let evidence = format!("{told_by} refused with {code}: the person had stopped there");
    let change = ConsentChange { kind, at, source: "provider-opt-out".to_owned(), evidence };
    let suppressed = services.store.change_consent(contact, change, services.clock.now()).await?;
    tracing::info!(
        told_by,
        stop = kind.name(),
        suppressed,
        "somebody had said stop to the provider; it is heeded from now on"
    );
    Ok(())
}

/// The same for what a callback says of messages of ours.
pub(super) async fn note_from(services: &Services, source: Source, statuses: &[StatusNews]) -> Result<(), JobError> {
    let doing = "noting a stop that a provider told of";
    for status in statuses {
        let (ProviderStatus::Failed(refusal), Some(reference)) = (&status.status, &status.reference) else { continue };
        let channel = if source == Source::Meta { Channel::Whatsapp } else { Channel::Sms };
        let Some(kind) = told(channel, refusal).filter(|_| reference.store == services.store.tag()) else { continue };
        let at = match kind {
            // The provider's moment tells it from a newer wish.
            ConsentChangeKind::StopMarketing if status.provider_at > Timestamp::UNIX_EPOCH => status.provider_at,
            _ => services.clock.now(),
        };
        let message = services.store.load(reference.message).await.map_err(JobError::from_store(doing))?;
        if let Some(message) = message {
            let noted = note(services, source.name(), message.contact.id, refusal, kind, at).await;
            noted.map_err(JobError::from_store(doing))?;
        }
    }
    Ok(())
}
