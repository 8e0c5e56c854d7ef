//! Forgetting people: `DELETE /api/v1/contacts/{id}`, and the receipts under `/api/v1/erasures`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::query::Query;
use super::{ApiState, reply, with};
use crate::domain::erasure::Erasure;
use crate::domain::ids::{ContactId, ErasureId};
use crate::http::error::Problem;

/// Who asked for it, where nobody says.
const BY_API: &str = "api";

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let erase =
        warp::path!("api" / "v1" / "contacts" / String).and(warp::delete()).and(with(state)).and(warp::query()).then(
            |id: String, state: Arc<ApiState>, query| async move {
                match erase(&state, &id, query).await {
                    Ok(item) => {
                        // What is still looked through by itself is accepted, not done.
                        let status = if item.finished_at.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
                        warp::reply::with_status(warp::reply::json(&item), status).into_response()
                    }
                    Err(problem) => problem.into_response(),
                }
            },
        );
    let show = warp::path!("api" / "v1" / "erasures" / String)
        .and(warp::get())
        .and(with(state))
        .then(|id: String, state: Arc<ApiState>| async move { reply(show(&state, &id).await) });
    erase.or(show).unify().boxed()
}

/// A receipt as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureItem {
    /// Its number.
    pub id: ErasureId,
    /// The contact that is empty since.
    pub contact: ContactId,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub erased_at: Timestamp,
    /// Messages whose words and addresses went.
    pub messages: u64,
    /// Pieces of feedback whose words went.
    pub feedback: u64,
    /// Kept callbacks out of which the person was taken so far.
    pub callbacks: u64,
    /// When nothing was left; `None`: callbacks are still being looked through.
    pub finished_at: Option<Timestamp>,
}

impl From<Erasure> for ErasureItem {
    fn from(erasure: Erasure) -> Self {
        let Erasure { id, contact, by, at, messages, feedback, callbacks, finished_at } = erasure;
        Self { id, contact, by, erased_at: at, messages, feedback, callbacks, finished_at }
    }
}

async fn erase(state: &ApiState, id: &str, parameters: HashMap<String, String>) -> Result<ErasureItem, Problem> {
    let query = Query::new(parameters, &["by"])?;
    let contact: ContactId = id.parse().map_err(|_| Problem::not_found("there is no contact with this id"))?;
    let by = query.text("by").unwrap_or(BY_API).to_owned();
    Ok(state.operations.erase(contact, &by).await?.into())
}

async fn show(state: &ApiState, id: &str) -> Result<ErasureItem, Problem> {
    let unknown = || Problem::not_found("there is no receipt with this id");
    let id: ErasureId = id.parse().map_err(|_| unknown())?;
    Ok(state.store.erasure(id).await?.ok_or_else(unknown)?.into())
}
