//! `/api/v1/messages`: where each message stands, why, and until when.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::consent::Purpose;
use crate::domain::country::CountryCode;
use crate::domain::delivery::{Delivery, State};
use crate::domain::ids::{CampaignName, ContactId, MessageId, RunId, SenderName, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::pricing::FreeBecause;
use crate::domain::waits_for::WaitsFor;
use crate::http::Cost;
use crate::http::error::Problem;
use crate::ports::{Clicks, HistoryEntry, ListedCharge, ListedMessage, LoadedMessage, MessageFilter};

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "messages")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let show = warp::path!("api" / "v1" / "messages" / String)
        .and(warp::get())
        .and(with(state))
        .then(|id: String, state: Arc<ApiState>| async move { reply(show(&state, &id).await) });
    list.or(show).unify().boxed()
}

#[derive(Serialize)]
struct Message {
    id: MessageId,
    campaign: Option<CampaignName>,
    run: Option<RunId>,
    contact: ContactId,
    phone: Option<String>,
    sender: SenderName,
    purpose: Purpose,
    language: Language,
    /// The channel of the newest attempt, or of the next.
    channel: &'static str,
    state: &'static str,
    /// Why it is there, where the state alone does not say it.
    reason: Option<String>,
    /// Meta's code, for a failed one.
    code: Option<i64>,
    /// Meta's words, for a failed one.
    details: Option<String>,
    /// Until when it stays there if nothing happens.
    until: Option<Timestamp>,
    attempt: u16,
    whatsapp_id: Option<WhatsAppId>,
    planned_at: Timestamp,
    called_at: Option<Timestamp>,
    changed_at: Option<Timestamp>,
    expires_at: Timestamp,
}

impl Message {
    fn new(message: LoadedMessage, campaign: Option<CampaignName>, changed_at: Option<Timestamp>) -> Self {
        let delivery = &message.standing.delivery;
        let (reason, code, details) = match delivery {
            Delivery::Held { reason, .. } => (Some(reason.name()), None, None),
            Delivery::Unknown { .. } => (Some("the answer to the call was never seen"), None, None),
            Delivery::Submitted { assumed: true, .. } => (Some("assumed"), None, None),
            Delivery::Suppressed(reason) => (Some(reason.name()), None, None),
            Delivery::Failed(refusal) => (Some(refusal.class.name()), refusal.code, Some(refusal.details.clone())),
            _ => (None, None, None),
        };
        Self {
            id: message.id,
            campaign,
            run: message.run,
            phone: message.contact.phone.as_ref().map(|phone| phone.e164().to_owned()),
            contact: message.contact.id,
            sender: message.sender,
            purpose: message.purpose,
            language: message.language,
            channel: message.standing.channel.name(),
            state: delivery.state().name(),
            reason: reason.map(str::to_owned),
            code,
            details,
            until: delivery.due_at(),
            attempt: message.standing.attempt,
            whatsapp_id: message.standing.whatsapp_id,
            planned_at: message.planned_at,
            called_at: message.called_at,
            changed_at,
            expires_at: message.expires_at,
        }
    }
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<Message>, Problem> {
    let query = Query::new(parameters, &["campaign", "phone", "state"])?;
    let filter = MessageFilter {
        campaign: query.parsed("campaign")?,
        phone: query.phone("phone")?.map(String::from),
        state: query.named("state", State::named)?,
    };
    let page = state.store.list(&filter, query.cursor()?, query.limit()?).await?;
    let item = |ListedMessage { message, campaign, changed_at }| Message::new(message, campaign, Some(changed_at));
    Ok(List { items: page.items.into_iter().map(item).collect(), next: next(page.next) })
}

#[derive(Serialize)]
struct WithHistory {
    #[serde(flatten)]
    message: Message,
    /// Why it is not called now; `null` when nothing stops it.
    waits_for: Option<WaitsFor>,
    /// How often its tracked link was opened; `null` where it has none.
    clicks: Option<Clicked>,
    /// What its attempts cost, each that arrived.
    charges: Vec<Charged>,
    history: Vec<Event>,
}

#[derive(Serialize)]
struct Clicked {
    n: u64,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Charged {
    attempt: u16,
    at: Timestamp,
    channel: &'static str,
    country: Option<CountryCode>,
    market: Option<String>,
    category: &'static str,
    cost: Cost,
    /// `callback` where the provider told it, else `estimate`.
    basis: &'static str,
    /// Why it cost nothing; `null` where it was charged.
    free: Option<&'static str>,
}

impl From<ListedCharge> for Charged {
    fn from(charge: ListedCharge) -> Self {
        let ListedCharge { attempt, at, channel, country, market, category, micros, currency, basis, free } = charge;
        Self {
            attempt,
            at,
            channel: channel.name(),
            country,
            market: Some(market).filter(|market| !market.is_empty()),
            category: category.name(),
            cost: Money { micros, currency }.into(),
            basis: basis.name(),
            free: free.map(FreeBecause::name),
        }
    }
}

#[derive(Serialize)]
struct Event {
    at: Timestamp,
    provider_at: Option<Timestamp>,
    attempt: u16,
    event: String,
    detail: String,
}

impl From<HistoryEntry> for Event {
    fn from(HistoryEntry { at, provider_at, attempt, event, detail }: HistoryEntry) -> Self {
        Self { at, provider_at, attempt, event, detail }
    }
}

async fn show(state: &ApiState, id: &str) -> Result<WithHistory, Problem> {
    let none = || Problem::not_found(format!("there is no message `{id}`"));
    let id: MessageId = id.parse().map_err(|_| none())?;
    let message = state.store.load(id).await?.ok_or_else(none)?;
    let campaign = match message.run {
        Some(run) => state.store.run(run).await?.map(|run| run.campaign),
        None => None,
    };
    let waits_for = state.operations.waits_for(&message, campaign.as_ref()).await?;
    let history: Vec<Event> = state.store.history(id).await?.into_iter().map(Event::from).collect();
    let changed_at = history.last().map(|event| event.at);
    let clicks = state.store.clicks(id).await?;
    let clicks = clicks.map(|Clicks { n, first_at, last_at }| Clicked { n, first_at, last_at });
    let charges = state.store.charges_of(id).await?.into_iter().map(Charged::from).collect();
    Ok(WithHistory { message: Message::new(message, campaign, changed_at), waits_for, clicks, charges, history })
}
