//! The driven side: jobs say "look at this", and here it becomes a job in a lane. Payloads hold ids and a version, never a model.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{FeedbackId, HookDeliveryId, JournalId, MessageId, RunId};
use crate::ports::{Queue, QueueUnavailable, Wanted};
use crate::queue::QueueError;
use crate::queue::control::{ControlJob, ControlQueue};
use crate::queue::gathering::Gathering;
use crate::queue::lane::{Lane, Lanes, NewJob};

/// How often a job is tried again when we could not do our own work. The store holds what it is about, so a dead job is found by
/// the sweep again; this only bounds how long one copy circles.
const ATTEMPTS_MAX: u16 = 50;

/// "Look at this message." The job of an attempt has the attempt in its name, so that the next one is another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    v: u8,
    /// Which message.
    pub message: MessageId,
    /// How many attempts whoever queued it knew of.
    pub attempts_before: u16,
}

/// "Apply these journal rows."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyNews {
    v: u8,
    /// Which rows.
    pub rows: Vec<JournalId>,
}

impl ApplyNews {
    pub(super) fn new(rows: Vec<JournalId>) -> Self {
        Self { v: VERSION, rows }
    }

    pub(super) fn into_job(self, id: String) -> NewJob {
        job(id, &self, None)
    }
}

/// "Tell this event." The job of an attempt has the attempt in its name, so that the next one is another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverHook {
    v: u8,
    /// Which delivery.
    pub delivery: HookDeliveryId,
    /// How many calls whoever queued it knew of.
    pub attempts_before: u16,
}

/// "Fetch this file." The job of a try has the try in its name, so that the next one is another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchMedia {
    v: u8,
    /// The feedback with which it came.
    pub feedback: FeedbackId,
    /// How many tries whoever queued it knew of.
    pub tries_before: u16,
}

/// "Resolve the audience of this run."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCampaign {
    /// Which run.
    pub run: RunId,
}

/// The name of the control job that resolves an audience.
pub const RUN_CAMPAIGN: &str = "run-campaign";

const VERSION: u8 = 1;

/// Lanes and control queue as the port that jobs know.
#[derive(Clone)]
pub struct Wakeups {
    lanes: Lanes,
    control: ControlQueue,
    news: Gathering,
}

impl Wakeups {
    /// Over these lanes and this control queue. Must be called inside a runtime.
    pub fn new(lanes: Lanes, control: ControlQueue) -> Self {
        Self { news: Gathering::start(lanes.clone()), lanes, control }
    }

    async fn push<T: Serialize>(
        &self,
        lane: Lane,
        jobs: impl Iterator<Item = (String, T)>,
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable> {
        let jobs: Vec<NewJob> = jobs.map(|(id, payload)| job(id, &payload, due)).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        self.lanes.push(lane, &jobs).await.map(drop).map_err(unavailable)
    }
}

fn job(id: String, payload: &impl Serialize, due: Option<Timestamp>) -> NewJob {
    let payload = serde_json::to_vec(payload).expect("ids and numbers always become JSON");
    NewJob { id, priority: 1, payload, due, max_attempts: ATTEMPTS_MAX }
}

fn unavailable(error: QueueError) -> QueueUnavailable {
    QueueUnavailable(Box::new(error))
}

#[async_trait]
impl Queue for Wakeups {
    async fn send(
        &self,
        lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable> {
        let lane = match lane {
            Wanted::Replies => Lane::Replies,
            Wanted::Sending => Lane::Sending,
            Wanted::Retries => Lane::Retries,
            Wanted::Fallbacks => Lane::Fallbacks,
        };
        let jobs = messages.iter().map(|(message, attempts_before)| {
            let job = SendMessage { v: VERSION, message: *message, attempts_before: *attempts_before };
            // A message that is held again from within its own job needs another job for its next moment.
            let name = match due {
                Some(due) => format!("{message}:{attempts_before}:{}", due.as_millisecond()),
                None => format!("{message}:{attempts_before}"),
            };
            (name, job)
        });
        self.push(lane, jobs, due).await
    }

    async fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable> {
        if rows.is_empty() {
            return Ok(());
        }
        self.news.push(rows).await.map_err(|error| QueueUnavailable(Box::new(error)))
    }

    async fn deliver(&self, deliveries: &[(HookDeliveryId, u16)]) -> Result<(), QueueUnavailable> {
        let jobs = deliveries.iter().map(|(delivery, attempts_before)| {
            let job = DeliverHook { v: VERSION, delivery: *delivery, attempts_before: *attempts_before };
            (format!("{delivery}:{attempts_before}"), job)
        });
        self.push(Lane::Hooks, jobs, None).await
    }

    async fn fetch(&self, files: &[(FeedbackId, u16)]) -> Result<(), QueueUnavailable> {
        let jobs = files.iter().map(|(feedback, tries_before)| {
            let job = FetchMedia { v: VERSION, feedback: *feedback, tries_before: *tries_before };
            (format!("{feedback}:{tries_before}"), job)
        });
        self.push(Lane::Media, jobs, None).await
    }

    async fn plan(&self, run: RunId) -> Result<(), QueueUnavailable> {
        let payload = serde_json::to_value(RunCampaign { run }).expect("an id always becomes JSON");
        let job = ControlJob { name: RUN_CAMPAIGN.to_owned(), payload };
        self.control.push(&job, None, Duration::ZERO).await.map_err(unavailable)
    }

    async fn sending_depth(&self) -> Result<u64, QueueUnavailable> {
        let depth = self.lanes.depth(Lane::Sending).await.map_err(unavailable)?;
        Ok(depth.ready + depth.leased)
    }

    async fn ping(&self) -> Result<(), QueueUnavailable> {
        self.lanes.ping().await.map_err(unavailable)
    }
}
