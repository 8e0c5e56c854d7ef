//! `report-costs`: what messages cost in some days, from every side. Reads sums only, writes nothing, and is safe to run at any time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use crate::domain::cost_report::{CostReport, Days, Facts, MetaCost, WantedDays};
use crate::domain::pricing::Tariff;
use crate::jobs::JobError;
use crate::ports::{Costs, Management, Services};

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
fn moments(tariff: &Tariff, days: Days) -> (Timestamp, Timestamp) {
    let begin = |day: Date| tariff.zone.instant(day.to_datetime(Time::midnight()));
    let from = begin(days.from).unwrap_or(Timestamp::MIN);
    let to = days.to.tomorrow().ok().and_then(begin).unwrap_or(Timestamp::MAX);
    (from, to)
}
