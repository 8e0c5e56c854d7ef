//! Opens the firings of standing jobs whose moment has come, and carries them out: each once, however many processes watch the clock, and again
//! where the process that had one in hand died.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::alert::{AlertKind, AlertScope, NewAlert, Severity};
use crate::domain::causes::in_one_line;
use crate::domain::ids::{JobName, JobRunId};
use crate::domain::standing_job::{
    AfterFailure, JobOutcome, JobResult, JobRun, JobTrigger, StandingJob, TRIES_MAX, after_failure, firing_due,
};
use crate::jobs::{JobError, alerts, standing};
use crate::ports::{JobEnded, NewJobRun, Upkeep};

/// How long a run belongs to a process that says nothing more.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often the holder says that it still has it: three times in a lease.
pub const HELD_EVERY: std::time::Duration = std::time::Duration::from_secs(20);
/// A job that could not do its work comes again after this, should the schedule not fire before.
const AGAIN_AFTER_FAILURE: SignedDuration = SignedDuration::from_hours(6);

/// Opens what is due; answers the new runs.
///
/// # Errors
/// When the store could not be asked; the next look finds what is still due.
pub async fn open_due(upkeep: &Upkeep) -> Result<Vec<JobRunId>, JobError> {
    let doing = "looking for standing jobs that are due";
    let mut opened = Vec::new();
    for entry in upkeep.catalogue.standing_jobs() {
        let (definition, now) = (entry.definition(), upkeep.clock.now());
        let fired = upkeep.store.fired(&entry.name, &definition).await.map_err(JobError::from_store(doing))?;
        let Some(fired) = fired else {
            upkeep.store.watch_job(&entry.name, &definition, now).await.map_err(JobError::from_store(doing))?;
            continue;
        };
        if let Some(due_at) = firing_due(&entry, &fired, now) {
            let new = NewJobRun {
                name: entry.name.clone(),
                job: entry.job,
                arguments: entry.arguments.clone(),
                trigger: JobTrigger::Schedule,
                due_at,
            };
            let (run, is_new) = upkeep.store.open_job(new, now).await.map_err(JobError::from_store(doing))?;
            if is_new {
                tracing::info!(job.run = %run.id, job.name = %run.name, due_at = %run.due_at, "a standing job is due");
                opened.push(run.id);
            }
        }
    }
    Ok(opened)
}

/// What an operator names: an entry of the schedule, or a job with its usual arguments.
pub fn named(upkeep: &Upkeep, name: &JobName) -> Option<(StandingJob, BTreeMap<String, String>)> {
    let entry = upkeep.catalogue.standing_jobs().into_iter().find(|entry| entry.name == *name);
    if let Some(entry) = entry {
        return Some((entry.job, entry.arguments.clone()));
    }
    let job = StandingJob::named(name.as_str())?;
    let usual = job.parameters().iter().filter_map(|parameter| Some((parameter.key, *parameter.words.first()?)));
    Some((job, usual.map(|(key, word)| (key.to_owned(), word.to_owned())).collect()))
}

/// Opens a run that an operator asks for; `None`: there is no such job.
///
/// # Errors
/// When the store could not be asked.
pub async fn open_by_hand(upkeep: &Upkeep, name: &JobName, by: &str) -> Result<Option<JobRun>, JobError> {
    let Some((job, arguments)) = named(upkeep, name) else { return Ok(None) };
    let now = upkeep.clock.now();
    let trigger = JobTrigger::Operator(by.to_owned());
    let new = NewJobRun { name: name.clone(), job, arguments, trigger, due_at: now };
    let opened =
        upkeep.store.open_job(new, now).await.map_err(JobError::from_store("opening a run of a standing job"))?;
    Ok(Some(opened.0))
}

/// Takes the next run, or this one; `None`: there is none that nobody has in hand.
///
/// # Errors
/// When the store could not be asked.
pub async fn take(upkeep: &Upkeep, which: Option<JobRunId>) -> Result<Option<JobRun>, JobError> {
    let now = upkeep.clock.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(now);
    let doing = "taking a standing job in hand";
    upkeep.store.take_job(which, lease_until, now).await.map_err(JobError::from_store(doing))
}

