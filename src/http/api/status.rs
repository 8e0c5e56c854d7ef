//! `/api/whatsapp/status`: the entry of the WhatsApp integration in the platform's registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::registry::Entry;
use super::suspensions::{SuspensionItem, is_illness};
use super::{ApiState, reply, with};
use crate::domain::channel::Channel;
use crate::domain::ids::{SenderId, SenderName};
use crate::domain::limits_check::SaidByMeta;
use crate::domain::live_check::NumberFacts;
use crate::domain::standing_job::StandingJob;
use crate::domain::suspension::{Scope, Suspension};
use crate::domain::token_check::TokenChecked;
use crate::http::error::Problem;
use crate::ports::SickChannels;

/// How the integration is set up.
#[derive(Debug, Clone, Default)]
pub struct Integration {
    /// Settings without which it cannot work, by the names that operators know, such as `WHATSAPP_API_TOKEN`.
    pub missing: Vec<String>,
    /// Our numbers, with Meta's id, and how fast each sends, in messages a second.
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

/// What Meta was not asked about yet is `null`.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    /// Whether messages can leave, as far as is known: everything is set up, and no provider's refusal has suspended one of our numbers.
    healthy: bool,
    senders: Vec<Sender<'a>>,
    token: Option<Token>,
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
    /// Messages each second now, less than `mps` after Meta asked to slow down.
    mps_now: Option<f64>,
    tier: Option<TierUse>,
    at_meta: Option<AtMeta>,
}

/// How many people its portfolio may write to first in 24 hours.
#[derive(Serialize)]
struct TierUse {
    /// `null`: nobody is counted.
    people: Option<u32>,
    used: u64,
}

/// What Meta said of a number when it was asked last.
#[derive(Serialize)]
struct AtMeta {
    state: String,
    quality: String,
    throughput: String,
    name: String,
    name_state: String,
    /// In Meta's word.
    messaging_limit: String,
    asked_at: Timestamp,
}

/// What Meta said of the access token when it was asked last.
#[derive(Serialize)]
struct Token {
    valid: bool,
    /// `null`: never, as far as Meta says.
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    asked_at: Timestamp,
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
    let mut said = details(state, StandingJob::SyncLimits, SaidByMeta::of_details).await?;
    let limits = state.limits.standing().await.unwrap_or_default();
    let senders: Vec<Sender<'_>> = senders
        .iter()
        .map(|(name, phone_number_id, mps)| {
            let stopped = stopping(&Scope::Sender(name.clone()));
            let limits = limits.iter().find(|limits| limits.sender == *name);
            Sender {
                name,
                phone_number_id,
                mps: *mps,
                healthy: !stopped.iter().any(is_illness),
                suspensions: shown(stopped),
                mps_now: limits.map(|limits| limits.mps_now),
                tier: limits.map(|limits| TierUse { people: limits.tier, used: limits.tier_used }),
                at_meta: said
                    .as_mut()
                    .and_then(|(_, said)| Some(AtMeta::of(said.numbers.remove(name)?, said.asked_at))),
            }
        })
        .collect();
    let token = details(state, StandingJob::VerifyToken, |details| serde_json::from_value(details).ok()).await?;
    let token = token.map(|(asked_at, TokenChecked { is_valid, expires_at, issued_at })| Token {
        valid: is_valid,
        expires_at,
        issued_at,
        asked_at,
    });
    let of_channel = stopping(&Scope::Channel(Channel::Whatsapp));
    let configured = missing.is_empty() && !senders.is_empty();
    Ok(Status {
        entry: Entry::new(Channel::Whatsapp, missing),
        healthy: configured && senders.iter().all(|sender| sender.healthy) && !of_channel.iter().any(is_illness),
        senders,
        token,
        queues: BTreeMap::from([("sending", state.queue.sending_depth().await?)]),
        unknown_messages: state.store.unknown_count().await?,
        callbacks: Callbacks { waiting, oldest_seconds: oldest.as_secs_f64() },
        suspensions: shown(of_channel),
    })
}

impl AtMeta {
    fn of(facts: NumberFacts, asked_at: Timestamp) -> Self {
        let NumberFacts { status, quality, throughput, verified_name, name_status, messaging_limit, .. } = facts;
        Self {
            state: status,
            quality,
            throughput,
            name: verified_name,
            name_state: name_status,
            messaging_limit,
            asked_at,
        }
    }
}

/// What the newest run of a job found, and when.
async fn details<T>(
    state: &ApiState,
    job: StandingJob,
    read: impl FnOnce(serde_json::Value) -> Option<T>,
) -> Result<Option<(Timestamp, T)>, Problem> {
    let run = state.store.last_details(job).await?;
    Ok(run.and_then(|run| {
        let (at, outcome) = run.ended?;
        Some((at, read(outcome.details?)?))
    }))
}
