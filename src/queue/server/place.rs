//! Where the private server keeps its things, and that nobody else uses them.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

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
    _lock: File,
}

impl Place {
    /// Makes the directories and takes the lock.
    pub(super) fn prepare(state_dir: &Path, temp_dir: &Path) -> Result<Self, RedisServerError> {
        let io = |what: &str, path: &Path| RedisServerError::io(format!("{what} `{}`", path.display()));
        make_private(&state_dir.join("redis")).map_err(io("create the directory", &state_dir.join("redis")))?;
        let state_dir = state_dir.canonicalize().map_err(io("find the directory", state_dir))?;
        let dir = state_dir.join("redis");
        let lock_path = dir.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io("open the lock file", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RedisServerError::InUse { state_dir }),
            Err(TryLockError::Error(source)) => return Err(io("lock the file", &lock_path)(source)),
        }
        let socket = socket_path(&dir, temp_dir, &lock)?;
        Ok(Self { socket, pid_file: dir.join("redis.pid"), log: dir.join("redis.log"), dir, _lock: lock })
    }

    /// For `Lanes::connect`.
    pub(super) fn url(&self) -> String {
        let path: String = self
            .socket
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

fn make_private(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// The socket lies beside the data, unless the path is too long for a socket.
fn socket_path(dir: &Path, temp_dir: &Path, ours: &File) -> Result<PathBuf, RedisServerError> {
    let socket = dir.join("redis.sock");
    if socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(socket);
    }
    // The same for each start on this state directory, so that a left-over server is found.
    let name = hex::encode(&Sha256::digest(dir.as_os_str().as_bytes())[..8]);
    let short = temp_dir.join(format!("barid-{name}"));
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
