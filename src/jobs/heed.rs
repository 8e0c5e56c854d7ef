//! What the provider says by itself about our templates, numbers and accounts: what it will refuse is not tried, and what it takes again is let go.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::failure::FailureClass;
use crate::domain::ids::{CampaignName, SenderName};
use crate::domain::news::{Notice, NoticeNews};
use crate::domain::standing_job::{JobTrigger, StandingJob};
use crate::domain::suspension::{Cause, NewSuspension, Probe, ReleasedBy, Scope, automatic};
use crate::jobs::{JobError, probe, react};
use crate::ports::{NewJobRun, Services};

/// Notices about the category of a template.
const CATEGORIES: [&str; 2] = ["template_category_update", "template_correct_category_detection"];
/// A notice that something is over ends what began until then; the provider's clock may be so much behind ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// Callbacks that say that tier, quality, throughput or standing may be others (…/webhooks/reference, checked 2026-11-22).
const SAY_LIMITS: [&str; 6] = [
    "business_capability_update",
    "phone_number_quality_update",
    "phone_number_name_update",
    "account_update",
    "account_review_update",
    "account_alerts",
];

/// Does what the notice asks for. Safe to do twice. Answers whether it is about us: several installations may share one app at Meta, and each
/// hears of all accounts.
///
/// # Errors
/// When the store could not be asked.
pub async fn run(services: &Services, news: &NoticeNews) -> Result<bool, JobError> {
    let senders = of_account(services, news.account.as_deref());
    if senders.is_empty() {
        return Ok(false);
    }
    let at = news.at.unwrap_or_else(|| services.clock.now());
    let of_senders = || senders.iter().cloned().map(Scope::Sender).collect::<Vec<_>>();
    match &news.notice {
        Notice::Template { name, language, may_send, event } => {
            let campaigns = campaigns_with(services, name, language, &senders);
            tracing::info!(
                template = name,
                language,
                event,
                campaigns = campaigns.len(),
                "the provider changed the state of a template"
            );
            let scopes = campaigns.into_iter().map(Scope::Campaign).collect();
            let said =
                Said { class: FailureClass::TemplateUnavailable, event: format!("{event} in {language}"), until: None };
            heed(services, scopes, *may_send, &said, at).await?;
        }
        Notice::Account { may_send, event, until } => {
            tracing::info!(
                event,
                may_send,
                until = until.map(tracing::field::display),
                "the provider changed what the account may do"
            );
            let said = Said { class: FailureClass::AccountRestricted, event: (*event).to_owned(), until: *until };
            heed(services, of_senders(), *may_send, &said, at).await?;
        }
        // It names the number as people know it, which the configuration does not have.
        Notice::Quality { event, .. } if senders.len() > 1 => tracing::error!(
            event,
            "the quality of one of the account's numbers changed; look which in Meta's WhatsApp manager, and use `barid suspend sender` if it has to rest"
        ),
        Notice::Quality { may_send, event } => {
            tracing::info!(event, may_send, "the provider changed the quality of a number");
            let said = Said { class: FailureClass::QualityLimited, event: (*event).to_owned(), until: None };
            heed(services, of_senders(), *may_send, &said, at).await?;
        }
        Notice::Told { about, event, .. } if CATEGORIES.contains(about) => {
            tracing::error!(
                about,
                event,
                "the provider changes the category of a template; where they stand is read now"
            );
            have_looked(services, StandingJob::SyncTemplates, about, at).await?;
        }
        Notice::Told { about, event, alerts: true } => {
            tracing::error!(about, event, "the provider tells of something that somebody should look at");
        }
        Notice::Told { about, event, alerts: false } => tracing::info!(about, event, "the provider tells of a change"),
    }
    if let Some(about) = about_limits(&news.notice) {
        // In the next full minute: so a heap of notices is looked into once.
        let minute = Timestamp::from_second((at.as_second().div_euclid(60) + 1) * 60).unwrap_or(at);
        have_looked(services, StandingJob::SyncLimits, about, minute).await?;
    }
    Ok(true)
}

/// Meta's word for a notice after which numbers, accounts or tiers may stand otherwise.
fn about_limits(notice: &Notice) -> Option<&'static str> {
    match notice {
        Notice::Template { .. } => None,
        Notice::Account { .. } => Some("account_update"),
        Notice::Quality { .. } => Some("phone_number_quality_update"),
        Notice::Told { about, .. } => SAY_LIMITS.into_iter().find(|known| known == about),
    }
}

/// Has a standing job look how things stand now. A notice that comes twice is looked into once.
async fn have_looked(services: &Services, job: StandingJob, about: &str, due_at: Timestamp) -> Result<(), JobError> {
    let doing = "asking for a run of a standing job";
    let new = NewJobRun {
        name: job.name().parse().map_err(|error| JobError::Abort { doing, source: Box::new(error) })?,
        job,
        arguments: BTreeMap::new(),
        trigger: JobTrigger::Notice(about.to_owned()),
        due_at,
    };
    services.store.open_job(new, services.clock.now()).await.map(drop).map_err(JobError::from_store(doing))
}

/// What was said, as a suspension keeps it.
struct Said {
    class: FailureClass,
    event: String,
    until: Option<Timestamp>,
}

async fn heed(
    services: &Services,
    scopes: Vec<Scope>,
    may_send: bool,
    said: &Said,
    at: Timestamp,
) -> Result<(), JobError> {
    let now = services.clock.now();
    if !may_send {
        for scope in scopes {
            let cause = Cause::Announced { class: said.class, event: said.event.clone() };
            let plain = automatic(scope, cause, &services.rules.suspensions, now);
            let wanted = match said.until {
                // Where the provider says when it ends, trying before would only annoy it.
                Some(until) if until <= now => continue,
                Some(_) => NewSuspension { until: said.until, probe: Probe::Never, probe_at: None, ..plain },
                None => plain,
            };
            let wanted = NewSuspension { shown_at: Some(at), ..wanted };
            react::suspend(&*services.store, wanted, services.clock.now()).await;
        }
        return Ok(());
    }
    let doing = "ending suspensions";
    let began_before = at.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
    for suspension in services.store.suspensions(now).await.map_err(JobError::from_store(doing))? {
        let is_meant = scopes.contains(&suspension.scope)
            && suspension.cause.class() == Some(said.class)
            && suspension.since <= began_before;
        if is_meant {
            let released = services.store.release(suspension.id, ReleasedBy::Announced, now).await;
            if released.map_err(JobError::from_store(doing))? {
                probe::tell_end(&suspension, "the provider says that it may go on");
            }
        }
    }
    Ok(())
}

/// Our numbers of that account. Where notice or configuration name none, a notice counts as ours.
fn of_account(services: &Services, account: Option<&str>) -> Vec<SenderName> {
    let is_of = |known: &Option<String>| match (account, known.as_deref()) {
        (Some(account), Some(known)) => account == known,
        _ => true,
    };
    services.rules.accounts.iter().filter(|(_, known)| is_of(known)).map(|(sender, _)| sender.clone()).collect()
}

/// Campaigns of these numbers that use the approved template in that language.
fn campaigns_with(services: &Services, name: &str, language: &str, senders: &[SenderName]) -> Vec<CampaignName> {
    let using = services.catalogue.campaigns_with(name, language).into_iter();
    using.filter(|campaign| senders.contains(&campaign.sender)).map(|campaign| campaign.name.clone()).collect()
}
