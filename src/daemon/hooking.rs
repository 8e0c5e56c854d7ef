//! Endpoints of our webhooks, as operators see, try and replay them.

use crate::config::Config;
use crate::domain::hook::delivery::DeliveryState;
use crate::domain::ids::HookName;
use crate::domain::problem::did_you_mean;
use crate::hooks::{Endpoint, EndpointError, HookClient};
use crate::http::{HookSummary, HookTried, OperationError};
use crate::jobs::deliver_hook;
use crate::ports::{Clock, Hook, HookFilter, Hooks, Outbox, StoreError};

/// What calls the endpoints that are configured.
///
/// # Errors
/// When an address cannot be used.
pub fn client(config: &Config) -> Result<HookClient, EndpointError> {
    let endpoints = config.hooks.iter().map(|hook| Endpoint {
        name: hook.name.clone(),
        url: hook.url.expose().to_owned(),
        events: hook.events,
        allow_private: hook.allow_private,
        keys: hook.keys.clone(),
    });
    HookClient::new(endpoints.collect())
}

/// How every endpoint does, in the order of the configuration.
///
/// # Errors
/// When the store could not be asked.
pub async fn all<S: Outbox + ?Sized>(
    store: &S,
    hooks: &dyn Hooks,
    clock: &dyn Clock,
) -> Result<Vec<HookSummary>, OperationError> {
    let healths = store.hook_healths().await.map_err(unavailable)?;
    let counts = store.hook_counts().await.map_err(unavailable)?;
    let now = clock.now();
    let summary = |hook: &Hook| {
        let health = healths.iter().find(|(name, _)| *name == hook.name).map(|(_, health)| health.clone());
        let health = health.unwrap_or_default();
        let count = |wanted| {
            let found = counts.iter().find(|(name, state, _)| *name == hook.name && *state == wanted);
            found.map_or(0, |(.., n)| *n)
        };
        let state = if health.is_gone(&hook.fingerprint) {
            "gone"
        } else if health.rests_at(now) {
            "resting"
        } else if health.failing_since.is_some() {
            "failing"
        } else {
            "well"
        };
        HookSummary {
            name: hook.name.to_string(),
            host: hook.host.clone(),
            events: hook.events.iter().map(|event| event.name().to_owned()).collect(),
            state: state.to_owned(),
            failing_since: health.failing_since,
            rests_until: health.rest_until.filter(|until| *until > now),
            waiting: count(DeliveryState::Waiting),
            dead: count(DeliveryState::Dead),
        }
    };
    Ok(hooks.configured().iter().map(summary).collect())
}

/// Tries one.
///
/// # Errors
/// When there is none of that name, or the store could not be asked.
pub async fn test<S: Outbox + ?Sized>(
    store: &S,
    hooks: &dyn Hooks,
    clock: &dyn Clock,
    name: &str,
) -> Result<HookTried, OperationError> {
    let hook = known(hooks, name)?;
    let tried = deliver_hook::test(store, hooks, clock, hook).await.map_err(unavailable)?;
    Ok(HookTried {
        id: tried.id,
        delivered: tried.answer.is_success(),
        status: tried.answer.status(),
        answer: tried.answer.words(),
        took_ms: tried.took_ms,
    })
}

/// Tells once more what the filter means, or only counts it.
///
/// # Errors
/// When the store could not be asked; what was made due until then stays so.
pub async fn replay<S: Outbox + ?Sized>(
    store: &S,
    clock: &dyn Clock,
    filter: &HookFilter,
    is_dry: bool,
) -> Result<u64, OperationError> {
    if is_dry {
        return store.replayable_deliveries(filter).await.map_err(unavailable);
    }
    let (mut after, mut replayed) = (None, 0);
    loop {
        // Forward by id: what fails again meanwhile lies behind and is not taken up twice.
        let (n, next) = store.replay_deliveries(filter, after, clock.now()).await.map_err(unavailable)?;
        replayed += n;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    tracing::info!(events = replayed, "events are told once more");
    Ok(replayed)
}

/// The endpoint of that name.
///
/// # Errors
/// With the nearest right name.
pub fn known<'a>(hooks: &'a dyn Hooks, name: &str) -> Result<&'a Hook, OperationError> {
    let found = name.parse::<HookName>().ok().and_then(|name| hooks.named(&name));
    found.ok_or_else(|| {
        let nearest = did_you_mean(name, hooks.configured().iter().map(|hook| hook.name.as_str()));
        OperationError::NotFound(format!("there is no hook `{name}` in `[[hooks]]`{nearest}"))
    })
}

fn unavailable(error: StoreError) -> OperationError {
    super::operations::unavailable(error)
}
