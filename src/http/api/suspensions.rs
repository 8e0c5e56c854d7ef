//! `/api/v1/suspensions`: what is stopped, by whom and why; stopping and letting go on.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::suspension::{Cause, KeptSuspension, ReleasedBy, Suspension};
use crate::http::body;
use crate::http::error::Problem;
use crate::http::operations::SuspensionRequest;

/// A scope and a reason.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Who it was, where nobody says.
const BY_API: &str = "api";

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "suspensions")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let suspend =
        warp::path!("api" / "v1" / "suspensions").and(warp::post()).and(with(state)).and(warp::body::stream()).then(
            |state: Arc<ApiState>, stream| async move {
                let body = body::collect(stream, None, BODY_BYTES_MAX).await;
                let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
                match suspend(&state, &body).await {
                    Ok((item, is_new)) => {
                        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
                        warp::reply::with_status(warp::reply::json(&item), status).into_response()
                    }
                    Err(problem) => problem.into_response(),
                }
            },
        );
    let show = warp::path!("api" / "v1" / "suspensions" / String)
        .and(warp::get())
        .and(with(state))
        .then(|id: String, state: Arc<ApiState>| async move { reply(show(&state, &id).await) });
    let release = warp::path!("api" / "v1" / "suspensions" / String)
        .and(warp::delete())
        .and(with(state))
        .and(warp::query())
        .then(|id: String, state: Arc<ApiState>, query| async move { reply(release(&state, &id, query).await) });
    list.or(suspend).unify().or(show).unify().or(release).unify().boxed()
}

/// A suspension as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspensionItem {
    /// Its number, for `release`.
    pub id: i64,
    /// `sender`, `campaign`, `channel` or `country`.
    pub scope: String,
    /// Which one.
    pub value: String,
    /// Why, as a sentence.
    pub reason: String,
    /// `operator`, or the class of the refusal.
    pub cause: String,
    /// The provider's code, where there was one.
    pub code: Option<i64>,
    /// Who did it.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// How it may end by itself: `never`, `ask` or `let-one-through`.
    pub probe: String,
    /// When that is tried next.
    pub probe_at: Option<Timestamp>,
    /// Whether it stops anything now.
    pub in_force: bool,
    /// When it ended.
    pub released_at: Option<Timestamp>,
    /// Who ended it: `operator NAME`, `asked`, `let-through`, `announced` or `time`.
    pub released_by: Option<String>,
}

impl SuspensionItem {
    /// As it stands now.
    pub fn new(kept: KeptSuspension, now: Timestamp) -> Self {
        let KeptSuspension { suspension, released } = kept;
        let is_over = suspension.until.filter(|until| *until <= now);
        // What ran out a moment ago may not be noted yet.
        let released = released.or_else(|| is_over.map(|until| (until, ReleasedBy::Time)));
        let (released_at, released_by) = released.map(|(at, by)| (at, by.words())).unzip();
        Self {
            id: suspension.id,
            scope: suspension.scope.kind().to_owned(),
            value: suspension.scope.value(),
            reason: suspension.cause.to_string(),
            cause: suspension.cause.name().to_owned(),
            code: suspension.cause.code(),
            by: suspension.by,
            since: suspension.since,
            until: suspension.until,
            probe: suspension.probe.name().to_owned(),
            probe_at: suspension.probe_at.filter(|_| released_at.is_none()),
            in_force: released_at.is_none(),
            released_at,
            released_by,
        }
    }

    /// One that is in force.
    pub fn in_force(suspension: Suspension, now: Timestamp) -> Self {
        Self::new(KeptSuspension { suspension, released: None }, now)
    }
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<SuspensionItem>, Problem> {
    let query = Query::new(parameters, &["all"])?;
    let all = query.named("all", |text| match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    })?;
    let now = state.clock.now();
    if all == Some(true) {
        let page = state.store.all_suspensions(query.cursor()?, query.limit()?).await?;
        let items = page.items.into_iter().map(|kept| SuspensionItem::new(kept, now));
        return Ok(List { items: items.collect(), next: next(page.next) });
    }
    let in_force = state.store.suspensions(now).await?;
    Ok(List::whole(in_force.into_iter().map(|one| SuspensionItem::in_force(one, now)).collect()))
}

async fn show(state: &ApiState, id: &str) -> Result<SuspensionItem, Problem> {
    let kept = state.store.suspension(number(id)?).await?.ok_or_else(|| none(id))?;
    Ok(SuspensionItem::new(kept, state.clock.now()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    scope: String,
    value: String,
    reason: String,
    until: Option<Timestamp>,
    by: Option<String>,
}

async fn suspend(state: &ApiState, body: &[u8]) -> Result<(SuspensionItem, bool), Problem> {
    let Wanted { scope, value, reason, until, by } = serde_json::from_slice(body).map_err(|error| {
        let example = r#"{"scope": "sender", "value": "default", "reason": "…", "until": "2026-12-01T09:00:00Z"}"#;
        Problem::bad_request(format!("{error}; send `{example}`, where `until` may be left out"))
    })?;
    let by = by.unwrap_or_else(|| BY_API.to_owned());
    let request = SuspensionRequest { kind: scope, value, reason, until, by };
    let (suspension, is_new) = state.operations.suspend(request).await?;
    Ok((SuspensionItem::in_force(suspension, state.clock.now()), is_new))
}

async fn release(state: &ApiState, id: &str, parameters: HashMap<String, String>) -> Result<SuspensionItem, Problem> {
    let by = Query::new(parameters, &["by"])?.parsed::<String>("by")?.unwrap_or_else(|| BY_API.to_owned());
    let kept = state.operations.release(number(id)?, by).await?;
    Ok(SuspensionItem::new(kept, state.clock.now()))
}

fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| none(id))
}

fn none(id: &str) -> Problem {
    Problem::not_found(format!("there is no suspension `{id}`; `GET /api/v1/suspensions?all=1` shows all"))
}

/// Whether the provider's part of it is to blame: what an operator stopped is no illness.
pub(super) fn is_illness(suspension: &Suspension) -> bool {
    !matches!(suspension.cause, Cause::Operator(_))
}
