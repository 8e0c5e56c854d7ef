//! `barid doctor`: asks Meta whether everything stands there as we need it, and shows the alerts that are open. Changes nothing and sends nothing.

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, alert, screen};
use crate::daemon::standing;
use crate::domain::live_check::Verdict;
use crate::http::{AlertItem, LiveCheck};
use crate::jobs::live_check;

/// Try out everything at Meta (token, numbers, templates, webhook), and show the alerts that are open
#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    json: Json,
}

/// What was found, and what is known already.
#[derive(serde::Serialize)]
struct Found {
    #[serde(flatten)]
    check: LiveCheck,
    alerts: Vec<AlertItem>,
}

pub(super) async fn run(arguments: &Doctor, installation: &Installation) -> Ended {
    let check = match installation.daemon().await? {
        Some(daemon) => daemon.post("/api/whatsapp/test", String::new()).await?,
        None => {
            let meta = standing::management(&installation.config).or_exit(Exit::Config)?;
            let (ours, shelf) = standing::ours_at_meta(&installation.config);
            let now = installation.clock().now();
            LiveCheck::new(live_check::run(&*meta, &ours, &shelf.wanted_at_meta(), now).await, now)
        }
    };
    let alerts = alert::listed(false, 0, installation).await?;
    let is_well = check.result != Verdict::Failed.name();
    if arguments.json.json {
        screen::json(&Found { check, alerts })?;
    } else {
        screen::table(
            ["step", "result", "what was found", "what to do"],
            check.steps.into_iter().map(|step| [step.step, step.result, step.detail, step.remedy.unwrap_or_default()]),
        )?;
        alert::table(alerts)?;
    }
    if is_well { Ok(()) } else { Err(Failure::told(Exit::Unavailable)) }
}
