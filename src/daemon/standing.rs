//! Standing jobs: what they may touch, doing one that is in hand, and how operators see them.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::config::Config;
use crate::config::reports::Reports;
use crate::daemon::catalogue::Shelf;
use crate::daemon::clock::SystemClock;
use crate::daemon::reports::Folder;
use crate::daemon::{StartError, channels, client, files, hooking, ours, rules};
use crate::domain::cost_report::MetaCost;
use crate::domain::ids::{JobName, SenderName};
use crate::domain::live_check::{AccountFacts, NumberFacts, Ours, TemplateFacts, TokenFacts};
use crate::domain::problem::did_you_mean;
use crate::domain::signed_reference::ReferenceSigner;
use crate::domain::standing_job::{Fired, JobRun, ScheduledJob, StandingJob, next_firing};
use crate::domain::template::SampleFile;
use crate::domain::template_approval::Submission;
use crate::http::{JobItem, JobRunItem, OperationError};
use crate::jobs::JobError;
use crate::jobs::schedule::{self, Carried, HELD_EVERY};
use crate::ports::{Clock, HandedIn, JobRuns, Management, Notices, ReportRecipients, Services, Upkeep};
use crate::store::SqlStore;

/// What standing jobs may touch, beside a running service; `notices` brings mails.
pub(super) fn beside(services: &Services, config: &Config, notices: Option<Arc<dyn Notices>>) -> Upkeep {
    Upkeep {
        clock: Arc::clone(&services.clock),
        store: Arc::clone(&services.store),
        management: Arc::clone(&services.management),
        ours: Arc::new(ours(config)),
        suspensions: services.rules.suspensions.clone(),
        retention: config.retention,
        hooks: Arc::clone(&services.hooks),
        media: Arc::clone(&services.media.store),
        reports: Arc::new(Folder::inside(&config.state_dir)),
        report_recipients: recipients(config, notices),
        catalogue: Arc::clone(&services.catalogue),
    }
}

/// The same where no service runs.
///
/// # Errors
/// When an address of Meta's, of an endpoint or of the mail server cannot be used.
pub fn alone(config: &Config, store: Arc<SqlStore>) -> Result<Upkeep, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let email = channels::email(config, &clock, &ReferenceSigner::new(store.link_key().as_bytes()))?;
    Ok(Upkeep {
        clock,
        store,
        management: management(config)?,
        ours: Arc::new(ours(config)),
        suspensions: rules(config).suspensions,
        retention: config.retention,
        hooks: Arc::new(hooking::client(config)?),
        media: Arc::new(crate::media::Folder::new(config.media.keep.clone())),
        reports: Arc::new(Folder::inside(&config.state_dir)),
        report_recipients: recipients(config, email.map(|email| Arc::new(email) as _)),
        catalogue: Arc::new(files::shelf(config, files::read(config).0)),
    })
}

fn recipients(config: &Config, notices: Option<Arc<dyn Notices>>) -> ReportRecipients {
    let Reports { email_to, languages } = &config.reports;
    ReportRecipients { to: email_to.clone(), languages: languages.clone(), notices }
}

/// Who asks Meta. Without a token there is nobody who could be asked, and much that can be done all the same.
///
/// # Errors
/// When Meta's address cannot be used.
pub fn management(config: &Config) -> Result<Arc<dyn Management>, StartError> {
    if config.secrets.whatsapp_api_token.is_none() {
        return Ok(Arc::new(NoToken));
    }
    Ok(Arc::new(client(config)?))
}

/// What is ours at Meta, and the files that say which templates should be there.
pub fn ours_at_meta(config: &Config) -> (Ours, Shelf) {
    (ours(config), files::shelf(config, files::read(config).0))
}

/// Answers every question with what is missing.
struct NoToken;

impl NoToken {
    fn say<T>() -> Result<T, String> {
        Err("WHATSAPP_API_TOKEN is not set".to_owned())
    }
}

