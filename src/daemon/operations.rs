//! What operators may do, for the API and for the command line.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::daemon::catalogue::Shelf;
use crate::daemon::suspending::{self, Known};
use crate::daemon::{approving, forecasts, hooking, news_replays, standing, summary};
use crate::domain::campaign::Campaign;
use crate::domain::consent::Subject;
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::cost_report::{CostReport, WantedDays};
use crate::domain::delivery::SuppressedReason;
use crate::domain::erasure::Erasure;
use crate::domain::ids::{CampaignName, ContactId, FlowName, JobName, MessageId};
use crate::domain::language::Language;
use crate::domain::live_check::Step;
use crate::domain::money::Currency;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::review::{Month, Review};
use crate::domain::run::{Run, RunCommand, RunState};
use crate::domain::suspension::{KeptSuspension, Suspension};
use crate::domain::waits_for::WaitsFor;
use crate::http::{
    CampaignSummary, CampaignVerb, HookSummary, HookTried, JobItem, JobRunItem, NewsItem, OperationError, Operations,
    PushedItem, Replay, ReviewedItem, SuspensionRequest, SyncedItem, TemplateItem,
};
use crate::jobs::command_run::{self, CommandError};
use crate::jobs::live_check;
use crate::jobs::send_single::{self, SendError, SendRequest, Sent};
use crate::jobs::staff::{self, StaffDone, StaffRequest};
use crate::jobs::{JobError, erase, replay, replay_news, report_costs, review_metrics};
use crate::ports::{
    Catalogue, Created, DeadLetterFilter, HookFilter, JournalFilter, LoadedMessage, ReplayTerms, Services,
    SingleMessage, StoreError, Upkeep,
};

/// Carries out what operators ask.
pub struct Desk {
    services: Services,
    shelf: Arc<Shelf>,
    currency: Currency,
    expires_after: SignedDuration,
    upkeep: Upkeep,
}

impl Desk {
    /// Over these ports and files; `currency` is that of the price estimates, `expires_after` the time after which a message without a
    /// campaign is too old, `upkeep` what standing jobs may touch.
    pub fn new(
        services: Services,
        shelf: Arc<Shelf>,
        currency: Currency,
        expires_after: SignedDuration,
        upkeep: Upkeep,
    ) -> Self {
        Self { services, shelf, currency, expires_after, upkeep }
    }

    fn defined(&self, name: &CampaignName) -> Result<Arc<Campaign>, OperationError> {
        self.shelf
            .campaign(name)
            .ok_or_else(|| OperationError::NotFound(CommandError::NoCampaign(name.clone()).to_string()))
    }

    /// What exists to be suspended. A run outlives the file that defined it, and must be stopped all the same.
    async fn known(&self) -> Result<Known, OperationError> {
        let senders = self.services.rules.accounts.keys().map(ToString::to_string).collect();
        let active = self.services.store.active().await.map_err(unavailable)?;
        let campaigns = self.shelf.campaigns().into_iter().map(|campaign| campaign.name.to_string());
        let mut campaigns: Vec<String> =
            campaigns.chain(active.into_iter().map(|run| run.campaign.to_string())).collect();
        campaigns.sort_unstable();
        campaigns.dedup();
        Ok(Known { senders, campaigns })
    }

    async fn summary(&self, name: &CampaignName, run: Option<Run>) -> Result<CampaignSummary, OperationError> {
        let summary = summary::of(&*self.services.store, name, run.as_ref(), self.currency).await;
        let mut summary = summary.map_err(unavailable)?;
        if let Some(run) = &run {
            summary.forecast = forecasts::of(&self.services, run, &summary.run).await;
        }
        Ok(summary)
    }

    async fn replayed(&self, filter: &DeadLetterFilter, wanted: &Replay) -> Result<u64, OperationError> {
        if wanted.is_dry {
            return self.services.store.replayable(filter).await.map_err(unavailable);
        }
        let terms =
            ReplayTerms { expires_after: wanted.expires_after, expires_after_otherwise: self.expires_after, by: "api" };
        replay::run(&self.services, filter, &terms).await.map_err(|error| refused(error.into()))
    }
}

/// An error of the store, as operators see it.
pub(super) fn unavailable(error: StoreError) -> OperationError {
    OperationError::Unavailable(Box::new(error))
}

fn refused(error: CommandError) -> OperationError {
    match error {
        CommandError::NoCampaign(_) | CommandError::NoRun(_) => OperationError::NotFound(error.to_string()),
        CommandError::StillRunning(_) | CommandError::DoesNotFit(_) => OperationError::Conflict(error.to_string()),
        CommandError::Job(JobError::Retry { source, .. } | JobError::Abort { source, .. }) => {
            OperationError::Unavailable(source)
        }
    }
}

