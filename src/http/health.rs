//! Whether the process lives, and whether it can do its work. *Live* asks nothing; *ready* asks store and queue, never Meta.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use crate::domain::causes::in_one_line;
use crate::ports::{Queue, Store};
use crate::telemetry::Metrics;

/// How long one of the things asked may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

type Asking = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Reads what the gauges show.
pub type Refresh = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One of the things without which no work can be done.
pub struct ReadyCheck {
    name: &'static str,
    ask: Box<dyn Fn() -> Asking + Send + Sync>,
}

impl ReadyCheck {
    /// Asks whatever `ask` asks; the error says what is wrong.
    pub fn new<F>(name: &'static str, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, ask: Box::new(move || Box::pin(ask())) }
    }

    /// Asks the store.
    pub fn store(store: Arc<dyn Store>) -> Self {
        Self::new("store", move || {
            let store = Arc::clone(&store);
            async move { store.ping().await.map_err(|error| in_one_line(&error)) }
        })
    }

    /// Asks the queue.
    pub fn queue(queue: Arc<dyn Queue>) -> Self {
        Self::new("queue", move || {
            let queue = Arc::clone(&queue);
            async move { queue.ping().await.map_err(|error| in_one_line(&error)) }
        })
    }
}

/// What the operations listener needs.
pub struct OpsState {
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// Sets the gauges that are read from store and queues; called at each scrape.
    pub refresh: Refresh,
    /// What `/health/ready` asks.
    pub checks: Vec<ReadyCheck>,
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: BTreeMap<&'static str, String>,
}

pub(super) fn routes(state: Arc<OpsState>) -> BoxedFilter<(Response,)> {
    let live = warp::path!("health" / "live").and(warp::get()).map(|| {
        let body = Readiness { status: "live", checks: BTreeMap::new() };
        warp::reply::json(&body).into_response()
    });
    let ready = warp::path!("health" / "ready").and(warp::get()).then(move || {
        let state = Arc::clone(&state);
        async move { ready(&state.checks).await }
    });
    live.or(ready).unify().boxed()
}

async fn ready(checks: &[ReadyCheck]) -> Response {
    let asked = checks.iter().map(|check| async {
        let answer = tokio::time::timeout(ANSWER_WITHIN, (check.ask)()).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())));
        (check.name, answer)
    });
    let answers = join_all(asked).await;
    let is_ready = answers.iter().all(|(_, answer)| answer.is_ok());
    let checks = answers.into_iter().map(|(name, answer)| (name, answer.err().unwrap_or_else(|| "ok".to_owned())));
    let body = Readiness { status: if is_ready { "ready" } else { "not-ready" }, checks: checks.collect() };
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    warp::reply::with_status(warp::reply::json(&body), status).into_response()
}
