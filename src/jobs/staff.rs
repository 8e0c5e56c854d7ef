//! What people of the staff do in a conversation: take it, answer in it, hand it back. Who did it is kept, and what they say is written in
//! the same transaction, so that it is said once.

use jiff::{SignedDuration, Timestamp};

use crate::domain::answering::staff::{self, StaffAct, StaffRefusal};
use crate::domain::answering::{Decision, Rules};
use crate::domain::delivery::State;
use crate::domain::flow::FlowResult;
use crate::domain::ids::{ContactId, FeedbackId, MessageId, SenderName};
use crate::domain::message::Content;
use crate::domain::problem::{did_you_mean, listed};
use crate::jobs::send_single::{EXPIRES_AFTER, FREE_WORDS_EXPIRE_AFTER, NAME_HOLDS};
use crate::ports::{
    Catalogue, ListedTalk, Once, Said, Services, SingleMessage, StaffAction, Store, StoreError, Talk, TalkId, Wanted,
};

/// How often a conversation is looked at anew when something came in between.
const TRIES: usize = 5;
/// A name.
const WHO_CHARS_MAX: usize = 100;

/// What somebody of the staff asks for. `Debug` shows neither who nor what is said.
#[derive(Clone, PartialEq, Eq)]
pub struct StaffRequest {
    /// With whom the conversation is held.
    pub contact: ContactId,
    /// With which of our numbers; `None`: the only one with which they ever talked.
    pub sender: Option<SenderName>,
    /// What is done.
    pub act: StaffAct,
    /// By whom.
    pub who: String,
    /// A name under which an answer is given once only, and a hash of what was asked.
    pub once: Option<(String, String)>,
}

impl std::fmt::Debug for StaffRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaffRequest").field("contact", &self.contact).field("act", &self.act).finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct StaffDone {
    /// The conversation as it stands now.
    pub talk: ListedTalk,
    /// Whether anything changed.
    pub has_changed: bool,
    /// The answer, where one was given: where it stands, or will in a moment.
    pub answer: Option<(MessageId, State)>,
    /// Messages that are to be queued.
    pub queue: Vec<MessageId>,
    /// Flows that ended with it.
    pub results: Vec<FlowResult>,
}

