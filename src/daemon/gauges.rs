//! Gauges that are read from store and queues, at each scrape.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::alert::{AlertKind, Severity};
use crate::domain::hook::delivery::DeliveryState;
use crate::domain::language::Language;
use crate::domain::limits_check::{Quality, SaidByMeta};
use crate::domain::standing_job::{JobRun, StandingJob};
use crate::domain::suspension::Scope;
use crate::domain::token_check::TokenChecked;
use crate::http::Refresh;
use crate::ports::Services;
use crate::queue::lane::{Lane, Lanes};
use crate::telemetry::Metrics;

/// A scrape does not wait longer for a store or a Redis that does not answer; their gauges keep what they last showed.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// A template that the provider does not list, or of which nothing was read yet.
const UNLISTED: &str = "unlisted";
/// A state of a later version of the provider's.
const OTHER_STATUS: &str = "other";
/// The states of templates (…/templates/template-management, checked 2026-11), and what else there is.
const STATUSES: [&str; 12] = [
    "APPROVED",
    "PENDING",
    "REJECTED",
    "PAUSED",
    "DISABLED",
    "IN_APPEAL",
    "PENDING_DELETION",
    "DELETED",
    "LIMIT_EXCEEDED",
    "ARCHIVED",
    UNLISTED,
    OTHER_STATUS,
];

