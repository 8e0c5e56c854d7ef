//! Makes what SQLite committed durable, beside the next transaction: the writer does not wait for the disk, only those who asked do.
//!
//! The write-ahead log is written from its begin to its end, so a flush makes everything durable that was committed before it began, and what
//! is durable never depends on what is not. Readers may see what is not durable yet; whoever acts on it writes first, and is answered after
//! a later flush.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::request::{Asked, Outcome};
use crate::ports::{StoreError, Stored};

/// Requests that are committed, with what each is to be answered.
pub(super) struct Written(pub(super) Vec<(Asked, Stored<Outcome>)>);

impl Written {
    pub(super) fn answer(self) {
        for (asked, outcome) in self.0 {
            // Whoever no longer waits does not want to know.
            let _ = asked.answer.send(outcome);
        }
    }

    /// For what may be gone after a power failure.
    fn refuse(self, because: &Arc<io::Error>) {
        for (asked, _) in self.0 {
            let _ = asked.answer.send(Err(StoreError::Unavailable(Box::new(Arc::clone(because)))));
        }
    }
}

/// Flushes the log and then answers, everything that was committed during one flush with the next.
pub(super) struct Flusher {
    written: mpsc::UnboundedSender<Written>,
    task: JoinHandle<()>,
}

impl Flusher {
    /// For the database in this file.
    pub(super) fn start(database: &Path) -> Self {
        let mut log = OsString::from(database);
        log.push("-wal");
        let (written, incoming) = mpsc::unbounded_channel();
        Self { written, task: tokio::spawn(run(log.into(), incoming)) }
    }

    /// Hands in what was committed a moment ago. Those who asked are few enough: each waits for its answer.
    pub(super) fn flush(&self, written: Written) {
        if let Err(mpsc::error::SendError(written)) = self.written.send(written) {
            written.refuse(&Arc::new(io::Error::other("nothing flushes any more")));
        }
    }

    /// Waits until everybody is answered.
    pub(super) async fn close(self) {
        drop(self.written);
        // A panic was logged where it happened.
        let _ = self.task.await;
    }
}

async fn run(log: PathBuf, mut incoming: mpsc::UnboundedReceiver<Written>) {
    let mut batches = Vec::new();
    while incoming.recv_many(&mut batches, usize::MAX).await > 0 {
        let log = log.clone();
        // Opened anew each time: a log that was thrown away and made again is another file.
        let flushed = tokio::task::spawn_blocking(move || File::open(log)?.sync_data()).await;
        let flushed = flushed.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(Arc::new);
        match flushed {
            Ok(()) => batches.drain(..).for_each(Written::answer),
            Err(error) => {
                tracing::error!(error = %error, "the log of the record could not be flushed; what waited for it is refused");
                batches.drain(..).for_each(|written| written.refuse(&error));
            }
        }
    }
}
