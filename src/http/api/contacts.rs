//! `/api/v1/contacts`: who they are and what they allow, and importing them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::ids::ContactId;
use crate::domain::language::Language;
use crate::domain::phone_number::PhoneNumber;
use crate::http::body;
use crate::http::error::Problem;

/// Rows of one import call: as many as the store writes in one transaction.
const ROWS_MAX: usize = 500;
/// Bytes of one import call.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "contacts")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(list(&state, query).await) });
    let import = warp::path!("api" / "v1" / "contacts" / "import")
        .and(warp::post())
        .and(with(state))
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
        .then(|state: Arc<ApiState>, length, stream| async move {
            match body::collect(stream, length, BODY_BYTES_MAX).await {
                Ok(body) => reply(import(&state, &body).await),
                Err(body::NoBody::TooLarge) => Problem::too_large(BODY_BYTES_MAX).into_response(),
                Err(body::NoBody::CutOff) => Problem::bad_request("the body broke off").into_response(),
            }
        });
    list.or(import).unify().boxed()
}

#[derive(Serialize)]
struct Item {
    id: ContactId,
    phone: Option<String>,
    bsuid: Option<String>,
    name: Option<String>,
    language: Language,
    timezone: String,
    email: Option<String>,
    tags: Vec<String>,
    attributes: BTreeMap<String, String>,
    /// Stopped for all purposes.
    opted_out: bool,
    /// Whether the person told WhatsApp that they want no marketing: templates of the category MARKETING are not sent to them.
    marketing_stopped: bool,
    /// The purposes granted; while `opted_out`, those that a start would restore.
    consent: Vec<Purpose>,
    /// Of what they are asked, and have not confirmed: a purpose under double opt-in.
    unconfirmed: Vec<Purpose>,
}

impl Item {
    fn new(contact: Contact, unconfirmed: Purposes) -> Self {
        Self {
            id: contact.id,
            phone: contact.phone.map(String::from),
            bsuid: contact.bsuid,
            name: contact.name,
            language: contact.language,
            timezone: contact.timezone,
            email: contact.email,
            tags: contact.tags,
            attributes: contact.attributes,
            opted_out: contact.consent.stopped,
            marketing_stopped: contact.consent.marketing_stopped,
            consent: contact.consent.granted.iter().collect(),
            unconfirmed: unconfirmed.iter().collect(),
        }
    }
}

async fn list(state: &ApiState, parameters: HashMap<String, String>) -> Result<List<Item>, Problem> {
    let query = Query::new(parameters, &["phone"])?;
    if let Some(phone) = query.phone("phone")? {
        let found = state.store.by_phone(phone.e164()).await?;
        return Ok(List::whole(items(state, found.into_iter().collect()).await?));
    }
    let page = state.store.page(query.cursor()?.map(ContactId::new), query.limit()?).await?;
    Ok(List { items: items(state, page.items).await?, next: next(page.next) })
}

async fn items(state: &ApiState, contacts: Vec<Contact>) -> Result<Vec<Item>, Problem> {
    let ids: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
    let asked = state.store.unconfirmed(&ids, state.clock.now()).await?;
    let item = |contact: Contact| {
        let unconfirmed = asked.get(&contact.id).copied().unwrap_or_default();
        Item::new(contact, unconfirmed)
    };
    Ok(contacts.into_iter().map(item).collect())
}

/// One line of an import: what to set on the contact with that number. Members left out leave what is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactRow {
    /// The line of the file that it comes from, for the answer; the line of the request where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// E.164.
    pub phone: PhoneNumber,
    /// New name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// New time zone: an IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The zone that the number suggests, for a new contact without one.
    #[serde(default = "utc")]
    pub timezone_of_number: String,
    /// New e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Replaces the tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Merged into the attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// A change of consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<RowConsent>,
}

impl std::fmt::Debug for ContactRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactRow").field("line", &self.line).finish_non_exhaustive()
    }
}

