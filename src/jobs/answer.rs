//! Answers what people sent. The record says what is unanswered, so nothing is forgotten with a process or a queue; what is said is written
//! together with the mark that it is answered, so nothing is said twice.

use jiff::{SignedDuration, Timestamp};

use crate::domain::answering::{self, Decision, Rules};
use crate::domain::ids::FeedbackId;
use crate::jobs::JobError;
use crate::ports::{Said, Services, SingleMessage, Talk, TalkId, Wanted};

/// Whoever writes several messages in a row is answered when they have been quiet for so long,
const QUIET: SignedDuration = SignedDuration::from_secs(3);
/// and after this even if they go on.
const PATIENCE: SignedDuration = SignedDuration::from_secs(12);
/// Talks in one pass.
const STEP: u64 = 200;
/// How often a talk is looked at anew when something came in between.
const TRIES: usize = 3;
/// An answer that could not be given within this is none any more.
const EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// Looks once at every talk in which something is to be said; answers how many messages were made.
///
/// # Errors
/// When the store could not be asked; the next pass goes on.
pub async fn run(services: &Services) -> Result<u64, JobError> {
    let doing = "looking for what is to be answered";
    let Some(rules) = services.catalogue.answering() else { return Ok(0) };
    let now = services.clock.now();
    let ago = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    let talks = services.store.talks_to_look_at(ago(QUIET), ago(PATIENCE), now, STEP).await;
    let mut said = 0;
    for id in talks.map_err(JobError::from_store(doing))? {
        said += one(services, &rules, &id).await?;
    }
    Ok(said)
}

async fn one(services: &Services, rules: &Rules, id: &TalkId) -> Result<u64, JobError> {
    let doing = "answering a person";
    for _ in 0..TRIES {
        let Some(talk) = services.store.talk(id).await.map_err(JobError::from_store(doing))? else { return Ok(0) };
        let now = services.clock.now();
        let decision = answering::decide(&talk.contact, &talk.conversation, &talk.unanswered, rules, now);
        for because in &decision.because {
            tracing::debug!(contact.id = %id.contact, because, "a talk was looked at");
        }
        let said = words(services, id, &talk, &decision, now);
        if let Some(messages) = services.store.say(said, now).await.map_err(JobError::from_store(doing))? {
            let jobs: Vec<_> = messages.into_iter().map(|message| (message, 0)).collect();
            if let Err(error) = services.queue.send(Wanted::Replies, &jobs, None).await {
                tracing::debug!(contact.id = %id.contact, error = %error, "an answer is not queued; the sweep will find it");
            }
            for result in &decision.results {
                services.tally.ended_flow(result);
            }
            if let Some(because) = decision.calls_people {
                tracing::warn!(contact.id = %id.contact, because = because.name(), "somebody waits for a person");
            }
            return Ok(jobs.len() as u64);
        }
    }
    // Whoever was faster said it, or the next pass does.
    Ok(0)
}

fn words(services: &Services, id: &TalkId, talk: &Talk, decision: &Decision, now: Timestamp) -> Said {
    let expires_at = now.saturating_add(EXPIRES_AFTER).unwrap_or(Timestamp::MAX);
    let message = |(content, purpose): &(_, _)| SingleMessage {
        contact: id.contact,
        sender: id.sender.clone(),
        purpose: *purpose,
        marketing: false,
        language: talk.contact.language,
        content: Clone::clone(content),
        expires_at,
        price_micros: services.catalogue.single_price_micros(content),
        once: None,
        link: None,
    };
    // What nobody looked at for a day is not answered any more: the person would have to be asked first whether they still want to hear.
    let is_open = talk.window.is_open(now);
    let messages = if is_open { decision.say.iter().map(message).collect() } else { Vec::new() };
    let answered: Vec<FeedbackId> = talk.unanswered.iter().map(|received| received.id).collect();
    Said {
        talk: id.clone(),
        version: talk.version,
        conversation: decision.conversation.clone(),
        answered,
        messages,
        results: decision.results.clone(),
        by: None,
    }
}
