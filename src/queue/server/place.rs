//! Where the private server keeps its things, and that nobody else uses them.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};

use super::RedisServerError;

/// The longest path that a Unix socket can have on Linux, without the final zero byte (`sun_path` has 108 bytes).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The files of one private server. The lock is held as long as this lives.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) pid_file: PathBuf,
    pub(super) log: PathBuf,
    /// Held by us as long as this lives.
    _lock: File,
    /// Held by a redis-server as long as it lives, and by the barid that started it.
    server_lock: File,
}

impl Place {
    /// Makes the directories and takes the lock.
    pub(super) fn prepare(state_dir: &Path, temp_dir: &Path) -> Result<Self, RedisServerError> {
        let io = |what: &str, path: &Path| RedisServerError::io(format!("{what} `{}`", path.display()));
        make_private(&state_dir.join("redis")).map_err(io("create the directory", &state_dir.join("redis")))?;
        let state_dir = state_dir.canonicalize().map_err(io("find the directory", state_dir))?;
        let dir = state_dir.join("redis");
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).write(true).open(path).map_err(io("open the lock file", path))
        };
        let lock_path = dir.join("lock");
        let lock = open(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RedisServerError::InUse { state_dir }),
            Err(TryLockError::Error(source)) => return Err(io("lock the file", &lock_path)(source)),
        }
        let socket = socket_path(&dir, temp_dir, &lock)?;
        let server_lock = open(&dir.join("server.lock"))?;
        let (pid_file, log) = (dir.join("redis.pid"), dir.join("redis.log"));
        Ok(Self { dir, socket, pid_file, log, _lock: lock, server_lock })
    }

    /// Whether no server that a barid started is alive here, not even one that does not listen yet. From then on only we start one.
    pub(super) fn claim_server(&self) -> bool {
        // Any other error than "somebody has it" would come again at the start, where it is told.
        !matches!(self.server_lock.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// The lock, to be handed to the server as its standard input: it lives as long as that process, whatever becomes of us.
    pub(super) fn server_lock(&self) -> std::io::Result<Stdio> {
        self.server_lock.try_clone().map(Stdio::from)
    }

    /// For `Lanes::connect`.
    pub(super) fn url(&self) -> String {
        url_of(&self.socket)
    }

    /// The pid that the server wrote down, if it wrote one.
    pub(super) fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// The last line of the log, for an error message.
    pub(super) fn last_words(&self) -> String {
        let tail = || {
            let mut file = File::open(&self.log).ok()?;
            let from = file.metadata().ok()?.len().saturating_sub(2000);
            file.seek(SeekFrom::Start(from)).ok()?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).lines().rev().find(|line| !line.trim().is_empty())?.trim().to_owned())
        };
        tail().map_or_else(String::new, |line| format!(" and ends with `{line}`"))
    }
}

/// Where the server of a barid that runs on this state directory answers; `None` when there is none. Makes and locks nothing.
pub fn url_of_running(state_dir: &Path) -> Option<String> {
    let dir = state_dir.canonicalize().ok()?.join("redis");
    let beside = dir.join("redis.sock");
    let short = short_dir(&dir, &std::env::temp_dir());
    // Where anybody may write, only a folder counts that nobody else can have made.
    let is_private =
        |theirs: &Metadata| dir.metadata().is_ok_and(|ours| theirs.uid() == ours.uid()) && theirs.mode() & 0o077 == 0;
    let is_ours = std::fs::symlink_metadata(&short).is_ok_and(|theirs| theirs.is_dir() && is_private(&theirs));
    let sockets = [Some(beside), is_ours.then(|| short.join("redis.sock"))];
    sockets.into_iter().flatten().find(|socket| UnixStream::connect(socket).is_ok()).map(|socket| url_of(&socket))
}

fn url_of(socket: &Path) -> String {
    let path: String = socket
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("redis+unix://{path}")
}

/// The same for each start on this state directory, so that a left-over server is found.
fn short_dir(dir: &Path, temp_dir: &Path) -> PathBuf {
    let name = hex::encode(&Sha256::digest(dir.as_os_str().as_bytes())[..8]);
    temp_dir.join(format!("barid-{name}"))
}

fn make_private(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// The socket lies beside the data, unless the path is too long for a socket.
fn socket_path(dir: &Path, temp_dir: &Path, ours: &File) -> Result<PathBuf, RedisServerError> {
    let socket = dir.join("redis.sock");
    if socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(socket);
    }
    let short = short_dir(dir, temp_dir);
    let io = |what: &str| RedisServerError::io(format!("{what} `{}`", short.display()));
    make_private(&short).map_err(io("create the directory"))?;
    // Anybody may have made it before us.
    let (theirs, ours) = (
        std::fs::symlink_metadata(&short).map_err(io("look at the directory"))?,
        ours.metadata().map_err(io("look at the lock beside"))?,
    );
    if !theirs.is_dir() || theirs.uid() != ours.uid() || theirs.mode() & 0o077 != 0 {
        return Err(RedisServerError::NotPrivate { dir: short });
    }
    tracing::info!(
        dir = %short.display(),
        "redis: the socket lies outside the state directory, whose path is longer than a socket's may be"
    );
    Ok(short.join("redis.sock"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_user_of_the_same_directory_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::prepare(dir.path(), Path::new("/nowhere")).unwrap();
        let error = Place::prepare(dir.path(), Path::new("/nowhere")).err().unwrap();
        assert!(matches!(error, RedisServerError::InUse { .. }), "{error}");
        drop(place);
        Place::prepare(dir.path(), Path::new("/nowhere")).unwrap();
    }

    #[test]
    fn a_path_too_long_for_a_socket_falls_back_to_a_short_private_one() {
        let (dir, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deep = dir.path().join("d".repeat(120));
        let place = Place::prepare(&deep, temp.path()).unwrap();
        assert!(place.socket.starts_with(temp.path()), "{:?}", place.socket);
        assert!(place.dir.starts_with(dir.path().canonicalize().unwrap()), "the data stay where they belong");
        let short = place.socket.parent().unwrap().to_owned();
        assert_eq!(short.metadata().unwrap().mode() & 0o777, 0o700);
        drop(place);

        std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = Place::prepare(&deep, temp.path()).err().unwrap();
        assert!(matches!(error, RedisServerError::NotPrivate { .. }), "{error}");
    }

    #[test]
    fn a_url_can_hold_any_path() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::prepare(&dir.path().join("a b?c"), Path::new("/nowhere")).unwrap();
        assert!(place.url().ends_with("/a%20b%3Fc/redis/redis.sock"), "{}", place.url());
    }
}
