//! Resolves the audience of a run and freezes it: page by page, so that memory does not grow with it, and from a cursor in the
//! store, so that a crash loses nothing and doubles nobody.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::audience::{AudienceSource, suppression};
use crate::domain::campaign::Campaign;
use crate::domain::consent::Subject;
use crate::domain::contact::Contact;
use crate::domain::delivery::SuppressedReason;
use crate::domain::ids::{ContactId, MessageId, RunId};
use crate::domain::run::Run;
use crate::jobs::JobError;
use crate::ports::{PlannedMessage, RunTerms, Services};

/// How many people are resolved in one step: so few that nobody waits long for the transaction that writes them.
pub const PAGE: usize = 1_000;
/// Bad rows of a page that are shown one by one.
const BAD_ROWS_SHOWN: usize = 5;

/// Definitions of runs, parsed once: they are frozen when a run opens.
#[derive(Default)]
pub struct Definitions(Mutex<HashMap<RunId, Arc<Campaign>>>);

/// Runs whose audience this process is resolving: a second job for one of them finds nothing to do.
#[derive(Default)]
pub struct InHand(Mutex<HashSet<RunId>>);

/// Gives the run back when the work on it ends, however it ends.
struct Hold<'a>(&'a InHand, RunId);

impl InHand {
    fn take(&self, run: RunId) -> Option<Hold<'_>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        // Made only when it is ours: dropping one gives the run back.
        is_new.then(|| Hold(self, run))
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Runs remembered at once; more than anybody has active.
const DEFINITIONS_MAX: usize = 256;

impl Definitions {
    /// The campaign as it was when the run opened.
    ///
    /// # Errors
    /// When the store cannot be asked, or the run is gone or unreadable.
    pub async fn of(&self, services: &Services, run: RunId) -> Result<Arc<Campaign>, JobError> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&run) {
            return Ok(Arc::clone(known));
        }
        let doing = "reading the definition of a run";
        let found = services.store.run(run).await.map_err(JobError::from_store(doing))?;
        let Some(found) = found else {
            return Err(JobError::Abort { doing, source: format!("there is no run `{run}`").into() });
        };
        let campaign: Campaign = serde_json::from_str(&found.definition)
            .map_err(|error| JobError::Abort { doing, source: Box::new(error) })?;
        let campaign = Arc::new(campaign);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DEFINITIONS_MAX {
            known.clear();
        }
        known.insert(run, Arc::clone(&campaign));
        Ok(campaign)
    }
}

/// Resolves what is left of the run's audience. Safe to run twice: people who are planned already are skipped.
///
/// # Errors
/// When the store could not be asked, or the audience file cannot be read: then an operator must mend it and resume.
pub async fn run(services: &Services, definitions: &Definitions, in_hand: &InHand, id: RunId) -> Result<(), JobError> {
    let doing = "resolving the audience of a run";
    let Some(_hold) = in_hand.take(id) else { return Ok(()) };
    let Some(run) = services.store.run(id).await.map_err(JobError::from_store(doing))? else { return Ok(()) };
    if run.planned_whole || run.state.has_ended() {
        return Ok(());
    }
    let campaign = definitions.of(services, id).await?;
    let terms = RunTerms {
        sender: campaign.sender.clone(),
        purpose: campaign.purpose,
        marketing: services.catalogue.is_marketing(&campaign),
        expires_at: campaign.expires_at(run.due_at),
        price_micros: services.catalogue.price_micros(&campaign),
    };
    let mut cursor = run.planning_cursor.as_deref().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let (mut planned, mut refused_rows) = (0, 0);
    let mut step = page(services, &run, &campaign, cursor).await?;
    loop {
        refused_rows += step.refused;
        let now = services.clock.now();
        let recently = contacted_recently(services, &campaign, &step.contacts, now).await?;
        let people = step.contacts.iter().filter(|contact| campaign.audience.selects(contact));
        let people = people.map(|contact| plan(contact, terms.subject(), recently.contains(&contact.id))).collect();
        cursor = step.next.unwrap_or(cursor);
        let end = cursor.to_string();
        let planning = services.store.plan(id, &terms, people, &end, step.next.is_none(), now);
        // The next page is read while this one is written.
        let reading = async {
            match step.next {
                Some(next) => page(services, &run, &campaign, next).await.map(Some),
                None => Ok(None),
            }
        };
        let (new, following) = tokio::join!(planning, reading);
        planned += new.map_err(JobError::from_store(doing))?;
        step = match following? {
            Some(following) => following,
            None => break,
        };
        let state = services.store.run(id).await.map_err(JobError::from_store(doing))?.map(|run| run.state);
        if state.is_none_or(crate::domain::run::RunState::has_ended) {
            return Ok(());
        }
    }
    tracing::info!(run.id = %id, campaign.name = %campaign.name, planned, refused_rows, "the audience of the run is resolved");
    Ok(())
}

