//! Applies callback bodies again that were applied or set aside: when this version reads what an older one could not, or when the record lost
//! what they said.
//!
//! The journal's rows are put back to waiting and queued like new ones. What they say about the record is kept by keys (the provider's ids, our
//! references, times), so that whatever the record knows already changes nothing.

use std::collections::BTreeMap;

use crate::domain::ids::JournalId;
use crate::domain::news::{News, PersonChange, ProviderStatus};
use crate::jobs::JobError;
use crate::ports::{JournalFilter, Services};

/// Rows that are put back in one step.
const STEP: u64 = 500;

/// Has everything that matches applied again; answers how many rows that are.
///
/// # Errors
/// When the store could not be asked; what was put back until then is applied. What cannot be queued is found by the sweep.
pub async fn run(services: &Services, filter: &JournalFilter) -> Result<u64, JobError> {
    let doing = "applying callbacks again";
    let (mut after, mut replayed) = (None, 0);
    loop {
        // Forward by id: what is set aside again meanwhile lies behind and is not taken up twice.
        let page = services.store.kept_rows(filter, after, STEP).await.map_err(JobError::from_store(doing))?;
        let rows: Vec<JournalId> = page.items.iter().map(|row| row.id).collect();
        if !rows.is_empty() {
            let reopened = services.store.reopen(rows).await.map_err(JobError::from_store(doing))?;
            replayed += reopened.len() as u64;
            if let Err(error) = services.queue.apply(&reopened).await {
                tracing::debug!(error = %error, "callbacks that are to be applied again are not queued; the sweep will find them");
            }
        }
        match page.next {
            Some(next) => after = Some(JournalId::new(next)),
            None => break,
        }
    }
    tracing::info!(rows = replayed, "callbacks are applied once more");
    Ok(replayed)
}

/// What a body says, in words without personal data: what applying it would take up.
pub fn in_words(read: Result<Vec<News>, String>) -> String {
    let news = match read {
        Ok(news) => news,
        Err(because) => return format!("cannot be read: {because}"),
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in &news {
        *counts.entry(kind_in_words(one)).or_default() += 1;
    }
    if counts.is_empty() {
        return "says nothing".to_owned();
    }
    let parts: Vec<String> = counts.into_iter().map(|(kind, n)| format!("{n} × {kind}")).collect();
    parts.join(", ")
}

fn kind_in_words(news: &News) -> String {
    match news {
        News::Status(status) => match &status.status {
            ProviderStatus::Sent => "status sent".to_owned(),
            ProviderStatus::Delivered => "status delivered".to_owned(),
            ProviderStatus::Read => "status read".to_owned(),
            ProviderStatus::Failed(refusal) => format!("status failed ({})", refusal.class.name()),
        },
        News::Inbound(message) => format!("message ({})", message.kind),
        News::Edit(edit) => format!("message put right ({})", edit.message.kind),
        News::Revoke(_) => "message taken back".to_owned(),
        News::Person(person) => match person.change {
            PersonChange::Number { .. } => "another number of a person".to_owned(),
            PersonChange::UserId { .. } => "another user id of a person".to_owned(),
            PersonChange::Marketing { may_send: false, .. } => "no more marketing".to_owned(),
            PersonChange::Marketing { may_send: true, .. } => "marketing again".to_owned(),
        },
        News::Notice(_) => "notice of the provider".to_owned(),
        News::Other { kind } => format!("{kind} (nothing acts on it)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_done_is_counted_by_kind_and_names_nobody() {
        let calls = || News::Other { kind: "calls" };
        assert_eq!(
            in_words(Ok(vec![calls(), calls(), News::Other { kind: "errors" }])),
            "2 × calls (nothing acts on it), 1 × errors (nothing acts on it)"
        );
        assert_eq!(in_words(Ok(Vec::new())), "says nothing");
        assert_eq!(
            in_words(Err("not JSON, at line 1 column 2".to_owned())),
            "cannot be read: not JSON, at line 1 column 2"
        );
    }
}
