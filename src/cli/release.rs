//! `barid release`: lets go on what a suspension stopped.

use crate::cli::exit::{Ended, Exit};
use crate::cli::installation::Installation;
use crate::cli::suspend::{all, failed, operator};
use crate::cli::{Json, screen};
use crate::daemon::suspending;
use crate::http::SuspensionItem;

/// Let go on what a suspension stopped
#[derive(Debug, clap::Args)]
pub(super) struct Release {
    /// Which suspension, by the number that `barid suspend --list` shows
    #[arg(value_name = "ID", required_unless_present = "all")]
    id: Option<i64>,
    /// All that are in force
    #[arg(long, conflicts_with = "id")]
    all: bool,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn run(arguments: &Release, installation: &Installation) -> Ended {
    let ids = match arguments.id {
        Some(id) => vec![id],
        None => all(false, installation).await?.into_iter().map(|item| item.id).collect(),
    };
    let mut released: Vec<SuspensionItem> = Vec::new();
    for id in ids {
        match one(id, installation).await {
            Ok(item) => released.push(item),
            // Of all, one may end by itself before its turn comes.
            Err(failure) if arguments.all && failure.exit == Exit::Data => {}
            Err(failure) => return Err(failure),
        }
    }
    if arguments.json.json {
        return screen::json(&released);
    }
    if released.is_empty() {
        return screen::say("nothing was suspended");
    }
    let still = all(false, installation).await?;
    for item in released {
        screen::say(&format!("{} {} goes on", item.scope, item.value))?;
        for other in still.iter().filter(|other| (&other.scope, &other.value) == (&item.scope, &item.value)) {
            screen::remark(&format!("suspension {} still stops it: {}", other.id, other.reason));
        }
    }
    Ok(())
}

async fn one(id: i64, installation: &Installation) -> Ended<SuspensionItem> {
    if let Some(daemon) = installation.daemon().await? {
        return daemon.delete(&format!("/api/v1/suspensions/{id}"), &[("by", &operator())]).await;
    }
    let (store, now) = (installation.store().await?, installation.clock().now());
    let kept = suspending::release(&store, id, &operator(), now).await;
    store.close().await;
    kept.map(|kept| SuspensionItem::new(kept, now)).map_err(failed)
}
