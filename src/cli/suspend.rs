//! `barid suspend`: stops a part of the sending, and shows what is stopped. Through the daemon while one runs; else in the store, which the next
//! one asks for each message.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cli::daemon_api::Items;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::config::Environment;
use crate::daemon::suspending::{self, Known};
use crate::domain::document::duration_from_text;
use crate::http::{OperationError, SuspensionItem, SuspensionRequest};
use crate::ports::{Runs as _, Suspensions as _};
use crate::store::SqlStore;

/// Suspensions that are asked for at once.
const PAGE: u64 = 1_000;

/// Stop a sender, campaign, channel or country until it is released; only calls under way still leave
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid suspend sender default --reason \"checking a complaint\" --for 2h\n  \
                        barid suspend country EG --reason \"rates changed\"\n  barid suspend --list")]
pub(super) struct Suspend {
    /// What to stop: `sender`, `campaign`, `channel` or `country`
    #[arg(value_name = "WHAT", required_unless_present = "list", requires = "value", conflicts_with = "list")]
    kind: Option<String>,
    /// Which one: a name, or the two letters of a country
    #[arg(value_name = "NAME", conflicts_with = "list")]
    value: Option<String>,
    /// Why; everybody who asks what stands still reads it
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    reason: Option<String>,
    /// For how long, as in `2h` or `30m`; without it, until it is released
    #[arg(long = "for", value_name = "TIME", value_parser = duration_from_text, conflicts_with = "until")]
    span: Option<std::time::Duration>,
    /// Until when, as in `2026-12-01T09:00:00+03:00`
    #[arg(long, value_name = "MOMENT")]
    until: Option<Timestamp>,
    /// Show what is stopped
    #[arg(long)]
    list: bool,
    /// With `--list`: also what was stopped and is over
    #[arg(long, requires = "list")]
    all: bool,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(arguments: &Suspend, installation: &Installation) -> Ended {
    if arguments.list {
        let items = all(arguments.all, installation).await?;
        return if arguments.json.json { screen::json(&items) } else { table(items) };
    }
    let (Some(kind), Some(value), Some(reason)) = (&arguments.kind, &arguments.value, &arguments.reason) else {
        return Err(Failure::because(Exit::Usage, "say what to suspend, which one, and with `--reason` why"));
    };
    let span = arguments.span.map(SignedDuration::try_from).transpose().or_exit(Exit::Usage)?;
    let until = match span {
        Some(span) => Some(installation.clock().now().checked_add(span).or_exit(Exit::Usage)?),
        None => arguments.until,
    };
    let request =
        SuspensionRequest { kind: kind.clone(), value: value.clone(), reason: reason.clone(), until, by: operator() };
    let item: SuspensionItem = match installation.daemon().await? {
        Some(daemon) => {
            let SuspensionRequest { kind, value, reason, until, by } = request;
            let body = json!({"scope": kind, "value": value, "reason": reason, "until": until, "by": by});
            daemon.post("/api/v1/suspensions", body.to_string()).await?
        }
        None => {
            let store = installation.store().await?;
            let done = in_store(&store, &request, installation).await;
            store.close().await;
            done?
        }
    };
    if arguments.json.json {
        return screen::json(&item);
    }
    let until = item.until.map_or_else(|| "until it is released".to_owned(), |until| format!("until {until}"));
    screen::say(&format!(
        "{} {} is suspended {until}; `barid release {}` lets it go on",
        item.scope, item.value, item.id
    ))
}

async fn in_store(store: &SqlStore, request: &SuspensionRequest, installation: &Installation) -> Ended<SuspensionItem> {
    let now = installation.clock().now();
    let active = store.active().await.or_exit(Exit::Unavailable)?;
    let campaigns = installation.files().campaigns.into_iter().map(|campaign| campaign.name.to_string());
    let known = Known {
        senders: installation.config.senders.iter().map(|sender| sender.name.to_string()).collect(),
        campaigns: campaigns.chain(active.into_iter().map(|run| run.campaign.to_string())).collect(),
    };
    let wanted = suspending::wanted(request, &known, now).map_err(failed)?;
    let (suspension, _) = suspending::suspend(store, wanted, now).await.map_err(failed)?;
    Ok(SuspensionItem::in_force(suspension, now))
}

/// Who it is, as far as this machine knows.
pub(super) fn operator() -> String {
    let environment = Environment::of_process();
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| environment.get(name));
    named.unwrap_or("command line").to_owned()
}

/// With the exit code that fits.
pub(super) fn failed(error: OperationError) -> Failure {
    let exit = match &error {
        OperationError::NotFound(_) => Exit::NoInput,
        OperationError::Conflict(_) | OperationError::Invalid { .. } => Exit::Data,
        OperationError::Unavailable(_) => Exit::Unavailable,
    };
    Failure::new(exit, error)
}

/// What is suspended, oldest first; with `past`, also what was.
pub(super) async fn all(past: bool, installation: &Installation) -> Ended<Vec<SuspensionItem>> {
    let mut items = Vec::new();
    if let Some(daemon) = installation.daemon().await? {
        if !past {
            return Ok(daemon.get::<Items<_>>("/api/v1/suspensions").await?.items);
        }
        let mut cursor = String::new();
        loop {
            let page: Items<SuspensionItem> =
                daemon.get(&format!("/api/v1/suspensions?all=1&limit={PAGE}{cursor}")).await?;
            let last = page.items.last().map(|item| item.id);
            let is_full = page.items.len() as u64 == PAGE;
            items.extend(page.items);
            match last {
                Some(last) if is_full => cursor = format!("&cursor={last}"),
                _ => break,
            }
        }
    } else {
        let (store, now) = (installation.store().await?, installation.clock().now());
        if !past {
            let in_force = store.suspensions(now).await.or_exit(Exit::Unavailable)?;
            return Ok(in_force.into_iter().map(|one| SuspensionItem::in_force(one, now)).collect());
        }
        let mut before = None;
        loop {
            let page = store.all_suspensions(before, PAGE).await.or_exit(Exit::Unavailable)?;
            items.extend(page.items.into_iter().map(|kept| SuspensionItem::new(kept, now)));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
    }
    items.reverse();
    Ok(items)
}

/// As people read them.
pub(super) fn table(items: Vec<SuspensionItem>) -> Ended {
    if items.is_empty() {
        return screen::say("nothing is suspended");
    }
    screen::table(
        ["id", "what", "because", "by", "since", "until"],
        items.into_iter().map(|item| {
            let until = match (&item.released_at, &item.released_by, item.until, item.probe_at) {
                (Some(at), Some(by), ..) => format!("over since {at} ({by})"),
                (.., Some(until), _) => until.to_string(),
                (.., Some(at)) => format!("looked at again {at}"),
                _ => "it is released".to_owned(),
            };
            let what = format!("{} {}", item.scope, item.value);
            [item.id.to_string(), what, item.reason, item.by, item.since.to_string(), until]
        }),
    )
}
