//! A real PostgreSQL of our own: one server for the test process, a fresh database for each test.
//!
//! The server's parent is a small shell that holds our pipe. When this process ends, however it ends, the pipe closes, and the shell
//! stops the server and removes its files. Nothing is left over, even after `kill -9`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::ConnectionTrait as _;

use crate::direct;

/// Makes a cluster in a new folder, starts it, says where it is, waits for the end of its input, stops it.
///
/// `$1` is the folder of PostgreSQL's programs. Durability is off: what is tested here is not the server's disk.
const GUARD: &str = r#"
set -eu
trap '' INT TERM HUP
umask 022
dir=$(mktemp -d /tmp/barid-postgres-XXXXXX)
"$1/initdb" --pgdata="$dir/data" --username=barid --auth=trust --encoding=UTF8 --no-locale --no-sync >"$dir/initdb.log" 2>&1 \
  || { cat "$dir/initdb.log" >&2; rm -rf "$dir"; exit 1; }
"$1/pg_ctl" --pgdata="$dir/data" --log="$dir/server.log" --wait --timeout=60 --silent \
  --options="-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c full_page_writes=off -c synchronous_commit=on -c max_connections=400 -c shared_buffers=64MB -c log_min_messages=fatal" \
  start >/dev/null 2>&1 || { cat "$dir/server.log" >&2; rm -rf "$dir"; exit 1; }
echo "$dir"
exec >/dev/null
read -r _ || true
"$1/pg_ctl" --pgdata="$dir/data" --mode=immediate --wait --silent stop >/dev/null 2>&1 || true
rm -rf "$dir"
"#;

/// The user that the server runs as when the tests run as root, which PostgreSQL refuses to.
const USERS: [&str; 2] = ["postgres", "nobody"];

struct Server {
    /// Where its socket is.
    dir: PathBuf,
    /// Closed by the system when this process ends.
    _pipe: ChildStdin,
    _guard: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database.
pub(crate) async fn fresh_database() -> String {
    let server =
        tokio::task::spawn_blocking(|| SERVER.get_or_init(start)).await.expect("PostgreSQL could not be started");
    let name = format!("t{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    let admin = direct::connect(&url(&server.dir, "postgres")).await;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("the name is new");
    admin.close().await.expect("nothing is under way");
    url(&server.dir, &name)
}

fn url(dir: &Path, database: &str) -> String {
    format!("postgres://barid@localhost/{database}?host={}", dir.display())
}

fn start() -> Server {
    let programs = programs().expect(
        "the tests need PostgreSQL's `initdb` and `pg_ctl`; install `postgresql` or put their folder into PATH",
    );
    let mut command = match user() {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid"]).arg(group_of(user)).args(["--clear-groups", "sh"]);
            command
        }
        None => Command::new("sh"),
    };
    let mut guard = command
        .args(["-c", GUARD, "guard"])
        .arg(programs)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`sh` and, for root, `setpriv` (util-linux) are needed to start PostgreSQL");
    let pipe = guard.stdin.take().expect("it was asked for");
    let mut first = String::new();
    BufReader::new(guard.stdout.take().expect("it was asked for")).read_line(&mut first).expect("a line of text");
    let dir = first.trim();
    assert!(!dir.is_empty(), "PostgreSQL did not start; what it said stands above");
    Server { dir: dir.into(), _pipe: pipe, _guard: guard }
}

fn programs() -> Option<PathBuf> {
    let has_both = |dir: &PathBuf| dir.join("initdb").exists() && dir.join("pg_ctl").exists();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, dir)| has_both(dir))
        .collect();
    versions.sort();
    let newest = versions.pop().map(|(_, dir)| dir);
    newest.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(has_both)
    })
}

fn user() -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    let we_are_root = std::fs::metadata("/proc/self").is_ok_and(|of_process| of_process.uid() == 0);
    if !we_are_root {
        return None;
    }
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = USERS.into_iter().find(|user| known.lines().any(|line| line.starts_with(&format!("{user}:"))));
    Some(user.expect("root cannot run PostgreSQL, and there is no user `postgres` or `nobody` to run it as"))
}

fn group_of(user: &str) -> String {
    let known = std::fs::read_to_string("/etc/passwd").expect("it was read a moment ago");
    let line = known.lines().find(|line| line.starts_with(&format!("{user}:"))).expect("the user was found in it");
    line.split(':').nth(3).expect("a line of `/etc/passwd` has a group").to_owned()
}
