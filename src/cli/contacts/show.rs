//! `barid contacts show`: one person, and everything they ever allowed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, phone_number, screen};
use crate::domain::consent::{ConsentChange, Purposes};
use crate::domain::contact::Contact;
use crate::ports::{ConsentRequests as _, Contacts as _};

/// Show one person with the history of their consent
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The person's number, as in `+966500000101`
    #[arg(value_name = "PHONE", allow_hyphen_values = true)]
    phone: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    phone: Option<String>,
    name: Option<String>,
    language: &'static str,
    timezone: String,
    email: Option<String>,
    tags: Vec<String>,
    attributes: BTreeMap<String, String>,
    opted_out: bool,
    marketing_stopped: bool,
    consent: Vec<&'static str>,
    /// Of what they are asked, and have not confirmed.
    unconfirmed: Vec<&'static str>,
    consent_history: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    at: String,
    change: &'static str,
    purposes: Vec<&'static str>,
    source: String,
    evidence: String,
}

impl From<ConsentChange> for Change {
    fn from(change: ConsentChange) -> Self {
        Self {
            at: change.at.to_string(),
            change: change.kind.name(),
            purposes: names(change.kind.purposes()),
            source: change.source,
            evidence: change.evidence,
        }
    }
}

fn names(purposes: Purposes) -> Vec<&'static str> {
    purposes.iter().map(crate::domain::consent::Purpose::name).collect()
}

pub(super) async fn run(arguments: &Show, installation: &Installation) -> Ended {
    let phone = phone_number(&arguments.phone, installation)?;
    let store = installation.store().await?;
    let contact = store.by_phone(phone.e164()).await.or_exit(Exit::Unavailable)?;
    let contact = contact.ok_or_else(|| Failure::because(Exit::NoInput, "there is no contact with this number"))?;
    let history = store.consent_history(contact.id).await.or_exit(Exit::Unavailable)?;
    let now = installation.clock().now();
    let unconfirmed = store.unconfirmed(&[contact.id], now).await.or_exit(Exit::Unavailable)?;
    let unconfirmed = unconfirmed.get(&contact.id).copied().unwrap_or_default();
    let shown = shown(contact, unconfirmed, history);
    if arguments.json.json {
        return screen::json(&shown);
    }
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let list = |words: &[&str]| if words.is_empty() { "–".to_owned() } else { words.join(", ") };
    let allowed = list(&shown.consent);
    let mut pairs = vec![
        ("contact", shown.id),
        ("number", or_none(shown.phone)),
        ("name", or_none(shown.name)),
        ("language", shown.language.to_owned()),
        ("time zone", shown.timezone),
        ("e-mail", or_none(shown.email)),
        ("tags", list(&shown.tags.iter().map(String::as_str).collect::<Vec<_>>())),
        ("allows", if shown.opted_out { format!("nothing since a stop word (before: {allowed})") } else { allowed }),
    ];
    if !shown.unconfirmed.is_empty() {
        pairs.push(("asked for", list(&shown.unconfirmed)));
    }
    if shown.marketing_stopped {
        pairs.push(("marketing", "stopped by the person in WhatsApp".to_owned()));
    }
    pairs.extend(shown.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
    screen::pairs(pairs)?;
    screen::table(
        ["at", "change", "purposes", "source", "evidence"],
        shown.consent_history.into_iter().map(|change| {
            [change.at, change.change.to_owned(), change.purposes.join(", "), change.source, change.evidence]
        }),
    )
}

fn shown(contact: Contact, unconfirmed: Purposes, history: Vec<ConsentChange>) -> Shown {
    Shown {
        id: contact.id.to_string(),
        phone: contact.phone.map(String::from),
        name: contact.name,
        language: contact.language.code(),
        timezone: contact.timezone,
        email: contact.email,
        tags: contact.tags,
        attributes: contact.attributes,
        opted_out: contact.consent.stopped,
        marketing_stopped: contact.consent.marketing_stopped,
        consent: names(contact.consent.granted),
        unconfirmed: names(unconfirmed),
        consent_history: history.into_iter().map(Change::from).collect(),
    }
}
