//! The firings of standing jobs: opened once, held by lease, and what came of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{millis, storable};
use super::journal::{limited, page};
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::ids::{JobName, JobRunId};
use crate::domain::standing_job::{Fired, JobOutcome, JobResult, JobRun, JobTrigger, OpenRun, StandingJob, takeable};
use crate::ports::{JobEnded, JobRuns, NewJobRun, Page, Stored};

const COLUMNS: &str = "id, name, job, arguments, asked, asked_by, due_at, tries, started_at, finished_at, result, summary, \
                       details, again_at";
/// Runs that one transaction deletes.
const TIDIED_MAX: u64 = 500;

/// What is written about runs of standing jobs.
#[derive(Debug)]
pub(super) enum JobWrite {
    Watch { name: JobName, definition: String, now: Timestamp },
    Open { new: NewJobRun, now: Timestamp },
    Take { which: Option<JobRunId>, lease_until: Timestamp, now: Timestamp },
    Hold { id: JobRunId, tries: u16, lease_until: Timestamp },
    End { id: JobRunId, tries: u16, ended: JobEnded, now: Timestamp },
    Tidy { before: Timestamp },
}

/// Writes it.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, write: &JobWrite) -> Sql<Outcome> {
    match write {
        JobWrite::Watch { name, definition, now } => {
            let sql = "INSERT INTO job_watches (name, definition, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            db.run(sql, args![name.as_str(), definition.as_str(), *now]).await?;
            Ok(Outcome::Done)
        }
        JobWrite::Open { new, now } => {
            let is_new = open(db, new, *now).await?;
            let sql = format!("SELECT {COLUMNS} FROM job_runs WHERE name = ? AND asked = ? AND due_at = ?");
            let found = db.first(&sql, args![new.name.as_str(), new.trigger.name(), new.due_at]).await?;
            let run = found.map(|row| job_run(&mut Row::of(&row, "job_runs"))).transpose()?;
            Ok(Outcome::JobRun(run.map(Box::new), is_new))
        }
        JobWrite::Take { which, lease_until, now } => {
            let run = take(db, *which, *lease_until, *now).await?;
            Ok(Outcome::JobRun(run.map(Box::new), true))
        }
        JobWrite::Hold { id, tries, lease_until } => {
            let sql = "UPDATE job_runs SET lease_until = ? WHERE id = ? AND tries = ? AND finished_at IS NULL AND lease_until IS NOT NULL";
            Ok(Outcome::Ended(db.run(sql, args![*lease_until, id.number(), i64::from(*tries)]).await? > 0))
        }
        JobWrite::End { id, tries, ended, now } => end(db, *id, *tries, ended, *now).await.map(Outcome::Ended),
        JobWrite::Tidy { before } => tidy(db, *before).await.map(Outcome::Count),
    }
}

async fn open(db: &Db<'_, DatabaseTransaction>, new: &NewJobRun, now: Timestamp) -> Sql<bool> {
    let id = db.fresh_ids("job_runs", 1).await?[0];
    let arguments = serde_json::to_string(&new.arguments).expect("texts are always JSON");
    let sql = "INSERT INTO job_runs (id, name, job, arguments, asked, asked_by, due_at, try_at, tries) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (name, asked, due_at) DO NOTHING";
    let by = storable(new.trigger.by().to_owned());
    let values = args![
        id,
        new.name.as_str(),
        new.job.name(),
        arguments,
        new.trigger.name(),
        by,
        new.due_at,
        new.due_at.min(now)
    ];
    Ok(db.run(sql, values).await? > 0)
}

