//! How a campaign's newest run stands, put together from the record.

use crate::domain::campaign::Campaign;
use crate::domain::ids::CampaignName;
use crate::domain::money::{Currency, Money};
use crate::domain::reminder::{NextReminder, next_reminder};
use crate::domain::rollout::next_look;
use crate::domain::run::{Run, RunState};
use crate::http::{CampaignSummary, Cost, ReminderSummary, Responses, RolloutSummary, StateCounts};
use crate::ports::{Store, StoreError};

/// The summary of a campaign with this newest run. `currency` is that of the price estimates.
///
/// # Errors
/// When the store could not be asked.
pub(crate) async fn of(
    store: &dyn Store,
    name: &CampaignName,
    run: Option<&Run>,
    currency: Currency,
) -> Result<CampaignSummary, StoreError> {
    let summary = CampaignSummary::waiting(name.clone(), Money { micros: 0, currency });
    let Some(run) = run else { return Ok(summary) };
    let counts = store.counts(run.id).await?;
    let queued = store.queued(run.id).await?;
    let mut summary = summary.with_counts(&counts, queued);
    summary.state = run.state.name();
    summary.halted = run.halted().map(ToOwned::to_owned);
    summary.cost = cost(store, run, currency).await?;
    summary.responses = Responses::of(store.respondents(run.id).await?, summary.run.delivered + summary.run.read);
    // A definition that cannot be read is told by whoever would send by it; what was sent is shown all the same.
    if let Ok(campaign) = serde_json::from_str::<Campaign>(&run.definition) {
        summary.budget = campaign.budget.map(Cost::from);
        summary.rollout = rollout(&campaign, run);
        summary.reminders = reminders(store, &campaign, run, currency).await?;
    }
    Ok(summary)
}

async fn cost(store: &dyn Store, run: &Run, currency: Currency) -> Result<Cost, StoreError> {
    Ok(Money { micros: store.cost_micros(run.id).await?, currency }.into())
}

fn rollout(campaign: &Campaign, run: &Run) -> Option<RolloutSummary> {
    let rollout = campaign.rollout.as_ref()?;
    let (stages, open) = (rollout.stages.len(), run.stages.as_ref());
    Some(RolloutSummary {
        stage: open.map_or(0, |open| (open.stage + 1).min(stages)),
        stages,
        people: open.map_or(0, |open| open.people),
        next_at: open.and_then(|open| next_look(rollout, open)),
    })
}

async fn reminders(
    store: &dyn Store,
    campaign: &Campaign,
    run: &Run,
    currency: Currency,
) -> Result<Vec<ReminderSummary>, StoreError> {
    let Some(reminder) = &campaign.reminder else { return Ok(Vec::new()) };
    let begun = store.reminders_of(run.id).await?;
    let mut shown = Vec::new();
    for (run, number) in begun.iter().zip(1..) {
        let counts = StateCounts::of(&store.counts(run.id).await?).with_queued(store.queued(run.id).await?);
        let cost = cost(store, run, currency).await?;
        shown.push(ReminderSummary { number, state: run.state.name(), due_at: run.due_at, run: counts, cost });
    }
    let ended: Vec<_> = begun.iter().map(|run| run.ended_at).collect();
    let ended_at = run.ended_at.filter(|_| run.state == RunState::Finished && run.reminders_left);
    if let Some(ended_at) = ended_at
        && let NextReminder::Due { number, at } = next_reminder(reminder, ended_at, &ended)
    {
        let (run, cost) = (StateCounts::default(), Money { micros: 0, currency }.into());
        shown.push(ReminderSummary { number, state: "waiting", due_at: at, run, cost });
    }
    Ok(shown)
}
