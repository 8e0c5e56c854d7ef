//! `/api/v1/conversations`: who talks with people and who with barid, what was said, and what staff do: answer, take, hand back.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::sending::key_of;
use super::{ApiState, List, reply, with};
use crate::domain::answering::staff::StaffAct;
use crate::domain::conversation::Holder;
use crate::domain::ids::{ContactId, MessageId, SenderName};
use crate::http::body;
use crate::http::error::Problem;
use crate::http::operations::OperationError;
use crate::jobs::staff::{StaffDone, StaffRequest, talk_of};
use crate::ports::{Exchange, ListedTalk, TalkFilter};

/// A text of Meta's greatest length in Arabic, escaped, and its surroundings.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Who it was, where nobody says.
const BY_API: &str = "api";

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "conversations")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let show =
        warp::path!("api" / "v1" / "conversations" / String).and(warp::get()).and(with(state)).and(warp::query()).then(
            |contact: String, state: Arc<ApiState>, query| async move { reply(show(&state, &contact, query).await) },
        );
    let act = warp::path!("api" / "v1" / "conversations" / String / String)
        .and(warp::post())
        .and(with(state))
        .and(warp::header::optional::<String>("idempotency-key"))
        .and(warp::body::stream())
        .then(|contact: String, verb: String, state: Arc<ApiState>, key: Option<String>, stream| async move {
            let body = body::collect(stream, None, BODY_BYTES_MAX).await;
            let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
            act(&state, &contact, &verb, key, &body).await.unwrap_or_else(Reply::into_response)
        });
    list.or(show).unify().or(act).unify().boxed()
}

/// A conversation as the API and the command line show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationItem {
    /// With whom it is held.
    pub contact: ContactId,
    /// Their number, unless withheld.
    pub phone: Option<String>,
    /// Their name, if known.
    pub name: Option<String>,
    /// Their language: `ar` or `en`.
    pub language: String,
    /// The number of ours to which they write.
    pub sender: SenderName,
    /// Who answers: `person` or `bot`.
    pub state: String,
    /// Since when people do.
    pub since: Option<Timestamp>,
    /// Why people do: `word`, `flow`, `sentiment` or `staff`.
    pub because: Option<String>,
    /// The reference of the feedback that called people.
    pub reference: Option<String>,
    /// Who of the staff took it.
    pub taken_by: Option<String>,
    /// Since when they wait for a word of the staff; `null`: they do not.
    pub waits_since: Option<Timestamp>,
    /// When staff last wrote.
    pub wrote_at: Option<Timestamp>,
    /// The flow under way, or the last one.
    pub flow: Option<String>,
    /// Its question that has no answer.
    pub step: Option<String>,
    /// Until when free words may be said.
    pub window_until: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Option<Timestamp>,
}

impl From<ListedTalk> for ConversationItem {
    fn from(listed: ListedTalk) -> Self {
        let conversation = listed.conversation;
        let state = conversation.holder().name().to_owned();
        let flow = conversation.flow.as_ref();
        let (flow, step) = (
            flow.map(|position| position.flow.to_string()),
            flow.and_then(|position| position.open.as_ref().map(ToString::to_string)),
        );
        let handover = conversation.handover().cloned();
        let handed = handover.as_ref();
        Self {
            contact: listed.talk.contact,
            phone: listed.phone,
            name: listed.name,
            language: listed.language.code().to_owned(),
            sender: listed.talk.sender,
            state,
            since: handed.map(|handover| handover.since),
            because: handed.map(|handover| handover.because.name().to_owned()),
            waits_since: handed.and_then(|handover| handover.waits_since),
            wrote_at: handed.and_then(|handover| handover.wrote_at),
            reference: handed.and_then(|handover| handover.reference.clone()),
            taken_by: handover.and_then(|handover| handover.taken_by),
            flow,
            step,
            window_until: listed.window.open_until,
            changed_at: listed.changed_at,
        }
    }
}

/// Something that was said, as the API and the command line show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeItem {
    /// When: a message of ours, when it was planned.
    pub at: Timestamp,
    /// `received` or `sent`.
    pub direction: String,
    /// Of what was received: `text`, `image`, `button`, …; of what was sent: what for, such as `answer`.
    pub kind: String,
    /// What it says; of an approved template, its name.
    pub text: Option<String>,
    /// The reference of what was received.
    pub reference: Option<String>,
    /// `positive`, `neutral` or `negative`, of what was received and read.
    pub sentiment: Option<String>,
    /// The message that was sent.
    pub message_id: Option<MessageId>,
    /// Where it stands.
    pub state: Option<String>,
    /// Who of the staff wrote it; `null`: none of them.
    pub by: Option<String>,
}

