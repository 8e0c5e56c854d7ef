//! `/api/whatsapp/status`: the entry of the WhatsApp integration in the platform's registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::registry::Entry;
use super::suspensions::{SuspensionItem, is_illness};
use super::{ApiState, reply, with};
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, SenderName};
use crate::domain::suspension::{Scope, Suspension};
use crate::http::error::Problem;
use crate::ports::SickChannels;

/// How the integration is set up.
#[derive(Debug, Clone, Default)]
pub struct Integration {
    /// Settings without which it cannot work, by the names that operators know, such as `WHATSAPP_API_TOKEN`.
    pub missing: Vec<String>,
    /// Our numbers and how fast each sends, in messages a second.
    pub senders: Vec<(SenderName, SenderId, u32)>,
    /// The other channels, each with what is missing for it.
    pub channels: Vec<(Channel, Vec<String>)>,
    /// Which of them are left alone because their provider does not answer.
    pub sick: Arc<SickChannels>,
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
    #[serde(flatten)]
    entry: Entry<'a>,
    /// Whether messages can leave, as far as is known: everything is set up, and no provider's refusal has suspended one of our numbers.
    healthy: bool,
    senders: Vec<Sender<'a>>,
    token: Option<()>,
    queues: BTreeMap<&'static str, u64>,
    unknown_messages: u64,
    callbacks: Callbacks,
    /// What stops the channel as a whole.
    suspensions: Vec<SuspensionItem>,
}

#[derive(Serialize)]
struct Sender<'a> {
    name: &'a SenderName,
    phone_number_id: &'a SenderId,
    mps: u32,
    /// Whether no provider's refusal has suspended it.
    healthy: bool,
    suspensions: Vec<SuspensionItem>,
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
    let now = state.clock.now();
    let (oldest, waiting) = state.store.lag(now).await?;
    let in_force = state.store.suspensions(now).await?;
    let stopping = |scope: &Scope| in_force.iter().filter(|one| one.scope == *scope).cloned().collect::<Vec<_>>();
    let shown = |all: Vec<Suspension>| all.into_iter().map(|one| SuspensionItem::in_force(one, now)).collect();
    let senders: Vec<Sender<'_>> = senders
        .iter()
        .map(|(name, phone_number_id, mps)| {
            let stopped = stopping(&Scope::Sender(name.clone()));
            let healthy = !stopped.iter().any(is_illness);
            Sender { name, phone_number_id, mps: *mps, healthy, suspensions: shown(stopped), quality: None, tier: None }
        })
        .collect();
    let of_channel = stopping(&Scope::Channel(Channel::Whatsapp));
    let configured = missing.is_empty() && !senders.is_empty();
    Ok(Status {
        entry: Entry::new(Channel::Whatsapp, missing),
        healthy: configured && senders.iter().all(|sender| sender.healthy) && !of_channel.iter().any(is_illness),
        senders,
        token: None,
        queues: BTreeMap::from([("sending", state.queue.sending_depth().await?)]),
        unknown_messages: state.store.unknown_count().await?,
        callbacks: Callbacks { waiting, oldest_seconds: oldest.as_secs_f64() },
        suspensions: shown(of_channel),
    })
}
