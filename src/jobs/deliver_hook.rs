//! Tells one event to one endpoint: one attempt. At least once, always under the same id, so that a receiver can drop what it has.

use crate::domain::hook::delivery::{DeliveryState, GaveUp, HookAnswer, HookHealth, Next, SICK_AFTER};
use crate::domain::hook::envelope;
use crate::domain::ids::{HookDeliveryId, HookName};
use crate::jobs::JobError;
use crate::ports::{
    Clock, Hook, HookAttempt, HookCall, HookDelivery, HookRecorded, Hooks, Outbox, Services, StoreError,
};

/// Makes the attempt, if it is still to be made and its endpoint is not left alone: else the feeding brings it back in its time.
///
/// # Errors
/// When the store could not be asked. What was called and not recorded is called again.
pub async fn run(services: &Services, id: HookDeliveryId, attempts_before: u16) -> Result<(), JobError> {
    let found = services.store.delivery(id).await.map_err(JobError::from_store("loading what is to be told"))?;
    let Some(delivery) = found else { return Ok(()) };
    let Some(hook) = services.hooks.named(&delivery.hook) else { return Ok(()) };
    let is_due = delivery.state == DeliveryState::Waiting && delivery.attempts == attempts_before;
    if !is_due || delivery.health.allowance(&hook.fingerprint, 1, services.clock.now()) == 0 {
        return Ok(());
    }
    let attempt = attempt(&*services.hooks, &*services.clock, hook, &delivery).await;
    let recorded = services.store.record_attempt(attempt).await;
    let recorded = recorded.map_err(JobError::from_store("recording what an endpoint answered"))?;
    if let Some(recorded) = recorded {
        services.tally.called_hook(&hook.name, recorded.next);
        tell(&delivery, &recorded);
    }
    Ok(())
}

/// Calls, whatever its endpoint's health is.
async fn attempt(hooks: &dyn Hooks, clock: &dyn Clock, hook: &Hook, delivery: &HookDelivery) -> HookAttempt {
    let HookDelivery { webhook_id, event, version, at, data, .. } = delivery;
    let body = envelope(webhook_id, event, *version, *at, data);
    let call = HookCall { id: webhook_id.clone(), at: clock.now(), body };
    HookAttempt {
        id: delivery.id,
        attempts_before: delivery.attempts,
        answer: hooks.call(&hook.name, &call).await,
        fingerprint: hook.fingerprint.clone(),
        now: clock.now(),
    }
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Under which id.
    pub id: String,
    /// What came back.
    pub answer: HookAnswer,
    /// In how many milliseconds.
    pub took_ms: i64,
}

/// Tries an endpoint, also one that is left alone; when it answers well, all that it was left alone for is over.
///
/// # Errors
/// When the store could not be asked.
pub async fn test<S: Outbox + ?Sized>(
    store: &S,
    hooks: &dyn Hooks,
    clock: &dyn Clock,
    hook: &Hook,
) -> Result<Tried, StoreError> {
    let begin = clock.now();
    let id = store.add_test(&hook.name, begin).await?;
    let delivery = store.delivery(id).await?;
    let delivery =
        delivery.ok_or_else(|| StoreError::Inconsistent { place: "hook_deliveries: a test is gone".to_owned() })?;
    let attempt = attempt(hooks, clock, hook, &delivery).await;
    let (answer, took_ms) = (attempt.answer.clone(), attempt.now.duration_since(begin).as_millis());
    if let Some(recorded) = store.record_attempt(attempt).await? {
        tell(&delivery, &recorded);
    }
    let took_ms = i64::try_from(took_ms).unwrap_or(i64::MAX);
    Ok(Tried { id: delivery.webhook_id.to_string(), answer, took_ms })
}

/// Says what somebody should know: once for an endpoint, not for each of its events.
fn tell(delivery: &HookDelivery, recorded: &HookRecorded) {
    let HookRecorded { next, before, after } = recorded;
    let hook: &HookName = &delivery.hook;
    let is_sick = |health: &HookHealth| health.failures >= SICK_AFTER;
    match next {
        Next::GiveUp(GaveUp::Gone) if before.gone != after.gone => tracing::error!(
            hook.name = %hook,
            "an endpoint answered 410 and is told nothing any more; correct its `url`, or, if it was a mistake, `barid hooks test {hook}`"
        ),
        Next::GiveUp(because @ GaveUp::Spent) => tracing::warn!(
            hook.name = %hook,
            event.id = %delivery.webhook_id,
            because = because.words(),
            "an event is not told; `barid hooks replay` tells it once more"
        ),
        _ => {}
    }
    match (is_sick(before), is_sick(after)) {
        (false, true) => tracing::warn!(
            hook.name = %hook,
            "an endpoint fails again and again; it is left alone and tried again, and what is to be told waits; see `barid hooks deliveries`"
        ),
        (true, false) => tracing::info!(hook.name = %hook, "an endpoint answers again; what waited is told"),
        _ => {}
    }
}
