//! Has what people wrote read for its language, sentiment and category. Beside everything else: nothing waits for it, and what could not be
//! read now is read later.

use crate::domain::causes::in_one_line;
use crate::jobs::JobError;
use crate::ports::Services;

/// Texts in one step: with the model file about a second.
const STEP: u64 = 32;

/// Reads what nobody has read yet, a step of it; answers how many texts that were. Zero: there is nothing to read.
///
/// # Errors
/// When the store could not be asked, or the reader broke off; the next pass goes on.
pub async fn run(services: &Services) -> Result<usize, JobError> {
    let doing = "having feedback read";
    let unread = services.store.unread(STEP).await.map_err(JobError::from_store(doing))?;
    if unread.is_empty() {
        return Ok(0);
    }
    let texts: Vec<String> = unread.iter().filter_map(|(_, text)| text.clone()).collect();
    let read = services.analyzer.analyse(&texts).await.map_err(|error| {
        tracing::warn!(error = %in_one_line(&error), "feedback could not be read; it is tried again");
        JobError::Retry { doing, source: Box::new(error) }
    })?;
    let mut read = read.into_iter();
    let readings: Vec<_> =
        unread.into_iter().map(|(id, text)| (id, if text.is_some() { read.next() } else { None })).collect();
    for (_, reading) in &readings {
        services.tally.read_feedback(reading.as_ref());
    }
    let n = readings.len();
    services.store.note_readings(readings, services.clock.now()).await.map_err(JobError::from_store(doing))?;
    Ok(n)
}
