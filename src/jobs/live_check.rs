//! Asks Meta whether everything stands there as we need it: token, each number, templates and webhook of each account. Changes nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::live_check::{
    Ours, Step, WantedTemplate, judge_number, judge_subscription, judge_templates, judge_token,
};
use crate::ports::Management;

/// Looks at everything, one step after the other; `templates`: those that we have.
pub async fn run(meta: &dyn Management, ours: &Ours, templates: &[WantedTemplate], now: Timestamp) -> Vec<Step> {
    let app_id = ours.app_id.as_deref();
    let mut steps = vec![match meta.token().await {
        Ok(facts) => judge_token(&facts, app_id, now),
        Err(because) => Step::unanswered("token", &because),
    }];
    for (sender, _, mps) in &ours.numbers {
        steps.push(match meta.number(sender).await {
            Ok(facts) => judge_number(sender.as_str(), &facts, *mps, ours.callback_url.as_deref()),
            Err(because) => Step::unanswered(&format!("number {sender}"), &because),
        });
    }
    let accounts: BTreeSet<&str> = ours.numbers.iter().filter_map(|(_, account, _)| account.as_deref()).collect();
    for account in accounts {
        steps.push(match meta.templates(account).await {
            Ok(found) => judge_templates(account, templates, &found),
            Err(because) => Step::unanswered(&format!("templates of {account}"), &because),
        });
        steps.push(match meta.subscribed_apps(account).await {
            Ok(apps) => judge_subscription(account, &apps, app_id),
            Err(because) => Step::unanswered(&format!("webhook of {account}"), &because),
        });
    }
    steps
}
