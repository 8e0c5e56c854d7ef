//! Asks Meta whether everything stands there as we need it: token, each number, templates and webhook of each account. Changes nothing.

use jiff::Timestamp;

use crate::domain::live_check::{
    OurNumber, Ours, Step, WantedTemplate, judge_account, judge_number, judge_subscription, judge_templates,
    judge_token,
};
use crate::ports::Management;

/// Looks at everything, one step after the other; `templates`: those that we have.
pub async fn run(meta: &dyn Management, ours: &Ours, templates: &[WantedTemplate], now: Timestamp) -> Vec<Step> {
    let app_id = ours.app_id.as_deref();
    let mut steps = vec![match meta.token().await {
        Ok(facts) => judge_token(&facts, app_id, now),
        Err(because) => Step::unanswered("token", &because),
    }];
    for OurNumber { name: sender, mps, .. } in &ours.numbers {
        steps.push(match meta.number(sender).await {
            Ok(facts) => judge_number(sender.as_str(), &facts, *mps, ours.callback_url.as_deref()),
            Err(because) => Step::unanswered(&format!("number {sender}"), &because),
        });
    }
    for account in ours.accounts() {
        steps.push(match meta.account(account).await {
            Ok(facts) => judge_account(account, &facts),
            Err(because) => Step::unanswered(&format!("account {account}"), &because),
        });
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