/// Why it is not done. The texts are shown to whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// There is no such person.
    #[error("there is no contact `{0}`")]
    NoContact(ContactId),
    /// They never wrote to that number, or to any.
    #[error(
        "`{contact}` never wrote to {to}, so there is no conversation; `POST /api/whatsapp/send-message` begins one"
    )]
    NoTalk {
        /// Who.
        contact: ContactId,
        /// To what: a number of ours, or any.
        to: String,
    },
    /// They wrote to several numbers of ours.
    #[error("`{contact}` wrote to several numbers of ours; say which as `sender`: {senders}")]
    WhichSender {
        /// Who.
        contact: ContactId,
        /// Their names.
        senders: String,
    },
    /// Nobody would know who it was.
    #[error("who does it must be named in 1 to {WHO_CHARS_MAX} characters")]
    Who,
    /// It cannot be done.
    #[error(transparent)]
    Refused(#[from] StaffRefusal),
    /// The name was used for something else.
    #[error("this idempotency key was used for another answer less than 24 hours ago; use a new one for a new answer")]
    NameTaken,
    /// Others were faster each time.
    #[error("the conversation changes all the time; look at it again and try once more")]
    Busy,
    /// The store could not be asked.
    #[error("the store is not available")]
    Store(#[from] StoreError),
}

/// Does it, and queues what is said.
///
/// # Errors
/// Why not.
pub async fn run(services: &Services, request: &StaffRequest) -> Result<StaffDone, StaffError> {
    let done = in_record(&*services.store, &*services.catalogue, request, services.clock.now()).await?;
    for result in &done.results {
        services.tally.ended_flow(result);
    }
    let jobs: Vec<_> = done.queue.iter().map(|message| (*message, 0)).collect();
    if let Err(error) = services.queue.send(Wanted::Replies, &jobs, None).await {
        tracing::debug!(contact.id = %request.contact, error = %error, "an answer is not queued; the sweep will find it");
    }
    Ok(done)
}

/// Does it in the record; what is said waits there until somebody queues it.
///
/// # Errors
/// Why not.
pub async fn in_record(
    store: &dyn Store,
    catalogue: &dyn Catalogue,
    request: &StaffRequest,
    now: Timestamp,
) -> Result<StaffDone, StaffError> {
    let n = request.who.chars().count();
    if request.who.trim().is_empty() || n > WHO_CHARS_MAX {
        return Err(StaffError::Who);
    }
    let id = talk_of(store, request.contact, request.sender.as_ref()).await?;
    let once = request.once.as_ref().map(|(name, asked)| Once {
        // Of this conversation alone: so whoever is second finds the conversation changed, and then the name.
        name: format!("staff:{}:{}:{name}", id.contact, id.sender),
        request: asked.clone(),
        until: after(now, NAME_HOLDS),
    });
    let rules = catalogue.answering();
    for _ in 0..TRIES {
        // In this order: whoever gives the same answer after the second look has changed the conversation that the first one saw.
        let talk = store.talk(&id).await?.ok_or(StaffError::NoContact(id.contact))?;
        if let Some(once) = &once
            && let Some((message, asked)) = store.created_as(&once.name, now).await?
        {
            return known(store, &id, message, asked == once.request).await;
        }
        let Some(decision) = decide(&talk, rules.as_deref(), request, now)? else {
            return done(store, &id, false, None).await;
        };
        let said = words(catalogue, &id, &talk, &decision, request, once.clone(), now);
        if let Some(messages) = store.say(said, now).await? {
            let is_answer = matches!(request.act, StaffAct::Answer(_));
            let state = if talk.window.is_open(now) { State::Planned } else { State::Held };
            let answer = messages.last().filter(|_| is_answer).map(|message| (*message, state));
            tracing::info!(contact.id = %id.contact, act = request.act.name(), "staff did something in a conversation");
            let done = done(store, &id, true, answer).await?;
            return Ok(StaffDone { queue: messages, results: decision.results, ..done });
        }
    }
    Err(StaffError::Busy)
}

/// Which conversation is meant: with the number that is named, else with the only one to which they ever wrote.
///
/// # Errors
/// When there is none, or more than one.
pub async fn talk_of(store: &dyn Store, contact: ContactId, sender: Option<&SenderName>) -> Result<TalkId, StaffError> {
    let senders = store.senders_talked_to(contact).await?;
    let sender = match (sender, &senders[..]) {
        (Some(sender), _) if senders.contains(sender) => sender.clone(),
        (None, [only]) => only.clone(),
        (None, [_, _, ..]) => {
            let senders = listed(senders.iter().map(SenderName::as_str));
            return Err(StaffError::WhichSender { contact, senders });
        }
        (named, _) => {
            let of = TalkId { contact, sender: named.cloned().unwrap_or_else(anything) };
            if store.listed_talk(&of).await?.is_none() {
                return Err(StaffError::NoContact(contact));
            }
            let to = named.map_or_else(
                || "us".to_owned(),
                |name| format!("`{name}`{}", did_you_mean(name.as_str(), senders.iter().map(SenderName::as_str))),
            );
            return Err(StaffError::NoTalk { contact, to });
        }
    };
    Ok(TalkId { contact, sender })
}

/// A name of a number with which nobody talks: to ask whether a person is there at all.
fn anything() -> SenderName {
    "none".parse().expect("a name that we wrote")
}

fn decide(
    talk: &Talk,
    rules: Option<&Rules>,
    request: &StaffRequest,
    now: Timestamp,
) -> Result<Option<Decision>, StaffRefusal> {
    let Talk { contact, conversation, unanswered, .. } = talk;
    staff::act(contact, conversation, unanswered, rules, (&request.act, &request.who), now)
}

/// The answer to what was asked for before under the same name.
async fn known(store: &dyn Store, id: &TalkId, message: MessageId, is_same: bool) -> Result<StaffDone, StaffError> {
    if !is_same {
        return Err(StaffError::NameTaken);
    }
    let state = store.load(message).await?.map_or(State::Planned, |message| message.standing.delivery.state());
    done(store, id, false, Some((message, state))).await
}

async fn done(
    store: &dyn Store,
    id: &TalkId,
    has_changed: bool,
    answer: Option<(MessageId, State)>,
) -> Result<StaffDone, StaffError> {
    let talk = store.listed_talk(id).await?.ok_or(StaffError::NoContact(id.contact))?;
    Ok(StaffDone { talk, has_changed, answer, queue: Vec::new(), results: Vec::new() })
}

fn words(
    catalogue: &dyn Catalogue,
    id: &TalkId,
    talk: &Talk,
    decision: &Decision,
    request: &StaffRequest,
    mut once: Option<Once>,
    now: Timestamp,
) -> Said {
    let is_open = talk.window.is_open(now);
    let is_answer = matches!(request.act, StaffAct::Answer(_));
    let last = decision.say.len().saturating_sub(1);
    let messages = decision.say.iter().enumerate().filter_map(|(at, (content, purpose))| {
        let is_theirs = is_answer && at == last;
        // What barid has to say beside it is no use once the window has closed; what people say waits for it to open.
        (is_open || is_theirs).then(|| SingleMessage {
            contact: id.contact,
            sender: id.sender.clone(),
            purpose: *purpose,
            marketing: false,
            language: talk.contact.language,
            content: Content::clone(content),
            expires_at: after(now, if is_open { EXPIRES_AFTER } else { FREE_WORDS_EXPIRE_AFTER }),
            price_micros: catalogue.single_price_micros(content),
            once: once.take_if(|_| is_theirs),
            link: None,
        })
    });
    let messages = messages.collect();
    let answered: Vec<FeedbackId> = talk.unanswered.iter().map(|received| received.id).collect();
    Said {
        talk: id.clone(),
        version: talk.version,
        conversation: decision.conversation.clone(),
        answered,
        messages,
        results: decision.results.clone(),
        by: Some(StaffAction { act: request.act.clone(), who: request.who.clone() }),
    }
}

fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}
