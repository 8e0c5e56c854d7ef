//! The API: everything under `/api` but the webhook. Every call carries the token; lists are `{items, next}`.

mod alerts;
mod campaigns;
mod contacts;
mod conversations;
mod dead_letters;
mod erasures;
mod feedback;
mod flows;
mod hooks;
mod integrations;
mod jobs;
mod live_check;
mod media;
mod messages;
mod news;
mod query;
mod registry;
mod reports;
mod sending;
mod status;
mod suspensions;
mod templates;

use std::future::ready;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

pub use alerts::AlertItem;
pub use contacts::{ContactRow, RowConsent};
pub use conversations::{Answered, ConversationItem, ConversationShown, ExchangeItem, Handed};
pub use erasures::ErasureItem;
pub use flows::{Figure, QuestionItem, ResultRow, ScoresItem, VersionItem};
pub use hooks::{HookDeliveryItem, HookSummary, HookTried};
pub use jobs::{JobItem, JobRunItem};
pub use live_check::{LiveCheck, LiveCheckStep};
pub use news::{NewsItem, NewsReplayRequest, NewsReplayed};
pub use status::Integration;
pub use suspensions::SuspensionItem;
pub use templates::{PushedItem, ReviewedItem, SyncedItem, TemplateItem, TemplateStanding};

use super::error::{Problem, Unauthorised};
use super::operations::Operations;
use super::secret;
use crate::ports::{Clock, Limits, MediaStore, Queue, Store};

/// What the API needs.
pub struct ApiState {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The record.
    pub store: Arc<dyn Store>,
    /// Files that people sent.
    pub media: Arc<dyn MediaStore>,
    /// For how far they are used.
    pub limits: Arc<dyn Limits>,
    /// For its depth.
    pub queue: Arc<dyn Queue>,
    /// What operators may do.
    pub operations: Arc<dyn Operations>,
    /// `BARID_API_TOKEN`; without one the API answers nobody.
    pub token: Option<SecretString>,
    /// How the WhatsApp integration is set up.
    pub integration: Integration,
}

pub(super) fn routes(state: Arc<ApiState>) -> BoxedFilter<(Response,)> {
    // Boxed one by one: the type of all in one takes the compiler long.
    let routes = [
        campaigns::routes(&state),
        messages::routes(&state),
        dead_letters::routes(&state),
        news::routes(&state),
        contacts::routes(&state),
        erasures::routes(&state),
        feedback::routes(&state),
        conversations::routes(&state),
        flows::routes(&state),
        media::routes(&state),
        sending::routes(&state),
        status::routes(&state),
        live_check::routes(&state),
        integrations::routes(&state),
        suspensions::routes(&state),
        hooks::routes(&state),
        reports::routes(&state),
        jobs::routes(&state),
        alerts::routes(&state),
        templates::routes(&state),
        not_built_yet(),
    ]
    .into_iter()
    .reduce(|routes, more| routes.or(more).unify().boxed())
    .expect("there are routes");
    // Only addresses of the API ask for the token, so that others are simply not there.
    under_api().and(authorised(state)).and(routes).boxed()
}

fn under_api() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::path::full()
        .and_then(|path: FullPath| {
            ready(if path.as_str().starts_with("/api/") { Ok(()) } else { Err(warp::reject::not_found()) })
        })
        .untuple_one()
}

fn authorised(state: Arc<ApiState>) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::header::optional::<String>("authorization")
        .and_then(move |header: Option<String>| {
            let shown = header.as_deref().and_then(|header| header.split_once(' '));
            let shown =
                shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            ready(
                match (&state.token, shown) {
                    (None, _) => Err("no API token is set; set `BARID_API_TOKEN` and restart"),
                    (Some(token), Some(shown)) if secret::is(token, shown) => Ok(()),
                    _ => Err("send the API token: `Authorization: Bearer …`, the value of `BARID_API_TOKEN`"),
                }
                .map_err(|detail| warp::reject::custom(Unauthorised(detail))),
            )
        })
        .untuple_one()
}

/// What the design names and this version does not do: said so, instead of looking like a wrong address.
fn not_built_yet() -> BoxedFilter<(Response,)> {
    const NOT_BUILT: [&str; 7] = [
        "/api/openapi.json",
        "/api/v1/runs",
        "/api/v1/reports",
        "/api/v1/queues",
        "/api/v1/audit",
        "/api/v1/tokens",
        "/api/v1/channels",
    ];
    warp::path::full()
        .and_then(|path: FullPath| {
            let path = path.as_str();
            let named = NOT_BUILT
                .into_iter()
                .find(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            ready(
                named
                    .map(|name| Problem::not_yet_supported(&format!("`{name}`")).into_response())
                    .ok_or_else(warp::reject::not_found),
            )
        })
        .boxed()
}

/// The state for a handler.
fn with(
    state: &Arc<ApiState>,
) -> impl Filter<Extract = (Arc<ApiState>,), Error = std::convert::Infallible> + Clone + use<> {
    let state = Arc::clone(state);
    warp::any().map(move || Arc::clone(&state))
}

/// What a handler found, as a reply.
fn reply<T: Serialize>(result: Result<T, Problem>) -> Response {
    match result {
        Ok(body) => warp::reply::json(&body).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// A page of a list.
#[derive(Serialize)]
struct List<T> {
    items: Vec<T>,
    /// For `?cursor=`; `null` at the end.
    next: Option<String>,
}

impl<T> List<T> {
    /// A list that is whole.
    fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
