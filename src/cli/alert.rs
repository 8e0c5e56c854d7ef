//! `barid alert`: what somebody should look at. Through the daemon while one runs; else the record says it.

use crate::cli::daemon_api::Items;
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::http::AlertItem;
use crate::ports::Alerts as _;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Alert {
    List(List),
}

/// Show the alerts that are open, oldest first
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Also those that are over, newest first
    #[arg(long)]
    all: bool,
    /// With `--all`: how many
    #[arg(long, value_name = "N", default_value_t = 50, requires = "all", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(command: &Alert, installation: &Installation) -> Ended {
    let Alert::List(List { all, limit, json }) = command;
    let alerts = listed(*all, *limit, installation).await?;
    if json.json {
        return screen::json(&alerts);
    }
    table(alerts)
}

/// Those that are open, or with `all` the newest of all.
pub(super) async fn listed(all: bool, limit: u64, installation: &Installation) -> Ended<Vec<AlertItem>> {
    if let Some(daemon) = installation.daemon().await? {
        let which = if all { format!("?all=true&limit={limit}") } else { String::new() };
        return Ok(daemon.get::<Items<_>>(&format!("/api/v1/alerts{which}")).await?.items);
    }
    let store = installation.store().await?;
    let found =
        if all { store.all_alerts(None, limit).await.map(|page| page.items) } else { store.open_alerts().await };
    store.close().await;
    Ok(found.or_exit(Exit::Unavailable)?.into_iter().map(Into::into).collect())
}

/// As people read them.
pub(super) fn table(alerts: Vec<AlertItem>) -> Ended {
    if alerts.is_empty() {
        return screen::say("no alerts");
    }
    screen::table(
        ["alert", "severity", "kind", "what", "since", "over", "text"],
        alerts.into_iter().map(|alert| {
            let what = format!("{} {}", alert.scope, alert.value).trim_end().to_owned();
            let over = alert.cleared_at.map_or_else(String::new, |at| at.to_string());
            [alert.id.to_string(), alert.severity, alert.kind, what, alert.since.to_string(), over, alert.text]
        }),
    )
}
