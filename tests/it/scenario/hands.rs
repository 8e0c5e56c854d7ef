//! The queue: its jobs run when somebody takes them by hand.

use std::collections::BTreeMap;
use std::sync::Mutex;

use barid::domain::ids::{FeedbackId, JournalId, MessageId, RunId};
use barid::ports::{QueueUnavailable, Wanted};
use jiff::Timestamp;

/// What lies in the queue. A job's name is what it is about, as in the real one; that of a message for a later moment has the moment in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Queued {
    Plan(i64),
    Send(i64, u16, Option<Timestamp>),
    Apply(i64),
    Fetch(i64, u16),
}

/// A queue whose jobs run when somebody takes them by hand.
#[derive(Default)]
pub(crate) struct Hands(Mutex<BTreeMap<Queued, Option<Timestamp>>>);

impl Hands {
    pub(crate) fn send(
        &self,
        _lane: Wanted,
        messages: &[(MessageId, u16)],
        due: Option<Timestamp>,
    ) -> Result<(), QueueUnavailable> {
        for (id, attempts) in messages {
            self.put(Queued::Send(id.number(), *attempts, due), due);
        }
        Ok(())
    }

    pub(crate) fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable> {
        for row in rows {
            self.put(Queued::Apply(row.number()), None);
        }
        Ok(())
    }

    pub(crate) fn fetch(&self, files: &[(FeedbackId, u16)]) -> Result<(), QueueUnavailable> {
        for (id, tries) in files {
            self.put(Queued::Fetch(id.number(), *tries), None);
        }
        Ok(())
    }

    pub(crate) fn plan(&self, run: RunId) -> Result<(), QueueUnavailable> {
        self.put(Queued::Plan(run.number()), None);
        Ok(())
    }

    /// What is there already stays as it is, as in the real one.
    pub(crate) fn put(&self, job: Queued, due: Option<Timestamp>) {
        self.0.lock().unwrap().entry(job).or_insert(due);
    }

    pub(crate) fn sending_depth(&self) -> u64 {
        self.0.lock().unwrap().keys().filter(|job| matches!(job, Queued::Send(..))).count() as u64
    }

    /// What may run now, in the order of the names.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Queued> {
        let jobs = self.0.lock().unwrap();
        jobs.iter().filter(|(_, due)| due.is_none_or(|due| due <= now)).map(|(job, _)| *job).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.lock().unwrap().values().filter_map(|due| *due).min()
    }

    pub(crate) fn take(&self, job: Queued) {
        self.0.lock().unwrap().remove(&job);
    }

    pub(crate) fn wipe(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}
