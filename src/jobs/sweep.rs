//! Finds what is due and has no live job: the reason why a lost Redis loses time, not messages. Takes no input and is safe to run
//! twice; queuing what is queued already is harmless.

use jiff::{SignedDuration, Timestamp};

use crate::domain::delivery::{Delivery, Effect, Fact, Standing};
use crate::domain::ids::{JournalId, MessageId};
use crate::domain::silence::after_silence;
use crate::jobs::run_campaign::Definitions;
use crate::jobs::{JobError, wake};
use crate::ports::{LoadedMessage, Services, Wanted};

/// Rows handled in one step.
const STEP: u64 = 500;
/// How far back the delays of callbacks are looked at,
const CALLBACKS_LATELY: SignedDuration = SignedDuration::from_hours(1);
/// and what is slower than this was no delay but an outage.
const PATIENCE_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Work younger than this is left to the jobs that are on their way.
const GRACE: SignedDuration = SignedDuration::from_secs(3);

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Calls whose owner died: now unknown.
    pub orphaned: u64,
    /// Unknowns that were decided.
    pub decided: u64,
    /// Messages queued, or queued again.
    pub queued: u64,
    /// Journal rows queued again.
    pub journal: u64,
}

/// One sweep over the record, by a process that hears callbacks since `watching_since`.
///
/// # Errors
/// When store or queue could not be asked; the next sweep goes on.
pub async fn run(services: &Services, definitions: &Definitions, watching_since: Timestamp) -> Result<Swept, JobError> {
    let mut swept = Swept::default();
    due(services, definitions, watching_since, &mut swept).await?;
    waiting(services, &mut swept).await?;
    journal(services, &mut swept).await?;
    plans(services).await?;
    if swept != Swept::default() {
        tracing::debug!(
            orphaned = swept.orphaned,
            decided = swept.decided,
            queued = swept.queued,
            journal = swept.journal,
            "swept"
        );
    }
    Ok(swept)
}

/// Held messages whose moment has come, calls whose lease ran out, unknowns to be decided.
async fn due(
    services: &Services,
    definitions: &Definitions,
    watching_since: Timestamp,
    swept: &mut Swept,
) -> Result<(), JobError> {
    let doing = "sweeping due messages";
    let mut after = None;
    loop {
        let now = services.clock.now();
        let due = services.store.due(now, after, STEP).await.map_err(JobError::from_store(doing))?;
        let full = due.len() as u64 == STEP;
        // Held messages stay due until their job has run, those of a paused run for long: the sweep goes past them.
        let last = due.last().and_then(|message| Some((message.standing.delivery.due_at()?, message.id)));
        let mut waiting: Vec<(Wanted, MessageId, u16)> = Vec::new();
        for message in due {
            match message.standing.delivery {
                Delivery::Held { .. } => {
                    waiting.push((wake::lane(message.standing.channel), message.id, message.standing.attempt));
                }
                Delivery::Calling { .. } => {
                    let decide_at = now.saturating_add(unknown_after(services, definitions, &message).await?);
                    let decide_at = decide_at.unwrap_or(Timestamp::MAX);
                    learn(
                        services,
                        &message,
                        Fact::Unanswered { decide_at, because: "whoever called it is gone".to_owned() },
                    )
                    .await?;
                    swept.orphaned += 1;
                }
                Delivery::Unknown { .. } => {
                    let fact = verdict(services, definitions, watching_since, &message).await?;
                    let again = fact == Fact::SendAgain;
                    swept.decided += u64::from(!matches!(fact, Fact::StillSilent { .. }));
                    if learn(services, &message, fact).await?.is_some() && again {
                        waiting.push((wake::lane(message.standing.channel), message.id, message.standing.attempt));
                    }
                }
                Delivery::Submitted { .. } | Delivery::Sent { .. } => {
                    if let Some(next) = learn(services, &message, Fact::NotDelivered).await?
                        && matches!(next.delivery, Delivery::Held { .. })
                    {
                        wake::count(services, message.standing.channel, &next);
                        waiting.push((wake::lane(next.channel), message.id, next.attempt));
                    }
                }
                _ => {}
            }
        }
        swept.queued += waiting.len() as u64;
        for lane in [Wanted::Retries, Wanted::Fallbacks] {
            let of_lane = waiting.iter().filter(|(wanted, ..)| *wanted == lane);
            let jobs: Vec<_> = of_lane.map(|(_, id, attempts)| (*id, *attempts)).collect();
            services.queue.send(lane, &jobs, None).await.map_err(JobError::from_queue(doing))?;
        }
        if !full || last.is_none() {
            return Ok(());
        }
        after = last;
    }
}

