//! Asks Meta how far our numbers may go, and puts a new tier in force. Takes no input and is safe to run twice.

use crate::domain::limits_check::{KINDS, SaidByMeta, judge};
use crate::domain::live_check::OurNumber;
use crate::domain::standing_job::{JobOutcome, StandingJob};
use crate::jobs::{JobError, alerts};
use crate::ports::Upkeep;

/// Does it.
///
/// # Errors
/// When Meta or the store could not be asked: nothing is known then, and nothing changes.
pub(super) async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let doing = "writing down how far our numbers may go";
    let Upkeep { store, management, ours, clock, .. } = upkeep;
    let mut said = SaidByMeta { asked_at: clock.now(), ..SaidByMeta::default() };
    for OurNumber { name, .. } in &ours.numbers {
        said.numbers.insert(name.clone(), management.number(name).await.map_err(unanswered)?);
    }
    for account in ours.accounts() {
        said.accounts.insert(account.to_owned(), management.account(account).await.map_err(unanswered)?);
    }
    let before = store.last_details(StandingJob::SyncLimits).await.map_err(JobError::from_store(doing))?;
    let before = before.and_then(|run| SaidByMeta::of_details(run.ended?.1.details?));
    let checked = judge(&said, before.as_ref(), ours);
    for (portfolio, tier) in &checked.tiers {
        if store.note_tier(portfolio, *tier).await.map_err(JobError::from_store(doing))? {
            tracing::info!(portfolio, %tier, "limits: Meta says how many people the portfolio may write to first in 24 hours");
        }
    }
    alerts::settle(&**store, &KINDS, &checked.alerts, clock.now()).await?;
    Ok(checked.outcome)
}

fn unanswered(because: String) -> JobError {
    JobError::Retry { doing: "asking Meta how far our numbers may go", source: because.into() }
}
