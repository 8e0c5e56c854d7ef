//! One attempt at one message.
//!
//! The order is the promise. The mark *started* is durable before the call, so a crash in between shows as a call whose answer
//! nobody saw, never as a message that was not called. The answer is written before the job ends; if it cannot be written, the
//! mark stays and the message is settled by its callbacks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::campaign::Campaign;
use crate::domain::delivery::{Fact, SuppressedReason};
use crate::domain::ids::{CallbackReference, MessageId, RunId};
use crate::domain::message::{Content, Envelope, Recipient};
use crate::domain::start::{StartAnswer, StartQuestion, may_start};
use crate::jobs::JobError;
use crate::jobs::run_campaign::Definitions;
use crate::ports::{Answer, LoadedMessage, Services, Wanted};

/// How long the answer of a call is kept in hand when the store does not take it. Longer than any restart of a database.
const RECORD_PATIENCE: Duration = Duration::from_secs(600);
/// Between two tries of writing it.
const RECORD_PAUSE: Duration = Duration::from_millis(250);

/// Sends the message if it may be sent now. Finding nothing to do is success.
///
/// `attempts_before` is the number of attempts that whoever queued it knew of: a job from before a crash does not start an
/// attempt that another job has already made.
///
/// # Errors
/// When the store could not be asked.
pub async fn run(
    services: &Services,
    definitions: &Definitions,
    id: MessageId,
    attempts_before: u16,
) -> Result<(), JobError> {
    let Some(message) = services.store.load(id).await.map_err(JobError::from_store("loading a message"))? else {
        tracing::debug!(message.id = %id, "the message is gone; nothing to send");
        return Ok(());
    };
    if message.standing.attempt != attempts_before {
        return Ok(());
    }

    let to = recipient(&message);
    let question = StartQuestion {
        standing: &message.standing,
        consent: message.contact.consent,
        purpose: message.purpose,
        has_address: to.is_some(),
        run: message.run_state,
        expires_at: message.expires_at,
    };
    let may = may_start(&question, services.clock.now());
    if let StartAnswer::NotNow { because } = may {
        tracing::trace!(message.id = %id, because, "nothing to send");
        return Ok(());
    }

    let campaign = match message.run {
        Some(run) => Some((run, definitions.of(services, run).await?)),
        None => None,
    };
    let mut prepared = None;
    if let (StartAnswer::Go, Some(to)) = (may, to) {
        match content(services, &message, campaign.as_ref()) {
            Ok(content) => prepared = Some((to, content)),
            Err(because) => {
                return services
                    .store
                    .suppress(id, SuppressedReason::CannotRender, &because, services.clock.now())
                    .await
                    .map_err(JobError::from_store("recording that a message cannot be made"));
            }
        }
        let rate = campaign.as_ref().and_then(|(run, campaign)| Some((*run, campaign.delivery.rate?)));
        services.limits.permit(&message.sender, rate).await;
    }

    // Asked again inside the transaction, which also writes suppression and expiry.
    let started_at = services.clock.now();
    let lease_until = after(started_at, services.rules.lease);
    let answer = services
        .store
        .start(id, attempts_before, lease_until, started_at)
        .await
        .map_err(JobError::from_store("marking an attempt as started"))?;
    let (StartAnswer::Go, Some((to, content))) = (answer, prepared) else { return Ok(()) };

    let attempt = attempts_before + 1;
    let fact = if services.clock.now() >= after(lease_until, -services.rules.call) {
        // The mark took so long to write that the call could outlive it, and a second one could start beside it.
        not_sent(services, attempt, "the mark took so long to write that the call could have outlived it".to_owned())
    } else {
        let reference = CallbackReference { store: services.store.tag().to_owned(), message: id, attempt };
        let envelope = Envelope { to, sender: message.sender.clone(), reference, in_reply_to: None };
        let unknown_after =
            campaign.as_ref().map_or(services.rules.unknown_after, |(_, campaign)| campaign.delivery.unknown_after);
        match services.whatsapp.send(&envelope, &content).await {
            Answer::Accepted(whatsapp_id) => Fact::Accepted(whatsapp_id),
            Answer::Refused(refusal) => {
                tracing::info!(message.id = %id, attempt.number = attempt, failure.class = refusal.class.name(), failure.code = refusal.code, "Meta refused the message");
                Fact::Refused(refusal)
            }
            Answer::NotSent { because } => {
                tracing::info!(message.id = %id, attempt.number = attempt, because, "Meta could not be reached; the message is tried again");
                not_sent(services, attempt, because)
            }
            Answer::Unanswered { because } => {
                tracing::warn!(message.id = %id, attempt.number = attempt, because, "the answer was never seen; callbacks will settle it");
                Fact::Unanswered { decide_at: after(services.clock.now(), unknown_after), because }
            }
        }
    };
    record(services, id, attempt, fact).await
}

/// Writes what the call brought, patiently: the answer exists nowhere else.
async fn record(services: &Services, id: MessageId, attempt: u16, fact: Fact) -> Result<(), JobError> {
    let mut waited = Duration::ZERO;
    loop {
        match services.store.learn(id, attempt, fact.clone(), services.clock.now()).await {
            Ok(_) => break,
            Err(error) if error.is_unavailable() && waited < RECORD_PATIENCE => {
                if waited.is_zero() {
                    tracing::warn!(message.id = %id, error = %error, "the answer of a call cannot be written yet; it is kept and tried again");
                }
                tokio::time::sleep(RECORD_PAUSE).await;
                waited += RECORD_PAUSE;
            }
            // Not a retry of the job: the mark stands, so nothing would be called; its lease makes it unknown and callbacks settle it.
            Err(error) => {
                return Err(JobError::Abort { doing: "recording the answer of a call", source: Box::new(error) });
            }
        }
    }
    if let Fact::NotSent { retry_at, .. } = fact {
        services.queue.send(Wanted::Retries, &[(id, attempt)], Some(retry_at)).await.or_else(|error| {
            tracing::debug!(message.id = %id, error = %error, "the retry is not queued; the sweep will find it");
            Ok::<_, JobError>(())
        })?;
    }
    Ok(())
}

fn not_sent(services: &Services, attempt: u16, because: String) -> Fact {
    let waits = &services.rules.waits;
    let wait = waits.get(usize::from(attempt - 1).min(waits.len().saturating_sub(1))).copied().unwrap_or_default();
    Fact::NotSent { retry_at: after(services.clock.now(), wait), because }
}

fn after(at: Timestamp, wait: jiff::SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn recipient(message: &LoadedMessage) -> Option<Recipient> {
    let by_number = message.contact.phone.clone().map(Recipient::Phone);
    by_number.or_else(|| message.contact.bsuid.clone().map(Recipient::Bsuid))
}

fn content(
    services: &Services,
    message: &LoadedMessage,
    campaign: Option<&(RunId, Arc<Campaign>)>,
) -> Result<Content, String> {
    match (&message.content, campaign) {
        (Some(frozen), _) => Ok(frozen.clone()),
        (None, Some((_, campaign))) => {
            services.catalogue.content(campaign, &message.contact, message.language).map_err(|error| error.to_string())
        }
        (None, None) => Err("the message has neither a run nor a text".to_owned()),
    }
}