impl From<Exchange> for ExchangeItem {
    fn from(exchange: Exchange) -> Self {
        let at = exchange.at();
        match exchange {
            Exchange::Received { reference, kind, text, sentiment, .. } => Self {
                at,
                direction: "received".to_owned(),
                kind,
                text,
                reference: Some(reference),
                sentiment,
                message_id: None,
                state: None,
                by: None,
            },
            Exchange::Sent { id, purpose, text, state, by, .. } => Self {
                at,
                direction: "sent".to_owned(),
                kind: purpose.name().to_owned(),
                text,
                reference: None,
                sentiment: None,
                message_id: Some(id),
                state: Some(state.name().to_owned()),
                by,
            },
        }
    }
}

/// A conversation with what was said last.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationShown {
    /// Where it stands.
    #[serde(flatten)]
    pub conversation: ConversationItem,
    /// What was said last, newest first.
    pub exchanges: Vec<ExchangeItem>,
}

/// What became of `take` and `hand-back`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// Whether anything changed; `false`: it was so already.
    pub changed: bool,
    /// Where it stands now.
    pub conversation: ConversationItem,
}

/// What became of an answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The message.
    pub message_id: MessageId,
    /// Where it stands: `planned`; `held` while the service window is closed; for a key that was used before, where the first one stands.
    pub state: String,
    /// Whether the same was asked for before, under the same key: nothing new is sent.
    pub repeated: bool,
    /// Where the conversation stands now.
    pub conversation: ConversationItem,
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<ConversationItem>, Problem> {
    let query = Query::new(parameters, &["state", "contact"])?;
    let filter = TalkFilter { holder: query.named("state", Holder::named)?, contact: query.parsed("contact")? };
    let page = state.store.talks(filter, query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Into::into).collect(), next: next(page.next) })
}

async fn show(
    state: &ApiState,
    contact: &str,
    parameters: HashMap<String, String>,
) -> Result<ConversationShown, Problem> {
    let query = Query::new(parameters, &["sender"])?;
    let (contact, sender, limit) = (contact_of(contact)?, query.parsed::<SenderName>("sender")?, query.limit()?);
    let talk = talk_of(&*state.store, contact, sender.as_ref()).await.map_err(OperationError::from)?;
    let listed = state.store.listed_talk(&talk).await?.ok_or_else(|| nobody(&contact.to_string()))?;
    let exchanges = state.store.exchanges(&talk, limit).await?;
    Ok(ConversationShown { conversation: listed.into(), exchanges: exchanges.into_iter().map(Into::into).collect() })
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AnswerBody {
    text: String,
    by: Option<String>,
    sender: Option<SenderName>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HandBody {
    by: Option<String>,
    sender: Option<SenderName>,
}

async fn act(
    state: &ApiState,
    contact: &str,
    verb: &str,
    key: Option<String>,
    body: &[u8],
) -> Result<Response, Problem> {
    let contact = contact_of(contact)?;
    let (act, by, sender) = match verb {
        "answer" => {
            let AnswerBody { text, by, sender } = parsed(body, r#"{"text": "…", "by": "…"}"#)?;
            (StaffAct::Answer(text), by, sender)
        }
        "take" | "hand-back" => {
            // Nobody needs to say who they are.
            let body = if body.is_empty() { b"{}" } else { body };
            let HandBody { by, sender } = parsed(body, r#"{"by": "…"}"#)?;
            (if verb == "take" { StaffAct::Take } else { StaffAct::HandBack }, by, sender)
        }
        verb => {
            return Err(Problem::not_found(format!("staff cannot `{verb}`; there are `answer`, `take`, `hand-back`")));
        }
    };
    let is_answer = matches!(act, StaffAct::Answer(_));
    let once = key.filter(|_| is_answer).map(|key| key_of(&key, body)).transpose()?;
    let who = by.unwrap_or_else(|| BY_API.to_owned());
    let done = state.operations.staff(StaffRequest { contact, sender, act, who, once }).await?;
    Ok(done_reply(done))
}

fn done_reply(done: StaffDone) -> Response {
    let StaffDone { talk, has_changed, answer, .. } = done;
    let conversation = talk.into();
    match answer {
        Some((message_id, state)) => {
            let state = state.name().to_owned();
            let answered = Answered { message_id, state, repeated: !has_changed, conversation };
            warp::reply::with_status(warp::reply::json(&answered), StatusCode::ACCEPTED).into_response()
        }
        None => warp::reply::json(&Handed { changed: has_changed, conversation }).into_response(),
    }
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8], example: &str) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}; send `{example}`")))
}

fn contact_of(contact: &str) -> Result<ContactId, Problem> {
    contact.parse().map_err(|_| nobody(contact))
}

fn nobody(contact: &str) -> Problem {
    Problem::not_found(format!("there is no contact `{contact}`; `GET /api/v1/contacts?phone=` finds them"))
}