/// One step of the audience: people, and where the next step begins.
struct Step {
    contacts: Vec<Contact>,
    refused: usize,
    next: Option<i64>,
}

async fn page(services: &Services, run: &Run, campaign: &Campaign, cursor: i64) -> Result<Step, JobError> {
    let doing = "reading a page of an audience";
    if let Some((first, _)) = run.reminder {
        let after = (cursor > 0).then(|| MessageId::new(cursor));
        let page = services.store.unanswered(first, after, PAGE as u64).await.map_err(JobError::from_store(doing))?;
        return Ok(Step { contacts: page.items, refused: 0, next: page.next });
    }
    match &campaign.audience.source {
        AudienceSource::Query => {
            let after = (cursor > 0).then(|| ContactId::new(cursor));
            let page = services.store.page(after, PAGE as u64).await.map_err(JobError::from_store(doing))?;
            Ok(Step { contacts: page.items, refused: 0, next: page.next })
        }
        AudienceSource::File(path) => {
            let skip = u64::try_from(cursor).unwrap_or(0);
            let page = services
                .audiences
                .page(Path::new(path), skip, PAGE)
                .await
                .map_err(|error| JobError::Abort { doing, source: Box::new(error) })?;
            // A few show what is wrong with the file; `contacts import --dry-run` lists them all, and the log stays readable.
            for (line, error) in page.errors.iter().take(BAD_ROWS_SHOWN) {
                tracing::warn!(campaign.name = %campaign.name, line, error, "a row of the audience file is left out");
            }
            if let Some(more) = page.errors.len().checked_sub(BAD_ROWS_SHOWN).filter(|more| *more > 0) {
                tracing::warn!(campaign.name = %campaign.name, more, "more rows of this page of the audience file are left out");
            }
            let updates = page.updates.into_iter().map(|(_, update)| update).collect::<Vec<_>>();
            let contacts = if updates.is_empty() {
                vec![]
            } else {
                services
                    .store
                    .upsert_audience(updates, services.clock.now())
                    .await
                    .map_err(JobError::from_store(doing))?
            };
            Ok(Step {
                contacts: contacts.into_iter().map(|(contact, _)| contact).collect(),
                refused: page.errors.len(),
                next: page.next.and_then(|next| i64::try_from(next).ok()),
            })
        }
    }
}

/// Who of these was called by another message so short a time ago that the campaign leaves them alone. Asked again before each first call.
async fn contacted_recently(
    services: &Services,
    campaign: &Campaign,
    contacts: &[Contact],
    now: Timestamp,
) -> Result<HashSet<ContactId>, JobError> {
    let Some(span) = campaign.audience.not_contacted_for else { return Ok(HashSet::new()) };
    let people: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
    let since = now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    services.store.contacted_since(&people, since).await.map_err(JobError::from_store("asking who was called lately"))
}

/// How one person of the audience enters the run: a person who may not be told is counted with the reason, not left out.
fn plan(contact: &Contact, subject: Subject, contacted_recently: bool) -> PlannedMessage {
    let recently = contacted_recently.then_some(SuppressedReason::ContactedRecently);
    let suppressed = suppression(contact, subject).or(recently);
    PlannedMessage { contact: contact.id, language: contact.language, suppressed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_in_hand_is_taken_once_and_given_back() {
        let (in_hand, run) = (InHand::default(), RunId::new(1));
        let first = in_hand.take(run);
        assert!(first.is_some());
        assert!(in_hand.take(run).is_none());
        assert!(in_hand.take(run).is_none(), "asking in vain gives nothing back");
        drop(first);
        assert!(in_hand.take(run).is_some());
    }
}
