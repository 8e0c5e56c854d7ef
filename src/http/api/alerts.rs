//! `/api/v1/alerts`: what somebody should look at, and with `all` what was.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::alert::Alert;
use crate::domain::ids::AlertId;
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "v1" / "alerts")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) })
        .boxed()
}

/// An alert as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertItem {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub kind: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// Of what: `installation`, `account`, `sender`, `campaign`, `template`, `channel`, `country` or `job`.
    pub scope: String,
    /// Which one; empty for the installation.
    pub value: String,
    /// In a sentence, with what to do about it.
    pub text: String,
    /// When it was raised.
    pub since: Timestamp,
    /// When its sentence last changed.
    pub changed_at: Timestamp,
    /// When it was over; `null` while it is open.
    pub cleared_at: Option<Timestamp>,
}

impl From<Alert> for AlertItem {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.kind.name().to_owned(),
            severity: alert.severity.name().to_owned(),
            scope: alert.scope.kind().to_owned(),
            value: alert.scope.value(),
            text: alert.text,
            since: alert.since,
            changed_at: alert.changed_at,
            cleared_at: alert.cleared_at,
        }
    }
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<AlertItem>, Problem> {
    let query = Query::new(parameters, &["all"])?;
    let all = query.named("all", |word| match word {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    })?;
    if all.unwrap_or(false) {
        let page = state.store.all_alerts(query.cursor()?, query.limit()?).await?;
        return Ok(List { items: page.items.into_iter().map(Into::into).collect(), next: next(page.next) });
    }
    Ok(List::whole(state.store.open_alerts().await?.into_iter().map(Into::into).collect()))
}
