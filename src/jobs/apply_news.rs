//! Turns one kept callback body into what it means: statuses of our messages, feedback, stop and start words.

use jiff::Timestamp;

use crate::domain::consent::{ConsentChange, ConsentChangeKind, Purposes};
use crate::domain::detected_language::detect;
use crate::domain::ids::{JournalId, WhatsAppId};
use crate::domain::news::{EditNews, InboundNews, News, NoticeNews, PersonChange, PersonNews, Source};
use crate::domain::service_window::opened_until;
use crate::domain::stop_words::{self, heard};
use crate::jobs::{JobError, heed, opt_out, probe, react, wake};
use crate::ports::{AboutPerson, Applied, Heard, RowNews, Services};

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
    // What followed beside the record when the row was applied first does not follow again: it may long be over.
    if !kept.applied_before {
        told.heed(services, kept.source).await?;
    }
    let news = told.take_news();
    let applied = services.store.apply(id, news, now).await.map_err(JobError::from_store(doing))?;
    follow(services, id, &told, applied).await;
    Ok(())
}

/// What a body says, by what is done with it.
#[derive(Default)]
pub(super) struct Told {
    /// What the record must know.
    news: RowNews,
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
            // Several installations may share one app at Meta, and each hears of all numbers.
            if one.sender().is_some_and(|sender| !services.rules.senders.contains_key(sender)) {
                told.foreign += 1;
                continue;
            }
            match one {
                News::Notice(notice) => told.notices.push(notice),
                News::Status(status) => told.news.statuses.push(status),
                News::Inbound(message) => told.news.heard.push(understand(services, *message, None)),
                News::Edit(edit) => {
                    let EditNews { original, message } = *edit;
                    told.news.heard.push(understand(services, message, Some(original)));
                }
                News::Revoke(revoke) => told.news.revoked.push(revoke),
                News::Person(person) => told.news.people.push(about(services, *person, received_at)),
                News::Other { kind } => told.others.push(kind),
            }
        }
        Ok(told)
    }

    /// Whether somebody says stop or start, or agrees to something: it is all heard in the order in which it comes.
    pub(super) fn changes_consent(&self) -> bool {
        let mut people = self.news.people.iter();
        people.any(|person| person.consent.is_some())
            || self.news.heard.iter().any(|heard| heard.consent.is_some() || heard.may_confirm())
    }

    /// Heeds what the provider says by itself, and stops that it knows of. Before the body counts as applied: so it is done again should we
    /// end in between, and doing it twice is harmless.
    pub(super) async fn heed(&mut self, services: &Services, source: Source) -> Result<(), JobError> {
        opt_out::note_from(services, source, &self.news.statuses).await?;
        for notice in &self.notices {
            self.foreign += u64::from(!heed::run(services, notice).await?);
        }
        Ok(())
    }

    /// What the record must know.
    pub(super) fn take_news(&mut self) -> RowNews {
        std::mem::take(&mut self.news)
    }
}

/// Does what follows from a row that was applied: messages that wait are woken, refusals reacted to. What is lost here with the process the
/// sweep finds.
pub(super) async fn follow(services: &Services, id: JournalId, told: &Told, mut applied: Applied) {
    applied.foreign = told.foreign;
    applied.others.clone_from(&told.others);
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
        tracing::info!(journal.id = %id, suppressed = applied.suppressed, "a stop ended waiting messages");
    }
}

fn understand(services: &Services, news: InboundNews, corrects: Option<WhatsAppId>) -> Heard {
    let consent = news.text.as_deref().and_then(|text| {
        let (kind, source) = match heard(text) {
            Some(stop_words::Heard::Stop) => (ConsentChangeKind::Stop, "stop-word"),
            Some(stop_words::Heard::Start) => (ConsentChangeKind::Start, "start-word"),
            None => {
                let purpose = services.rules.opt_in_words.heard(text)?;
                (ConsentChangeKind::Grant(Purposes::NONE.with(purpose)), "keyword")
            }
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
    // What was corrected was answered when it was first said.
    let wants_answer = corrects.is_none() && sender.is_some() && services.catalogue.answering().is_some();
    let media = services.media.rules.wish(&news);
    Heard { consent, corrects, language, timezone, sender, answers_since, wants_answer, window_until, media, news }
}

/// What is told about a person, with the consent that it changes.
fn about(services: &Services, news: PersonNews, received_at: Timestamp) -> AboutPerson {
    let consent = match &news.change {
        PersonChange::Marketing { may_send, detail } => {
            let kind = if *may_send { ConsentChangeKind::ResumeMarketing } else { ConsentChangeKind::StopMarketing };
            // Without a readable time a stop counts as said now, and a wish to hear more as said long ago.
            let is_timeless = news.provider_at == Timestamp::UNIX_EPOCH && !may_send;
            let at = if is_timeless { received_at } else { news.provider_at };
            let source = "marketing-preference".to_owned();
            Some(ConsentChange { kind, at, source, evidence: detail.clone() })
        }
        PersonChange::Number { .. } | PersonChange::UserId { .. } => None,
    };
    let phone = match &news.change {
        PersonChange::Number { phone } => Some(phone.as_str()),
        _ => news.phone.as_deref(),
    };
    let timezone = services.catalogue.timezone_of(phone);
    AboutPerson { consent, language: services.rules.default_language, timezone, news }
}
