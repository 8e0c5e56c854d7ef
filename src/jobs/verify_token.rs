//! Asks Meta about the access token: whether it takes it and until when, what it may do, how old it is; whether each number answers with it and
//! whether our app hears of each account. Takes no input and is safe to run twice.

use std::collections::BTreeSet;

use crate::domain::failure::FailureClass;
use crate::domain::live_check::{judge_number, judge_subscription};
use crate::domain::standing_job::JobOutcome;
use crate::domain::suspension::{Cause, Scope, automatic};
use crate::domain::token_check::{Checked, Found, judge};
use crate::jobs::{JobError, alerts, react};
use crate::ports::Upkeep;

/// Meta's code for a token that it does not take (developers.facebook.com/docs/graph-api/guides/error-handling, checked 2026-11-22).
const REFUSED_CODE: i64 = 190;

/// Does it.
///
/// # Errors
/// When Meta or the store could not be asked: nothing is known then, and nothing changes.
pub(super) async fn run(upkeep: &Upkeep) -> Result<JobOutcome, JobError> {
    let Upkeep { store, management, ours, clock, .. } = upkeep;
    let asked_at = clock.now();
    let app_id = ours.app_id.as_deref();
    let mut found = Found { token: management.token().await.map_err(unanswered)?, ..Found::default() };
    if found.token.is_valid {
        for (sender, _, mps) in &ours.numbers {
            let facts = management.number(sender).await.map_err(unanswered)?;
            let step = judge_number(sender.as_str(), &facts, *mps, ours.callback_url.as_deref());
            found.numbers.push((sender.clone(), step));
        }
        let accounts: BTreeSet<&str> = ours.numbers.iter().filter_map(|(_, account, _)| account.as_deref()).collect();
        for account in accounts {
            let apps = management.subscribed_apps(account).await.map_err(unanswered)?;
            found.accounts.push((account.to_owned(), judge_subscription(account, &apps, app_id)));
        }
    }
    let now = clock.now();
    let Checked { alerts, known, outcome } = judge(&found, app_id, now);
    if !found.token.is_valid {
        // What every message would meet need not be met by one first. It is asked again and again, and goes on when a good token is there.
        for (sender, ..) in &ours.numbers {
            let cause = Cause::Refusal { class: FailureClass::Credentials, code: Some(REFUSED_CODE) };
            let mut wanted = automatic(Scope::Sender(sender.clone()), cause, &upkeep.suspensions, now);
            wanted.shown_at = Some(asked_at);
            react::suspend(&**store, wanted, now).await;
        }
    }
    for kind in known {
        let wanted = alerts.iter().filter(|alert| alert.kind == kind).cloned().collect();
        alerts::settle(&**store, kind, wanted, now).await?;
    }
    Ok(outcome)
}

fn unanswered(because: String) -> JobError {
    JobError::Retry { doing: "asking Meta about the access token", source: because.into() }
}
