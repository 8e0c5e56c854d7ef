//! Takes a callback's body in, at the door: it is kept before whoever brought it is told that we have it.
//!
//! What it means can wait, with one exception. Once we have said that we heard somebody's stop, nobody may call them any more; so what
//! changes consent is applied in the very transaction that keeps the body. Starts are too, so that the two are heard in the order in which
//! they came.

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::news::Source;
use crate::jobs::JobError;
use crate::jobs::apply_news::{self, Told};
use crate::ports::Services;

/// Keeps a body whose sender was checked, and applies it or has it applied.
///
/// # Errors
/// When it could not be kept: whoever brought it must bring it again.
pub async fn run(services: &Services, source: Source, body: Bytes) -> Result<(), JobError> {
    let now = services.clock.now();
    if let Some(told) = that_changes_consent(services, source, &body, now) {
        match keep_and_apply(services, source, &body, told, now).await {
            Err(error @ JobError::Abort { .. }) => tracing::warn!(
                source = source.name(),
                error = %error,
                "a change of consent could not be applied at once; it is kept and tried again"
            ),
            done => return done,
        }
    }
    let row = services.store.append(source, body, now).await.map_err(JobError::from_store("keeping a callback"))?;
    if let Err(error) = services.queue.apply(&[row]).await {
        tracing::warn!(journal.id = %row, error = %error, "a callback is kept and not queued; the sweep will find it");
    }
    Ok(())
}

/// What the body says, if somebody says stop or start in it. Nearly all bodies are statuses, which are not even read for this.
fn that_changes_consent(services: &Services, source: Source, body: &Bytes, now: Timestamp) -> Option<Told> {
    let may_hold_words = match source {
        Source::Meta => services.webhook.may_hold_words(body),
        source => services.readers.get(&source).is_some_and(|reader| reader.may_hold_words()),
    };
    // One that cannot be read is kept, and set aside when its turn comes.
    let told = may_hold_words.then(|| Told::read(services, source, body, now).ok()).flatten()?;
    told.changes_consent().then_some(told)
}

async fn keep_and_apply(
    services: &Services,
    source: Source,
    body: &Bytes,
    mut told: Told,
    now: Timestamp,
) -> Result<(), JobError> {
    told.heed(services, source).await?;
    let kept = services.store.append_and_apply(source, body.clone(), told.take_news(), now).await;
    let (row, applied) = kept.map_err(JobError::from_store("keeping a change of consent"))?;
    apply_news::follow(services, row, &told, applied).await;
    Ok(())
}
