//! The private redis-server: restarted, adopted, refused, and clear about what is missing.

use std::path::Path;

use barid::queue::lane::{Lane, Lanes};
use barid::queue::server::{RedisServer, RedisServerError, RedisServerSettings};

use super::harness::{cli, jobs, send_signal, settings, until};

async fn start(state_dir: &Path) -> RedisServer {
    RedisServer::start(RedisServerSettings::new(state_dir)).await.unwrap()
}

fn runs(pid: u32) -> bool {
    // A zombie has ended, whoever has not asked for it yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_private_durable_and_stopped_with_us() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let pid = server.pid().unwrap();
    let socket = dir.path().join("redis/redis.sock");
    let setting = |name| cli(&socket, &["CONFIG", "GET", name]).lines().nth(1).unwrap_or_default().to_owned();
    assert_eq!(setting("appendonly"), "yes");
    assert_eq!(setting("appendfsync"), "everysec");
    assert_eq!(setting("maxmemory-policy"), "noeviction");
    assert_eq!(setting("save"), "");
    assert_eq!(setting("port"), "0");
    assert_eq!(setting("unixsocketperm"), "700");
    let lanes = Lanes::connect(server.url(), settings()).await.unwrap();
    lanes.push(Lane::Sending, &jobs(10)).await.unwrap();
    server.stop().await;
    assert!(!runs(pid));

    let server = start(dir.path()).await;
    let lanes = Lanes::connect(server.url(), settings()).await.unwrap();
    assert_eq!(lanes.depth(Lane::Sending).await.unwrap().ready, 10, "the jobs are still there");
    server.stop().await;
    let log = std::fs::read_to_string(dir.path().join("redis/redis.log")).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_started_again_with_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let lanes = Lanes::connect(server.url(), settings()).await.unwrap();
    lanes.push(Lane::Sending, &jobs(10)).await.unwrap();
    let first = server.pid().unwrap();
    send_signal(first, "-KILL");
    until("another one runs", async || server.pid().is_some_and(|pid| pid != first)).await;
    until("the connection heals", async || lanes.depth(Lane::Sending).await.is_ok_and(|depth| depth.ready == 10)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_left_over_is_adopted_watched_and_stopped() {
    let dir = tempfile::tempdir().unwrap();
    // What a killed barid leaves: a server that is nobody's child and that nobody holds the lock for.
    let redis = dir.path().join("redis");
    std::fs::create_dir(&redis).unwrap();
    let daemon = || {
        let status = std::process::Command::new("redis-server")
            .args(["--port", "0", "--daemonize", "yes", "--appendonly", "yes", "--save", "", "--unixsocket"])
            .arg(redis.join("redis.sock"))
            .arg("--dir")
            .arg(&redis)
            .arg("--pidfile")
            .arg(redis.join("redis.pid"))
            .status()
            .unwrap();
        assert!(status.success());
    };
    let answers = async || cli(&redis.join("redis.sock"), &["PING"]).trim() == "PONG";
    daemon();
    until("it runs", answers).await;
    let left_over: u32 = std::fs::read_to_string(redis.join("redis.pid")).unwrap().trim().parse().unwrap();

    let server = start(dir.path()).await;
    assert_eq!(server.pid(), Some(left_over));
    let lanes = Lanes::connect(server.url(), settings()).await.unwrap();
    lanes.push(Lane::Sending, &jobs(10)).await.unwrap();
    send_signal(left_over, "-KILL");
    until("one of ours runs", async || server.pid().is_some_and(|pid| pid != left_over)).await;
    until("the connection heals", async || lanes.depth(Lane::Sending).await.is_ok_and(|depth| depth.ready == 10)).await;
    server.stop().await;

    daemon();
    until("it runs", answers).await;
    let server = start(dir.path()).await;
    let adopted = server.pid().unwrap();
    server.stop().await;
    until("the adopted one is gone", async || !runs(adopted)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_socket_and_pid_file_are_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let pid = server.pid().unwrap();
    // Dropped, it is killed: the socket and the pid file stay.
    drop(server);
    until("it is gone", async || !runs(pid)).await;
    assert!(dir.path().join("redis/redis.sock").exists());
    let server = start(dir.path()).await;
    assert_ne!(server.pid(), Some(pid));
    server.stop().await;
}

/// Tells a process of its own to run a private server, and in which state directory.
const CHILD: &str = "BARID_TEST_REDIS_SERVER_CHILD";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_a_server_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "how a test process is told what to be")]
    let Ok(state_dir) = std::env::var(CHILD) else { return };
    let _server = start(Path::new(&state_dir)).await;
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_its_barid_is_killed_the_next_one_has_exactly_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut pids = std::collections::BTreeSet::new();
    // From before the server is started to long after.
    for pause in [0, 5, 10, 20, 30, 40, 60, 90, 150, 300] {
        let mut barid = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "queue::server::runs_a_server_until_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        barid.kill().unwrap();
        barid.wait().unwrap();
    }
    let server = start(dir.path()).await;
    pids.extend(server.pid());
    let socket = dir.path().canonicalize().unwrap().join("redis/redis.sock");
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&*socket.to_string_lossy()) {
            pids.extend(process.file_name().to_string_lossy().parse::<u32>());
        }
    }
    assert_eq!(pids.into_iter().collect::<Vec<_>>(), server.pid().into_iter().collect::<Vec<_>>());
    let lanes = Lanes::connect(server.url(), settings()).await.unwrap();
    lanes.push(Lane::Sending, &jobs(10)).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_on_one_state_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let error = RedisServer::start(RedisServerSettings::new(dir.path())).await.err().unwrap();
    assert!(matches!(error, RedisServerError::InUse { .. }));
    assert!(error.to_string().ends_with("stop it, or give this one a `state_dir` of its own"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deep_state_directory_works() {
    let (dir, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings_ = RedisServerSettings::new(dir.path().join("d".repeat(120)).join("with space"));
    settings_.temp_dir = temp.path().to_owned();
    let server = RedisServer::start(settings_).await.unwrap();
    Lanes::connect(server.url(), settings()).await.unwrap().ping().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_broken_is_said_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = RedisServerSettings::new(dir.path());
    settings.binary = "no-such-redis-server".to_owned();
    let error = RedisServer::start(settings.clone()).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot find the program `no-such-redis-server`; install it (`apt-get install redis-server`), or set `[redis] url` to a Redis that runs"
    );
    settings.binary = "false".to_owned();
    let error = RedisServer::start(settings.clone()).await.err().unwrap();
    assert!(error.to_string().starts_with("redis-server ended at once (exit status: 1); its log is `"), "{error}");
    settings.state_dir = "/proc/nowhere".into();
    let error = RedisServer::start(settings).await.err().unwrap();
    assert!(error.to_string().contains("`/proc/nowhere/redis`"), "{error}");
}
