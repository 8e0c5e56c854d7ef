//! Somebody said stop to a provider and not to us; a refusal tells it, and it counts for all channels. (Meta's own opt-out is about marketing
//! only, and is not this.)
//!
//! The stop is in force before the refusal counts as heard. Whoever dies in between leaves an attempt without an answer, or a callback
//! that is applied again: never a person whose stop nobody knows of.

use crate::domain::channel::Channel;
use crate::domain::consent::{ConsentChange, ConsentChangeKind};
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::ContactId;
use crate::domain::news::{ProviderStatus, Source, StatusNews};
use crate::jobs::JobError;
use crate::ports::{Services, Stored};

/// Whether a refusal over that channel tells of a stop.
pub(super) fn is_told(channel: Channel, refusal: &Refusal) -> bool {
    channel != Channel::Whatsapp && refusal.class == FailureClass::OptedOut
}

/// Puts the stop in force.
pub(super) async fn note(services: &Services, told_by: &str, contact: ContactId, refusal: &Refusal) -> Stored<()> {
    let code = refusal.code.map_or_else(|| "its words".to_owned(), |code| code.to_string());
    let evidence = format!("{told_by} refused with {code}: the person had stopped there");
    let now = services.clock.now();
    let change =
        ConsentChange { kind: ConsentChangeKind::Stop, at: now, source: "provider-opt-out".to_owned(), evidence };
    let suppressed = services.store.change_consent(contact, change, now).await?;
    tracing::info!(told_by, suppressed, "somebody had said stop to the provider; nothing more is sent to them");
    Ok(())
}

/// The same for what a callback says of messages of ours.
pub(super) async fn note_from(services: &Services, source: Source, statuses: &[StatusNews]) -> Result<(), JobError> {
    let doing = "noting a stop that a provider told of";
    if source == Source::Meta {
        return Ok(());
    }
    for status in statuses {
        let (ProviderStatus::Failed(refusal), Some(reference)) = (&status.status, &status.reference) else { continue };
        if refusal.class != FailureClass::OptedOut || reference.store != services.store.tag() {
            continue;
        }
        let message = services.store.load(reference.message).await.map_err(JobError::from_store(doing))?;
        if let Some(message) = message {
            note(services, source.name(), message.contact.id, refusal).await.map_err(JobError::from_store(doing))?;
        }
    }
    Ok(())
}
