//! Rows of the journal on their way into the lane: what comes while a push is under way shares the next one, and a job is about many of
//! them. A callback costs Redis next to nothing then, and whoever applies them one job for a hundred.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::QueueError;
use super::wakeups::ApplyNews;
use crate::domain::ids::JournalId;
use crate::queue::lane::{Lane, Lanes, NewJob};

/// Rows of one job at most.
const ROWS_PER_JOB: usize = 100;
/// Rows in one push.
const ROWS_PER_PUSH: usize = 2_000;
/// Callers that wait in memory before others are held up.
const WAITING_MAX: usize = 8_192;

struct Asked {
    rows: Vec<JournalId>,
    answer: oneshot::Sender<Result<(), Arc<QueueError>>>,
}

/// The callers' end.
#[derive(Clone)]
pub(super) struct Gathering(mpsc::Sender<Asked>);

impl Gathering {
    /// Starts the task that pushes; it ends with the last copy of this value.
    pub(super) fn start(lanes: Lanes) -> Self {
        let (asked, incoming) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(lanes, incoming));
        Self(asked)
    }

    /// Hands rows in and waits until their jobs are in the lane.
    pub(super) async fn push(&self, rows: &[JournalId]) -> Result<(), Arc<QueueError>> {
        let ended = || Arc::new(QueueError::refused("the queue was closed"));
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked { rows: rows.to_vec(), answer }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

async fn run(lanes: Lanes, mut incoming: mpsc::Receiver<Asked>) {
    while let Some(first) = incoming.recv().await {
        // Whoever was made durable together comes together.
        tokio::task::yield_now().await;
        let (mut rows, mut answers) = (first.rows, vec![first.answer]);
        while rows.len() < ROWS_PER_PUSH
            && let Ok(next) = incoming.try_recv()
        {
            rows.extend(next.rows);
            answers.push(next.answer);
        }
        let pushed = lanes.push(Lane::News, &jobs(rows)).await.map(drop).map_err(Arc::new);
        for answer in answers {
            // Who no longer waits need not know.
            let _ = answer.send(pushed.clone());
        }
    }
}

fn jobs(mut rows: Vec<JournalId>) -> Vec<NewJob> {
    rows.sort_unstable();
    rows.dedup();
    rows.chunks(ROWS_PER_JOB).map(|rows| ApplyNews::new(rows.to_vec()).into_job(name(rows))).collect()
}

/// The name of a job about these rows, in their order. Two that share a name are about the same rows, but for a rare pair of which one was
/// made by the sweep: then the rows that the other lacks are in a third, or the next sweep finds them.
fn name(rows: &[JournalId]) -> String {
    match rows {
        [] => String::new(),
        [row] => row.to_string(),
        [first, .., last] => format!("{first}-{last}:{}", rows.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_about_many_rows_and_each_row_in_one_job() {
        let rows: Vec<JournalId> = (1..=230).rev().chain([7, 8]).map(JournalId::new).collect();
        let jobs = jobs(rows);
        let names: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(
            names,
            ["jrn_00000001-jrn_00000034:100", "jrn_00000035-jrn_00000068:100", "jrn_00000069-jrn_00000076:30"]
        );
        let alone = super::jobs(vec![JournalId::new(5)]).remove(0);
        assert_eq!(alone.id, "jrn_00000005");
        assert_eq!(String::from_utf8(alone.payload).unwrap(), r#"{"v":1,"rows":["jrn_00000005"]}"#);
    }
}
