//! `barid campaign list`.

use serde::Serialize;

use crate::cli::campaign::standing::newest;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen};
use crate::http::CampaignSummary;

/// List all campaigns with the state of their newest runs
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    standing: CampaignSummary,
    template: String,
    purpose: &'static str,
    /// When it fires next; `None` when only a person starts it, or never again.
    next_at: Option<String>,
}

pub(super) async fn run(arguments: &List, installation: &Installation) -> Ended {
    let files = installation.files();
    let store = installation.store().await?;
    let now = installation.clock().now();
    let mut listed = Vec::new();
    for campaign in &files.campaigns {
        listed.push(Listed {
            standing: newest(&store, &campaign.name, installation).await?.standing,
            template: campaign.template.to_string(),
            purpose: campaign.purpose.name(),
            next_at: campaign.due_after(now).map(|at| at.to_string()),
        });
    }
    for error in &files.errors {
        screen::remark(&error.to_string());
    }
    if arguments.json.json {
        screen::json(&listed)?;
    } else {
        screen::table(
            ["campaign", "state", "template", "purpose", "next", "recipients", "sent", "failed", "suppressed"],
            listed.into_iter().map(|Listed { standing, template, purpose, next_at }| {
                let run = &standing.run;
                let sent = run.submitted + run.sent + run.delivered + run.read;
                let [total, sent, failed, suppressed] =
                    [run.total, sent, run.failed, run.suppressed].map(|n| n.to_string());
                let next = next_at.unwrap_or_else(|| "–".to_owned());
                [
                    standing.name.to_string(),
                    state(&standing),
                    template,
                    purpose.to_owned(),
                    next,
                    total,
                    sent,
                    failed,
                    suppressed,
                ]
            }),
        )?;
    }
    match files.errors.len() {
        0 => Ok(()),
        _ => Err(Failure::because(Exit::Config, "some files are wrong and left out; correct what is told above")),
    }
}

/// The state, with what it does not say by itself: `paused (failed 7.2% > 5%)`, `running (waits for limit-budget)`, `running (stage 1 of 3)`.
pub(super) fn state(standing: &CampaignSummary) -> String {
    let state = standing.state;
    let reminds =
        standing.reminders.iter().find(|reminder| !matches!(reminder.state, "waiting" | "finished" | "cancelled"));
    match (&standing.halted, &standing.waits_for, &standing.rollout, reminds) {
        (Some(halted), ..) => format!("{state} ({halted})"),
        (_, Some(reason), ..) => format!("{state} (waits for {reason})"),
        (_, _, Some(rollout), _) if !matches!(state, "finished" | "cancelled") => {
            format!("{state} (stage {} of {})", rollout.stage, rollout.stages)
        }
        (.., Some(reminder)) => format!("{state} (reminder {}: {})", reminder.number, reminder.state),
        _ => state.to_owned(),
    }
}