async fn take(
    db: &Db<'_, DatabaseTransaction>,
    which: Option<JobRunId>,
    lease_until: Timestamp,
    now: Timestamp,
) -> Sql<Option<JobRun>> {
    // The lock on all that is open makes those who take follow each other; there is next to nothing open, ever.
    let lock = db.lock(Lock::Exclusive, "r");
    let sql = format!(
        "SELECT r.id, r.job, r.try_at, r.lease_until FROM job_runs r WHERE r.finished_at IS NULL ORDER BY r.due_at, r.id{lock}"
    );
    let rows = db.all(&sql, args![]).await?;
    let open = rows
        .iter()
        .map(|row| {
            let row = &mut Row::of(row, "job_runs");
            Ok(OpenRun {
                id: JobRunId::new(row.int()?),
                job: row.text()?,
                try_at: row.time()?,
                lease_until: row.opt_time()?,
            })
        })
        .collect::<Sql<Vec<_>>>()?;
    let Some(id) = takeable(&open, which, now) else { return Ok(None) };
    let sql = format!(
        "UPDATE job_runs SET lease_until = ?, tries = tries + 1, started_at = ? WHERE id = ? RETURNING {COLUMNS}"
    );
    let taken = db.first(&sql, args![lease_until, now, id.number()]).await?;
    taken.map(|row| job_run(&mut Row::of(&row, "job_runs"))).transpose()
}

async fn end(
    db: &Db<'_, DatabaseTransaction>,
    id: JobRunId,
    tries: u16,
    ended: &JobEnded,
    now: Timestamp,
) -> Sql<bool> {
    let is_ours = "id = ? AND tries = ? AND finished_at IS NULL AND lease_until IS NOT NULL";
    let touched = match ended {
        JobEnded::Again { at, counts } => {
            let sql = format!("UPDATE job_runs SET lease_until = NULL, try_at = ?, tries = tries - ? WHERE {is_ours}");
            db.run(&sql, args![*at, i64::from(!counts), id.number(), i64::from(tries)]).await?
        }
        JobEnded::Outcome(outcome) => {
            let JobOutcome { result, summary, details, again_at } = outcome;
            let sql = format!(
                "UPDATE job_runs SET lease_until = NULL, finished_at = ?, result = ?, summary = ?, details = ?, again_at = ? \
                 WHERE {is_ours}"
            );
            let values = args![
                now,
                result.name(),
                storable(summary.clone()),
                details.as_ref().map(|details| storable(details.to_string())),
                again_at.map(millis),
                id.number(),
                i64::from(tries)
            ];
            db.run(&sql, values).await?
        }
    };
    Ok(touched > 0)
}

async fn tidy(db: &Db<'_, DatabaseTransaction>, before: Timestamp) -> Sql<u64> {
    // What the schedule goes by stays: the newest firing of each name, and what the newest run found.
    let sql = "DELETE FROM job_runs WHERE id IN (SELECT r.id FROM job_runs r WHERE r.finished_at < ? \
               AND EXISTS (SELECT 1 FROM job_runs n WHERE n.name = r.name AND n.asked = r.asked AND n.due_at > r.due_at) \
               ORDER BY r.finished_at, r.id LIMIT ?)";
    db.run(sql, args![before, limited(TIDIED_MAX)]).await
}

fn job_run(row: &mut Row<'_>) -> Sql<JobRun> {
    let id = JobRunId::new(row.int()?);
    let (name, job) = (row.parsed(|text| text.parse().ok())?, row.text()?);
    let arguments: BTreeMap<String, String> = row.parsed(|text| serde_json::from_str(text).ok())?;
    let (asked, by) = (row.text()?, row.text()?);
    let trigger = JobTrigger::of(&asked, by).ok_or_else(|| row.impossible())?;
    let (due_at, tries, started_at, finished_at) = (row.time()?, row.small()?, row.opt_time()?, row.opt_time()?);
    let (result, summary) = (row.opt_parsed(JobResult::named)?, row.opt_text()?);
    let details = row.opt_parsed(|text| serde_json::from_str(text).ok())?;
    let again_at = row.opt_time()?;
    let outcome = result.map(|result| JobOutcome { result, summary: summary.unwrap_or_default(), details, again_at });
    Ok(JobRun { id, name, job, arguments, trigger, due_at, tries, started_at, ended: finished_at.zip(outcome) })
}

impl SqlStore {
    async fn write_job(&self, write: JobWrite) -> Stored<Outcome> {
        self.writers.ask(Request::Job(Box::new(write))).await
    }

    async fn one_job_run(&self, rest: &str, values: Vec<super::sql::Arg>) -> Stored<Option<JobRun>> {
        let rows = self.read(&format!("SELECT {COLUMNS} FROM job_runs WHERE {rest}"), values).await?;
        Ok(self.rows(&rows, "job_runs", job_run)?.into_iter().next())
    }
}