/// Says that a run is still in hand; answers whether it is.
///
/// # Errors
/// When the store could not be asked.
pub async fn hold(upkeep: &Upkeep, run: &JobRun) -> Result<bool, JobError> {
    let now = upkeep.clock.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(now);
    let doing = "holding on to a standing job";
    upkeep.store.hold_job(run.id, run.tries, lease_until).await.map_err(JobError::from_store(doing))
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The job did its work, and found this.
    Done(JobOutcome),
    /// It could not, and is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Why it could not.
        because: String,
    },
    /// It could not, and is not tried again.
    GivenUp(JobOutcome),
    /// It was broken off, because we stop: that is no try.
    BrokenOff,
}

/// Does what a run is for; answers how the try went. Records nothing of it.
pub async fn carry_out(upkeep: &Upkeep, run: &JobRun) -> Carried {
    let failed = |summary: String| {
        let again_at = upkeep.clock.now().checked_add(AGAIN_AFTER_FAILURE).ok();
        Carried::GivenUp(JobOutcome { again_at, ..JobOutcome::new(JobResult::Failed, summary) })
    };
    let Some(job) = StandingJob::named(&run.job) else {
        return failed(format!("cannot be done: this version of barid has no job `{}`", run.job));
    };
    if run.tries > TRIES_MAX {
        return failed(format!("was given up: the process ended in the middle of it {TRIES_MAX} times"));
    }
    let error = match standing::run(upkeep, job, run).await {
        Ok(outcome) => return Carried::Done(outcome),
        Err(error) => error,
    };
    let can_help = matches!(error, JobError::Retry { .. });
    tracing::warn!(job.run = %run.id, job.name = %run.name, tries = run.tries, error = %in_one_line(&error), "a standing job could not do its work");
    match after_failure(run.tries, can_help, upkeep.clock.now()) {
        AfterFailure::Again(at) => Carried::Again { at, because: in_one_line(&error) },
        // What the cause says may quote what nobody is to read; it is in the log.
        AfterFailure::GiveUp => failed(format!("failed while {error}; the log says why")),
    }
}

/// Records how a try went, with the alert that a job which cannot do its work is.
///
/// # Errors
/// When the store could not be asked: the lease runs out, and the job is run once more.
pub async fn end(upkeep: &Upkeep, run: &JobRun, carried: Carried) -> Result<(), JobError> {
    let (now, doing) = (upkeep.clock.now(), "recording how a standing job ended");
    let scope = AlertScope::Job(run.name.clone());
    let ended = match carried {
        Carried::Done(outcome) => {
            alerts::clear(&*upkeep.store, AlertKind::JobFailed, scope, now).await?;
            JobEnded::Outcome(outcome)
        }
        Carried::GivenUp(outcome) => {
            let text = format!(
                "the standing job `{}` {}; `barid job run {}` tries it again",
                run.name, outcome.summary, run.name
            );
            let new = NewAlert { kind: AlertKind::JobFailed, scope, severity: Severity::Critical, text };
            alerts::raise(&*upkeep.store, new, now).await?;
            JobEnded::Outcome(outcome)
        }
        Carried::Again { at, .. } => JobEnded::Again { at, counts: true },
        Carried::BrokenOff => JobEnded::Again { at: now, counts: false },
    };
    let was_ours = upkeep.store.end_job(run.id, run.tries, ended.clone(), now).await;
    if !was_ours.map_err(JobError::from_store(doing))? {
        return Ok(());
    }
    if let JobEnded::Outcome(JobOutcome { result, summary, .. }) = &ended {
        let (name, result) = (&run.name, result.name());
        match result {
            "ok" => tracing::info!(job.run = %run.id, job.name = %name, result, "{summary}"),
            "warning" => tracing::warn!(job.run = %run.id, job.name = %name, result, "{summary}"),
            _ => tracing::error!(job.run = %run.id, job.name = %name, result, "{summary}"),
        }
    }
    Ok(())
}
