//! `/api/integrations`: the registry of all channels, configured or what is missing.

use std::sync::Arc;

use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{ApiState, List, reply, with};
use crate::domain::channel::Channel;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "integrations")
        .and(warp::get())
        .and(with(state))
        .map(|state: Arc<ApiState>| reply(Ok(List::whole(items(&state)))))
        .boxed()
}

#[derive(Serialize)]
struct Item {
    integration: &'static str,
    category: &'static str,
    /// In which order channels are usually tried; a campaign may name another.
    priority: usize,
    configured: bool,
    missing: Vec<String>,
}

fn items(state: &ApiState) -> Vec<Item> {
    let channels = &state.integration.channels;
    let missing_for = |channel| match channel {
        Channel::Whatsapp => state.integration.missing.clone(),
        other => {
            let known = channels.iter().find(|(known, _)| *known == other).map(|(_, missing)| missing.clone());
            known.unwrap_or_else(|| vec!["nothing is known of this channel".to_owned()])
        }
    };
    (1..)
        .zip(Channel::ALL)
        .map(|(priority, channel)| {
            let missing = missing_for(channel);
            let category = if channel == Channel::Email { "email" } else { "messaging" };
            Item { integration: channel.name(), category, priority, configured: missing.is_empty(), missing }
        })
        .collect()
}