/// What a scrape calls.
pub(super) fn refresh(
    services: Services,
    lanes: Lanes,
    up: impl Fn() -> Vec<(&'static str, bool)> + Send + Sync + 'static,
    metrics: Arc<Metrics>,
) -> Refresh {
    Box::new(move || {
        for (queue, is_up) in up() {
            metrics.worker_up.with_label_values(&[queue]).set(i64::from(is_up));
        }
        let (services, lanes, metrics) = (services.clone(), lanes.clone(), Arc::clone(&metrics));
        Box::pin(async move {
            let queues = tokio::time::timeout(READ_WITHIN, queues(&services, &lanes, &metrics));
            let record = tokio::time::timeout(READ_WITHIN, record(&services, &metrics));
            let limits = tokio::time::timeout(READ_WITHIN, limits(&services, &metrics));
            let hooks = tokio::time::timeout(READ_WITHIN, hooks(&services, &metrics));
            let jobs = tokio::time::timeout(READ_WITHIN, standing_jobs(&services, &metrics));
            let templates = tokio::time::timeout(READ_WITHIN, templates(&services, &metrics));
            // Whoever is late is late: readiness is what says that something is wrong.
            let _ = tokio::join!(queues, record, limits, hooks, jobs, templates);
        })
    })
}

async fn queues(services: &Services, lanes: &Lanes, metrics: &Metrics) {
    let hooks = (!services.hooks.configured().is_empty()).then_some(Lane::Hooks);
    let lanes_in_use = [Lane::Replies, Lane::Sending, Lane::Retries, Lane::Fallbacks, Lane::News, Lane::Media];
    for lane in lanes_in_use.into_iter().chain(hooks) {
        if let Ok(depth) = lanes.depth(lane).await {
            let waiting = depth.ready + depth.delayed + depth.leased;
            metrics.queue_depth.with_label_values(&[lane.name()]).set(i64::try_from(waiting).unwrap_or(i64::MAX));
            let oldest = depth.oldest.unwrap_or_default().as_secs_f64();
            metrics.queue_oldest.with_label_values(&[lane.name()]).set(oldest);
        }
    }
}

async fn hooks(services: &Services, metrics: &Metrics) {
    let hooks = services.hooks.configured();
    if hooks.is_empty() {
        return;
    }
    let (counts, healths) = (services.store.hook_counts().await, services.store.hook_healths().await);
    let (Ok(counts), Ok(healths)) = (counts, healths) else { return };
    let now = services.clock.now();
    for hook in hooks {
        let waiting = counts.iter().find(|(name, state, _)| *name == hook.name && *state == DeliveryState::Waiting);
        let waiting = waiting.map_or(0, |(.., n)| *n);
        let label = [hook.name.as_str()];
        metrics.hook_waiting.with_label_values(&label).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let health = healths.iter().find(|(name, _)| *name == hook.name).map(|(_, health)| health);
        let is_well = health.is_none_or(|health| health.allowance(&hook.fingerprint, 2, now) == 2);
        metrics.hook_up.with_label_values(&label).set(i64::from(is_well));
    }
}

/// Of the record, since any process may have done the job.
async fn standing_jobs(services: &Services, metrics: &Metrics) {
    for entry in services.catalogue.standing_jobs() {
        if let Ok(Some(JobRun { ended: Some((at, _)), .. })) = services.store.last_job(&entry.name, true).await {
            metrics.job_last_success.with_label_values(&[entry.name.as_str()]).set(at.as_duration().as_secs_f64());
        }
    }
    if let Ok(Some(JobRun { ended: Some((_, outcome)), .. })) =
        services.store.last_details(StandingJob::VerifyToken).await
        && let Some(token) = outcome.details.and_then(|details| serde_json::from_value::<TokenChecked>(details).ok())
    {
        metrics.token_expires.set(token.seconds_left(services.clock.now()));
    }
    if let Ok(Some(JobRun { ended: Some((_, outcome)), .. })) =
        services.store.last_details(StandingJob::SyncLimits).await
        && let Some(said) = outcome.details.and_then(SaidByMeta::of_details)
    {
        for (sender, facts) in &said.numbers {
            let found = Quality::of_meta(&facts.quality);
            for quality in Quality::ALL {
                let gauge = metrics.number_quality.with_label_values(&[sender.as_str(), quality.name()]);
                gauge.set(i64::from(quality == found));
            }
        }
    }
    if let Ok(open) = services.store.open_alerts().await {
        for kind in AlertKind::ALL {
            for severity in Severity::ALL {
                let n = open.iter().filter(|alert| alert.kind == kind && alert.severity == severity).count();
                let gauge = metrics.alerts_open.with_label_values(&[kind.name(), severity.name()]);
                gauge.set(i64::try_from(n).unwrap_or(i64::MAX));
            }
        }
    }
}

/// Of several accounts, the first that lists it speaks.
async fn templates(services: &Services, metrics: &Metrics) {
    let Ok(kept) = services.store.kept_templates().await else { return };
    for template in services.catalogue.templates() {
        for language in Language::ALL.map(|language| template.language_code(language)) {
            let name = template.approved_name();
            let found = kept.iter().find(|one| one.facts.name == name && one.facts.language == language);
            let status = found.map_or(UNLISTED, |one| one.facts.status.as_str());
            for known in STATUSES {
                let other = known == OTHER_STATUS && !STATUSES.contains(&status);
                let gauge = metrics.template_status.with_label_values(&[name, language, known]);
                gauge.set(i64::from(known == status || other));
            }
        }
    }
}

async fn limits(services: &Services, metrics: &Metrics) {
    for sender in services.limits.standing().await.unwrap_or_default() {
        metrics.number_rate.with_label_values(&[sender.sender.as_str()]).set(sender.mps_now);
        #[expect(clippy::cast_precision_loss, reason = "a tier is far below what a float counts exactly")]
        metrics.tier_used.with_label_values(&[sender.portfolio.as_str()]).set(sender.tier_used as f64);
        let tier = sender.tier.map_or(f64::INFINITY, f64::from);
        metrics.tier.with_label_values(&[sender.portfolio.as_str()]).set(tier);
    }
}

async fn record(services: &Services, metrics: &Metrics) {
    if let Ok(unknown) = services.store.unknown_count().await {
        metrics.unknown_messages.set(i64::try_from(unknown).unwrap_or(i64::MAX));
    }
    if let Ok(in_force) = services.store.suspensions(services.clock.now()).await {
        for kind in Scope::KINDS {
            let n = in_force.iter().filter(|suspension| suspension.scope.kind() == kind).count();
            metrics.suspensions.with_label_values(&[kind]).set(i64::try_from(n).unwrap_or(i64::MAX));
        }
    }
    if let Ok(counts) = services.store.suspension_counts().await {
        for (cause, n) in counts {
            let counter = metrics.suspensions_ever.with_label_values(&[cause.as_str()]);
            counter.inc_by(n.saturating_sub(counter.get()));
        }
    }
    if let Ok(waiting) = services.store.media_waiting().await {
        metrics.media_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
    if let Ok((lag, waiting)) = services.store.lag(services.clock.now()).await {
        metrics.news_lag.set(lag.as_secs_f64());
        metrics.news_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}
