//! `/api/v1/jobs`: the schedule of standing jobs, their runs, and starting one by hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::query::{Query, next};
use super::{ApiState, List, reply, with};
use crate::domain::ids::{JobName, JobRunId};
use crate::domain::standing_job::{JobRun, ScheduledJob};
use crate::http::body;
use crate::http::error::Problem;

/// Who asks.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Who it was, where nobody says.
const BY_API: &str = "api";

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "jobs")
        .and(warp::get())
        .and(with(state))
        .then(|state: Arc<ApiState>| async move { reply(list(&state).await) });
    let history_of_all = warp::path!("api" / "v1" / "jobs" / "history")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(|state: Arc<ApiState>, query| async move { reply(history(&state, None, query).await) });
    let history = warp::path!("api" / "v1" / "jobs" / String / "history")
        .and(warp::get())
        .and(with(state))
        .and(warp::query())
        .then(
            |name: String, state: Arc<ApiState>, query| async move { reply(history(&state, Some(&name), query).await) },
        );
    let one = warp::path!("api" / "v1" / "jobs" / "runs" / String)
        .and(warp::get())
        .and(with(state))
        .then(|id: String, state: Arc<ApiState>| async move { reply(one(&state, &id).await) });
    let run = warp::path!("api" / "v1" / "jobs" / String / "run")
        .and(warp::post())
        .and(with(state))
        .and(warp::body::stream())
        .then(|name: String, state: Arc<ApiState>, stream| async move {
            let body = body::collect(stream, None, BODY_BYTES_MAX).await;
            let Ok(body) = body else { return Problem::too_large(BODY_BYTES_MAX).into_response() };
            match run(&state, &name, &body).await {
                Ok(item) => warp::reply::with_status(warp::reply::json(&item), StatusCode::ACCEPTED).into_response(),
                Err(problem) => problem.into_response(),
            }
        });
    list.or(history_of_all).unify().or(one).unify().or(history).unify().or(run).unify().boxed()
}

/// An entry of the schedule as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobItem {
    /// What it is called.
    pub name: String,
    /// The job that it is.
    pub job: String,
    /// Its arguments.
    pub arguments: BTreeMap<String, String>,
    /// When it fires, as cron with five fields.
    pub schedule: String,
    /// Where the clock hangs.
    pub timezone: String,
    /// When it fires next.
    pub next_at: Option<Timestamp>,
    /// The newest run that ended.
    pub last: Option<JobRunItem>,
}

impl JobItem {
    /// An entry with what is known of it.
    pub fn new(entry: &ScheduledJob, next_at: Option<Timestamp>, last: Option<JobRun>) -> Self {
        Self {
            name: entry.name.to_string(),
            job: entry.job.name().to_owned(),
            arguments: entry.arguments.clone(),
            schedule: entry.schedule.to_string(),
            timezone: entry.timezone.to_string(),
            next_at,
            last: last.map(JobRunItem::from),
        }
    }
}

/// A run of a standing job as the API and the command line show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRunItem {
    /// Its id.
    pub id: JobRunId,
    /// The entry of the schedule, or the job's own name.
    pub name: String,
    /// The job that it is.
    pub job: String,
    /// Its arguments.
    pub arguments: BTreeMap<String, String>,
    /// `schedule` or `operator`.
    pub trigger: String,
    /// Who asked for it; `null` for the schedule.
    pub by: Option<String>,
    /// For when it was due.
    pub due_at: Timestamp,
    /// How often it was taken in hand.
    pub tries: u16,
    /// When that was, the last time.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// `ok`, `warning` or `failed`; `null` while it has not ended.
    pub result: Option<String>,
    /// The same in a sentence.
    pub summary: Option<String>,
    /// More of it; what it is depends on the job.
    pub details: Option<serde_json::Value>,
}

impl From<JobRun> for JobRunItem {
    fn from(run: JobRun) -> Self {
        let (finished_at, outcome) = run.ended.unzip();
        Self {
            id: run.id,
            name: run.name.to_string(),
            job: run.job,
            arguments: run.arguments,
            trigger: run.trigger.name().to_owned(),
            by: Some(run.trigger.by().to_owned()).filter(|by| !by.is_empty()),
            due_at: run.due_at,
            tries: run.tries,
            started_at: run.started_at,
            finished_at,
            result: outcome.as_ref().map(|outcome| outcome.result.name().to_owned()),
            summary: outcome.as_ref().map(|outcome| outcome.summary.clone()),
            details: outcome.and_then(|outcome| outcome.details),
        }
    }
}

async fn list(state: &ApiState) -> Result<List<JobItem>, Problem> {
    Ok(List::whole(state.operations.jobs().await?))
}

fn named(name: &str) -> Result<JobName, Problem> {
    name.parse().map_err(|_| Problem::not_found(format!("there is no job `{name}`")))
}

async fn history(
    state: &ApiState,
    name: Option<&str>,
    parameters: HashMap<String, String>,
) -> Result<List<JobRunItem>, Problem> {
    let query = Query::new(parameters, &[])?;
    let name = name.map(named).transpose()?;
    let page = state.store.job_runs(name.as_ref(), query.cursor()?, query.limit()?).await?;
    Ok(List { items: page.items.into_iter().map(Into::into).collect(), next: next(page.next) })
}

async fn one(state: &ApiState, id: &str) -> Result<JobRunItem, Problem> {
    let nowhere = || Problem::not_found(format!("there is no run `{id}` of a job"));
    let run = state.store.job_run(id.parse().map_err(|_| nowhere())?).await?;
    run.map(Into::into).ok_or_else(nowhere)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    by: Option<String>,
}

async fn run(state: &ApiState, name: &str, body: &[u8]) -> Result<JobRunItem, Problem> {
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("{error}; send nothing, or `{{\"by\": …}}`")))?
    };
    let by = wanted.by.filter(|by| !by.trim().is_empty());
    Ok(state.operations.run_job(&named(name)?, by.as_deref().unwrap_or(BY_API)).await?)
}
