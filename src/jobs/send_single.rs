//! One message that somebody asks for by itself: by the API, by an operator, or because a person is to be answered.
//!
//! Whether it may leave is decided when it leaves, as for all others. Here it is only refused for what can be seen at once, so that whoever
//! asks can be told.

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::{CampaignValue, CampaignValues};
use crate::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes, Subject};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::delivery::{State, SuppressedReason};
use crate::domain::ids::{MessageId, SenderName, TemplateName};
use crate::domain::language::Language;
use crate::domain::link::LinkError;
use crate::domain::message::Content;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::problem::did_you_mean;
use crate::domain::template::{Category, MessageTemplate};
use crate::ports::{CannotRender, Created, Once, Services, SingleMessage, StoreError, Stored, TrackedLink, Wanted};

/// How long a message that was asked for by itself may wait.
pub const EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Free words that wait for the person to write are worth waiting for longer.
pub(super) const FREE_WORDS_EXPIRE_AFTER: SignedDuration = SignedDuration::from_hours(72);
/// How long a name under which a message was asked for is remembered.
pub(super) const NAME_HOLDS: SignedDuration = SignedDuration::from_hours(24);
/// Meta takes no longer text.
const TEXT_CHARS_MAX: usize = 4096;
/// The template of surveys, and its values.
const SURVEY: (&str, &str, &str) = ("survey-invitation", "survey_title", "survey_link");

/// What is to be sent, and to whom.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// To whom. They need not be known yet.
    pub phone: PhoneNumber,
    /// What.
    pub what: What,
    /// In which language; `None`: the person's own.
    pub language: Option<Language>,
    /// What it is for; `None`: what its kind suggests.
    pub purpose: Option<Purpose>,
    /// The consent that comes with the request, with its evidence.
    pub consent: Option<GivenConsent>,
    /// From which of our numbers; `None`: the default one.
    pub sender: Option<SenderName>,
    /// Too old to send after so long.
    pub expires_after: Option<SignedDuration>,
    /// A name under which it is sent once only, and a hash of what was asked.
    pub once: Option<(String, String)>,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub enum What {
    /// Free words, for an open service window; they wait for one.
    Text(String),
    /// A template with its values.
    Template {
        /// The name of its folder.
        name: TemplateName,
        /// What it inserts.
        values: CampaignValues,
    },
    /// The invitation to a survey.
    Survey {
        /// What it is called.
        title: String,
        /// Where it is.
        link: String,
    },
}

/// A consent and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenConsent {
    /// To what.
    pub purpose: Purpose,
    /// Where it was given: a form, a contract, a shop.
    pub source: String,
    /// What proves it.
    pub evidence: String,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The message.
    pub id: MessageId,
    /// Where it stands, or will in a moment.
    pub state: State,
    /// Whether it was asked for before, under the same name.
    pub is_known: bool,
    /// Whether its link counts who opens it.
    pub is_tracked: bool,
}

/// Why a message is not sent. The texts are shown to whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no such number of ours.
    #[error("there is no sender `{name}`{nearest}")]
    NoSender {
        /// What was asked for.
        name: String,
        /// The nearest right name.
        nearest: String,
    },
    /// There is no such template.
    #[error("there is no template `{0}` whose folder is in order; `barid check` tells why")]
    NoTemplate(TemplateName),
    /// A value that the template does not know.
    #[error("the template `{template}` has no value `{value}`{nearest}")]
    UnknownValue {
        /// Which template.
        template: TemplateName,
        /// What was given.
        value: String,
        /// The nearest right name.
        nearest: String,
    },
    /// The person said stop.
    #[error("this person has asked for no more messages; only they can change that, by writing a start word")]
    Stopped,
    /// The person told the provider that they want no marketing.
    #[error("this person told WhatsApp that they want no marketing; only they can change that, in WhatsApp")]
    MarketingStopped,
    /// Nothing says that the person agreed.
    #[error(
        "this person has no consent for `{}`; send `consent: {{purpose, source, evidence}}` with the request if they gave it",
        .0.name()
    )]
    NoConsent(Purpose),
    /// Somebody says that they agreed, and they are asked to confirm it.
    #[error(
        "this person has not confirmed their consent for `{}` yet; they are asked, and messages may go once they say yes",
        .0.name()
    )]
    ConsentUnconfirmed(Purpose),
    /// Empty or too long.
    #[error("a text must have 1 to {TEXT_CHARS_MAX} characters, and this one has {0}")]
    TextLength(usize),
    /// The link may not be sent.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A value is missing or makes it too long.
    #[error(transparent)]
    CannotRender(#[from] CannotRender),
    /// The name was used for something else.
    #[error(
        "this idempotency key was used for another request less than 24 hours ago; use a new one for a new message"
    )]
    NameTaken,
    /// The store could not be asked.
    #[error("the store is not available")]
    Store(#[from] StoreError),
}

