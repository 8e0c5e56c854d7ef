//! One redis-server process: started by us or found running.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::time::Duration;

use redis::ServerErrorKind;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::RedisServerError;
use super::place::Place;

/// How long it may take to listen, and to answer once it does.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may go on reading its file.
const LOADING_TIMEOUT: Duration = Duration::from_secs(600);
/// How long it may take to end when asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause between two looks at a server that is not our child.
const WATCH_PAUSE: Duration = Duration::from_millis(250);

/// A server that answers.
pub(super) struct Process {
    /// `None` for an adopted one.
    child: Option<Child>,
    pub(super) pid: u32,
}

impl Process {
    /// A left-over of an earlier barid, if there is one that answers. What remains of a dead one is removed.
    pub(super) async fn adopt(place: &Place) -> Result<Option<Self>, RedisServerError> {
        let begun = Instant::now();
        loop {
            let limit = match ask_for_pid(place).await {
                Ok(Some(pid)) => {
                    tracing::info!(pid, "redis: adopted the redis-server that an earlier barid left running");
                    return Ok(Some(Self { child: None, pid }));
                }
                Ok(None) => LOADING_TIMEOUT,
                Err(_) => ANSWER_TIMEOUT,
            };
            // Two servers on one append-only file would ruin it: one that does not listen yet counts too.
            let left_over = place.pid().filter(|pid| is_ours(*pid, place));
            if left_over.is_none() && !listens(place).await && place.claim_server() {
                return match std::fs::remove_file(&place.socket) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        let what = format!("remove the stale socket `{}`", place.socket.display());
                        Err(RedisServerError::io(what)(error))
                    }
                    _ => Ok(None),
                };
            }
            if begun.elapsed() > limit {
                let Some(pid) = left_over else {
                    return Err(not_started(place, "of an earlier barid still runs and does not answer; end it"));
                };
                tracing::warn!(pid, "redis: the redis-server that an earlier barid left does not answer; killed");
                kill(pid).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Starts one and waits until it answers.
    pub(super) async fn start(binary: &str, place: &Place) -> Result<Self, RedisServerError> {
        let io = |what: &str| RedisServerError::io(format!("{what} `{}`", place.log.display()));
        let log = OpenOptions::new().create(true).append(true).open(&place.log).map_err(io("open the log"))?;
        let errors = log.try_clone().map_err(io("open the log"))?;
        if !place.claim_server() {
            return Err(not_started(place, "of an earlier barid has not ended yet; wait for it"));
        }
        let lock = place.server_lock().map_err(io("share the lock beside"))?;
        let mut child = Command::new(binary)
            .args(["--port", "0", "--daemonize", "no", "--supervised", "no", "--unixsocketperm", "700"])
            .args(["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
            .args(["--maxmemory-policy", "noeviction"])
            .arg("--unixsocket")
            .arg(&place.socket)
            .arg("--dir")
            .arg(&place.dir)
            .arg("--pidfile")
            .arg(&place.pid_file)
            .stdin(lock)
            .stdout(log)
            .stderr(errors)
            // A Ctrl-C at the terminal is for barid, which still needs Redis while it drains.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => RedisServerError::NotInstalled { binary: binary.to_owned() },
                _ => RedisServerError::io(format!("start the program `{binary}`"))(error),
            })?;
        let pid = wait_until_it_answers(place, &mut child).await?;
        Ok(Self { child: Some(child), pid })
    }

    /// Waits until the process is gone, and says how it ended.
    pub(super) async fn gone(&mut self, place: &Place) -> String {
        match &mut self.child {
            Some(child) => child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
            None => {
                while listens(place).await {
                    tokio::time::sleep(WATCH_PAUSE).await;
                }
                "it no longer listens".to_owned()
            }
        }
    }

    /// Asks it to end, as SIGTERM would, and insists after a while.
    pub(super) async fn stop(mut self, place: &Place) {
        let asked = async {
            // The answer to SHUTDOWN is a closed connection.
            if let Ok(mut connection) = connect(place).await {
                let _ = redis::cmd("SHUTDOWN").query_async::<()>(&mut connection).await;
            }
            self.gone(place).await
        };
        if tokio::time::timeout(STOP_TIMEOUT, asked).await.is_ok() {
            return;
        }
        tracing::warn!(pid = self.pid, "redis: redis-server does not end; killed");
        match &mut self.child {
            Some(child) => {
                if let Err(error) = child.kill().await {
                    tracing::warn!(pid = self.pid, error = error.to_string(), "redis: cannot kill redis-server");
                }
            }
            None => kill(self.pid).await,
        }
    }
}

fn not_started(place: &Place, what: impl Into<String>) -> RedisServerError {
    RedisServerError::NotStarted { what: what.into(), log: place.log.clone(), said: place.last_words() }
}

async fn listens(place: &Place) -> bool {
    UnixStream::connect(&place.socket).await.is_ok()
}

async fn connect(place: &Place) -> Result<redis::aio::MultiplexedConnection, redis::RedisError> {
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    redis::Client::open(place.url())?.get_multiplexed_async_connection_with_config(&config).await
}

/// Waits for a PONG, and answers the pid.
async fn wait_until_it_answers(place: &Place, child: &mut Child) -> Result<u32, RedisServerError> {
    let begun = Instant::now();
    loop {
        let (limit, problem) = match ask_for_pid(place).await {
            Ok(Some(pid)) => return Ok(pid),
            Ok(None) => (LOADING_TIMEOUT, "still loads its data".to_owned()),
            Err(error) => (ANSWER_TIMEOUT, format!("does not answer ({error})")),
        };
        if let Ok(Some(status)) = child.try_wait() {
            return Err(not_started(place, format!("ended at once ({status})")));
        }
        if begun.elapsed() > limit {
            return Err(not_started(place, problem));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// `None` while it loads its data.
async fn ask_for_pid(place: &Place) -> Result<Option<u32>, redis::RedisError> {
    let mut connection = connect(place).await?;
    match redis::cmd("PING").query_async::<()>(&mut connection).await {
        Err(error) if error.kind() == redis::ErrorKind::Server(ServerErrorKind::BusyLoading) => return Ok(None),
        answer => answer?,
    }
    let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).and_then(|pid| pid.trim().parse().ok());
    Ok(Some(pid.unwrap_or(0)))
}

/// Whether this pid is still the server of this place: pids are used again.
fn is_ours(pid: u32, place: &Place) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        let (line, socket) = (String::from_utf8_lossy(&line), place.socket.to_string_lossy());
        line.contains("redis") && line.contains(&*socket)
    })
}

/// SIGKILL to a process that is not our child, and wait until it is gone.
async fn kill(pid: u32) {
    // Safe Rust has no call for it.
    let killed = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status().await;
    if !killed.is_ok_and(|status| status.success()) {
        tracing::warn!(pid, "redis: cannot kill redis-server");
    }
    let begun = Instant::now();
    while std::fs::exists(format!("/proc/{pid}")).unwrap_or(false) && begun.elapsed() < ANSWER_TIMEOUT {
        tokio::time::sleep(PAUSE).await;
    }
}