/// The standing after the fact, if it changed.
async fn learn(services: &Services, message: &LoadedMessage, fact: Fact) -> Result<Option<Standing>, JobError> {
    let name = fact.name();
    let effect = services
        .store
        .learn(message.id, message.standing.attempt, fact, services.clock.now())
        .await
        .map_err(JobError::from_store("recording what a silence means"))?;
    let Effect::Changed(next) = effect else { return Ok(None) };
    if !matches!(name, "still-silent" | "not-delivered") {
        tracing::info!(message.id = %message.id, attempt.number = message.standing.attempt, event = name, "a call without an answer is settled");
    }
    Ok(Some(next))
}

async fn verdict(
    services: &Services,
    definitions: &Definitions,
    watching_since: Timestamp,
    message: &LoadedMessage,
) -> Result<Fact, JobError> {
    let rule = match message.run {
        Some(run) => definitions.of(services, run).await?.delivery.on_unknown,
        None => services.rules.on_unknown,
    };
    let called_at = message.called_at.unwrap_or(message.planned_at);
    let heard = services
        .store
        .others_were_heard(message.standing.channel, &message.sender, called_at)
        .await
        .map_err(JobError::from_store("asking whether callbacks came in"))?;
    let wait = unknown_after(services, definitions, message).await?;
    let now = services.clock.now();
    let lately = now.saturating_sub(CALLBACKS_LATELY).unwrap_or(Timestamp::MIN);
    let slowest = services
        .store
        .slowest_callback(message.standing.channel, &message.sender, lately)
        .await
        .map_err(JobError::from_store("asking how slow callbacks are"))?;
    let patience = slowest.unwrap_or_default().min(PATIENCE_MAX).saturating_mul(2);
    let mut not_before = after(called_at, patience);
    // Only silence that somebody could have heard counts: not that of the time before we were here, when what was told waits to be
    // told again, and not while callbacks of that time lie in the journal and nobody has looked at them.
    if called_at < watching_since {
        not_before = not_before.max(after(watching_since, wait));
    }
    let decide_at = message.standing.delivery.due_at().unwrap_or(now);
    let unheard = services
        .store
        .waiting(after(decide_at, SignedDuration::from_millis(1)), 1)
        .await
        .map_err(JobError::from_store("asking whether callbacks wait to be applied"))?;
    if !unheard.is_empty() {
        not_before = not_before.max(after(now, wait));
    }
    Ok(after_silence(rule, heard, message.expires_at, wait, not_before, now))
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

async fn unknown_after(
    services: &Services,
    definitions: &Definitions,
    message: &LoadedMessage,
) -> Result<SignedDuration, JobError> {
    Ok(match message.run {
        Some(run) => definitions.of(services, run).await?.delivery.unknown_after,
        None => services.rules.unknown_after,
    })
}

/// Messages that were fed (or stand alone) and wait: their job may be gone with a Redis.
async fn waiting(services: &Services, swept: &mut Swept) -> Result<(), JobError> {
    let doing = "queuing waiting messages again";
    let runs = services.store.active().await.map_err(JobError::from_store(doing))?;
    for run in runs.into_iter().filter(|run| run.state.sends()) {
        let mut after: Option<MessageId> = None;
        loop {
            let page =
                services.store.fed_and_waiting(run.id, after, STEP).await.map_err(JobError::from_store(doing))?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            swept.queued += page.len() as u64;
            // Those with attempts behind them are retries; the lanes differ, so that retries do not starve fresh work.
            let (fresh, again): (Vec<_>, Vec<_>) = page.into_iter().partition(|(_, attempts)| *attempts == 0);
            services.queue.send(Wanted::Sending, &fresh, None).await.map_err(JobError::from_queue(doing))?;
            services.queue.send(Wanted::Retries, &again, None).await.map_err(JobError::from_queue(doing))?;
        }
    }
    let before = services.clock.now().saturating_sub(GRACE).unwrap_or(Timestamp::MIN);
    let single = services.store.single_waiting(before, STEP).await.map_err(JobError::from_store(doing))?;
    swept.queued += single.len() as u64;
    services.queue.send(Wanted::Replies, &single, None).await.map_err(JobError::from_queue(doing))
}

/// Callbacks that are kept and not applied.
async fn journal(services: &Services, swept: &mut Swept) -> Result<(), JobError> {
    let doing = "queuing callbacks again";
    let before = services.clock.now().saturating_sub(GRACE).unwrap_or(Timestamp::MIN);
    let rows: Vec<JournalId> = services.store.waiting(before, 4 * STEP).await.map_err(JobError::from_store(doing))?;
    swept.journal += rows.len() as u64;
    services.queue.apply(&rows).await.map_err(JobError::from_queue(doing))
}

/// Runs whose audience is not resolved whole: their job may be gone too.
async fn plans(services: &Services) -> Result<(), JobError> {
    let doing = "queuing unresolved audiences again";
    let runs = services.store.active().await.map_err(JobError::from_store(doing))?;
    for run in runs.into_iter().filter(|run| !run.planned_whole) {
        services.queue.plan(run.id).await.map_err(JobError::from_queue(doing))?;
    }
    Ok(())
}
