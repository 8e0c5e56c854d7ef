//! Files that people send: where they come from, where they are kept, and what the record says of them.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use crate::domain::ids::{ContactId, FeedbackId, SenderName};
use crate::domain::media::{Digest, FileType, MediaKey, MediaRules, MediaTrouble};
use crate::ports::Stored;

/// What fetching files needs.
#[derive(Clone)]
pub struct MediaPorts {
    /// Which files are wanted.
    pub rules: Arc<MediaRules>,
    /// Where they come from.
    pub source: Arc<dyn MediaSource>,
    /// Where they are kept.
    pub store: Arc<dyn MediaStore>,
}

/// What the provider says of a file. `Debug` does not show where it lies: who has the address and the token has the file.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundMedia {
    /// Where it lies, for some minutes.
    pub address: String,
    /// What it is; `None` where the provider does not say it in a form that can be read.
    pub file_type: Option<FileType>,
    /// Its sum.
    pub hash: Option<Digest>,
    /// How long it is.
    pub bytes: Option<u64>,
}

impl std::fmt::Debug for FoundMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundMedia")
            .field("file_type", &self.file_type)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A file as it comes in, piece by piece.
pub type MediaPieces = BoxStream<'static, Result<Bytes, MediaTrouble>>;

/// Where files come from.
#[async_trait]
pub trait MediaSource: Send + Sync {
    /// Asks where the file with this id lies, which came to that number of ours.
    async fn look_up(&self, id: &str, sender: Option<&SenderName>) -> Result<FoundMedia, MediaTrouble>;
    /// Begins to fetch it.
    async fn download(&self, found: &FoundMedia) -> Result<MediaPieces, MediaTrouble>;
}

/// Where files are kept does not answer, is full or refuses; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} where files are kept")]
pub struct MediaStoreError {
    /// What was being done: `write a file`.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl MediaStoreError {
    /// For errors of files.
    pub fn new<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { doing, source: source.into() }
    }
}

/// A result of where files are kept.
pub type MediaStored<T> = Result<T, MediaStoreError>;

/// A file that is kept, as whoever wants it reads it. `Debug` is not needed.
pub struct KeptMedia {
    /// How long it is.
    pub bytes: u64,
    /// All of it.
    pub pieces: Pin<Box<dyn Stream<Item = Result<Bytes, MediaStoreError>> + Send + Sync>>,
}

/// Where files are kept.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Begins a file, which nobody finds before it is whole.
    async fn begin(&self, key: &MediaKey) -> MediaStored<Box<dyn NewMedia>>;
    /// Reads a file; `None`: there is none.
    async fn open(&self, key: &MediaKey) -> MediaStored<Option<KeptMedia>>;
    /// Removes a file; one that is not there is no error.
    async fn remove(&self, key: &MediaKey) -> MediaStored<()>;
    /// The files of a record in one of the `SHARDS` folders.
    async fn in_shard(&self, tag: &str, shard: u16) -> MediaStored<Vec<FeedbackId>>;
    /// Removes what processes left unfinished that are gone; answers how many.
    async fn remove_unfinished(&self) -> MediaStored<u64>;
}

/// A file that is being written. Dropped before it is kept, it leaves nothing.
#[async_trait]
pub trait NewMedia: Send {
    /// A next piece.
    async fn write(&mut self, piece: &[u8]) -> MediaStored<()>;
    /// It is whole: durable and found from now on, in place of one of the same key.
    async fn keep(self: Box<Self>) -> MediaStored<()>;
}

/// A file that is still to be fetched, with all that fetching needs. `Debug` shows neither id nor sum.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaToFetch {
    /// With which feedback it came.
    pub feedback: FeedbackId,
    /// The provider's id of it.
    pub media_id: String,
    /// To which of our numbers it came.
    pub sender: Option<SenderName>,
    /// The kind of the message: `image`, `voice`, …
    pub kind: String,
    /// What it says it is.
    pub file_type: Option<String>,
    /// Its sum, as the callback said.
    pub hash: Option<Digest>,
    /// Tries that were used up.
    pub tries: u16,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// When we heard of it.
    pub received_at: Timestamp,
}

impl std::fmt::Debug for MediaToFetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaToFetch")
            .field("feedback", &self.feedback)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaBecame {
    /// We have it.
    Kept {
        /// What it is.
        file_type: FileType,
        /// How long it is.
        bytes: u64,
        /// Its sum.
        hash: Digest,
    },
    /// It is to be tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Whether that uses up a try.
        takes_try: bool,
        /// Why.
        because: String,
    },
    /// It is given up.
    Lost {
        /// Why.
        because: String,
    },
}

/// What the record said to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRecorded {
    /// It is written.
    Written,
    /// Somebody else kept the file already.
    KeptAlready,
    /// Nobody wants the file any more: it was taken back, given up or forgotten meanwhile; or somebody else wrote down another try.
    NotWanted,
}

/// What the record says of files.
#[async_trait]
pub trait MediaRecord: Send + Sync {
    /// Files that are due to be fetched, longest first, each with the tries behind it.
    async fn due_media(&self, now: Timestamp, limit: u64) -> Stored<Vec<(FeedbackId, u16)>>;
    /// A file that is still wanted.
    async fn media_to_fetch(&self, id: FeedbackId) -> Stored<Option<MediaToFetch>>;
    /// Writes down what became of it, if it is wanted still. What is kept counts whatever others tried meanwhile.
    async fn record_media(&self, id: FeedbackId, tries_before: u16, became: MediaBecame) -> Stored<MediaRecorded>;
    /// How many files wait to be fetched.
    async fn media_waiting(&self) -> Stored<u64>;
    /// Files that nobody is to have any more.
    async fn media_to_remove(&self, limit: u64) -> Stored<Vec<FeedbackId>>;
    /// They are removed.
    async fn removed_media(&self, ids: Vec<FeedbackId>) -> Stored<()>;
    /// Of these, those whose file is kept or wanted.
    async fn with_media(&self, ids: &[FeedbackId]) -> Stored<HashSet<FeedbackId>>;
    /// Forgets all files of a person: they are not fetched any more, and removed soon after. Answers how many those are.
    async fn forget_media(&self, contact: ContactId, now: Timestamp) -> Stored<u64>;
}
