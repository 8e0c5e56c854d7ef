//! `barid hooks`: the endpoints of our webhooks, what was told to them, trying them and telling once more. Through the daemon while one runs;
//! else in the store, and a trial is made from here.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::cli::daemon_api::Items;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::suspend::failed;
use crate::cli::{Json, screen};
use crate::daemon::hooking;
use crate::domain::hook::delivery::DeliveryState;
use crate::domain::hook::{HookEvent, WebhookId};
use crate::domain::ids::HookName;
use crate::domain::problem::did_you_mean;
use crate::hooks::HookClient;
use crate::http::{HookDeliveryItem, HookSummary, HookTried};
use crate::ports::{HookFilter, Outbox as _, Store as _};
use crate::store::SqlStore;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Hooks {
    List(List),
    Deliveries(Deliveries),
    Replay(Replay),
    Test(Test),
}

/// Show the endpoints of `[[hooks]]` and how they do
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    json: Json,
}

/// List what was told, is still to be told and is not tried any more, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Deliveries {
    #[command(flatten)]
    which: Which,
    /// This event, by its `webhook-id`
    #[arg(long, value_name = "ID")]
    id: Option<WebhookId>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

/// Tell events once more, under the same ids
///
/// By `--since`, those that are dead, or with `--state delivered` those that were taken. Receivers drop ids that they have seen.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid hooks replay --since 2026-12-01T09:00:00Z --hook crm\n  \
                        barid hooks replay --id evt_k7q2_0000001b")]
pub(super) struct Replay {
    /// This event, by its `webhook-id`
    #[arg(long, value_name = "ID", required_unless_present = "since")]
    id: Option<WebhookId>,
    #[command(flatten)]
    which: Which,
    /// Only say how many it would be
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Told to this hook
    #[arg(long, value_name = "NAME")]
    hook: Option<HookName>,
    /// Events of this kind, such as `feedback.received`
    #[arg(long, value_name = "EVENT", value_parser = event)]
    event: Option<HookEvent>,
    /// Events at or after this moment, such as 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// `waiting`, `delivered` or `dead`
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<DeliveryState>,
}

/// Call a hook now, with an event `hook.test`, and show what it answers
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Which
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    json: Json,
}

fn event(name: &str) -> Result<HookEvent, String> {
    let known = HookEvent::ALL.map(HookEvent::name);
    HookEvent::named(name).ok_or_else(|| format!("there is no event `{name}`{}", did_you_mean(name, known)))
}

fn state(name: &str) -> Result<DeliveryState, String> {
    let known = DeliveryState::ALL.map(DeliveryState::name);
    DeliveryState::named(name).ok_or_else(|| format!("there is no state `{name}`{}", did_you_mean(name, known)))
}

pub(super) async fn run(command: &Hooks, installation: &Installation) -> Ended {
    match command {
        Hooks::List(arguments) => list(arguments, installation).await,
        Hooks::Deliveries(arguments) => deliveries(arguments, installation).await,
        Hooks::Replay(arguments) => replay(arguments, installation).await,
        Hooks::Test(arguments) => test(arguments, installation).await,
    }
}

fn client(installation: &Installation) -> Ended<HookClient> {
    hooking::client(&installation.config).or_exit(Exit::Config)
}

/// What the filter means in this store.
fn filter(which: &Which, id: Option<&WebhookId>, store: &SqlStore) -> Ended<HookFilter> {
    if let Some(id) = id.filter(|id| id.store != store.tag()) {
        let what = format!("`{id}` is an event of another installation, or of a record before this one");
        return Err(Failure::because(Exit::NoInput, what));
    }
    let Which { hook, event, since, state } = which;
    Ok(HookFilter { id: id.map(|id| id.event), hook: hook.clone(), event: *event, since: *since, state: *state })
}

async fn list(arguments: &List, installation: &Installation) -> Ended {
    let hooks: Vec<HookSummary> = match installation.daemon().await? {
        Some(daemon) => daemon.get::<Items<_>>("/api/v1/hooks").await?.items,
        None => {
            let (client, store) = (client(installation)?, installation.store().await?);
            hooking::all(&store, &client, &*installation.clock()).await.map_err(failed)?
        }
    };
    if arguments.json.json {
        return screen::json(&hooks);
    }
    if hooks.is_empty() {
        return screen::say("no `[[hooks]]` are configured");
    }
    screen::table(
        ["hook", "where", "events", "how it does", "waiting", "dead"],
        hooks.into_iter().map(|hook| {
            let since = hook.failing_since.map(|since| format!(", failing since {since}"));
            let until = hook.rests_until.map(|until| format!(" until {until}"));
            let state = [Some(hook.state), until, since].into_iter().flatten().collect::<String>();
            [hook.name, hook.host, hook.events.join(" "), state, hook.waiting.to_string(), hook.dead.to_string()]
        }),
    )
}

