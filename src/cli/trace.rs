//! `barid trace`: why a message is where it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::failed;
use crate::cli::{Json, screen};
use crate::daemon::suspending;
use crate::domain::delivery::Delivery;
use crate::domain::ids::MessageId;
use crate::domain::waits_for::WaitsFor;
use crate::ports::{HistoryEntry, LoadedMessage, Messages as _, Runs as _};
use crate::store::SqlStore;

/// Show where a message stands and everything that happened to it
#[derive(Debug, clap::Args)]
pub(super) struct Trace {
    /// The message, as in `msg_00000001`
    #[arg(value_name = "MESSAGE")]
    message: MessageId,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    run: Option<String>,
    contact: String,
    sender: String,
    purpose: &'static str,
    language: &'static str,
    state: &'static str,
    reason: Option<String>,
    until: Option<String>,
    attempt: u16,
    whatsapp_id: Option<String>,
    expires_at: String,
    waits_for: Option<Waits>,
    history: Vec<Event>,
}

/// Why it is not called now, as the API says it.
#[derive(Serialize, Deserialize)]
struct Waits {
    reason: String,
    because: String,
    until: Option<Timestamp>,
    suspension: Option<i64>,
}

/// What the daemon knows of a message, as far as the store alone does not.
#[derive(Deserialize)]
struct Known {
    waits_for: Option<Waits>,
}

#[derive(Serialize)]
struct Event {
    at: String,
    provider_at: Option<String>,
    attempt: u16,
    event: String,
    detail: String,
}

pub(super) async fn run(arguments: &Trace, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let id = arguments.message;
    let message = store.load(id).await.or_exit(Exit::Unavailable)?;
    let message =
        message.ok_or_else(|| Failure::because(Exit::NoInput, format!("there is no message `{id}` in this store")))?;
    let history = store.history(id).await.or_exit(Exit::Unavailable)?;
    let shown = Shown { waits_for: waits_for(&store, &message, installation).await?, ..shown(&message, history) };
    if arguments.json.json {
        return screen::json(&shown);
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    screen::pairs([
        ("message", shown.id.clone()),
        ("state", shown.state.to_owned()),
        ("because", or_none(&shown.reason)),
        ("until", or_none(&shown.until)),
        ("waits for", shown.waits_for.as_ref().map_or_else(|| "–".to_owned(), told)),
        ("attempts", shown.attempt.to_string()),
        ("contact", shown.contact.clone()),
        ("run", or_none(&shown.run)),
        ("sender", shown.sender.clone()),
        ("purpose", shown.purpose.to_owned()),
        ("language", shown.language.to_owned()),
        ("WhatsApp id", or_none(&shown.whatsapp_id)),
        ("expires", shown.expires_at.clone()),
    ])?;
    screen::table(
        ["at", "by the provider", "attempt", "what", "detail"],
        shown.history.into_iter().map(|event| {
            let Event { at, provider_at, attempt, event, detail } = event;
            [at, provider_at.unwrap_or_default(), attempt.to_string(), event, detail]
        }),
    )
}

/// Why it is not called now. Of full limits only the daemon knows.
async fn waits_for(store: &SqlStore, message: &LoadedMessage, installation: &Installation) -> Ended<Option<Waits>> {
    if let Some(daemon) = installation.daemon().await? {
        return Ok(daemon.get::<Known>(&format!("/api/v1/messages/{}", message.id)).await?.waits_for);
    }
    let campaign = match message.run {
        Some(run) => store.run(run).await.or_exit(Exit::Unavailable)?.map(|run| run.campaign),
        None => None,
    };
    let now = installation.clock().now();
    let found = suspending::why_waiting_of(store, message, campaign.as_ref(), None, now).await;
    let found = found.map_err(failed)?;
    Ok(found.map(|WaitsFor { reason, because, until, suspension }| Waits {
        reason: reason.to_owned(),
        because,
        until,
        suspension,
    }))
}

fn told(waits: &Waits) -> String {
    let until = waits.until.map(|until| format!(", until {until}")).unwrap_or_default();
    format!("{}{until}: {}", waits.reason, waits.because)
}

fn shown(message: &LoadedMessage, history: Vec<HistoryEntry>) -> Shown {
    let standing = &message.standing;
    Shown {
        id: message.id.to_string(),
        run: message.run.map(|run| run.to_string()),
        contact: message.contact.id.to_string(),
        sender: message.sender.to_string(),
        purpose: message.purpose.name(),
        language: message.language.code(),
        state: standing.delivery.state().name(),
        reason: reason(&standing.delivery),
        until: standing.delivery.due_at().map(|until| until.to_string()),
        attempt: standing.attempt,
        whatsapp_id: standing.whatsapp_id.as_ref().map(ToString::to_string),
        expires_at: message.expires_at.to_string(),
        waits_for: None,
        history: history
            .into_iter()
            .map(|entry| Event {
                at: entry.at.to_string(),
                provider_at: entry.provider_at.map(|at| at.to_string()),
                attempt: entry.attempt,
                event: entry.event,
                detail: entry.detail,
            })
            .collect(),
    }
}

/// What the state alone does not say.
fn reason(delivery: &Delivery) -> Option<String> {
    match delivery {
        Delivery::Held { reason, .. } => Some(reason.name().to_owned()),
        Delivery::Unknown { .. } => Some("the answer to the call was never seen".to_owned()),
        Delivery::Submitted { assumed: true, .. } => Some("assumed: no evidence ever came".to_owned()),
        Delivery::Suppressed(reason) => Some(reason.name().to_owned()),
        Delivery::Failed(refusal) => {
            let code = refusal.code.map(|code| format!(" {code}")).unwrap_or_default();
            Some(format!("{}{code}: {}", refusal.class.name(), refusal.details))
        }
        _ => None,
    }
}