#[async_trait]
impl JobRuns for SqlStore {
    async fn fired(&self, name: &JobName, definition: &str) -> Stored<Option<Fired>> {
        // Two indexed looks; `again_at` of the newest run that ended, whoever asked for it.
        let sql = "SELECT w.since, \
                   (SELECT MAX(due_at) FROM job_runs WHERE name = w.name AND asked = 'schedule'), \
                   (SELECT again_at FROM job_runs WHERE name = w.name AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1) \
                   FROM job_watches w WHERE w.name = ? AND w.definition = ?";
        let rows = self.read(sql, args![name.as_str(), definition]).await?;
        let found = self.rows(&rows, "job_watches", |row| {
            Ok(Fired { watched_since: row.time()?, newest: row.opt_time()?, again_at: row.opt_time()? })
        })?;
        Ok(found.into_iter().next())
    }

    async fn watch_job(&self, name: &JobName, definition: &str, now: Timestamp) -> Stored<()> {
        let (name, definition) = (name.clone(), definition.to_owned());
        match self.write_job(JobWrite::Watch { name, definition, now }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn open_job(&self, new: NewJobRun, now: Timestamp) -> Stored<(JobRun, bool)> {
        match self.write_job(JobWrite::Open { new, now }).await? {
            Outcome::JobRun(Some(run), is_new) => Ok((*run, is_new)),
            other => Err(unexpected(&other)),
        }
    }

    async fn take_job(
        &self,
        which: Option<JobRunId>,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Stored<Option<JobRun>> {
        // Read first: there is next to never something to take.
        let sql = "SELECT id FROM job_runs WHERE finished_at IS NULL AND try_at <= ? AND (lease_until IS NULL OR lease_until <= ?) LIMIT 1";
        if self.read(sql, args![now, now]).await?.is_empty() {
            return Ok(None);
        }
        match self.write_job(JobWrite::Take { which, lease_until, now }).await? {
            Outcome::JobRun(run, _) => Ok(run.map(|run| *run)),
            other => Err(unexpected(&other)),
        }
    }

    async fn hold_job(&self, id: JobRunId, tries: u16, lease_until: Timestamp) -> Stored<bool> {
        match self.write_job(JobWrite::Hold { id, tries, lease_until }).await? {
            Outcome::Ended(is_ours) => Ok(is_ours),
            other => Err(unexpected(&other)),
        }
    }

    async fn end_job(&self, id: JobRunId, tries: u16, ended: JobEnded, now: Timestamp) -> Stored<bool> {
        match self.write_job(JobWrite::End { id, tries, ended, now }).await? {
            Outcome::Ended(was_ours) => Ok(was_ours),
            other => Err(unexpected(&other)),
        }
    }

    async fn job_run(&self, id: JobRunId) -> Stored<Option<JobRun>> {
        self.one_job_run("id = ?", args![id.number()]).await
    }

    async fn job_runs(&self, name: Option<&JobName>, before: Option<i64>, limit: u64) -> Stored<Page<JobRun>> {
        let (which, mut values) = match name {
            Some(name) => ("name = ? AND ", args![name.as_str()]),
            None => ("", args![]),
        };
        values.extend(args![before.unwrap_or(i64::MAX), limited(limit)]);
        let sql = format!("SELECT {COLUMNS} FROM job_runs WHERE {which}id < ? ORDER BY id DESC LIMIT ?");
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "job_runs", job_run)?;
        Ok(page(items, limit, |run| run.id.number()))
    }

    async fn last_job(&self, name: &JobName, well: bool) -> Stored<Option<JobRun>> {
        let which = if well { "result IN ('ok', 'warning')" } else { "finished_at IS NOT NULL" };
        self.one_job_run(&format!("name = ? AND {which} ORDER BY id DESC LIMIT 1"), args![name.as_str()]).await
    }

    async fn last_details(&self, job: StandingJob) -> Stored<Option<JobRun>> {
        self.one_job_run("job = ? AND details IS NOT NULL ORDER BY id DESC LIMIT 1", args![job.name()]).await
    }

    async fn tidy_jobs(&self, before: Timestamp) -> Stored<u64> {
        match self.write_job(JobWrite::Tidy { before }).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }
}