#[async_trait]
impl Management for NoToken {
    async fn token(&self) -> Result<TokenFacts, String> {
        Self::say()
    }

    async fn number(&self, _: &SenderName) -> Result<NumberFacts, String> {
        Self::say()
    }

    async fn account(&self, _: &str) -> Result<AccountFacts, String> {
        Self::say()
    }

    async fn templates(&self, _: &str) -> Result<Vec<TemplateFacts>, String> {
        Self::say()
    }

    async fn pricing(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<Vec<MetaCost>, String> {
        Self::say()
    }

    async fn upload_sample(&self, _: &str, _: &SampleFile) -> Result<String, String> {
        Self::say()
    }

    async fn create_template(&self, _: &str, _: &Submission, _: Option<&str>) -> Result<HandedIn, String> {
        Self::say()
    }

    async fn edit_template(&self, _: &str, _: &Submission, _: Option<&str>, _: bool) -> Result<(), String> {
        Self::say()
    }

    async fn subscribed_apps(&self, _: &str) -> Result<Vec<String>, String> {
        Self::say()
    }
}

/// Does a run that is in hand to its end, or until `stop` resolves; holds on to it meanwhile. Answers how it went; `None` where somebody else has
/// it now.
///
/// # Errors
/// When its end could not be recorded: the run is taken up again later.
pub async fn perform(
    upkeep: &Upkeep,
    run: &JobRun,
    stop: impl Future<Output = ()>,
) -> Result<Option<Carried>, JobError> {
    let work = schedule::carry_out(upkeep, run);
    tokio::pin!(work, stop);
    let mut beat = tokio::time::interval(HELD_EVERY);
    // The first one resolves at once, and the run was just taken.
    beat.tick().await;
    let carried = loop {
        tokio::select! {
            carried = &mut work => break carried,
            () = &mut stop => break Carried::BrokenOff,
            _ = beat.tick() => match schedule::hold(upkeep, run).await {
                Ok(true) => {}
                // Doing it twice is safe; going on with what somebody else does is only of no use.
                Ok(false) => return Ok(None),
                Err(error) => tracing::debug!(error = %error, "a standing job goes on, though nobody can be told so"),
            },
        }
    };
    schedule::end(upkeep, run, carried.clone()).await?;
    Ok(Some(carried))
}

/// The schedule as operators see it.
///
/// # Errors
/// When the store could not be asked.
pub async fn all<S: JobRuns + ?Sized>(
    store: &S,
    entries: &[Arc<ScheduledJob>],
    clock: &dyn Clock,
) -> Result<Vec<JobItem>, OperationError> {
    let unavailable = |error| OperationError::Unavailable(Box::new(error));
    let now = clock.now();
    let mut items = Vec::new();
    for entry in entries {
        let fired = store.fired(&entry.name, &entry.definition()).await.map_err(unavailable)?;
        let fired = fired.unwrap_or(Fired { watched_since: now, newest: None, again_at: None });
        let last = store.last_job(&entry.name, false).await.map_err(unavailable)?;
        items.push(JobItem::new(entry, next_firing(entry, &fired, now), last));
    }
    Ok(items)
}

/// Opens a run that an operator asks for.
///
/// # Errors
/// When there is no such job, or the store could not be asked.
pub async fn run_by_hand(upkeep: &Upkeep, name: &JobName, by: &str) -> Result<JobRunItem, OperationError> {
    let opened = schedule::open_by_hand(upkeep, name, by).await;
    let opened = opened.map_err(|error| OperationError::Unavailable(Box::new(error)))?;
    opened.map(Into::into).ok_or_else(|| unknown(name, &upkeep.catalogue.standing_jobs()))
}

fn unknown(name: &JobName, entries: &[Arc<ScheduledJob>]) -> OperationError {
    let known = StandingJob::ALL.map(StandingJob::name).into_iter();
    let known = known.chain(entries.iter().map(|entry| entry.name.as_str()));
    OperationError::NotFound(format!("there is no job `{name}`{}", did_you_mean(name.as_str(), known)))
}
