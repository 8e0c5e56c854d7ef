//! A private redis-server for each test, workers that write down what they ran, and a way to wait for a condition.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barid::queue::job::{JobInfo, JobResult};
use barid::queue::lane::{Lane, LaneSettings, Lanes, NewJob};
use barid::queue::workers::{LaneHandler, LaneWorker, Workers};
use futures_util::FutureExt;

/// How long an outside process may take for anything before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// A redis-server on a socket in a directory of its own; killed with the test.
pub(crate) struct TestRedis {
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl TestRedis {
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("barid-q").tempdir().unwrap();
        let mut redis = Self { dir, child: None };
        redis.run();
        redis
    }

    pub(crate) fn run(&mut self) {
        // Not `everysec`, as in production: with that, while a sync is under way, Redis answers before it writes, and a killed one
        // forgets up to two seconds. What must hold here would then hang on how busy the disk is.
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "no"])
            .args(["--enable-debug-command", "yes", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        let begun = Instant::now();
        while self.cli(&["PING"]).trim() != "PONG" {
            assert!(begun.elapsed() < DEADLINE, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Runs a command and answers what redis-cli printed.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        cli(&self.socket(), args)
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.as_ref().unwrap().id(), signal);
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

pub(crate) fn cli(socket: &Path, args: &[&str]) -> String {
    let output = Command::new("redis-cli").arg("-s").arg(socket).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn send_signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Settings with which faults show soon.
pub(crate) fn settings() -> LaneSettings {
    LaneSettings {
        namespace: "test".to_owned(),
        lease: Duration::from_secs(2),
        backoff: vec![Duration::from_millis(50)],
        ..LaneSettings::default()
    }
}

pub(crate) async fn connect(url: &str) -> Lanes {
    Lanes::connect(url, settings()).await.unwrap()
}

pub(crate) fn job(id: impl Into<String>) -> NewJob {
    let id = id.into();
    NewJob { payload: id.clone().into_bytes(), id, priority: 1, due: None, max_attempts: 5 }
}

pub(crate) fn jobs(n: usize) -> Vec<NewJob> {
    (0..n).map(|n| job(format!("msg_{n:06}"))).collect()
}

/// What ran, in order, and how often.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<Vec<String>>>);

impl Runs {
    pub(crate) fn note(&self, id: &str) {
        self.0.lock().unwrap().push(id.to_owned());
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn times(&self) -> BTreeMap<String, usize> {
        count(self.ids())
    }

    /// The ids that ran more than once.
    pub(crate) fn twice(&self) -> Vec<String> {
        self.times().into_iter().filter(|(_, n)| *n > 1).map(|(id, _)| id).collect()
    }
}

pub(crate) fn count(ids: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    ids.into_iter().fold(BTreeMap::new(), |mut times, id| {
        *times.entry(id).or_default() += 1;
        times
    })
}

pub(crate) fn handler<F, R>(handle: F) -> LaneHandler
where
    F: Fn(Vec<u8>, JobInfo) -> R + Send + Sync + 'static,
    R: Future<Output = JobResult> + Send + 'static,
{
    Arc::new(move |payload, info| handle(payload, info).boxed())
}

/// Notes the id when the job ends, after `takes`.
pub(crate) fn noting(runs: &Runs, takes: Duration) -> LaneHandler {
    let runs = runs.clone();
    handler(move |_, info| {
        let runs = runs.clone();
        async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            runs.note(&info.id);
            Ok(())
        }
    })
}

pub(crate) fn worker(lane: Lane, concurrency: usize, handler: LaneHandler) -> LaneWorker {
    LaneWorker { lane, concurrency, timeout: Duration::from_secs(60), handler }
}

pub(crate) fn start(lanes: &Lanes, handler: LaneHandler) -> Workers {
    Workers::start(lanes.clone(), vec![worker(Lane::Sending, 100, handler)], None)
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until nothing is ready, delayed or leased.
pub(crate) async fn until_empty(lanes: &Lanes, lane: Lane) {
    until("the lane is empty", async || {
        lanes.depth(lane).await.is_ok_and(|depth| depth.ready + depth.delayed + depth.leased == 0)
    })
    .await;
}
