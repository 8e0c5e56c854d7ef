//! `POST /api/whatsapp/test`: asks Meta about token, numbers, templates and webhook, step by step. It changes nothing and sends nothing.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{ApiState, reply, with};
use crate::domain::live_check::{Step, Verdict};

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "whatsapp" / "test")
        .and(warp::post())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move {
            let steps = state.operations.live_check().await;
            reply(Ok(Checked::new(steps, state.clock.now())))
        })
        .boxed()
}

/// What was found.
#[derive(Serialize)]
struct Checked {
    /// The worst of the steps: `ok`, `warning` or `failed`.
    result: &'static str,
    checked_at: Timestamp,
    steps: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    step: String,
    result: &'static str,
    detail: String,
    remedy: Option<&'static str>,
}

impl Checked {
    fn new(steps: Vec<Step>, checked_at: Timestamp) -> Self {
        let worst = steps.iter().map(|step| step.verdict).max().unwrap_or(Verdict::Ok);
        let item = |Step { what, verdict, detail, remedy }| Item { step: what, result: verdict.name(), detail, remedy };
        Self { result: worst.name(), checked_at, steps: steps.into_iter().map(item).collect() }
    }
}