#[async_trait]
impl Operations for Desk {
    async fn campaigns(&self) -> Result<Vec<CampaignSummary>, OperationError> {
        let mut all = Vec::new();
        for campaign in self.shelf.campaigns() {
            let run = self.services.store.newest(&campaign.name).await.map_err(unavailable)?;
            all.push(self.summary(&campaign.name, run).await?);
        }
        Ok(all)
    }

    async fn campaign(&self, name: &CampaignName) -> Result<CampaignSummary, OperationError> {
        let run = self.services.store.newest(name).await.map_err(unavailable)?;
        // A campaign whose file is gone still has its run.
        if run.is_none() {
            self.defined(name)?;
        }
        self.summary(name, run).await
    }

    async fn command(&self, name: &CampaignName, verb: CampaignVerb) -> Result<CampaignSummary, OperationError> {
        let command = match verb {
            CampaignVerb::Start => {
                let campaign = self.defined(name)?;
                command_run::start(&self.services, &campaign).await.map_err(refused)?;
                return self.campaign(name).await;
            }
            CampaignVerb::Pause => RunCommand::Pause,
            CampaignVerb::Resume => RunCommand::Resume,
            CampaignVerb::Cancel => RunCommand::Cancel,
        };
        let run = command_run::command(&self.services, name, command).await.map_err(refused)?;
        self.summary(name, Some(run)).await
    }

    async fn test(
        &self,
        name: &CampaignName,
        phone: &PhoneNumber,
        language: Option<Language>,
    ) -> Result<MessageId, OperationError> {
        let campaign = self.defined(name)?;
        let contact = self.services.store.by_phone(phone.e164()).await.map_err(unavailable)?;
        let contact = contact.ok_or_else(|| OperationError::Invalid {
            code: "no-contact",
            detail: "no contact has this number, so there is neither a name nor a consent; import it first".to_owned(),
        })?;
        let marketing = self.services.catalogue.is_marketing(&campaign);
        if contact.consent.objection(Subject { purpose: campaign.purpose, marketing })
            == Some(SuppressedReason::MarketingStopped)
        {
            return Err(OperationError::Invalid {
                code: "no-consent",
                detail: "this contact told WhatsApp that they want no marketing; only they can change that".to_owned(),
            });
        }
        if !contact.consent.allows(campaign.purpose) {
            return Err(OperationError::Invalid {
                code: "no-consent",
                detail: format!("this contact has no consent for `{}`; import it with one", campaign.purpose.name()),
            });
        }
        let language = language.unwrap_or(contact.language);
        let rendered = self
            .services
            .catalogue
            .rendered(&campaign, &contact, language)
            .map_err(|error| OperationError::Invalid { code: "cannot-render", detail: error.to_string() })?;
        let now = self.services.clock.now();
        let message = SingleMessage {
            contact: contact.id,
            sender: campaign.sender.clone(),
            purpose: campaign.purpose,
            marketing,
            language,
            content: rendered.content,
            expires_at: campaign.expires_at(now),
            price_micros: self.services.catalogue.price_micros(&campaign),
            once: None,
            link: None,
        };
        send_single::create(&self.services, message, now).await.map(Created::id).map_err(unavailable)
    }

    async fn erase(&self, contact: ContactId, by: &str) -> Result<Erasure, OperationError> {
        let erased = erase::run(&self.services, contact, by).await;
        let erased = erased.map_err(|error| OperationError::Unavailable(Box::new(error)))?;
        erased.ok_or_else(|| OperationError::NotFound("there is no contact with this id".to_owned()))
    }

    async fn live_check(&self) -> Vec<Step> {
        let Upkeep { management, clock, ours, .. } = &self.upkeep;
        live_check::run(&**management, ours, &self.shelf.wanted_at_meta(), clock.now()).await
    }

    async fn report_costs(&self, wanted: WantedDays) -> Result<CostReport, OperationError> {
        report_costs::run(&self.services, wanted).await.map_err(|error| OperationError::Unavailable(Box::new(error)))
    }

    async fn report_review(&self, month: Option<Month>) -> Result<Review, OperationError> {
        let Services { store, catalogue, clock, .. } = &self.services;
        let review = review_metrics::from_record(&**store, &catalogue.tariff(), month, clock.now()).await;
        review.map_err(|error| OperationError::Unavailable(Box::new(error)))
    }

    async fn send(&self, request: SendRequest) -> Result<Sent, OperationError> {
        send_single::run(&self.services, request).await.map_err(|error| {
            let code = match error {
                SendError::NoSender { .. } => "unknown-sender",
                SendError::NoTemplate(_) => "unknown-template",
                SendError::UnknownValue { .. } => "unknown-value",
                SendError::Stopped => "opted-out",
                SendError::MarketingStopped => "marketing-stopped",
                SendError::NoConsent(_) => "no-consent",
                SendError::ConsentUnconfirmed(_) => "consent-unconfirmed",
                SendError::TextLength(_) => "bad-text",
                SendError::Link(_) => "bad-link",
                SendError::CannotRender(_) => "cannot-render",
                SendError::NameTaken => "idempotency-key-reused",
                SendError::Store(error) => return unavailable(error),
            };
            OperationError::Invalid { code, detail: error.to_string() }
        })
    }

