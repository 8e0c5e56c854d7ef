//! `/api/v1/hooks`: the endpoints of our webhooks, what was told to them, and telling it once more.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::hook::delivery::DeliveryState;
use crate::domain::hook::{HookEvent, WebhookId};
use crate::domain::ids::HookName;
use crate::domain::problem::did_you_mean;
use crate::http::body;
use crate::http::error::Problem;
use crate::ports::{HookFilter, ListedDelivery};

/// A few words.
const BODY_BYTES_MAX: usize = 16 * 1024;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "hooks")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(list(&state).await) });
    let deliveries = warp::path!("api" / "v1" / "hooks" / "deliveries")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(deliveries(&state, query).await) });
    let replay = warp::path!("api" / "v1" / "hooks" / "replay")
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|state: Arc<ApiState>, stream| async move {
            match body::collect(stream, None, BODY_BYTES_MAX).await {
                Ok(body) => reply(replay(&state, &body).await),
                Err(_) => Problem::too_large(BODY_BYTES_MAX).into_response(),
            }
        });
    let test = warp::path!("api" / "v1" / "hooks" / String / "test")
        .and(warp::post())
        .and(with(state))
        .then(|name: String, state: Arc<ApiState>| async move { reply(test(&state, &name).await) });
    list.or(deliveries).unify().or(replay).unify().or(test).unify().boxed()
}

/// An endpoint as the API and the command line show it: where exactly it is stays in the configuration, as it may carry a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSummary {
    /// What we call it.
    pub name: String,
    /// Scheme and host.
    pub host: String,
    /// What it wants to hear of.
    pub events: Vec<String>,
    /// `well`, `failing`, `resting` (left alone for a while) or `gone` (it answered 410).
    pub state: String,
    /// When it began to fail.
    pub failing_since: Option<Timestamp>,
    /// Until when it is left alone.
    pub rests_until: Option<Timestamp>,
    /// Events that are still to be told to it.
    pub waiting: u64,
    /// Events that are not tried any more.
    pub dead: u64,
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookTried {
    /// The `webhook-id` under which it was called.
    pub id: String,
    /// Whether it answered 2xx.
    pub delivered: bool,
    /// What it answered.
    pub status: Option<u16>,
    /// The same in words, or why nothing came back.
    pub answer: String,
    /// How long it took, the record included.
    pub took_ms: i64,
}

/// The telling of one event to one endpoint, as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookDeliveryItem {
    /// The `webhook-id`.
    pub id: String,
    /// The event's name.
    pub event: String,
    /// To whom.
    pub hook: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// Calls so far.
    pub attempts: u16,
    /// When the event happened.
    pub at: Timestamp,
    /// When it is told next, while it waits.
    pub due_at: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last.
    pub why: Option<String>,
}

impl From<ListedDelivery> for HookDeliveryItem {
    fn from(delivery: ListedDelivery) -> Self {
        Self {
            id: delivery.webhook_id.to_string(),
            event: delivery.event,
            hook: delivery.hook.to_string(),
            state: delivery.state.name().to_owned(),
            attempts: delivery.attempts,
            at: delivery.at,
            due_at: delivery.due_at,
            changed_at: delivery.changed_at,
            status: delivery.status,
            why: Some(delivery.why).filter(|why| !why.is_empty()),
        }
    }
}

async fn list(state: &ApiState) -> Result<List<HookSummary>, Problem> {
    Ok(List::whole(state.operations.hooks().await?))
}

async fn deliveries(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<HookDeliveryItem>, Problem> {
    let query = Query::new(parameters, &["id", "hook", "event", "since", "state"])?;
    let filter = HookFilter {
        id: query.parsed::<WebhookId>("id")?.map(|id| own(state, id)).transpose()?.map(|id| id.event),
        hook: query.parsed("hook")?,
        event: query.named("event", HookEvent::named)?,
        since: query.parsed("since")?,
        state: query.named("state", DeliveryState::named)?,
    };
    let page = state.store.deliveries(&filter, query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Into::into).collect(), next: next(page.next) })
}

/// An id of another installation is no id of ours, even if we have one of that number.
fn own(state: &ApiState, id: WebhookId) -> Result<WebhookId, Problem> {
    if id.store == state.store.tag() {
        Ok(id)
    } else {
        Err(Problem::not_found(format!("`{id}` is an event of another installation, or of a record before this one")))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    id: Option<String>,
    hook: Option<HookName>,
    event: Option<String>,
    since: Option<Timestamp>,
    state: Option<String>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Replayed {
    deliveries: u64,
    dry_run: bool,
}

async fn replay(state: &ApiState, body: &[u8]) -> Result<Replayed, Problem> {
    let shape = r#"`{"id": …}` or `{"since": …, "hook": …, "event": …, "state": "dead", "dry_run": true}`"#;
    let wanted: Wanted =
        serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("{error}; send some of {shape}")))?;
    if wanted.id.is_none() && wanted.since.is_none() {
        return Err(Problem::bad_request(format!("say which, by `id` or `since`; send some of {shape}")));
    }
    let id = wanted.id.map(|id| id.parse::<WebhookId>().map_err(|error| Problem::bad_request(error.to_string())));
    let id = id.transpose()?.map(|id| own(state, id)).transpose()?;
    let event = wanted.event.map(|name| {
        let known = HookEvent::wantable().map(HookEvent::name);
        HookEvent::named(&name)
            .ok_or_else(|| Problem::bad_request(format!("there is no event `{name}`{}", did_you_mean(&name, known))))
    });
    let standing = wanted.state.map(|name| {
        let known = DeliveryState::ALL.map(DeliveryState::name);
        DeliveryState::named(&name)
            .ok_or_else(|| Problem::bad_request(format!("there is no state `{name}`{}", did_you_mean(&name, known))))
    });
    let filter = HookFilter {
        id: id.map(|id| id.event),
        hook: wanted.hook,
        event: event.transpose()?,
        since: wanted.since,
        state: standing.transpose()?,
    };
    let deliveries = state.operations.replay_hooks(&filter.for_replay(), wanted.dry_run).await?;
    Ok(Replayed { deliveries, dry_run: wanted.dry_run })
}

async fn test(state: &ApiState, name: &str) -> Result<HookTried, Problem> {
    Ok(state.operations.test_hook(name).await?)
}
