//! Stopping parts of the sending and letting them go on, as operators ask for it.

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::ids::CampaignName;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::problem::did_you_mean;
use crate::domain::suspension::{Cause, KeptSuspension, NewSuspension, Probe, ReleasedBy, Scope, Suspension, Target};
use crate::domain::waits_for::{WaitsFor, waits_for};
use crate::http::{OperationError, SuspensionRequest};
use crate::ports::{LoadedMessage, Services, Store};

/// What anybody reads to the end.
const REASON_CHARS_MAX: usize = 500;
/// A name.
const BY_CHARS_MAX: usize = 100;

/// What exists to be suspended.
pub struct Known {
    /// Our numbers.
    pub senders: Vec<String>,
    /// Campaigns with a file or a run.
    pub campaigns: Vec<String>,
}

/// The suspension that an operator asks for.
///
/// # Errors
/// With what is wrong with it, and the nearest right name.
pub fn wanted(request: &SuspensionRequest, known: &Known, now: Timestamp) -> Result<NewSuspension, OperationError> {
    let SuspensionRequest { kind, value, reason, until, by } = request;
    let invalid = |code, detail: String| Err(OperationError::Invalid { code, detail });
    let names = |names: &'static [&'static str]| names.to_vec();
    let there_are: Vec<&str> = match kind.as_str() {
        "sender" => known.senders.iter().map(String::as_str).collect(),
        "campaign" => known.campaigns.iter().map(String::as_str).collect(),
        "channel" => Channel::ALL.map(Channel::name).to_vec(),
        "country" => Vec::new(),
        kind => {
            let nearest = did_you_mean(kind, names(&Scope::KINDS));
            return invalid("unknown-scope", format!("`{kind}` cannot be suspended{nearest}"));
        }
    };
    let scope = Scope::of(kind, value).filter(|_| kind == "country" || there_are.contains(&value.as_str()));
    let Some(scope) = scope else {
        let code = if kind == "country" { "unknown-country" } else { "unknown-name" };
        let remedy = match kind.as_str() {
            "country" => "; use two letters such as `SA`, `AE` or `EG`".to_owned(),
            _ => did_you_mean(value, there_are),
        };
        return invalid(code, format!("there is no {kind} `{value}`{remedy}"));
    };
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return invalid("bad-reason", format!("`reason` must say in 1 to {REASON_CHARS_MAX} characters why"));
    }
    if until.is_some_and(|until| until <= now) {
        return invalid("bad-until", "`until` is over already; give a moment to come".to_owned());
    }
    Ok(NewSuspension {
        scope,
        cause: Cause::Operator(reason.to_owned()),
        by: by_whom(by),
        until: *until,
        probe: Probe::Never,
        probe_at: None,
        shown_at: None,
    })
}

fn by_whom(by: &str) -> String {
    by.trim().chars().take(BY_CHARS_MAX).collect()
}

/// Puts it in force.
///
/// # Errors
/// When the store could not be asked.
pub async fn suspend(
    store: &dyn Store,
    wanted: NewSuspension,
    now: Timestamp,
) -> Result<(Suspension, bool), OperationError> {
    let (suspension, is_new) = store.suspend(wanted, now).await.map_err(super::operations::unavailable)?;
    if is_new {
        tracing::warn!(
            suspension.id = suspension.id,
            suspension.scope = suspension.scope.kind(),
            suspension.value = %suspension.scope.value(),
            "an operator suspended a part of the sending"
        );
    }
    Ok((suspension, is_new))
}

/// Ends one.
///
/// # Errors
/// When there is none of that number, or it is over.
pub async fn release(store: &dyn Store, id: i64, by: &str, now: Timestamp) -> Result<KeptSuspension, OperationError> {
    let released = store.release(id, ReleasedBy::Operator(by_whom(by)), now).await;
    let released = released.map_err(super::operations::unavailable)?;
    let kept = store.suspension(id).await.map_err(super::operations::unavailable)?;
    let Some(kept) = kept else {
        return Err(OperationError::NotFound(format!("there is no suspension `{id}`")));
    };
    if !released {
        return Err(OperationError::Conflict(format!("the suspension `{id}` is over already")));
    }
    tracing::info!(
        suspension.id = id,
        suspension.scope = kept.suspension.scope.kind(),
        suspension.value = %kept.suspension.scope.value(),
        "an operator ended a suspension"
    );
    Ok(kept)
}

/// Why a message that is to be called is not called now.
///
/// # Errors
/// When the store could not be asked.
pub async fn why_waiting(
    services: &Services,
    message: &LoadedMessage,
    campaign: Option<&CampaignName>,
) -> Result<Option<WaitsFor>, OperationError> {
    let now = services.clock.now();
    let full = message.run.and_then(|run| services.limits.full(&message.sender, run, now));
    why_waiting_of(&*services.store, message, campaign, full, now).await
}

/// The same with what is known of full limits: nothing, where no service runs.
///
/// # Errors
/// When the store could not be asked.
pub async fn why_waiting_of(
    store: &dyn Store,
    message: &LoadedMessage,
    campaign: Option<&CampaignName>,
    full: Option<(crate::domain::limit::Limit, Timestamp)>,
    now: Timestamp,
) -> Result<Option<WaitsFor>, OperationError> {
    let in_force = store.suspensions(now).await.map_err(super::operations::unavailable)?;
    let target = Target {
        sender: &message.sender,
        campaign,
        channel: message.standing.channel,
        country: message.contact.phone.as_ref().and_then(PhoneNumber::country),
    };
    Ok(waits_for(&message.standing.delivery, message.run_state, &target, &in_force, full, now))
}
