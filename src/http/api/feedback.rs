//! `/api/v1/feedback`: what contacts sent back, newest first; and one by its reference.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::feedback::{Feedback, referenced};
use crate::domain::ids::{ContactId, FeedbackId, MessageId, RunId, WhatsAppId};
use crate::domain::media::MediaFile;
use crate::http::error::Problem;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let all = warp::path!("api" / "v1" / "feedback")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let one = warp::path!("api" / "v1" / "feedback" / String).and(warp::get()).and(with(state)).then(
        |reference: String, state: Arc<ApiState>| async move { reply(found(&state, &reference).await.map(Item::from)) },
    );
    all.or(one).unify().boxed()
}

/// The fixed shape. What a reader makes of it is `null` until it was read, and for what has no words; the platform that it is attributed to
/// is not worked out yet.
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
    media: Option<File>,
    language: Option<String>,
    sentiment: Option<Judged>,
    category: Option<String>,
    /// How sure the category is, from 0 to 1.
    category_score: Option<f64>,
    is_question: Option<bool>,
    /// Who read it: name and version.
    model: Option<String>,
    channel: &'static str,
    platform: Option<String>,
    campaign: Option<String>,
    run: Option<RunId>,
    message_id: Option<MessageId>,
    whatsapp_id: WhatsAppId,
    sent_at: Timestamp,
    received_at: Timestamp,
}

/// The file that came with it. `state`: `wanted`, `kept`, `lost` or `unwanted`; `detail` says why it is not there, or not yet.
#[derive(Serialize)]
struct File {
    state: &'static str,
    r#type: Option<String>,
    name: Option<String>,
    bytes: Option<u64>,
    /// SHA-256 in hexadecimal.
    hash: Option<String>,
    detail: Option<String>,
}

impl From<MediaFile> for File {
    fn from(file: MediaFile) -> Self {
        let MediaFile { state, file_type, name, bytes, hash, detail } = file;
        Self { state: state.name(), r#type: file_type, name, bytes, hash, detail }
    }
}

#[derive(Serialize)]
struct Judged {
    label: String,
    score: f64,
}

impl From<Feedback> for Item {
    fn from(feedback: Feedback) -> Self {
        let reading = feedback.reading.as_ref();
        let category = reading.and_then(|reading| reading.category.clone());
        Self {
            language: reading.map(|reading| reading.language.clone()),
            sentiment: reading
                .and_then(|reading| reading.sentiment.clone())
                .map(|(label, score)| Judged { label, score }),
            category_score: category.as_ref().map(|(_, score)| *score),
            category: category.map(|(name, _)| name),
            is_question: reading.map(|reading| reading.is_question),
            model: reading.map(|reading| reading.model.clone()),
            id: feedback.id,
            reference: feedback.reference,
            contact: feedback.contact,
            phone: feedback.phone,
            kind: feedback.kind,
            text: feedback.text,
            payload: feedback.payload,
            media_id: feedback.media_id,
            media: feedback.media.map(File::from),
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

/// The feedback of that reference, or of that id.
///
/// # Errors
/// When there is none.
pub(super) async fn found(state: &ApiState, reference: &str) -> Result<Feedback, Problem> {
    let id = reference.parse().ok().or_else(|| referenced(reference));
    let found = match id {
        Some(id) => state.store.one_feedback(id).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("there is no feedback of this reference"))
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<Item>, Problem> {
    let query = Query::new(parameters, &[])?;
    let page = state.store.feedback(query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Item::from).collect(), next: next(page.next) })
}
