//! Fetches one file that a person sent: one try. Whatever breaks off is done again from the beginning, since the record says *kept* only
//! after the file is durable under its name.

use futures_util::StreamExt as _;

use crate::domain::byte_size::ByteSize;
use crate::domain::ids::FeedbackId;
use crate::domain::media::{
    FileType, Lost, MediaKey, MediaProgress, MediaTrouble, NextMedia, Received, after_trouble, agree, sniff,
};
use crate::jobs::JobError;
use crate::ports::{FoundMedia, MediaBecame, MediaRecorded, MediaStoreError, MediaToFetch, Services};

/// Makes the try, if it is still to be made: else the feeding brings it back in its time.
///
/// # Errors
/// When the store could not be asked, or where files are kept does not answer. That is no fault of the file's and takes no try.
pub async fn run(services: &Services, id: FeedbackId, tries_before: u16) -> Result<(), JobError> {
    let doing = "loading what is to be fetched";
    let Some(wanted) = services.store.media_to_fetch(id).await.map_err(JobError::from_store(doing))? else {
        return Ok(());
    };
    if wanted.tries != tries_before || wanted.due_at > services.clock.now() {
        return Ok(());
    }
    let key = MediaKey { tag: services.store.tag().to_owned(), feedback: id };
    let became = match fetch(services, &wanted, &key).await {
        Ok(kept) => kept,
        Err(Failed::Trouble(trouble)) => decided(services, &wanted, &trouble),
        Err(Failed::Store(error)) => return Err(JobError::from_media("keeping a file")(error)),
    };
    let recorded = services.store.record_media(id, tries_before, became.clone()).await;
    let recorded = recorded.map_err(JobError::from_store("recording what became of a file"))?;
    match (recorded, &became) {
        (MediaRecorded::Written, _) => services.tally.fetched_media(&became),
        // It was taken back while it came in. Should we end before this, the tidying finds it.
        (MediaRecorded::NotWanted, MediaBecame::Kept { .. }) => {
            services.media.store.remove(&key).await.map_err(JobError::from_media("removing a file"))?;
        }
        (MediaRecorded::NotWanted | MediaRecorded::KeptAlready, _) => {}
    }
    Ok(())
}

/// Why there is no file.
enum Failed {
    Trouble(MediaTrouble),
    Store(MediaStoreError),
}

impl From<MediaTrouble> for Failed {
    fn from(trouble: MediaTrouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<MediaStoreError> for Failed {
    fn from(error: MediaStoreError) -> Self {
        Self::Store(error)
    }
}

/// Asks where it lies, fetches it, and keeps it if it is what it should be.
async fn fetch(services: &Services, wanted: &MediaToFetch, key: &MediaKey) -> Result<MediaBecame, Failed> {
    let media = &services.media;
    let found = media.source.look_up(&wanted.media_id, wanted.sender.as_ref()).await?;
    let file_type = file_type(wanted, &found)?;
    if !media.rules.takes(&file_type) {
        let words = format!("files of the type {file_type} are not kept: `[media] types` does not name it");
        return Err(MediaTrouble::WrongType(words).into());
    }
    let bytes_max = media.rules.bytes_max(&wanted.kind);
    if found.bytes.is_some_and(|bytes| bytes > bytes_max) {
        return Err(MediaTrouble::TooLarge(ByteSize::new(bytes_max)).into());
    }
    let mut pieces = media.source.download(&found).await?;
    let mut file = media.store.begin(key).await?;
    let mut received = Received::default();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        received.take(&piece);
        // Whatever it said of its length.
        if received.bytes() > bytes_max {
            return Err(MediaTrouble::TooLarge(ByteSize::new(bytes_max)).into());
        }
        file.write(&piece).await?;
    }
    check(wanted, &found, &file_type, &received)?;
    file.keep().await?;
    Ok(MediaBecame::Kept { file_type, bytes: received.bytes(), hash: received.digest() })
}

/// What Meta says that it is now, else what it said when it came.
fn file_type(wanted: &MediaToFetch, found: &FoundMedia) -> Result<FileType, MediaTrouble> {
    let before = || wanted.file_type.as_deref()?.parse().ok();
    let known = found.file_type.clone().or_else(before);
    known.ok_or_else(|| MediaTrouble::WrongType("Meta does not say what it is".to_owned()))
}

/// Whether what came is what was sent, and is what it says.
fn check(
    wanted: &MediaToFetch,
    found: &FoundMedia,
    file_type: &FileType,
    received: &Received,
) -> Result<(), MediaTrouble> {
    if let Some(bytes) = found.bytes.filter(|bytes| *bytes != received.bytes()) {
        return Err(MediaTrouble::NoAnswer(format!("{} of {bytes} bytes came", received.bytes())));
    }
    let digest = received.digest();
    if [wanted.hash, found.hash].into_iter().flatten().any(|hash| hash != digest) {
        return Err(MediaTrouble::WrongHash);
    }
    let sniffed = sniff(received.head());
    if !agree(file_type, sniffed) {
        let looks = sniffed.map_or_else(|| "nothing of that kind".to_owned(), |looks| format!("of {looks}"));
        return Err(MediaTrouble::WrongType(format!(
            "it says that it is {file_type}, but its first bytes are {looks}"
        )));
    }
    Ok(())
}

/// What follows from a trouble, told to whoever should know.
fn decided(services: &Services, wanted: &MediaToFetch, trouble: &MediaTrouble) -> MediaBecame {
    let progress = MediaProgress { tries: wanted.tries, since: wanted.received_at };
    let spread = wanted.feedback.number().unsigned_abs();
    let because = trouble.words();
    if let MediaTrouble::Barred(_) = trouble {
        tracing::warn!(feedback.id = %wanted.feedback, because, "a file is not fetched from where Meta says that it lies");
    }
    match after_trouble(trouble, progress, &services.media.rules, spread, services.clock.now()) {
        NextMedia::Again { at, takes_try } => {
            tracing::debug!(feedback.id = %wanted.feedback, because, "a file could not be fetched; it is tried again");
            MediaBecame::Again { at, takes_try, because }
        }
        NextMedia::GiveUp(lost) => {
            let because = match lost {
                Lost::ForGood => because,
                Lost::Spent => format!("{because}; all {} tries are used up", services.media.rules.tries),
                Lost::Expired => format!("{because}; Meta keeps files for 7 days"),
            };
            tracing::warn!(feedback.id = %wanted.feedback, because, "a file that somebody sent is lost; their feedback stays");
            MediaBecame::Lost { because }
        }
    }
}
