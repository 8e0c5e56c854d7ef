//! The firings of standing jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::{JobName, JobRunId};
use crate::domain::standing_job::{Fired, JobOutcome, JobRun, JobTrigger, StandingJob};
use crate::ports::{Page, Stored};

/// A run to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJobRun {
    /// The entry of the schedule, or the job's own name.
    pub name: JobName,
    /// The job.
    pub job: StandingJob,
    /// Its arguments.
    pub arguments: BTreeMap<String, String>,
    /// Who asks for it.
    pub trigger: JobTrigger,
    /// For when it is due.
    pub due_at: Timestamp,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnded {
    /// The run is over.
    Outcome(JobOutcome),
    /// It is to be tried again then.
    Again {
        /// Not before.
        at: Timestamp,
        /// Whether the try counts: one that was broken off because we stop does not.
        counts: bool,
    },
}

/// The runs of standing jobs: each firing once, in the hands of one process at a time, and what came of it.
#[async_trait]
pub trait JobRuns: Send + Sync {
    /// What is known of the firings of an entry that has this schedule (`definition`); `None` while nobody watches it.
    async fn fired(&self, name: &JobName, definition: &str) -> Stored<Option<Fired>>;
    /// Begins to watch an entry that has this schedule, unless somebody does.
    async fn watch_job(&self, name: &JobName, definition: &str, now: Timestamp) -> Stored<()>;
    /// Opens a run; answers it and whether it is new. Of one name there is one run for each trigger and moment.
    async fn open_job(&self, new: NewJobRun, now: Timestamp) -> Stored<(JobRun, bool)>;
    /// Takes a run that nobody has in hand, until `lease_until`: this one, or the next; `tries` of what it answers proves that it is ours.
    async fn take_job(&self, which: Option<JobRunId>, lease_until: Timestamp, now: Timestamp)
    -> Stored<Option<JobRun>>;
    /// Holds on to a run; answers whether it is still ours.
    async fn hold_job(&self, id: JobRunId, tries: u16, lease_until: Timestamp) -> Stored<bool>;
    /// Writes down how a try ended; answers whether it was still ours.
    async fn end_job(&self, id: JobRunId, tries: u16, ended: JobEnded, now: Timestamp) -> Stored<bool>;
    /// One run.
    async fn job_run(&self, id: JobRunId) -> Stored<Option<JobRun>>;
    /// A page of all runs, or of those of one name, newest first.
    async fn job_runs(&self, name: Option<&JobName>, before: Option<i64>, limit: u64) -> Stored<Page<JobRun>>;
    /// The newest run of that name that ended; `well`: that ended with [`crate::domain::standing_job::JobResult::Ok`] or a warning.
    async fn last_job(&self, name: &JobName, well: bool) -> Stored<Option<JobRun>>;
    /// The newest run of a job that ended and has details, whatever its name.
    async fn last_details(&self, job: StandingJob) -> Stored<Option<JobRun>>;
    /// Deletes some runs that ended before then, but of each name the newest; answers how many.
    async fn tidy_jobs(&self, before: Timestamp) -> Stored<u64>;
}