/// Sends what was asked for.
///
/// # Errors
/// Why not.
pub async fn run(services: &Services, request: SendRequest) -> Result<Sent, SendError> {
    let now = services.clock.now();
    let once = request.once.as_ref().map(|(name, request)| Once {
        name: format!("api:{name}"),
        request: request.clone(),
        until: after(now, NAME_HOLDS),
    });
    // Before anything is changed: what is refused has no effect, and what was done is not done again.
    if let Some(once) = &once
        && let Some((id, asked)) = services.store.created_as(&once.name, now).await?
    {
        return known(services, id, asked == once.request).await;
    }
    let sender = sender(services, request.sender.as_ref())?;
    let made = prepare(services, &request.what)?;
    let contact = person(services, &request, now).await?;
    let language = request.language.unwrap_or(contact.language);
    let window = services.store.window(contact.id, &sender).await?;
    let marketing = matches!(&made, Made::Template { template, .. } if template.category() == Category::Marketing);
    let purpose = request.purpose.unwrap_or_else(|| match (&request.what, &made) {
        // Whoever wrote to us a moment ago is answered.
        (What::Text(_), _) if window.is_open(now) => Purpose::Answer,
        (What::Survey { .. }, _) => Purpose::Survey,
        _ if marketing => Purpose::Marketing,
        _ => Purpose::Utility,
    });
    match contact.consent.objection(Subject { purpose, marketing }) {
        None => {}
        Some(SuppressedReason::MarketingStopped) => return Err(SendError::MarketingStopped),
        Some(SuppressedReason::OptedOut) => return Err(SendError::Stopped),
        Some(_) => {
            let asked = services.store.unconfirmed(&[contact.id], now).await?;
            let is_asked = asked.get(&contact.id).is_some_and(|asked| asked.contains(purpose));
            return Err(if is_asked { SendError::ConsentUnconfirmed(purpose) } else { SendError::NoConsent(purpose) });
        }
    }
    let (content, link) = match made {
        Made::Text(body) => (Content::Text { body, preview_url: false }, None),
        Made::Template { template, values, link } => {
            (services.catalogue.rendered_alone(&template, &values, &contact, language)?.content, link)
        }
    };
    let waits_for_window = matches!(content, Content::Text { .. }) && !window.is_open(now);
    let wait = if waits_for_window { FREE_WORDS_EXPIRE_AFTER } else { EXPIRES_AFTER };
    let is_tracked = link.is_some();
    let message = SingleMessage {
        contact: contact.id,
        sender,
        purpose,
        marketing,
        language,
        price_micros: services.catalogue.single_price_micros(&content),
        content,
        expires_at: after(now, request.expires_after.unwrap_or(wait)),
        once,
        link,
    };
    match create(services, message, now).await? {
        // Somebody asked for it in the same moment.
        Created::Known { id, is_same } => known(services, id, is_same).await,
        Created::New(id) => {
            let state = if waits_for_window { State::Held } else { State::Planned };
            Ok(Sent { id, state, is_known: false, is_tracked })
        }
    }
}

/// The answer for what was asked for before under the same name.
async fn known(services: &Services, id: MessageId, is_same: bool) -> Result<Sent, SendError> {
    if !is_same {
        return Err(SendError::NameTaken);
    }
    let state = services.store.load(id).await?.map_or(State::Planned, |message| message.standing.delivery.state());
    Ok(Sent { id, state, is_known: true, is_tracked: services.store.clicks(id).await?.is_some() })
}

