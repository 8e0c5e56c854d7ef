//! `barid campaign show`.

use serde::{Deserialize, Serialize};

use crate::cli::campaign::list::state;
use crate::cli::campaign::plan::by_day;
use crate::cli::campaign::standing::{Newest, newest};
use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::{Json, screen, suspend};
use crate::domain::campaign::{Campaign, Start};
use crate::domain::ids::CampaignName;
use crate::http::{CampaignSummary, ForecastSummary, StateCounts, SuspensionItem};
use crate::ports::Suspensions as _;

/// Show a campaign and how many recipients of its newest run stand where, and why
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The stem of its file
    #[arg(value_name = "NAME")]
    name: CampaignName,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    standing: CampaignSummary,
    due_at: Option<String>,
    /// Whether the whole audience is resolved.
    planned_whole: bool,
    counts: Vec<Count>,
    /// What stops its sender, its channel or itself.
    suspensions: Vec<SuspensionItem>,
    /// As its file has it now; `None` when the file is gone or wrong.
    definition: Option<Campaign>,
}

#[derive(Serialize)]
struct Count {
    language: &'static str,
    channel: &'static str,
    state: &'static str,
    reason: String,
    n: u64,
}

pub(super) async fn run(arguments: &Show, installation: &Installation) -> Ended {
    let name = &arguments.name;
    let store = installation.store().await?;
    let Newest { run, counts, mut standing } = newest(&store, name, installation).await?;
    standing.forecast = forecast(name, installation).await;
    let definition = match installation.campaign(name) {
        Ok((campaign, _)) => Some(campaign),
        // A run outlives the file that defined it.
        Err(failure) if run.is_some() => {
            screen::remark(&failure.line().unwrap_or_default());
            None
        }
        Err(failure) => return Err(failure),
    };
    let now = installation.clock().now();
    let in_force = store.suspensions(now).await.or_exit(Exit::Unavailable)?.into_iter();
    let frozen = run.as_ref().and_then(|run| serde_json::from_str::<Campaign>(&run.definition).ok());
    let in_terms = frozen.as_ref().or(definition.as_ref());
    let suspensions = in_force
        .filter(|one| in_terms.is_some_and(|campaign| one.scope.is_about(campaign)))
        .map(|one| SuspensionItem::in_force(one, now))
        .collect();
    let counts = counts.into_iter().map(|count| Count {
        language: count.language.code(),
        channel: count.channel.name(),
        state: count.state.name(),
        reason: count.reason,
        n: count.n,
    });
    let shown = Shown {
        standing,
        due_at: run.as_ref().map(|run| run.due_at.to_string()),
        planned_whole: run.as_ref().is_some_and(|run| run.planned_whole),
        counts: counts.collect(),
        suspensions,
        definition,
    };
    if arguments.json.json {
        return screen::json(&shown);
    }
    tell(shown)
}

/// What only a running daemon knows: how far the limits are used. A daemon that does not answer is no reason to show nothing.
async fn forecast(name: &CampaignName, installation: &Installation) -> Option<ForecastSummary> {
    #[derive(Deserialize)]
    struct OfCampaign {
        forecast: Option<ForecastSummary>,
    }
    let daemon = installation.daemon().await.ok()??;
    daemon.get::<OfCampaign>(&format!("/api/v1/campaigns/{name}")).await.ok()?.forecast
}

fn tell(shown: Shown) -> Ended {
    let mut pairs = vec![("campaign", shown.standing.name.to_string()), ("state", state(&shown.standing))];
    if let Some(campaign) = &shown.definition {
        pairs.extend([
            ("template", campaign.template.to_string()),
            ("purpose", campaign.purpose.name().to_owned()),
            ("sender", campaign.sender.to_string()),
            ("begins", begins(campaign)),
        ]);
    }
    if let Some(due_at) = shown.due_at {
        let whole = if shown.planned_whole { "" } else { " (its audience is still being resolved)" };
        pairs.push(("newest run", format!("of {due_at}{whole}")));
        pairs.push(("recipients", shown.standing.run.total.to_string()));
        let cost = &shown.standing.cost;
        let of = shown.standing.budget.as_ref().map(|budget| format!(" of {}", budget.amount)).unwrap_or_default();
        pairs.push(("cost so far", format!("{}{of} {}", cost.amount, cost.currency)));
    }
    if let Some(forecast) = &shown.standing.forecast {
        let ends_at = forecast.ends_at.map_or_else(|| "not under the limits of now".to_owned(), |at| at.to_string());
        pairs.push(("ends", format!("{ends_at} (limited by {})", forecast.limited_by)));
        if forecast.days.len() > 1 {
            pairs.push(("by day", by_day(&forecast.days)));
        }
        if forecast.not_paid_for > 0 {
            pairs.push(("not paid for", format!("{} recipients: the budget ends before", forecast.not_paid_for)));
        }
    }
    if let Some(rollout) = &shown.standing.rollout {
        let next = rollout.next_at.map(|at| format!("; the next not before {at}")).unwrap_or_default();
        pairs.push(("stage", format!("{} of {} ({} recipients){next}", rollout.stage, rollout.stages, rollout.people)));
    }
    for reminder in &shown.standing.reminders {
        let StateCounts { total, read, failed, .. } = reminder.run;
        let told =
            if total == 0 { String::new() } else { format!(": {total} recipients, {read} read, {failed} failed") };
        pairs.push(("reminder", format!("{} of {} ({}){told}", reminder.number, reminder.due_at, reminder.state)));
    }
    screen::pairs(pairs)?;
    if !shown.suspensions.is_empty() {
        suspend::table(shown.suspensions)?;
    }
    if shown.counts.is_empty() {
        return Ok(());
    }
    screen::table(
        ["state", "because", "channel", "language", "recipients"],
        shown.counts.into_iter().map(|count| {
            let [state, channel, language] = [count.state, count.channel, count.language].map(ToOwned::to_owned);
            [state, count.reason, channel, language, count.n.to_string()]
        }),
    )
}

fn begins(campaign: &Campaign) -> String {
    match &campaign.start {
        None => format!("when somebody runs `barid campaign start {}`", campaign.name),
        Some(Start::At(at)) => format!("{at} in {}", campaign.timezone),
        Some(Start::Schedule(schedule)) => format!("`{}` in {}", schedule.as_str(), campaign.timezone),
    }
}
