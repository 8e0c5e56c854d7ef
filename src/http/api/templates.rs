//! `/api/v1/templates`: our templates, where they stand at Meta, and how the approved text differs from ours; handing in, reading again, and agreeing
//! to the price of another category.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};

use super::{ApiState, List, reply, with};
use crate::http::body;
use crate::http::error::Problem;

/// Who asks.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Who it was, where nobody says.
const BY_API: &str = "api";

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "templates")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(all(&state).await.map(List::whole)) });
    let one = warp::path!("api" / "v1" / "templates" / String)
        .and(warp::get())
        .and(with(state))
        .then(|name: String, state: Arc<ApiState>| async move { reply(one(&state, &name).await) });
    let sync = warp::path!("api" / "v1" / "templates" / "sync")
        .and(warp::post())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(sync(&state).await) });
    let push = warp::path!("api" / "v1" / "templates" / String / "push")
        .and(warp::post())
        .and(with(state))
        .then(|name: String, state: Arc<ApiState>| async move { reply(push(&state, &name).await.map(List::whole)) });
    let agree = warp::path!("api" / "v1" / "templates" / String / "agree")
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|name: String, state: Arc<ApiState>, stream| async move {
            let body = body::collect(stream, None, BODY_BYTES_MAX).await;
            let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
            reply(agree(&state, &name, &body).await)
        });
    let review = warp::path!("api" / "v1" / "template-review")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(review(&state).await.map(List::whole)) });
    review.or(list).unify().or(sync).unify().or(one).unify().or(push).unify().or(agree).unify().boxed()
}

/// A template as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateItem {
    /// The name of its folder.
    pub name: String,
    /// Meta's name of it.
    pub approved_name: String,
    /// The category in our file: `marketing` or `utility`.
    pub category: String,
    /// Where it stands, for each account and language.
    pub languages: Vec<TemplateStanding>,
}

/// Where a template stands in one account and language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateStanding {
    /// The account; `null` where none is configured.
    pub account: Option<String>,
    /// Meta's code of the language.
    pub language: String,
    /// `APPROVED` or where it stands; `null`: not there, or not read yet.
    pub status: Option<String>,
    /// Since when it is known to stand there.
    pub status_since: Option<Timestamp>,
    /// The category at Meta.
    pub category: Option<String>,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality: Option<String>,
    /// Why it was rejected.
    pub rejected_reason: Option<String>,
    /// Who agreed to the price of Meta's category.
    pub agreed_by: Option<String>,
    /// When.
    pub agreed_at: Option<Timestamp>,
    /// Whether its campaigns wait for somebody to agree.
    pub needs_agreement: bool,
    /// How the approved text becomes ours, line by line: ` ` in both, `-` only as approved, `+` only in our file. Empty where they are the same.
    pub diff: Vec<String>,
    /// When it was read last.
    pub seen_at: Option<Timestamp>,
    /// When it was sent last, to an hour, over all accounts; `null`: not since that is noted.
    pub used_at: Option<Timestamp>,
}

/// What became of one language of a template that was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedItem {
    /// The account.
    pub account: String,
    /// Meta's code of the language.
    pub language: String,
    /// `create`, `edit`, `unchanged` or `impossible`.
    pub step: String,
    /// Whether it stands there now, or will once it is approved.
    pub ok: bool,
    /// The same in a sentence, with what to do where it does not.
    pub detail: String,
}

/// A template that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedItem {
    /// The account.
    pub account: String,
    /// Meta's name of it.
    pub name: String,
    /// Meta's code of the language.
    pub language: String,
    /// `not-ours`, `not-approved`, `near-pausing` or `unused`.
    pub finding: String,
    /// The same in a sentence.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// What came of reading all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncedItem {
    /// `ok`, `warning` or `failed`.
    pub result: String,
    /// In a sentence.
    pub summary: String,
}

async fn all(state: &ApiState) -> Result<Vec<TemplateItem>, Problem> {
    Ok(state.operations.templates().await?)
}

async fn one(state: &ApiState, name: &str) -> Result<TemplateItem, Problem> {
    let found = all(state).await?.into_iter().find(|item| item.name == name || item.approved_name == name);
    found.ok_or_else(|| Problem::not_found(format!("there is no template `{name}`")))
}

async fn review(state: &ApiState) -> Result<Vec<ReviewedItem>, Problem> {
    Ok(state.operations.review_templates().await?)
}

async fn sync(state: &ApiState) -> Result<SyncedItem, Problem> {
    Ok(state.operations.sync_templates().await?)
}

async fn push(state: &ApiState, name: &str) -> Result<Vec<PushedItem>, Problem> {
    Ok(state.operations.push_template(name).await?)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    by: Option<String>,
}

async fn agree(state: &ApiState, name: &str, body: &[u8]) -> Result<TemplateItem, Problem> {
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("{error}; send nothing, or `{{\"by\": …}}`")))?
    };
    let by = wanted.by.filter(|by| !by.trim().is_empty());
    Ok(state.operations.agree_template(name, by.as_deref().unwrap_or(BY_API)).await?)
}
