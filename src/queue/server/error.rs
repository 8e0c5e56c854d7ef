//! Why there is no redis-server.

use std::io;
use std::path::PathBuf;

/// The private redis-server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RedisServerError {
    /// There is no such program.
    #[error(
        "cannot find the program `{binary}`; install it (`apt-get install redis-server`), or set `[redis] url` to a Redis that runs"
    )]
    NotInstalled {
        /// What was looked for.
        binary: String,
    },
    /// Another process holds the lock of the state directory.
    #[error("another barid uses the state directory `{state_dir}`; stop it, or give this one a `state_dir` of its own")]
    InUse {
        /// The state directory.
        state_dir: PathBuf,
    },
    /// The directory for the socket belongs to somebody else, or others may enter it.
    #[error(
        "the directory `{dir}` for Redis's socket is not private to this user; remove it, or choose a shorter `state_dir`"
    )]
    NotPrivate {
        /// The directory.
        dir: PathBuf,
    },
    /// It started and ended, or did not answer.
    #[error("redis-server {what}; its log is `{log}`{said}")]
    NotStarted {
        /// What happened.
        what: String,
        /// Where it logs.
        log: PathBuf,
        /// The last thing it logged, if anything.
        said: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}; check the permissions of `state_dir`")]
    Io {
        /// What we tried.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl RedisServerError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}
