//! `/api/integrations`: the registry of all channels, configured or what is missing, and whether they work.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::registry::Entry;
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
struct Item<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    /// In which order channels are usually tried; a campaign may name another.
    order: usize,
    /// Whether messages can leave, as far as is known: everything is set up, its provider answers, and no refusal has suspended it. Of
    /// single numbers `/api/whatsapp/status` tells.
    healthy: bool,
    /// Until when it is passed over where another channel is behind it, because its provider does not answer.
    sick_until: Option<Timestamp>,
}

async fn items(state: &ApiState) -> Result<Vec<Item<'_>>, Problem> {
    let now = state.clock.now();
    let in_force = state.store.suspensions(now).await?;
    let channels = &state.integration.channels;
    let missing_for = |channel| match channel {
        Channel::Whatsapp => &state.integration.missing[..],
        // Each of them is listed.
        other => channels.iter().find(|(known, _)| *known == other).map_or(&[][..], |(_, missing)| missing),
    };
    let item = |(order, channel): (usize, Channel)| {
        let missing = missing_for(channel);
        let sick_until = state.integration.sick.until(channel, now);
        let is_stopped = in_force.iter().any(|one| one.scope == Scope::Channel(channel) && is_illness(one));
        Item {
            entry: Entry::new(channel, missing),
            order,
            healthy: missing.is_empty() && sick_until.is_none() && !is_stopped,
            sick_until,
        }
    };
    Ok((1..).zip(Channel::ALL).map(item).collect())
}