/// A change of consent in an import, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowConsent {
    /// `set`, `grant`, `withdraw`, `stop`, `start`, `stop-marketing` or `resume-marketing`.
    pub change: String,
    /// Which purposes; nothing for stops, `start` and `resume-marketing`.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// When the person said so; the time of the import where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Where it comes from.
    pub source: String,
    /// What was said or shown.
    pub evidence: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl From<(u64, ContactUpdate)> for ContactRow {
    fn from((line, update): (u64, ContactUpdate)) -> Self {
        let ContactUpdate { phone, name, language, timezone, timezone_of_number, email, tags, attributes, consent } =
            update;
        let consent = consent.map(|change| RowConsent {
            change: change.kind.name().to_owned(),
            purposes: change.kind.purposes().iter().collect(),
            at: Some(change.at),
            source: change.source,
            evidence: change.evidence,
        });
        let line = Some(line);
        Self { line, phone, name, language, timezone, timezone_of_number, email, tags, attributes, consent }
    }
}

impl ContactRow {
    fn into_update(self, now: Timestamp) -> Result<ContactUpdate, String> {
        for zone in self.timezone.iter().chain([&self.timezone_of_number]) {
            if jiff::tz::TimeZone::get(zone).is_err() {
                return Err(format!("`{zone}` is not a time zone; use an IANA name such as `Asia/Riyadh`"));
            }
        }
        Ok(ContactUpdate {
            phone: self.phone,
            name: self.name,
            language: self.language,
            timezone: self.timezone,
            timezone_of_number: self.timezone_of_number,
            email: self.email,
            tags: self.tags,
            attributes: self.attributes,
            consent: self.consent.map(|consent| consent.into_change(now)).transpose()?,
        })
    }
}

impl RowConsent {
    fn into_change(self, now: Timestamp) -> Result<ConsentChange, String> {
        let purposes: Purposes = self.purposes.into_iter().collect();
        let kind = match self.change.as_str() {
            "set" => ConsentChangeKind::Set(purposes),
            "grant" => ConsentChangeKind::Grant(purposes),
            "withdraw" => ConsentChangeKind::Withdraw(purposes),
            "stop" => ConsentChangeKind::Stop,
            "start" => ConsentChangeKind::Start,
            "stop-marketing" => ConsentChangeKind::StopMarketing,
            "resume-marketing" => ConsentChangeKind::ResumeMarketing,
            other => {
                return Err(format!(
                    "`{other}` is not a change of consent; use `set`, `grant`, `withdraw`, `stop`, `start`, `stop-marketing` or \
                     `resume-marketing`"
                ));
            }
        };
        Ok(ConsentChange { kind, at: self.at.unwrap_or(now), source: self.source, evidence: self.evidence })
    }
}

/// What became of one line.
#[derive(Serialize)]
struct Imported {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<ContactId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Good lines are written although others are bad; each line has its result.
async fn import(state: &ApiState, body: &[u8]) -> Result<List<Imported>, Problem> {
    let now = state.clock.now();
    let lines = body.split(|byte| *byte == b'\n').zip(1_u64..).filter(|(line, _)| !line.trim_ascii().is_empty());
    let (mut items, mut updates, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (text, number) in lines {
        if items.len() == ROWS_MAX {
            return Err(Problem::bad_request(format!("send at most {ROWS_MAX} lines in one call")));
        }
        let row = serde_json::from_slice::<ContactRow>(text).map_err(|error| error.to_string());
        let line = row.as_ref().ok().and_then(|row| row.line).unwrap_or(number);
        let error = match row.and_then(|row| row.into_update(now)) {
            Ok(update) => {
                updates.push(update);
                places.push(items.len());
                None
            }
            Err(error) => Some(error),
        };
        items.push(Imported { line, id: None, new: None, error });
    }
    if !updates.is_empty() {
        let written = state.operations.import(updates).await?;
        for (place, (contact, is_new)) in places.into_iter().zip(written) {
            items[place].id = Some(contact.id);
            items[place].new = Some(is_new);
        }
    }
    Ok(List::whole(items))
}
