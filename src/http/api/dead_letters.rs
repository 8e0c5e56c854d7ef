//! `/api/v1/dead-letters`: messages that failed on every channel, and sending them once more.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::document::duration_from_text;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{CampaignName, MessageId};
use crate::http::body;
use crate::http::error::Problem;
use crate::http::operations::Replay;
use crate::ports::{DeadLetter, DeadLetterFilter};

/// A replay names its messages by a few words, or one by one.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Messages that one replay names one by one.
const MESSAGES_MAX: usize = 5_000;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "dead-letters")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let replay = warp::path!("api" / "v1" / "dead-letters" / "replay")
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|state: Arc<ApiState>, stream| async move {
            match body::collect(stream, None, BODY_BYTES_MAX).await {
                Ok(body) => reply(replay(&state, &body).await),
                Err(_) => Problem::too_large(BODY_BYTES_MAX).into_response(),
            }
        });
    list.or(replay).unify().boxed()
}

#[derive(Serialize)]
struct Item {
    message_id: MessageId,
    campaign: Option<CampaignName>,
    channel: &'static str,
    class: &'static str,
    code: Option<i64>,
    /// The provider's words.
    details: String,
    /// What its first failure was.
    first_error: String,
    attempts: u16,
    failed_at: Timestamp,
    expires_at: Timestamp,
}

impl From<DeadLetter> for Item {
    fn from(letter: DeadLetter) -> Self {
        Self {
            message_id: letter.id,
            campaign: letter.campaign,
            channel: letter.channel.name(),
            class: letter.last.class.name(),
            code: letter.last.code,
            details: letter.last.details,
            first_error: letter.first,
            attempts: letter.attempts,
            failed_at: letter.failed_at,
            expires_at: letter.expires_at,
        }
    }
}

async fn list(state: &ApiState, query: HashMap<String, String>) -> Result<List<Item>, Problem> {
    let query = Query::new(query, &["campaign", "class", "code", "since"])?;
    let filter = DeadLetterFilter {
        campaign: query.parsed("campaign")?,
        run: None,
        class: query.named("class", FailureClass::named)?,
        code: query.parsed("code")?,
        since: query.parsed("since")?,
        messages: Vec::new(),
    };
    let page = state.store.dead_letters(&filter, query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Item::from).collect(), next: next(page.next) })
}

/// What a replay is asked for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReplayRequest {
    pub(super) campaign: Option<CampaignName>,
    class: Option<String>,
    code: Option<i64>,
    since: Option<Timestamp>,
    messages: Vec<MessageId>,
    /// Needed where nothing else says which.
    all: bool,
    /// As `36h`.
    expires_after: Option<String>,
    dry_run: bool,
}

impl ReplayRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|error| {
            let shape =
                "`{\"campaign\": …, \"class\": …, \"code\": …, \"since\": …, \"messages\": […], \"dry_run\": true}`";
            Problem::bad_request(format!("{error}; send some of {shape}"))
        })
    }

    pub(super) fn replay(self) -> Result<Replay, Problem> {
        let class = self.class.map(|name| {
            let known = FailureClass::ALL.map(FailureClass::name).join("`, `");
            FailureClass::named(&name)
                .ok_or_else(|| Problem::bad_request(format!("there is no class `{name}`; there are `{known}`")))
        });
        let expires_after = self.expires_after.map(|text| {
            let read = duration_from_text(&text);
            let read = read.and_then(|span| SignedDuration::try_from(span).map_err(|_| "is too long".to_owned()));
            read.map_err(|wrong| Problem::bad_request(format!("`expires_after` {wrong}")))
        });
        if self.messages.len() > MESSAGES_MAX {
            return Err(Problem::bad_request(format!("`messages` may hold {MESSAGES_MAX} ids at most")));
        }
        Ok(Replay {
            filter: DeadLetterFilter {
                campaign: self.campaign,
                run: None,
                class: class.transpose()?,
                code: self.code,
                since: self.since,
                messages: self.messages,
            },
            expires_after: expires_after.transpose()?,
            is_dry: self.dry_run,
        })
    }
}

/// What a replay did, or would do.
#[derive(Serialize)]
pub(super) struct Replayed {
    pub(super) messages: u64,
    pub(super) dry_run: bool,
}

async fn replay(state: &ApiState, body: &[u8]) -> Result<Replayed, Problem> {
    let wanted = ReplayRequest::read(body)?;
    let all = wanted.all;
    let replay = wanted.replay()?;
    if replay.filter == DeadLetterFilter::default() && !all {
        let detail = "say which: `campaign`, `class`, `code`, `since` or `messages`; or `\"all\": true` for everything that failed";
        return Err(Problem::bad_request(detail));
    }
    let messages = state.operations.replay(&replay).await?;
    Ok(Replayed { messages, dry_run: replay.is_dry })
}
