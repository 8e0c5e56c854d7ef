//! The table of contents of the workers: which job runs in which lane, how many at once, and how its error reads to the queue.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, TryFutureExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::daemon::many;
use crate::jobs::run_campaign::{Definitions, InHand};
use crate::jobs::{JobError, apply_news, deliver_hook, fetch_media, run_campaign, send_message};
use crate::ports::Services;
use crate::queue::control::{ControlJob, ControlWorker};
use crate::queue::job;
use crate::queue::lane::Lane;
use crate::queue::wakeups::{ApplyNews, DeliverHook, FetchMedia, RUN_CAMPAIGN, RunCampaign, SendMessage};
use crate::queue::workers::LaneWorker;
use crate::telemetry::Metrics;

/// Longer than the answer of any call is kept in hand; a job that takes longer is stuck.
const SEND_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// A callback body holds a thousand changes at most.
const NEWS_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Longer than any download may take, twice over a redirect.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(25 * 60);
/// One call, and waiting for the store.
const HOOK_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// An audience of millions from a slow disk.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);
/// Audiences resolved at once.
const CONTROL_CONCURRENCY: usize = 20;

/// How many jobs of each lane run at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concurrency {
    pub(super) replies: usize,
    pub(super) sending: usize,
    pub(super) retries: usize,
    pub(super) fallbacks: usize,
    pub(super) news: usize,
    pub(super) media: usize,
    pub(super) hooks: usize,
}

/// What all handlers share.
pub(super) struct Shared {
    pub(super) services: Services,
    pub(super) definitions: Arc<Definitions>,
    pub(super) in_hand: InHand,
    pub(super) metrics: Arc<Metrics>,
}

/// The workers of all lanes that something is pushed into.
pub(super) fn lanes(shared: &Arc<Shared>, concurrency: Concurrency) -> Vec<LaneWorker> {
    let send = |lane, concurrency| {
        let shared = Arc::clone(shared);
        worker(lane, concurrency, SEND_TIMEOUT, move |payload: SendMessage| {
            let shared = Arc::clone(&shared);
            async move {
                let measure = Measure::begin(&shared.metrics, "send-message");
                let SendMessage { message, attempts_before, .. } = payload;
                let made = send_message::run(&shared.services, &shared.definitions, message, attempts_before).await;
                let made = measure.end(made)?;
                if let Some(late_by) = made.late_by {
                    shared.metrics.send_lateness.observe(late_by.as_secs_f64());
                }
                if let Some(class) = made.again_after {
                    shared.metrics.retries.with_label_values(&[class.name()]).inc();
                }
                Ok(())
            }
        })
    };
    let news = {
        let shared = Arc::clone(shared);
        // A job is about up to a hundred callbacks; what is limited is how many of these are in hand.
        let at_once = Arc::new(Semaphore::new(concurrency.news.max(1)));
        worker(Lane::News, concurrency.news, NEWS_TIMEOUT, move |payload: ApplyNews| {
            let (shared, at_once) = (Arc::clone(&shared), Arc::clone(&at_once));
            async move {
                let shared = &shared;
                many::each(payload.rows, &at_once, "applying a callback", |row| async move {
                    let measure = Measure::begin(&shared.metrics, "apply-news");
                    measure.end(apply_news::run(&shared.services, row).await)
                })
                .await
            }
        })
    };
    let media = {
        let shared = Arc::clone(shared);
        worker(Lane::Media, concurrency.media, MEDIA_TIMEOUT, move |payload: FetchMedia| {
            let shared = Arc::clone(&shared);
            async move {
                let measure = Measure::begin(&shared.metrics, "fetch-media");
                measure.end(fetch_media::run(&shared.services, payload.feedback, payload.tries_before).await)
            }
        })
    };
    let mut workers = vec![
        send(Lane::Replies, concurrency.replies),
        send(Lane::Sending, concurrency.sending),
        send(Lane::Retries, concurrency.retries),
        send(Lane::Fallbacks, concurrency.fallbacks),
        news,
        media,
    ];
    if !shared.services.hooks.configured().is_empty() {
        let shared = Arc::clone(shared);
        workers.push(worker(Lane::Hooks, concurrency.hooks, HOOK_TIMEOUT, move |payload: DeliverHook| {
            let shared = Arc::clone(&shared);
            async move {
                let measure = Measure::begin(&shared.metrics, "deliver-hook");
                measure.end(deliver_hook::run(&shared.services, payload.delivery, payload.attempts_before).await)
            }
        }));
    }
    workers
}

/// The worker of control jobs.
pub(super) fn control(shared: &Arc<Shared>) -> ControlWorker {
    let shared = Arc::clone(shared);
    ControlWorker {
        concurrency: CONTROL_CONCURRENCY,
        timeout: CONTROL_TIMEOUT,
        handler: Arc::new(move |job: ControlJob, _| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                if job.name != RUN_CAMPAIGN {
                    return Err(job::JobError::abort(format!("there is no control job `{}`", job.name)));
                }
                let payload: RunCampaign = serde_json::from_value(job.payload).map_err(job::JobError::abort)?;
                let Shared { services, definitions, in_hand, metrics } = &*shared;
                let measure = Measure::begin(metrics, "run-campaign");
                let done = run_campaign::run(services, definitions, in_hand, payload.run).await;
                measure.end(done).map_err(translated)
            })
        }),
    }
}

fn worker<T, F>(
    lane: Lane,
    concurrency: usize,
    timeout: Duration,
    run: impl Fn(T) -> F + Send + Sync + 'static,
) -> LaneWorker
where
    T: DeserializeOwned,
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    LaneWorker {
        lane,
        concurrency,
        timeout,
        handler: Arc::new(move |payload, _| match serde_json::from_slice(&payload) {
            // Not an `async` block: it would hold the work twice, and each message's is moved and kept.
            Ok(payload) => run(payload).map_err(translated).boxed(),
            Err(error) => Box::pin(async move { Err(job::JobError::abort(error)) }),
        }),
    }
}

/// Tells how long a job took and whether it failed. Not a function around the job, which would hold it twice.
struct Measure<'a> {
    metrics: &'a Metrics,
    job: &'static str,
    begin: Instant,
}

impl<'a> Measure<'a> {
    fn begin(metrics: &'a Metrics, job: &'static str) -> Self {
        Self { metrics, job, begin: Instant::now() }
    }

    fn end<T>(self, result: Result<T, JobError>) -> Result<T, JobError> {
        self.metrics.job_duration.with_label_values(&[self.job]).observe(self.begin.elapsed().as_secs_f64());
        if result.is_err() {
            self.metrics.job_errors.with_label_values(&[self.job]).inc();
        }
        result
    }
}

/// What a job says, as the queue hears it.
fn translated(error: JobError) -> job::JobError {
    match error {
        JobError::Retry { .. } => job::JobError::retry(error),
        JobError::Abort { .. } => job::JobError::abort(error),
    }
}
