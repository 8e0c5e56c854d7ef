//! Looks whether callbacks come in while we send, whether we keep up with them, and whether our app is subscribed. Takes no input and is safe to
//! run twice.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::callback_watch::{GRACE, LOOK_BACK, Watch, judge};
use crate::domain::live_check::judge_subscription;
use crate::domain::standing_job::JobOutcome;
use crate::jobs::{JobError, alerts};
use crate::ports::Upkeep;

/// Does it.
///
/// # Errors
/// When the store could not be asked. Meta's silence is no error: the rest is known without it.
pub(super) async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let doing = "looking whether callbacks come in";
    let Upkeep { store, management, ours, clock, .. } = upkeep;
    let now = clock.now();
    let ago = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let called = store.called_lately(ago(LOOK_BACK), ago(GRACE)).await.map_err(JobError::from_store(doing))?;
    let (lag, waiting) = store.lag(now).await.map_err(JobError::from_store(doing))?;
    let mut watch = Watch { called, lag, waiting, ..Watch::default() };
    let accounts: BTreeSet<&str> = ours.numbers.iter().filter_map(|(_, account, _)| account.as_deref()).collect();
    for account in accounts {
        match management.subscribed_apps(account).await {
            Ok(apps) => {
                let step = judge_subscription(account, &apps, ours.app_id.as_deref());
                watch.accounts.push((account.to_owned(), step));
            }
            Err(because) => {
                watch.unanswered += 1;
                tracing::debug!(error = because, "Meta does not say which apps hear of an account");
            }
        }
    }
    let (wanted, known, outcome) = judge(&watch);
    for kind in known {
        let wanted = wanted.iter().filter(|alert| alert.kind == kind).cloned().collect();
        alerts::settle(&**store, kind, wanted, now).await?;
    }
    Ok(outcome)
}
