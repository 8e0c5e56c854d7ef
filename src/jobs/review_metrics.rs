//! `review-metrics`: a month beside the one before it. Reads sums, a bounded sample of messages and what other jobs learnt from Meta; asks Meta
//! nothing, writes no message, and is safe to run at any time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::cost_report::Answered;
use crate::domain::limits_check::SaidByMeta;
use crate::domain::pricing::Tariff;
use crate::domain::review::{Kept, Month, MonthFacts, Review, SAMPLE_MAX, SaidFacts, Sampling, Times, spread};
use crate::domain::standing_job::{JobOutcome, JobRun, StandingJob};
use crate::jobs::JobError;
use crate::jobs::publish_report::Publishing;
use crate::jobs::report_costs::moments;
use crate::ports::{Costs, JobRuns, MessageTimes, Upkeep};

/// Messages that are read at once.
const STEP: usize = 500;

fn doing() -> impl FnOnce(crate::ports::StoreError) -> JobError {
    JobError::from_store("reviewing a month")
}

/// Reviews a month from the record; `None`: the last whole one.
///
/// # Errors
/// When the store cannot be asked.
pub async fn from_record<S>(
    store: &S,
    tariff: &Tariff,
    month: Option<Month>,
    now: Timestamp,
) -> Result<Review, JobError>
where
    S: Costs + JobRuns + MessageTimes + ?Sized,
{
    let month = month.unwrap_or_else(|| Month::before(tariff.day(now)));
    let kept = store.last_details(StandingJob::ReviewMetrics).await.map_err(doing())?;
    let kept = kept.and_then(|run| Kept::of_details(run.ended?.1.details?));
    let (said_before, times_before) = kept.map(|kept| kept.before(month)).unwrap_or_default();
    let said = store.last_details(StandingJob::SyncLimits).await.map_err(doing())?;
    let said = said.and_then(|run| SaidByMeta::of_details(run.ended?.1.details?));
    let times = times(store, tariff, month).await?;
    let before = month.previous();
    let times_before = match times_before {
        Some(times) => times,
        None => self::times(store, tariff, before).await?,
    };
    let (from, to) = moments(tariff, month.days());
    let answered: BTreeMap<Channel, Answered> = store.answered(from, to).await.map_err(doing())?;
    let now_facts = facts(store, tariff, month, times).await?;
    let facts_before = facts(store, tariff, before, times_before).await?;
    Ok(Review::new(month, now, now_facts, facts_before, answered, SaidFacts { now: said, before: said_before }))
}

/// What became of the messages of a month.
async fn facts<S>(store: &S, tariff: &Tariff, month: Month, times: Times) -> Result<MonthFacts, JobError>
where
    S: Costs + MessageTimes + ?Sized,
{
    let days = month.days();
    let (from, to) = moments(tariff, days);
    let calls = store.call_days(days.from, days.to).await.map_err(doing())?;
    let answers = store.answered_by_campaign(from, to).await.map_err(doing())?;
    Ok(MonthFacts { calls, answers, times })
}

/// How long its messages took, by a sample of those that were planned in it.
async fn times<S: MessageTimes + ?Sized>(store: &S, tariff: &Tariff, month: Month) -> Result<Times, JobError> {
    let (from, to) = moments(tariff, month.days());
    let Some((first, last)) = store.planned_between(from, to).await.map_err(doing())? else {
        return Ok(Times::default());
    };
    let mut sampling = Sampling::of(last.abs_diff(first).saturating_add(1));
    for numbers in spread(first, last, SAMPLE_MAX).chunks(STEP) {
        for message in store.steps_of(numbers.to_vec()).await.map_err(doing())? {
            sampling.add(&message);
        }
    }
    Ok(sampling.times())
}

/// What the schedule asks for: the review of the last whole month before the firing, kept as files and mailed. A run that is made again, or late,
/// reviews the same month, beside the same one.
///
/// # Errors
/// When the store, the folder or the mail server does not take it: another try does what is missing. What was mailed is not mailed again.
pub(super) async fn on_schedule(upkeep: &Upkeep, run: &JobRun) -> Result<JobOutcome, JobError> {
    let Upkeep { store, clock, catalogue, .. } = upkeep;
    let tariff = catalogue.tariff();
    let month = Month::before(tariff.day(run.due_at));
    let review = from_record(&**store, &tariff, Some(month), clock.now()).await?;
    let mut publishing = Publishing::keep(upkeep, &review).await;
    if run.arguments.get("email").map(String::as_str) != Some("no") {
        for (name, to) in publishing.mail(&review).await? {
            // Other reports are of other jobs.
            let Some(month) = Month::of_review(&name) else { continue };
            let late = from_record(&**store, &tariff, Some(month), clock.now()).await?;
            publishing.mail_to(&late, &to).await?;
        }
    }
    let mailed = publishing.end()?;
    let kept = format!("kept as {}", month.review());
    let more: Vec<String> = std::iter::once(kept).chain(mailed.said()).collect();
    Ok(review.outcome(&more, &mailed.wrong()))
}
