//! Whether automatic suspensions may end: asks providers, and hears what became of messages that were let through.

use crate::domain::channel::Channel;
use crate::domain::ids::MessageId;
use crate::domain::suspension::{LetThrough, Probe, ReleasedBy, Scope, Suspension};
use crate::jobs::JobError;
use crate::ports::Services;

/// Asks for every suspension whose question is due. Safe to run in several processes: each question is asked by one of them.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(services: &Services) -> Result<(), JobError> {
    let doing = "looking at suspensions";
    services.store.settle_suspensions(services.clock.now()).await.map_err(JobError::from_store(doing))?;
    let in_force = services.store.suspensions(services.clock.now()).await.map_err(JobError::from_store(doing))?;
    for suspension in in_force.iter().filter(|suspension| suspension.probe == Probe::Ask) {
        let Some(planned) = suspension.probe_at.filter(|at| *at <= services.clock.now()) else { continue };
        let probes = suspension.probes.saturating_add(1);
        let rules = &services.rules.suspensions;
        let Some(next) = rules.next_probe(suspension.probe, probes, services.clock.now()) else { continue };
        if services.store.take_probe(suspension.id, planned, next).await.map_err(JobError::from_store(doing))? {
            ask(services, suspension).await?;
        }
    }
    Ok(())
}

async fn ask(services: &Services, suspension: &Suspension) -> Result<(), JobError> {
    let Scope::Sender(sender) = &suspension.scope else { return Ok(()) };
    let id = suspension.id;
    match services.whatsapp.ask(sender).await {
        Ok(()) => {
            let released = services.store.release(id, ReleasedBy::Asked, services.clock.now()).await;
            if released.map_err(JobError::from_store("ending a suspension"))? {
                tell_end(suspension, "the provider answers with our token again; sending goes on");
            }
        }
        Err(because) => {
            tracing::debug!(suspension.id = id, because, "the provider still refuses our token; it is asked again");
        }
    }
    Ok(())
}

/// Hears what became of a message that a suspension let through. Best effort: should this be lost, the next message that is let through tells
/// again.
pub async fn let_through(services: &Services, message: MessageId, became: LetThrough) {
    match services.store.let_through(message, became, services.clock.now()).await {
        Ok(released) => {
            for suspension in &released {
                tell_end(suspension, "the message that was let through was taken; sending goes on");
            }
        }
        Err(error) => {
            tracing::warn!(message.id = %message, error = %error, "what became of a message that was let through cannot be written; the next one tells again");
        }
    }
}

/// Says that a suspension ended by itself.
pub(super) fn tell_end(suspension: &Suspension, why: &'static str) {
    tracing::info!(
        suspension.id = suspension.id,
        suspension.scope = suspension.scope.kind(),
        suspension.value = %suspension.scope.value(),
        "{why}"
    );
}

/// Whether the suspensions in force stop messages of a run before they are even queued: which of them, if so. One that would let a message
/// through does not, or there would be none to let through; and countries are asked for each message.
pub fn stops_run<'a>(
    in_force: &'a [Suspension],
    campaign: &crate::domain::campaign::Campaign,
    now: jiff::Timestamp,
) -> Option<&'a Suspension> {
    let target = crate::domain::suspension::Target {
        sender: &campaign.sender,
        campaign: Some(&campaign.name),
        channel: Channel::Whatsapp,
        country: None,
    };
    in_force.iter().find(|suspension| suspension.stops(&target, now) && !suspension.lets_through(now))
}
