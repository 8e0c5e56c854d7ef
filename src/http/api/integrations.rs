//! `/api/integrations`: the registry of all channels, configured or what is missing, and whether they work.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::suspensions::is_illness;
use super::{ApiState, List, reply, with};
use crate::domain::channel::Channel;
use crate::domain::suspension::Scope;
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "integrations")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(items(&state).await.map(List::whole)) })
        .boxed()
}

#[derive(Serialize)]
struct Item {
    integration: &'static str,
    category: &'static str,
    /// In which order channels are usually tried; a campaign may name another.
    priority: usize,
    configured: bool,
    /// Whether messages can leave, as far as is known: everything is set up, its provider answers, and no refusal has suspended it. Of
    /// single numbers `/api/whatsapp/status` tells.
    healthy: bool,
    /// Until when it is passed over where another channel is behind it, because its provider does not answer.
    sick_until: Option<Timestamp>,
    missing: Vec<String>,
}

async fn items(state: &ApiState) -> Result<Vec<Item>, Problem> {
    let now = state.clock.now();
    let in_force = state.store.suspensions(now).await?;
    let channels = &state.integration.channels;
    let missing_for = |channel| match channel {
        Channel::Whatsapp => state.integration.missing.clone(),
        other => {
            let known = channels.iter().find(|(known, _)| *known == other).map(|(_, missing)| missing.clone());
            known.unwrap_or_else(|| vec!["nothing is known of this channel".to_owned()])
        }
    };
    let item = |(priority, channel): (usize, Channel)| {
        let missing = missing_for(channel);
        let configured = missing.is_empty();
        let sick_until = state.integration.sick.until(channel, now);
        let is_stopped = in_force.iter().any(|one| one.scope == Scope::Channel(channel) && is_illness(one));
        Item {
            integration: channel.name(),
            category: if channel == Channel::Email { "email" } else { "messaging" },
            priority,
            configured,
            healthy: configured && sick_until.is_none() && !is_stopped,
            sick_until,
            missing,
        }
    };
    Ok((1..).zip(Channel::ALL).map(item).collect())
}
