//! A folder of this machine, or one that several share.
//!
//! A file comes in under `incoming/`, locked for as long as its process lives, and is renamed to its name once it is durable: whoever looks
//! finds all of it or nothing. What lies in `incoming/` without a lock is of a process that is gone.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::domain::ids::FeedbackId;
use crate::domain::media::{MediaKey, shard_name};
use crate::ports::{KeptMedia, MediaStore, MediaStoreError, MediaStored, NewMedia};

/// Where files are while they come in. No tag of a record is so long.
const INCOMING: &str = "incoming";
/// So much is read or handed to the disk at once.
const PIECE_BYTES: usize = 128 * 1024;

/// Files in a folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Tells the files of this process apart.
    next: AtomicU64,
}

impl Folder {
    /// Keeps files there; nothing is made before the first one comes.
    pub fn new(root: PathBuf) -> Self {
        Self { root, next: AtomicU64::new(0) }
    }

    fn path(&self, key: &MediaKey) -> PathBuf {
        self.root.join(&key.tag).join(key.shard()).join(key.feedback.to_string())
    }
}

/// Work with files, away from the threads that everything else needs.
async fn apart<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> MediaStored<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(MediaStoreError::new(doing))?.map_err(MediaStoreError::new(doing))
}

fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes what happened in a folder durable: a file's name belongs to its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file; answers whether there was one.
fn remove_file(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl MediaStore for Folder {
    async fn begin(&self, key: &MediaKey) -> MediaStored<Box<dyn NewMedia>> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let incoming = self.root.join(INCOMING);
        let path = incoming.join(format!("{}-{}-{}-{n}.part", key.tag, key.feedback, std::process::id()));
        let part = Unfinished(path.clone());
        let file = apart("begin a file", move || {
            make_folder(&incoming)?;
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.try_lock().map_err(io::Error::from)?;
            Ok(file)
        })
        .await?;
        let (root, target) = (self.root.clone(), self.path(key));
        let file = tokio::fs::File::from_std(file);
        Ok(Box::new(NewFile { part, file, waiting: BytesMut::new(), root, target }))
    }

    async fn open(&self, key: &MediaKey) -> MediaStored<Option<KeptMedia>> {
        let doing = "open a file";
        let file = match tokio::fs::File::open(self.path(key)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(MediaStoreError::new(doing)(error)),
        };
        let bytes = file.metadata().await.map_err(MediaStoreError::new(doing))?.len();
        let pieces = stream::try_unfold(file, |mut file| async move {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            let read = file.read_buf(&mut piece).await.map_err(MediaStoreError::new("read a file"))?;
            Ok((read > 0).then(|| (piece.freeze(), file)))
        });
        Ok(Some(KeptMedia { bytes, pieces: Box::pin(pieces) }))
    }

    async fn remove(&self, key: &MediaKey) -> MediaStored<()> {
        let path = self.path(key);
        apart("remove a file", move || {
            if remove_file(&path)?
                && let Some(folder) = path.parent()
            {
                sync_folder(folder)?;
            }
            Ok(())
        })
        .await
    }

    async fn in_shard(&self, tag: &str, shard: u16) -> MediaStored<Vec<FeedbackId>> {
        let folder = self.root.join(tag).join(shard_name(shard));
        apart("list files", move || {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let mut found = Vec::new();
            for entry in entries {
                let name = entry?.file_name();
                // What has another name is not ours.
                found.extend(name.to_str().and_then(MediaKey::feedback_of));
            }
            Ok(found)
        })
        .await
    }

    async fn remove_unfinished(&self) -> MediaStored<u64> {
        let incoming = self.root.join(INCOMING);
        apart("remove unfinished files", move || {
            let entries = match std::fs::read_dir(&incoming) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(error),
            };
            let mut removed = 0;
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_none_or(|extension| extension != "part") {
                    continue;
                }
                let file = match File::open(&path) {
                    Ok(file) => file,
                    // It was finished in this moment.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                if file.try_lock().is_ok() {
                    removed += u64::from(remove_file(&path)?);
                }
            }
            Ok(removed)
        })
        .await
    }
}

/// A file under `incoming/`, removed when it is dropped there.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already where it was finished; and what cannot be removed now is found without its lock later.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A file that comes in. Fields are dropped in this order: its name goes before its lock.
struct NewFile {
    part: Unfinished,
    file: tokio::fs::File,
    /// So that the disk is asked for some hundred kilobytes at once, however small the pieces are.
    waiting: BytesMut,
    root: PathBuf,
    target: PathBuf,
}

impl NewFile {
    async fn flush(&mut self) -> MediaStored<()> {
        let waiting: Bytes = self.waiting.split().freeze();
        self.file.write_all(&waiting).await.map_err(MediaStoreError::new("write a file"))
    }
}

#[async_trait]
impl NewMedia for NewFile {
    async fn write(&mut self, piece: &[u8]) -> MediaStored<()> {
        self.waiting.extend_from_slice(piece);
        if self.waiting.len() >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn keep(mut self: Box<Self>) -> MediaStored<()> {
        let doing = "keep a file";
        self.flush().await?;
        self.file.flush().await.map_err(MediaStoreError::new(doing))?;
        self.file.sync_all().await.map_err(MediaStoreError::new(doing))?;
        let Self { part, file, root, target, .. } = *self;
        apart(doing, move || {
            if let Some(folder) = target.parent() {
                make_folder(folder)?;
                std::fs::rename(&part.0, &target)?;
                // The folder's own name, and that of its parent, may be new, too.
                for folder in folder.ancestors().take_while(|folder| folder.starts_with(&root)) {
                    sync_folder(folder)?;
                }
            }
            drop((part, file));
            Ok(())
        })
        .await
    }
}
