//! Removes files that nobody is to have any more, and what no row names: left by a process that died at the wrong moment. Takes no input and
//! is safe to run twice, beside everything else.

use crate::domain::media::{MediaKey, SHARDS};
use crate::jobs::JobError;
use crate::ports::{MediaStore, Store};

/// Rows in one step.
const STEP: u64 = 200;

/// Removes what was taken back or forgotten; answers how many files that were.
///
/// # Errors
/// When the store could not be asked, or where files are kept does not answer; the next pass goes on.
pub async fn forgotten(store: &dyn Store, media: &dyn MediaStore) -> Result<u64, JobError> {
    let doing = "removing files that nobody is to have any more";
    let mut removed = 0;
    loop {
        let gone = store.media_to_remove(STEP).await.map_err(JobError::from_store(doing))?;
        if gone.is_empty() {
            return Ok(removed);
        }
        for feedback in &gone {
            let key = MediaKey { tag: store.tag().to_owned(), feedback: *feedback };
            media.remove(&key).await.map_err(JobError::from_media(doing))?;
        }
        removed += gone.len() as u64;
        // Only now: should we end before this, they are removed once more, which is no error.
        store.removed_media(gone).await.map_err(JobError::from_store(doing))?;
    }
}

/// Removes files that no row names, and what was left unfinished; answers how many.
///
/// A row that still wants its file has it under way, so its file may be there already. No id is given twice, so what is named by no row
/// never will be.
///
/// # Errors
/// When the store could not be asked, or where files are kept does not answer; the next pass goes on.
pub async fn orphans(store: &dyn Store, media: &dyn MediaStore) -> Result<u64, JobError> {
    let doing = "removing files that nothing names";
    let mut removed = media.remove_unfinished().await.map_err(JobError::from_media(doing))?;
    for shard in 0..SHARDS {
        let there = media.in_shard(store.tag(), shard).await.map_err(JobError::from_media(doing))?;
        for some in there.chunks(usize::try_from(STEP).unwrap_or(1)) {
            let named = store.with_media(some).await.map_err(JobError::from_store(doing))?;
            for feedback in some.iter().filter(|feedback| !named.contains(feedback)) {
                let key = MediaKey { tag: store.tag().to_owned(), feedback: *feedback };
                media.remove(&key).await.map_err(JobError::from_media(doing))?;
                removed += 1;
            }
        }
    }
    if removed > 0 {
        tracing::info!(files = removed, "files that nothing named were removed");
    }
    Ok(removed)
}
