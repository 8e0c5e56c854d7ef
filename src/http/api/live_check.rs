//! `POST /api/whatsapp/test`: asks Meta about token, numbers, templates and webhook, step by step. It changes nothing and sends nothing.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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
            reply(Ok(LiveCheck::new(steps, state.clock.now())))
        })
        .boxed()
}

/// What was found, as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCheck {
    /// The worst of the steps: `ok`, `warning` or `failed`.
    pub result: String,
    /// When Meta was asked.
    pub checked_at: Timestamp,
    /// One for each thing that was looked at.
    pub steps: Vec<LiveCheckStep>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCheckStep {
    /// What.
    pub step: String,
    /// `ok`, `warning` or `failed`.
    pub result: String,
    /// In a sentence.
    pub detail: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl LiveCheck {
    /// Of these steps.
    pub fn new(steps: Vec<Step>, checked_at: Timestamp) -> Self {
        let worst = steps.iter().map(|step| step.verdict).max().unwrap_or(Verdict::Ok);
        let item = |Step { what, verdict, detail, remedy }| LiveCheckStep {
            step: what,
            result: verdict.name().to_owned(),
            detail,
            remedy: remedy.map(str::to_owned),
        };
        Self { result: worst.name().to_owned(), checked_at, steps: steps.into_iter().map(item).collect() }
    }
}
