//! `/api/v1/feedback`: what contacts sent back, newest first.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::feedback::Feedback;
use crate::domain::ids::{ContactId, FeedbackId, MessageId, RunId, WhatsAppId};
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "v1" / "feedback")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) })
        .boxed()
}

/// The fixed shape. What is not worked out yet is `null`: the language and sentiment of the text, its category, and the platform
/// that it is attributed to.
#[derive(Serialize)]
struct Item {
    id: FeedbackId,
    reference: String,
    contact: ContactId,
    phone: Option<String>,
    kind: String,
    text: Option<String>,
    payload: Option<String>,
    media_id: Option<String>,
    language: Option<&'static str>,
    sentiment: Option<Sentiment>,
    category: Option<String>,
    channel: &'static str,
    platform: Option<String>,
    campaign: Option<String>,
    run: Option<RunId>,
    message_id: Option<MessageId>,
    whatsapp_id: WhatsAppId,
    sent_at: Timestamp,
    received_at: Timestamp,
}

#[derive(Serialize)]
struct Sentiment {
    label: &'static str,
    score: f64,
}

impl From<Feedback> for Item {
    fn from(feedback: Feedback) -> Self {
        Self {
            id: feedback.id,
            reference: feedback.reference,
            contact: feedback.contact,
            phone: feedback.phone,
            kind: feedback.kind,
            text: feedback.text,
            payload: feedback.payload,
            media_id: feedback.media_id,
            language: None,
            sentiment: None,
            category: None,
            channel: feedback.channel.name(),
            platform: None,
            campaign: feedback.campaign,
            run: feedback.run,
            message_id: feedback.message,
            whatsapp_id: feedback.whatsapp_id,
            sent_at: feedback.provider_at,
            received_at: feedback.received_at,
        }
    }
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<Item>, Problem> {
    let query = Query::new(parameters, &[])?;
    let page = state.store.feedback(query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Item::from).collect(), next: next(page.next) })
}
