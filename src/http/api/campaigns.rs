//! `/api/v1/campaigns`: what they are doing, and telling them what to do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::dead_letters::{ReplayRequest, Replayed};
use super::{ApiState, List, reply, with};
use crate::domain::ids::{CampaignName, MessageId};
use crate::domain::language::Language;
use crate::domain::phone_number::PhoneNumber;
use crate::http::body;
use crate::http::error::Problem;
use crate::http::operations::CampaignVerb;
use crate::http::summary::CampaignSummary;

/// The request of a test is a number and a language; that of a replay a few words and some ids.
const BODY_BYTES_MAX: usize = 16 * 1024;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "campaigns")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(list(&state).await) });
    let show = warp::path!("api" / "v1" / "campaigns" / String)
        .and(warp::get())
        .and(with(state))
        .then(|name: String, state: Arc<ApiState>| async move { reply(show(&state, &name).await) });
    let command = warp::path!("api" / "v1" / "campaigns" / String / String)
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|name: String, verb: String, state: Arc<ApiState>, stream| async move {
            let body = body::collect(stream, None, BODY_BYTES_MAX).await;
            let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
            if verb == "test" {
                return match test(&state, &name, &body).await {
                    Ok(tested) => {
                        warp::reply::with_status(warp::reply::json(&tested), StatusCode::ACCEPTED).into_response()
                    }
                    Err(problem) => problem.into_response(),
                };
            }
            if verb == "retry-failed" {
                return reply(retry_failed(&state, &name, &body).await);
            }
            reply(command(&state, &name, &verb).await)
        });
    list.or(show).unify().or(command).unify().boxed()
}

async fn list(state: &ApiState) -> Result<List<CampaignSummary>, Problem> {
    Ok(List::whole(state.operations.campaigns().await?))
}

async fn show(state: &ApiState, name: &str) -> Result<CampaignSummary, Problem> {
    Ok(state.operations.campaign(&named(name)?).await?)
}

async fn command(state: &ApiState, name: &str, verb: &str) -> Result<CampaignSummary, Problem> {
    let Some(verb) = CampaignVerb::named(verb) else {
        let detail = format!(
            "there is no command `{verb}`; there are `start`, `pause`, `resume`, `cancel`, `test` and `retry-failed`"
        );
        return Err(Problem::not_found(detail));
    };
    Ok(state.operations.command(&named(name)?, verb).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    phone: PhoneNumber,
    language: Option<Language>,
}

#[derive(Serialize)]
struct Tested {
    message_id: MessageId,
}

async fn test(state: &ApiState, name: &str, body: &[u8]) -> Result<Tested, Problem> {
    let TestRequest { phone, language } = serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("{error}; send `{{\"phone\": \"+966…\", \"language\": \"ar\"}}`"))
    })?;
    Ok(Tested { message_id: state.operations.test(&named(name)?, &phone, language).await? })
}

async fn retry_failed(state: &ApiState, name: &str, body: &[u8]) -> Result<Replayed, Problem> {
    let name = named(name)?;
    // Without a body, everything that failed.
    let wanted: ReplayRequest = if body.is_empty() { ReplayRequest::default() } else { ReplayRequest::read(body)? };
    if wanted.campaign.is_some() {
        return Err(Problem::bad_request("`campaign` stands in the address already; leave it out of the body"));
    }
    let replay = wanted.replay()?;
    let messages = state.operations.retry_failed(&name, &replay).await?;
    Ok(Replayed { messages, dry_run: replay.is_dry })
}

fn named(name: &str) -> Result<CampaignName, Problem> {
    name.parse().map_err(|_| Problem::not_found(format!("there is no campaign `{name}`")))
}
