//! A worker process of its own, so that a real one can be killed while it holds leases.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barid::queue::lane::{Lane, LaneSettings, Lanes};
use barid::queue::workers::Workers;

use super::harness::{handler, settings, worker};

/// Names the URL and the file to write to, in a process that is to be a worker.
const CHILD: &str = "BARID_TEST_QUEUE_CHILD";

/// The id of a job that kills the process that runs it.
pub(crate) const DEADLY: &str = "deadly";
/// How many such deaths a child process takes for bad luck.
pub(crate) const LOST_MAX: u8 = 2;

/// Another process that works on the lane `sending`. It writes a line for each job that ends.
pub(crate) struct ChildWorker {
    child: Child,
    record: PathBuf,
}

impl ChildWorker {
    pub(crate) fn start(url: &str, record: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "queue::child::works_until_killed", "--nocapture"])
            .env(CHILD, format!("{url}|{}", record.display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, record: record.to_owned() }
    }

    /// The jobs that ended, in this process and in all that wrote to the same file.
    pub(crate) fn ended(&self) -> Vec<String> {
        std::fs::read_to_string(&self.record).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn until_it_dies(mut self) {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
    }

    /// SIGKILL, and wait until it is gone.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.ended()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "how a test process is told what to be")]
    let Ok(told) = std::env::var(CHILD) else { return };
    let (url, record) = told.split_once('|').unwrap();
    let file = OpenOptions::new().create(true).append(true).open(record).unwrap();
    let file = Arc::new(Mutex::new(file));
    let lanes = Lanes::connect(url, LaneSettings { lost_max: LOST_MAX, ..settings() }).await.unwrap();
    let noting = handler(move |_, info| {
        let file = Arc::clone(&file);
        async move {
            if info.id == DEADLY {
                std::process::abort();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            // One write for each line: what was written survives the process.
            file.lock().unwrap().write_all(format!("{}\n", info.id).as_bytes()).unwrap();
            Ok(())
        }
    });
    let _workers = Workers::start(lanes, vec![worker(Lane::Sending, 50, noting)], None);
    std::future::pending::<()>().await;
}