async fn deliveries(arguments: &Deliveries, installation: &Installation) -> Ended {
    let Deliveries { which, id, limit, json } = arguments;
    let items: Vec<HookDeliveryItem> = match installation.daemon().await? {
        Some(daemon) => {
            // None of these has a character with a meaning of its own in a query.
            let mut path = format!("/api/v1/hooks/deliveries?limit={limit}");
            for (name, value) in [
                ("id", id.as_ref().map(ToString::to_string)),
                ("hook", which.hook.as_ref().map(ToString::to_string)),
                ("event", which.event.map(|event| event.name().to_owned())),
                ("since", which.since.map(|since| since.to_string())),
                ("state", which.state.map(|state| state.name().to_owned())),
            ] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={value}"));
                }
            }
            daemon.get::<Items<_>>(&path).await?.items
        }
        None => {
            let store = installation.store().await?;
            let filter = filter(which, id.as_ref(), &store)?;
            let page = store.deliveries(&filter, None, *limit).await.or_exit(Exit::Unavailable)?;
            page.items.into_iter().map(Into::into).collect()
        }
    };
    if json.json {
        return screen::json(&items);
    }
    screen::table(
        ["id", "event", "hook", "happened", "state", "calls", "next", "what went wrong"],
        items.into_iter().map(|item| {
            let next = item.due_at.map(|at| at.to_string()).unwrap_or_default();
            let (calls, why) = (item.attempts.to_string(), item.why.unwrap_or_default());
            [item.id, item.event, item.hook, item.at.to_string(), item.state, calls, next, why]
        }),
    )
}

async fn replay(arguments: &Replay, installation: &Installation) -> Ended {
    #[derive(Deserialize)]
    struct Answer {
        deliveries: u64,
    }

    let Replay { id, which, dry_run } = arguments;
    let (n, remark) = match installation.daemon().await? {
        Some(daemon) => {
            let body = json!({
                "id": id.as_ref().map(ToString::to_string),
                "hook": which.hook,
                "event": which.event.map(HookEvent::name),
                "since": which.since,
                "state": which.state.map(DeliveryState::name),
                "dry_run": dry_run,
            });
            (daemon.post::<Answer>("/api/v1/hooks/replay", body.to_string()).await?.deliveries, "")
        }
        None => {
            if let Some(hook) = &which.hook {
                hooking::known(&client(installation)?, hook.as_str()).map_err(failed)?;
            }
            let store = installation.store().await?;
            let done = async {
                let filter = filter(which, id.as_ref(), &store)?.for_replay();
                hooking::replay(&store, &*installation.clock(), &filter, *dry_run).await.map_err(failed)
            };
            let done = done.await;
            store.close().await;
            (done?, " (no daemon was asked: they are told when `barid serve` runs)")
        }
    };
    if *dry_run {
        screen::say(&format!("would be told once more: {n}"))
    } else {
        screen::say(&format!("to be told once more: {n}{remark}"))
    }
}

async fn test(arguments: &Test, installation: &Installation) -> Ended {
    let tried: HookTried = match installation.daemon().await? {
        Some(daemon) => {
            // A name that is none would make another address; the daemon knows the others.
            let name = arguments.name.parse::<HookName>().or_exit(Exit::Usage)?;
            daemon.post(&format!("/api/v1/hooks/{name}/test"), String::new()).await?
        }
        None => {
            let client = client(installation)?;
            let hook = hooking::known(&client, &arguments.name).map_err(failed)?;
            let unsigned =
                installation.config.hooks.iter().any(|known| known.name == hook.name && known.keys.is_empty());
            if unsigned {
                let missing = installation.config.missing_for_serving().join("; ");
                return Err(Failure::because(Exit::Config, missing));
            }
            let store = installation.store().await?;
            let tried = hooking::test(&store, &client, &*installation.clock(), &arguments.name).await;
            store.close().await;
            tried.map_err(failed)?
        }
    };
    if arguments.json.json {
        screen::json(&tried)?;
    } else if tried.delivered {
        screen::say(&format!("{} took {} in {} ms: {}", arguments.name, tried.id, tried.took_ms, tried.answer))?;
    }
    if tried.delivered {
        return Ok(());
    }
    Err(Failure::because(Exit::Unavailable, format!("{} did not take {}: {}", arguments.name, tried.id, tried.answer)))
}
