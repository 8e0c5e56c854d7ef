//! Keeps a redis-server running from `start` to `stop`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::RedisServerError;
use super::place::Place;
use super::process::Process;
use crate::domain::causes::in_one_line;

/// The first and the longest pause before a restart.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// After so long without an end the next restart is quick again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// What the private server needs to know.
#[derive(Debug, Clone)]
pub struct RedisServerSettings {
    /// Its data, log and socket go into `redis/` below.
    pub state_dir: PathBuf,
    /// The program; a name is looked up in `PATH`.
    pub binary: String,
    /// Where a short directory for the socket is made when `state_dir` is too long for one.
    pub temp_dir: PathBuf,
}

impl RedisServerSettings {
    /// `redis-server` from `PATH`, with its files in this state directory.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), binary: "redis-server".to_owned(), temp_dir: std::env::temp_dir() }
    }
}

/// A running redis-server that is restarted when it ends. Dropped without [`RedisServer::stop`], it is killed.
pub struct RedisServer {
    url: String,
    /// 0 while none runs.
    pid: Arc<AtomicU32>,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
}

impl RedisServer {
    /// Adopts the server that an earlier barid left on this state directory, or starts one, and waits until it answers.
    pub async fn start(settings: RedisServerSettings) -> Result<Self, RedisServerError> {
        let place = Place::prepare(&settings.state_dir, &settings.temp_dir)?;
        let process = match Process::adopt(&place).await? {
            Some(process) => process,
            None => Process::start(&settings.binary, &place).await?,
        };
        let (url, pid) = (place.url(), Arc::new(AtomicU32::new(process.pid)));
        let stop = watch::Sender::new(false);
        let supervisor = tokio::spawn(supervise(settings.binary, place, process, Arc::clone(&pid), stop.subscribe()));
        Ok(Self { url, pid, stop, supervisor })
    }

    /// For `Lanes::connect`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process that runs now; `None` between an end and a restart.
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Asks the server to end and waits until it has.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.supervisor).await {
            tracing::warn!(error = error.to_string(), "redis: the supervisor ended early");
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

async fn supervise(
    binary: String,
    place: Place,
    mut process: Process,
    pid: Arc<AtomicU32>,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        let ended = tokio::select! {
            () = until_stopped(&mut stop) => None,
            how = process.gone(&place) => Some(how),
        };
        let Some(how) = ended else {
            process.stop(&place).await;
            pid.store(0, Ordering::Relaxed);
            return;
        };
        pid.store(0, Ordering::Relaxed);
        tracing::error!(how, said = place.last_words(), "redis: redis-server ended; it is started again");
        if begun.elapsed() > HEALTHY_AFTER {
            pause = PAUSE;
        }
        process = loop {
            tokio::select! {
                () = until_stopped(&mut stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
            match Process::start(&binary, &place).await {
                Ok(process) => break process,
                Err(error) => tracing::error!(error = in_one_line(&error), "redis: redis-server cannot be started"),
            }
        };
        pid.store(process.pid, Ordering::Relaxed);
        tracing::info!(pid = process.pid, "redis: redis-server runs again");
    }
}

/// Also when the [`RedisServer`] is gone.
async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    // Either it was set, or nobody can set it any more.
    let _ = stop.wait_for(|stop| *stop).await;
}
