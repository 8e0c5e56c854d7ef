//! Turns one kept callback body into what it means: statuses of our messages, feedback, stop and start words.

use jiff::Timestamp;

use crate::domain::consent::{ConsentChange, ConsentChangeKind};
use crate::domain::detected_language::detect;
use crate::domain::ids::JournalId;
use crate::domain::news::{InboundNews, News, NoticeNews, Source, StatusNews};
use crate::domain::service_window::opened_until;
use crate::domain::stop_words::{self, heard};
use crate::jobs::{JobError, heed, opt_out, probe, react, wake};
use crate::ports::{Applied, Heard, Services};

/// Applies a journal row. Its effects and the mark that it was applied are one transaction, so a second run finds nothing to do.
///
/// # Errors
/// When the store could not be asked. A body that cannot be read is set aside with the reason, and kept.
pub async fn run(services: &Services, id: JournalId) -> Result<(), JobError> {
    let doing = "applying a callback";
    let Some(kept) = services.store.unapplied(id).await.map_err(JobError::from_store(doing))? else {
        return Ok(());
    };
    let now = services.clock.now();
    let mut told = match Told::read(services, kept.source, &kept.body, kept.received_at) {
        Ok(told) => told,
        Err(because) => {
            tracing::warn!(journal.id = %id, because, "a callback cannot be read; it is set aside and kept");
            services.store.set_aside(id, &because, now).await.map_err(JobError::from_store(doing))?;
            services.tally.applied(&Applied { set_aside: 1, ..Applied::default() });
            return Ok(());
        }
    };
    told.heed(services, kept.source).await?;
    let (statuses, heard) = told.take_news();
    let applied = services.store.apply(id, statuses, heard, now).await.map_err(JobError::from_store(doing))?;
    follow(services, id, &told, applied).await;
    Ok(())
}

/// What a body says, by what is done with it.
#[derive(Default)]
pub(super) struct Told {
    statuses: Vec<StatusNews>,
    heard: Vec<Heard>,
    notices: Vec<NoticeNews>,
    /// Kinds of news that nothing acts on yet.
    others: Vec<&'static str>,
    /// Pieces of news about what is not ours.
    foreign: u64,
}

impl Told {
    /// Reads a body.
    ///
    /// # Errors
    /// A sentence that says why it cannot be read.
    pub(super) fn read(
        services: &Services,
        source: Source,
        body: &[u8],
        received_at: Timestamp,
    ) -> Result<Self, String> {
        let news = match source {
            Source::Meta => services.webhook.read(body),
            source => match services.readers.get(&source) {
                Some(reader) => reader.read(body, received_at),
                None => Err(format!("nothing reads callbacks of `{}`", source.name())),
            },
        }?;
        let mut told = Self::default();
        for one in news {
            match one {
                // Several installations may share one app at Meta, and each hears of all numbers.
                News::Status(StatusNews { sender: Some(sender), .. })
                | News::Inbound(InboundNews { sender: Some(sender), .. })
                    if !services.rules.senders.contains_key(&sender) =>
                {
                    told.foreign += 1;
                }
                News::Notice(notice) => told.notices.push(notice),
                News::Status(status) => told.statuses.push(status),
                News::Inbound(message) => told.heard.push(understand(services, message)),
                News::Other { kind } => told.others.push(kind),
            }
        }
        Ok(told)
    }

    /// Whether somebody says stop or start.
    pub(super) fn changes_consent(&self) -> bool {
        self.heard.iter().any(|heard| heard.consent.is_some())
    }

    /// Heeds what the provider says by itself, and stops that it knows of. Before the body counts as applied: so it is done again should we
    /// end in between, and doing it twice is harmless.
    pub(super) async fn heed(&mut self, services: &Services, source: Source) -> Result<(), JobError> {
        opt_out::note_from(services, source, &self.statuses).await?;
        for notice in &self.notices {
            self.foreign += u64::from(!heed::run(services, notice).await?);
        }
        Ok(())
    }

    /// What the record must know.
    pub(super) fn take_news(&mut self) -> (Vec<StatusNews>, Vec<Heard>) {
        (std::mem::take(&mut self.statuses), std::mem::take(&mut self.heard))
    }
}

/// Does what follows from a row that was applied: messages that wait are woken, refusals reacted to. What is lost here with the process the
/// sweep finds.
pub(super) async fn follow(services: &Services, id: JournalId, told: &Told, mut applied: Applied) {
    applied.foreign = told.foreign;
    services.tally.applied(&applied);
    for kind in &told.others {
        tracing::debug!(journal.id = %id, kind, "nothing acts on this kind of callback yet; it is kept");
    }
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
    let language =
        news.text.as_deref().and_then(|text| detect(text).answer_in()).unwrap_or(services.rules.default_language);
    let sender = news.sender.as_ref().and_then(|id| services.rules.senders.get(id)).cloned();
    let window_until = opened_until(news.kind, news.provider_at);
    let timezone = services.catalogue.timezone_of(news.phone.as_deref());
    let answers_since = news.provider_at.saturating_sub(services.rules.attribute_within).unwrap_or(Timestamp::MIN);
    let wants_answer = sender.is_some() && services.catalogue.answering().is_some();
    Heard { consent, language, timezone, sender, answers_since, wants_answer, window_until, news }
}