    async fn staff(&self, request: StaffRequest) -> Result<StaffDone, OperationError> {
        Ok(staff::run(&self.services, &request).await?)
    }

    fn flows(&self) -> Vec<FlowName> {
        let rules = self.shelf.answering();
        rules.map(|rules| rules.flows.iter().map(|flow| flow.name.clone()).collect()).unwrap_or_default()
    }

    async fn replay(&self, wanted: &Replay) -> Result<u64, OperationError> {
        self.replayed(&wanted.filter, wanted).await
    }

    async fn retry_failed(&self, name: &CampaignName, wanted: &Replay) -> Result<u64, OperationError> {
        let run = self.services.store.newest(name).await.map_err(unavailable)?;
        let Some(run) = run else {
            self.defined(name)?;
            return Err(refused(CommandError::NoRun(name.clone())));
        };
        if run.state == RunState::Cancelled {
            let detail = format!("the run of `{name}` was cancelled: what failed in it is not sent again");
            return Err(OperationError::Conflict(detail));
        }
        let filter = DeadLetterFilter { campaign: None, run: Some(run.id), ..wanted.filter.clone() };
        self.replayed(&filter, wanted).await
    }

    async fn replay_news(&self, filter: &JournalFilter) -> Result<u64, OperationError> {
        replay_news::run(&self.services, filter).await.map_err(|error| OperationError::Unavailable(Box::new(error)))
    }

    async fn look_at_news(&self, filter: &JournalFilter) -> Result<(u64, Vec<NewsItem>), OperationError> {
        let Services { store, webhook, readers, .. } = &self.services;
        news_replays::look(&**store, &**webhook, readers, filter).await.map_err(unavailable)
    }

    async fn suspend(&self, request: SuspensionRequest) -> Result<(Suspension, bool), OperationError> {
        let now = self.services.clock.now();
        let wanted = suspending::wanted(&request, &self.known().await?, now)?;
        suspending::suspend(&*self.services.store, wanted, now).await
    }

    async fn release(&self, id: i64, by: String) -> Result<KeptSuspension, OperationError> {
        suspending::release(&*self.services.store, id, &by, self.services.clock.now()).await
    }

    async fn waits_for(
        &self,
        message: &LoadedMessage,
        campaign: Option<&CampaignName>,
    ) -> Result<Option<WaitsFor>, OperationError> {
        suspending::why_waiting(&self.services, message, campaign).await
    }

    async fn hooks(&self) -> Result<Vec<HookSummary>, OperationError> {
        let Services { store, hooks, clock, .. } = &self.services;
        hooking::all(&**store, &**hooks, &**clock).await
    }

    async fn replay_hooks(&self, filter: &HookFilter, is_dry: bool) -> Result<u64, OperationError> {
        let Services { store, hooks, clock, .. } = &self.services;
        if let Some(hook) = &filter.hook {
            hooking::known(&**hooks, hook.as_str())?;
        }
        hooking::replay(&**store, &**clock, filter, is_dry).await
    }

    async fn test_hook(&self, name: &str) -> Result<HookTried, OperationError> {
        let Services { store, hooks, clock, .. } = &self.services;
        hooking::test(&**store, &**hooks, &**clock, name).await
    }

    async fn jobs(&self) -> Result<Vec<JobItem>, OperationError> {
        let Upkeep { store, catalogue, clock, .. } = &self.upkeep;
        standing::all(&**store, &catalogue.standing_jobs(), &**clock).await
    }

    async fn run_job(&self, name: &JobName, by: &str) -> Result<JobRunItem, OperationError> {
        standing::run_by_hand(&self.upkeep, name, by).await
    }

    async fn templates(&self) -> Result<Vec<TemplateItem>, OperationError> {
        approving::all(&self.upkeep).await
    }

    async fn push_template(&self, name: &str) -> Result<Vec<PushedItem>, OperationError> {
        approving::push(&self.upkeep, name).await
    }

    async fn sync_templates(&self) -> Result<SyncedItem, OperationError> {
        approving::sync(&self.upkeep).await
    }

    async fn review_templates(&self) -> Result<Vec<ReviewedItem>, OperationError> {
        approving::review(&self.upkeep).await
    }

    async fn agree_template(&self, name: &str, by: &str) -> Result<TemplateItem, OperationError> {
        approving::agree(&self.upkeep, name, by).await
    }

    async fn import(&self, updates: Vec<ContactUpdate>) -> Result<Vec<(Contact, bool)>, OperationError> {
        self.services.store.upsert(updates, self.services.clock.now()).await.map_err(unavailable)
    }
}
