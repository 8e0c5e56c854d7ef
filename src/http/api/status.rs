//! `/api/whatsapp/status`: the entry of the WhatsApp integration in the platform's registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{ApiState, reply, with};
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, SenderName};
use crate::http::error::Problem;

/// How the integration is set up.
#[derive(Debug, Clone, Default)]
pub struct Integration {
    /// Settings without which it cannot work, by the names that operators know, such as `WHATSAPP_API_TOKEN`.
    pub missing: Vec<String>,
    /// Our numbers and how fast each sends, in messages a second.
    pub senders: Vec<(SenderName, SenderId, u32)>,
    /// The other channels, each with what is missing for it.
    pub channels: Vec<(Channel, Vec<String>)>,
}

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "whatsapp" / "status")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(status(&state).await) })
        .boxed()
}

/// What is not known yet is `null`: nothing asks Meta for token health, quality and tier in this version.
#[derive(Serialize)]
struct Status<'a> {
    integration: &'static str,
    category: &'static str,
    priority: u8,
    configured: bool,
    missing: &'a [String],
    senders: Vec<Sender<'a>>,
    token: Option<()>,
    queues: BTreeMap<&'static str, u64>,
    unknown_messages: u64,
    callbacks: Callbacks,
}

#[derive(Serialize)]
struct Sender<'a> {
    name: &'a SenderName,
    phone_number_id: &'a SenderId,
    mps: u32,
    quality: Option<()>,
    tier: Option<()>,
}

/// Callbacks that are kept and not applied yet.
#[derive(Serialize)]
struct Callbacks {
    waiting: u64,
    oldest_seconds: f64,
}

async fn status(state: &ApiState) -> Result<Status<'_>, Problem> {
    let Integration { missing, senders, .. } = &state.integration;
    let (oldest, waiting) = state.store.lag(state.clock.now()).await?;
    Ok(Status {
        integration: "whatsapp",
        category: "messaging",
        priority: 1,
        configured: missing.is_empty() && !senders.is_empty(),
        missing,
        senders: senders
            .iter()
            .map(|(name, phone_number_id, mps)| Sender { name, phone_number_id, mps: *mps, quality: None, tier: None })
            .collect(),
        token: None,
        queues: BTreeMap::from([("sending", state.queue.sending_depth().await?)]),
        unknown_messages: state.store.unknown_count().await?,
        callbacks: Callbacks { waiting, oldest_seconds: oldest.as_secs_f64() },
    })
}
