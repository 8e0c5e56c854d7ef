//! `report-costs`: what messages cost in some days, from every side. Reads sums only, and is safe to run at any time. By the schedule the report is
//! kept as files and mailed, once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde_json::json;

use crate::domain::cost_report::{CostReport, Days, Facts, MetaCost, Period, Sum, WantedDays};
use crate::domain::pricing::Tariff;
use crate::domain::report::Report as _;
use crate::domain::standing_job::{JobOutcome, JobResult, JobRun};
use crate::jobs::JobError;
use crate::jobs::mail_report::Mailed;
use crate::jobs::publish_report::Publishing;
use crate::ports::{Costs, Management, Services, Upkeep};

/// Reports on the wanted days.
///
/// # Errors
/// When the store cannot be asked. That Meta does not answer is told in the report.
pub async fn run(services: &Services, wanted: WantedDays) -> Result<CostReport, JobError> {
    let days = wanted.days(services.catalogue.tariff().day(services.clock.now()));
    let accounts = services.rules.accounts.values().flatten().cloned().collect();
    let tariff = services.catalogue.tariff();
    let meta = from_meta(&*services.management, &accounts, &tariff, days).await;
    from_record(services.store.as_ref(), &tariff, days, meta, services.clock.now()).await
}

/// Reports from the record alone, with what Meta said where it was asked.
///
/// # Errors
/// When the store cannot be asked.
pub async fn from_record<C: Costs + ?Sized>(
    store: &C,
    tariff: &Tariff,
    days: Days,
    meta: Option<Result<Vec<MetaCost>, String>>,
    now: Timestamp,
) -> Result<CostReport, JobError> {
    let doing = || JobError::from_store("summing up costs");
    let before = days.previous();
    let (from, to) = moments(tariff, days);
    let facts = Facts {
        costs: store.cost_days(days.from, days.to).await.map_err(doing())?,
        calls: store.call_days(days.from, days.to).await.map_err(doing())?,
        costs_before: store.cost_days(before.from, before.to).await.map_err(doing())?,
        answered: store.answered(from, to).await.map_err(doing())?,
        meta,
    };
    Ok(CostReport::new(days, now, tariff.currency, facts))
}

/// What Meta's analytics say of all our accounts; `None` where no account is known.
pub async fn from_meta(
    meta: &dyn Management,
    accounts: &BTreeSet<String>,
    tariff: &Tariff,
    days: Days,
) -> Option<Result<Vec<MetaCost>, String>> {
    if accounts.is_empty() {
        return None;
    }
    let (from, to) = moments(tariff, days);
    let mut all = Vec::new();
    for account in accounts {
        match meta.pricing(account, from, to).await {
            Ok(costs) => all.extend(costs),
            Err(because) => return Some(Err(because)),
        }
    }
    Some(Ok(all))
}

/// When the first day begins, and when the last one has ended.
pub(super) fn moments(tariff: &Tariff, days: Days) -> (Timestamp, Timestamp) {
    let begin = |day: Date| tariff.zone.instant(day.to_datetime(Time::midnight()));
    let from = begin(days.from).unwrap_or(Timestamp::MIN);
    let to = days.to.tomorrow().ok().and_then(begin).unwrap_or(Timestamp::MAX);
    (from, to)
}

/// What the schedule asks for: the report on the last whole period before the firing, kept as files and mailed. A run that is made again, or late,
/// reports on the same days.
///
/// # Errors
/// When the store, the folder or the mail server does not take it: another try does what is missing. What was mailed is not mailed again.
pub(super) async fn on_schedule(upkeep: &Upkeep, run: &JobRun) -> Result<JobOutcome, JobError> {
    let argument = |key| run.arguments.get(key).map(String::as_str);
    let (tariff, period) =
        (upkeep.catalogue.tariff(), argument("period").and_then(Period::named).unwrap_or(Period::Day));
    let days = period.before(tariff.day(run.due_at));
    let report = on(upkeep, &tariff, days).await?;
    let mut publishing = Publishing::keep(upkeep, &report).await;
    if argument("email") != Some("no") {
        for (name, to) in publishing.mail(&report).await? {
            // Other reports are of other jobs.
            let Some(days) = CostReport::days_of(&name) else { continue };
            let late = on(upkeep, &tariff, days).await?;
            publishing.mail_to(&late, &to).await?;
        }
    }
    Ok(outcome(&report, &publishing.end()?))
}

/// The report on these days, of all our accounts.
async fn on(upkeep: &Upkeep, tariff: &Tariff, days: Days) -> Result<CostReport, JobError> {
    let Upkeep { store, management, ours, clock, .. } = upkeep;
    let accounts = ours.accounts().into_iter().map(str::to_owned).collect();
    let meta = from_meta(&**management, &accounts, tariff, days).await;
    from_record(&**store, tariff, days, meta, clock.now()).await
}

/// What came of it.
fn outcome(report: &CostReport, mailed: &Mailed) -> JobOutcome {
    let Sum { paid, free, micros, .. } = report.total;
    let cost = report.money(micros);
    let mut summary = format!("{}: {cost} ({paid} charged, {free} free); kept as {}", report.days, report.name());
    for one in mailed.said() {
        summary.push_str(&format!("; {one}"));
    }
    let mut wrong = mailed.wrong();
    if let Some(because) = &report.sides.meta_missing {
        wrong.push(format!("Meta's analytics are missing: {because}"));
    }
    let result = if wrong.is_empty() { JobResult::Ok } else { JobResult::Warning };
    for one in wrong {
        summary.push_str(&format!("; {one}"));
    }
    let details = json!({
        "from": report.days.from.to_string(),
        "to": report.days.to.to_string(),
        "cost": cost.to_decimal(),
        "currency": report.currency.code(),
        "charged": paid,
        "free": free,
        "mailed": mailed.sent,
        "mailed_before": mailed.before,
        "mail_unknown": mailed.unknown,
        "mail_refused": mailed.nobody,
    });
    JobOutcome { details: Some(details), ..JobOutcome::new(result, summary) }
}
