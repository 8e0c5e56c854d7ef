//! Files that people send: Meta, which gives them out, and where they are kept, which outlives the process; with a tap on both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use barid::domain::ids::{FeedbackId, SenderName};
use barid::domain::media::{Digest, MediaKey, MediaTrouble, Received};
use barid::ports::{
    FoundMedia, KeptMedia, MediaPieces, MediaSource, MediaStore, MediaStoreError, MediaStored, NewMedia,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::tap::Tap;

/// Meta does not have it, and never will.
pub(crate) const MISSING: &str = "404";
/// The first look-up of it is answered with a fault of Meta's own.
pub(crate) const FAULTY: &str = "500";

/// What a file holds.
pub(crate) fn content(id: &str) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".as_slice(), id.as_bytes()].concat()
}

/// And its sum.
pub(crate) fn sum(id: &str) -> Digest {
    let mut received = Received::default();
    received.take(&content(id));
    received.digest()
}

/// What lies where files are kept, and what Meta was asked.
#[derive(Default)]
pub(crate) struct Shelf {
    kept: Mutex<BTreeMap<(String, i64), Vec<u8>>>,
    /// What is being written, or was when its process died.
    unfinished: Mutex<BTreeSet<u64>>,
    asked: Mutex<BTreeSet<String>>,
    next: Mutex<u64>,
}

impl Shelf {
    /// Every file, by its feedback.
    pub(crate) fn kept(&self) -> BTreeMap<i64, Vec<u8>> {
        self.kept.lock().unwrap().iter().map(|((_, feedback), bytes)| (*feedback, bytes.clone())).collect()
    }

    pub(crate) fn n_unfinished(&self) -> usize {
        self.unfinished.lock().unwrap().len()
    }
}

/// The way to Meta's files.
pub(crate) struct TappedSource {
    pub(crate) real: Arc<Shelf>,
    pub(crate) tap: Arc<Tap>,
}

fn silent(why: &'static str) -> MediaTrouble {
    MediaTrouble::NoAnswer(why.to_owned())
}

#[async_trait]
impl MediaSource for TappedSource {
    async fn look_up(&self, id: &str, _: Option<&SenderName>) -> Result<FoundMedia, MediaTrouble> {
        let work = async {
            let is_first = self.real.asked.lock().unwrap().insert(id.to_owned());
            match id {
                MISSING => Err(MediaTrouble::Unavailable("it is gone".to_owned())),
                FAULTY if is_first => Err(MediaTrouble::Busy { words: "a fault".to_owned(), wait: None }),
                _ => Ok(FoundMedia {
                    address: id.to_owned(),
                    file_type: Some("image/jpeg".parse().unwrap()),
                    hash: Some(sum(id)),
                    bytes: Some(content(id).len() as u64),
                }),
            }
        };
        self.tap.effect(&format!("look-up of {id}"), silent, work).await
    }
    async fn download(&self, found: &FoundMedia) -> Result<MediaPieces, MediaTrouble> {
        let work = async {
            let bytes = content(&found.address);
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            let pieces = [first, rest].map(|piece| Ok(Bytes::copy_from_slice(piece)));
            Ok(stream::iter(pieces).boxed())
        };
        self.tap.effect(&format!("download of {}", found.address), silent, work).await
    }
}

/// The way to where files are kept.
pub(crate) struct TappedShelf {
    pub(crate) real: Arc<Shelf>,
    pub(crate) tap: Arc<Tap>,
}

fn full(why: &'static str) -> MediaStoreError {
    MediaStoreError { doing: "do it", source: why.into() }
}

fn place(key: &MediaKey) -> (String, i64) {
    (key.tag.clone(), key.feedback.number())
}

#[async_trait]
impl MediaStore for TappedShelf {
    async fn begin(&self, key: &MediaKey) -> MediaStored<Box<dyn NewMedia>> {
        let what = format!("begin file {}", key.feedback.number());
        let work = async {
            let mut next = self.real.next.lock().unwrap();
            *next += 1;
            self.real.unfinished.lock().unwrap().insert(*next);
            let (real, tap) = (Arc::clone(&self.real), Arc::clone(&self.tap));
            let file: Box<dyn NewMedia> =
                Box::new(File { key: key.clone(), number: *next, bytes: Vec::new(), real, tap });
            Ok(file)
        };
        self.tap.effect(&what, full, work).await
    }
    async fn open(&self, key: &MediaKey) -> MediaStored<Option<KeptMedia>> {
        let bytes = self.real.kept.lock().unwrap().get(&place(key)).cloned();
        Ok(bytes.map(|bytes| KeptMedia {
            bytes: bytes.len() as u64,
            pieces: Box::pin(stream::iter([Ok(Bytes::from(bytes))])),
        }))
    }
    async fn remove(&self, key: &MediaKey) -> MediaStored<()> {
        let what = format!("remove file {}", key.feedback.number());
        let work = async {
            self.real.kept.lock().unwrap().remove(&place(key));
            Ok(())
        };
        self.tap.effect(&what, full, work).await
    }
    async fn in_shard(&self, tag: &str, shard: u16) -> MediaStored<Vec<FeedbackId>> {
        let kept = self.real.kept.lock().unwrap();
        let here = kept.keys().filter(|(of, feedback)| of == tag && feedback % 256 == i64::from(shard));
        Ok(here.map(|(_, feedback)| FeedbackId::new(*feedback)).collect())
    }
    async fn remove_unfinished(&self) -> MediaStored<u64> {
        // One job runs at a time, so all of them are of processes that are gone.
        let n = std::mem::take(&mut *self.real.unfinished.lock().unwrap()).len();
        Ok(n as u64)
    }
}

struct File {
    key: MediaKey,
    number: u64,
    bytes: Vec<u8>,
    real: Arc<Shelf>,
    tap: Arc<Tap>,
}

impl Drop for File {
    fn drop(&mut self) {
        // Whoever dies tidies nothing.
        if !self.tap.is_dead() {
            self.real.unfinished.lock().unwrap().remove(&self.number);
        }
    }
}

#[async_trait]
impl NewMedia for File {
    async fn write(&mut self, piece: &[u8]) -> MediaStored<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
    async fn keep(self: Box<Self>) -> MediaStored<()> {
        let work = async {
            self.real.kept.lock().unwrap().insert(place(&self.key), self.bytes.clone());
            self.real.unfinished.lock().unwrap().remove(&self.number);
            Ok(())
        };
        self.tap.effect(&format!("keep file {}", self.key.feedback.number()), full, work).await
    }
}
