//! Says what callbacks that are kept would do if they were applied again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ids::JournalId;
use crate::domain::news::Source;
use crate::fallback::twilio_callbacks::{InboundReader, StatusReader};
use crate::http::NewsItem;
use crate::jobs::replay_news::in_words;
use crate::ports::{JournalFilter, KeptNews, NewsReader, Stored, WebhookReader};

/// Rows that are described; of more, only the number is told.
const DESCRIBED_MAX: usize = 1_000;
/// Rows that are asked of the store at once.
const PAGE: u64 = 500;

/// The readers that need no key of the daemon's.
pub fn readers_without_keys() -> BTreeMap<Source, Arc<dyn NewsReader>> {
    BTreeMap::from([
        (Source::TwilioStatus, Arc::new(StatusReader) as Arc<dyn NewsReader>),
        (Source::TwilioInbound, Arc::new(InboundReader)),
    ])
}

/// How many rows match, and the first of them with what each says.
///
/// # Errors
/// When the store could not be asked.
pub async fn look<S: KeptNews + ?Sized>(
    store: &S,
    webhook: &dyn WebhookReader,
    readers: &BTreeMap<Source, Arc<dyn NewsReader>>,
    filter: &JournalFilter,
) -> Stored<(u64, Vec<NewsItem>)> {
    let (mut rows, mut items, mut after) = (0, Vec::new(), None);
    loop {
        let page = store.kept_rows(filter, after, PAGE).await?;
        rows += page.items.len() as u64;
        for row in page.items {
            if items.len() >= DESCRIBED_MAX {
                break;
            }
            // Erased or tidied away meanwhile.
            let Some(kept) = store.kept(row.id).await? else { continue };
            let read = match (kept.source, readers.get(&kept.source)) {
                (Source::Meta, _) => webhook.read(&kept.body),
                (_, Some(reader)) => reader.read(&kept.body, kept.received_at),
                (source, None) => Err(format!("only a running daemon reads callbacks of `{}`", source.name())),
            };
            items.push(NewsItem { says: Some(in_words(read)), ..NewsItem::from(row) });
        }
        match page.next {
            Some(next) => after = Some(JournalId::new(next)),
            None => return Ok((rows, items)),
        }
    }
}
