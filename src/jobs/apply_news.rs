//! Turns one kept callback body into what it means: statuses of our messages, feedback, stop and start words.

use crate::domain::consent::{ConsentChange, ConsentChangeKind};
use crate::domain::ids::{JournalId, SenderId};
use crate::domain::language::Language;
use crate::domain::news::{InboundNews, News, Source, StatusNews};
use crate::domain::stop_words::{self, heard};
use crate::jobs::{JobError, heed, probe, react, wake};
use crate::ports::{Applied, Heard, Kept, Services};

/// Applies a journal row. Its effects and the mark that it was applied are one transaction, so a second run finds nothing to do.
///
/// # Errors
/// When the store could not be asked. A body that cannot be read is set aside with the reason, and kept.
pub async fn run(services: &Services, id: JournalId) -> Result<Applied, JobError> {
    let doing = "applying a callback";
    let Some(kept) = services.store.unapplied(id).await.map_err(JobError::from_store(doing))? else {
        return Ok(Applied::default());
    };
    let now = services.clock.now();
    let news = match read(services, &kept) {
        Ok(news) => news,
        Err(because) => {
            tracing::warn!(journal.id = %id, because, "a callback cannot be read; it is set aside and kept");
            services.store.set_aside(id, &because, now).await.map_err(JobError::from_store(doing))?;
            return Ok(Applied { set_aside: 1, ..Applied::default() });
        }
    };
    let (mut statuses, mut inbound, mut foreign) = (Vec::new(), Vec::new(), 0);
    let is_ours = |sender: &SenderId| services.rules.senders.contains(sender);
    for one in news {
        match one {
            // Several installations may share one app at Meta, and each hears of all numbers.
            News::Status(StatusNews { sender: Some(sender), .. })
            | News::Inbound(InboundNews { sender: Some(sender), .. })
                if !is_ours(&sender) =>
            {
                foreign += 1;
            }
            // Before the row is marked as applied: so it is done again should we end here, and doing it twice is harmless.
            News::Notice(notice) => foreign += u64::from(!heed::run(services, &notice).await?),
            News::Status(status) => statuses.push(status),
            News::Inbound(message) => inbound.push(understand(services, message)),
            News::Other { kind } => {
                tracing::debug!(journal.id = %id, kind, "nothing acts on this kind of callback yet; it is kept")
            }
        }
    }
    let mut applied = services.store.apply(id, statuses, inbound, now).await.map_err(JobError::from_store(doing))?;
    applied.foreign = foreign;
    for held in &applied.held {
        if held.from != held.channel {
            services.tally.fell_back(held.from, held.channel);
        }
        wake::at(services, held.id, held.attempts, held.channel, held.until).await;
    }
    for refused in &applied.refused {
        react::to_callback(services, refused).await;
    }
    for (message, became) in &applied.let_through {
        probe::let_through(services, *message, *became).await;
    }
    if applied.suppressed > 0 {
        tracing::info!(journal.id = %id, suppressed = applied.suppressed, "a stop word ended waiting messages");
    }
    Ok(applied)
}

fn read(services: &Services, kept: &Kept) -> Result<Vec<News>, String> {
    match kept.source {
        Source::Meta => services.webhook.read(&kept.body),
        source => match services.readers.get(&source) {
            Some(reader) => reader.read(&kept.body, kept.received_at),
            None => Err(format!("nothing reads callbacks of `{}`", source.name())),
        },
    }
}

fn understand(services: &Services, news: InboundNews) -> Heard {
    let consent = news.text.as_deref().and_then(|text| {
        let (kind, source) = match heard(text)? {
            stop_words::Heard::Stop => (ConsentChangeKind::Stop, "stop-word"),
            stop_words::Heard::Start => (ConsentChangeKind::Start, "start-word"),
        };
        let evidence = format!("{text} ({})", news.whatsapp_id);
        Some(ConsentChange { kind, at: news.provider_at, source: source.to_owned(), evidence })
    });
    let language = news.text.as_deref().and_then(written_in).unwrap_or(services.rules.default_language);
    Heard { consent, language, timezone: services.catalogue.timezone_of(news.phone.as_deref()), news }
}

/// The language of a person of whom we know nothing but what they wrote: by script.
fn written_in(text: &str) -> Option<Language> {
    let arabic = text.chars().filter(|letter| matches!(letter, '\u{0600}'..='\u{06FF}')).count();
    let latin = text.chars().filter(char::is_ascii_alphabetic).count();
    match (arabic, latin) {
        (0, 0) => None,
        (arabic, latin) if arabic >= latin => Some(Language::Ar),
        _ => Some(Language::En),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_tells_the_language_of_a_stranger() {
        assert_eq!(written_in("شكرا كثيرا"), Some(Language::Ar));
        assert_eq!(written_in("thanks"), Some(Language::En));
        assert_eq!(written_in("10/10 👍"), None);
    }
}
