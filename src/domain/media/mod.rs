//! Files that people send: which of them are wanted, what they may be, and what becomes of them.
//!
//! | module | owns |
//! |---|---|
//! | `rules` | which files are wanted, and how large they may be |
//! | `file_type` | what a file says it is against what its first bytes say |
//! | `digest` | SHA-256 as providers write it |
//! | `received` | a file while it comes in: counted, summed up, its first bytes kept |
//! | `attempt` | what follows when a file could not be fetched |
//! | `key` | under which name a file is kept |

mod attempt;
mod digest;
mod file_type;
mod key;
mod received;
mod rules;

pub use self::attempt::{Lost, MediaProgress, MediaTrouble, NextMedia, after_trouble};
pub use self::digest::{Digest, InvalidDigest};
pub use self::file_type::{FileType, InvalidFileType, agree, sniff};
pub use self::key::{MediaKey, SHARDS, shard_name};
pub use self::received::Received;
pub use self::rules::{MediaRules, WantedMedia};

/// Where the keeping of a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaState {
    /// It is still to be fetched.
    Wanted,
    /// We have it.
    Kept,
    /// It could not be had, and is not tried any more.
    Lost,
    /// It is not to be fetched.
    Unwanted,
}

impl MediaState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Wanted, Self::Kept, Self::Lost, Self::Unwanted];

    /// The word in the store and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Kept => "kept",
            Self::Lost => "lost",
            Self::Unwanted => "unwanted",
        }
    }

    /// The state of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A file as lists show it. `Debug` does not show its name: people write their own into it.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// Where the keeping of it stands.
    pub state: MediaState,
    /// What it is, as its sender's app says; such as `image/jpeg`.
    pub file_type: Option<String>,
    /// The name that a document had with its sender.
    pub name: Option<String>,
    /// How long it is, once we have it.
    pub bytes: Option<u64>,
    /// SHA-256 in hexadecimal.
    pub hash: Option<String>,
    /// Why it is not there, or not yet.
    pub detail: Option<String>,
}

impl std::fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaFile").field("state", &self.state).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