/// Adds a message and queues it.
///
/// # Errors
/// When the store could not be asked.
pub async fn create(services: &Services, message: SingleMessage, now: Timestamp) -> Stored<Created> {
    let created = services.store.create(message, now).await?;
    if let Created::New(id) = created
        && let Err(error) = services.queue.send(Wanted::Replies, &[(id, 0)], None).await
    {
        tracing::debug!(message.id = %id, error = %error, "a message is not queued; the sweep will find it");
    }
    Ok(created)
}

fn sender(services: &Services, wanted: Option<&SenderName>) -> Result<SenderName, SendError> {
    let Some(wanted) = wanted else { return Ok(services.rules.default_sender.clone()) };
    if services.rules.senders.values().any(|known| known == wanted) {
        return Ok(wanted.clone());
    }
    let known: Vec<&str> = services.rules.senders.values().map(SenderName::as_str).collect();
    Err(SendError::NoSender { name: wanted.to_string(), nearest: did_you_mean(wanted.as_str(), known) })
}

/// What can be said without knowing to whom.
enum Made {
    Text(String),
    Template { template: std::sync::Arc<MessageTemplate>, values: CampaignValues, link: Option<TrackedLink> },
}

fn prepare(services: &Services, what: &What) -> Result<Made, SendError> {
    let template =
        |name: &TemplateName| services.catalogue.template(name).ok_or_else(|| SendError::NoTemplate(name.clone()));
    match what {
        What::Text(text) => match text.chars().count() {
            n if text.trim().is_empty() || n > TEXT_CHARS_MAX => Err(SendError::TextLength(n)),
            _ => Ok(Made::Text(text.clone())),
        },
        What::Template { name, values } => {
            let template = template(name)?;
            let known = template.known_values();
            if let Some(unknown) = values.keys().find(|value| !known.contains(value.as_str())) {
                let nearest = did_you_mean(unknown, known.into_iter().collect::<Vec<&str>>());
                return Err(SendError::UnknownValue { template: name.clone(), value: unknown.clone(), nearest });
            }
            Ok(Made::Template { template, values: values.clone(), link: None })
        }
        What::Survey { title, link } => {
            services.rules.allowed_hosts.check(link)?;
            let (name, title_value, link_value) = SURVEY;
            let name: TemplateName = name.parse().expect("a name that we wrote");
            let template = template(&name)?;
            let tracked = services.rules.public_url.as_ref().map(|base| {
                let token = services.tokens.fresh();
                (format!("{base}/r/{token}"), TrackedLink { token, url: link.clone() })
            });
            let (shown, link) = match tracked {
                Some((shown, link)) => (shown, Some(link)),
                None => (link.clone(), None),
            };
            let values = [(title_value, title.as_str()), (link_value, shown.as_str())];
            let values = values.map(|(name, value)| (name.to_owned(), CampaignValue::from(value))).into();
            Ok(Made::Template { template, values, link })
        }
    }
}

/// The person, with the consent that came with the request.
async fn person(services: &Services, request: &SendRequest, now: Timestamp) -> Result<Contact, SendError> {
    let known = services.store.by_phone(request.phone.e164()).await?;
    if known.as_ref().is_some_and(|contact| contact.consent.stopped) {
        return Err(SendError::Stopped);
    }
    if let (Some(contact), None) = (&known, &request.consent) {
        return Ok(contact.clone());
    }
    let consent = request.consent.as_ref().map(|given| ConsentChange {
        kind: ConsentChangeKind::Grant(Purposes::NONE.with(given.purpose)),
        at: now,
        source: given.source.clone(),
        evidence: given.evidence.clone(),
    });
    let update = ContactUpdate {
        phone: request.phone.clone(),
        name: None,
        language: request.language.filter(|_| known.is_none()),
        timezone: None,
        timezone_of_number: services.catalogue.timezone_of(Some(request.phone.e164())),
        email: None,
        tags: None,
        attributes: std::collections::BTreeMap::new(),
        consent,
    };
    let mut written = services.store.upsert(vec![update], now).await?;
    let (contact, _) =
        written.pop().ok_or_else(|| StoreError::Inconsistent { place: "contacts: none was written".to_owned() })?;
    Ok(contact)
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
