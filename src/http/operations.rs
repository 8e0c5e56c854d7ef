//! What operators may do with campaigns and contacts, as far as HTTP asks for it. Whoever puts the service together provides it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::answering::staff::StaffRefusal;
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::cost_report::{CostReport, WantedDays};
use crate::domain::erasure::Erasure;
use crate::domain::ids::{CampaignName, ContactId, FlowName, JobName, MessageId};
use crate::domain::language::Language;
use crate::domain::live_check::Step;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::review::{Month, Review};
use crate::domain::suspension::{KeptSuspension, Suspension};
use crate::domain::waits_for::WaitsFor;
use crate::http::api::NewsItem;
use crate::http::api::{
    HookSummary, HookTried, JobItem, JobRunItem, PushedItem, ReviewedItem, SyncedItem, TemplateItem,
};
use crate::http::summary::CampaignSummary;
use crate::jobs::send_single::{SendRequest, Sent};
use crate::jobs::staff::{StaffDone, StaffError, StaffRequest};
use crate::ports::{DeadLetterFilter, HookFilter, JournalFilter, LoadedMessage};

/// What an operator tells a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignVerb {
    /// Begin a run now.
    Start,
    /// Call nothing new until resumed.
    Pause,
    /// Go on.
    Resume,
    /// End the run.
    Cancel,
}

impl CampaignVerb {
    /// The verb of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "start" => Some(Self::Start),
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }
}

/// What is to be sent once more, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Which messages.
    pub filter: DeadLetterFilter,
    /// Too old after so long from now; `None`: as long as their campaign says.
    pub expires_after: Option<SignedDuration>,
    /// Only counted.
    pub is_dry: bool,
}

/// A stop that an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspensionRequest {
    /// `sender`, `campaign`, `channel` or `country`.
    pub kind: String,
    /// Which one.
    pub value: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// Until when; `None`: until it is released.
    pub until: Option<Timestamp>,
    /// Who asks.
    pub by: String,
}

/// Why something was not done. The texts are shown to the caller, so they say what to do.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It does not fit the present state.
    #[error("{0}")]
    Conflict(String),
    /// It can never be done as it was asked.
    #[error("{detail}")]
    Invalid {
        /// A word for programs, such as `no-consent`.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// Store or queue could not be asked; trying again may help.
    #[error("store or queue is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StaffError> for OperationError {
    fn from(error: StaffError) -> Self {
        let detail = error.to_string();
        let code = match error {
            StaffError::NoContact(_) | StaffError::NoTalk { .. } => return Self::NotFound(detail),
            StaffError::Busy => return Self::Conflict(detail),
            StaffError::Store(error) => return Self::Unavailable(Box::new(error)),
            StaffError::WhichSender { .. } => "which-sender",
            StaffError::Who => "bad-name",
            StaffError::Refused(StaffRefusal::Stopped) => "opted-out",
            StaffError::Refused(StaffRefusal::TextLength(_)) => "bad-text",
            StaffError::NameTaken => "idempotency-key-reused",
        };
        Self::Invalid { code, detail }
    }
}

/// What operators may do.
#[async_trait]
pub trait Operations: Send + Sync {
    /// All campaigns, by name.
    async fn campaigns(&self) -> Result<Vec<CampaignSummary>, OperationError>;
    /// One of them.
    async fn campaign(&self, name: &CampaignName) -> Result<CampaignSummary, OperationError>;
    /// Tells it something; answers how it stands then.
    async fn command(&self, name: &CampaignName, verb: CampaignVerb) -> Result<CampaignSummary, OperationError>;
    /// Sends the campaign's message to one number, outside any run, in the given language or that of the contact.
    async fn test(
        &self,
        name: &CampaignName,
        phone: &PhoneNumber,
        language: Option<Language>,
    ) -> Result<MessageId, OperationError>;
    /// Forgets a person; answers the receipt, as far as it has come.
    async fn erase(&self, contact: ContactId, by: &str) -> Result<Erasure, OperationError>;
    /// Asks Meta whether everything stands there as we need it.
    async fn live_check(&self) -> Vec<Step>;
    /// What messages cost on these days.
    async fn report_costs(&self, wanted: WantedDays) -> Result<CostReport, OperationError>;
    /// A month beside the one before it; `None`: the last whole one.
    async fn report_review(&self, month: Option<Month>) -> Result<Review, OperationError>;
    /// Sends one message to one person.
    async fn send(&self, request: SendRequest) -> Result<Sent, OperationError>;
    /// Does what somebody of the staff asks for in a conversation.
    async fn staff(&self, request: StaffRequest) -> Result<StaffDone, OperationError>;
    /// The flows in force.
    fn flows(&self) -> Vec<FlowName>;
    /// Sends what failed once more, through all checks again; answers how many messages that are.
    async fn replay(&self, replay: &Replay) -> Result<u64, OperationError>;
    /// The same for what failed in the newest run of a campaign: `replay.filter` says which of it.
    async fn retry_failed(&self, name: &CampaignName, replay: &Replay) -> Result<u64, OperationError>;
    /// Applies callbacks again that were applied or set aside; answers how many.
    async fn replay_news(&self, filter: &JournalFilter) -> Result<u64, OperationError>;
    /// How many that would be, and the first of them with what each says.
    async fn look_at_news(&self, filter: &JournalFilter) -> Result<(u64, Vec<NewsItem>), OperationError>;
    /// Stops a part of the sending; answers the suspension and whether it is new. When it answers, only calls under way still leave.
    async fn suspend(&self, request: SuspensionRequest) -> Result<(Suspension, bool), OperationError>;
    /// Lets go on what a suspension stopped; answers it as it is kept.
    async fn release(&self, id: i64, by: String) -> Result<KeptSuspension, OperationError>;
    /// Why a message that is to be called is not called now; `None` when nothing stops it.
    async fn waits_for(
        &self,
        message: &LoadedMessage,
        campaign: Option<&CampaignName>,
    ) -> Result<Option<WaitsFor>, OperationError>;
    /// How the endpoints of our webhooks do.
    async fn hooks(&self) -> Result<Vec<HookSummary>, OperationError>;
    /// Tells once more what the filter means, or only counts it; answers how many deliveries those are.
    async fn replay_hooks(&self, filter: &HookFilter, is_dry: bool) -> Result<u64, OperationError>;
    /// Calls an endpoint now.
    async fn test_hook(&self, name: &str) -> Result<HookTried, OperationError>;
    /// The schedule of standing jobs.
    async fn jobs(&self) -> Result<Vec<JobItem>, OperationError>;
    /// Starts a standing job, whatever its schedule says; answers the run, which is carried out in a moment.
    async fn run_job(&self, name: &JobName, by: &str) -> Result<JobRunItem, OperationError>;
    /// Our templates by name, with where they stand at Meta.
    async fn templates(&self) -> Result<Vec<TemplateItem>, OperationError>;
    /// Hands one in for approval; answers what became of each of its languages.
    async fn push_template(&self, name: &str) -> Result<Vec<PushedItem>, OperationError>;
    /// Reads from Meta where all of them stand.
    async fn sync_templates(&self) -> Result<SyncedItem, OperationError>;
    /// Which templates somebody should look at, as they were last read.
    async fn review_templates(&self) -> Result<Vec<ReviewedItem>, OperationError>;
    /// Agrees to the price of the category that Meta takes one for.
    async fn agree_template(&self, name: &str, by: &str) -> Result<TemplateItem, OperationError>;
    /// Writes these, new or known; answers each as it is now, in the same order, with whether it is new. At most 500.
    async fn import(&self, updates: Vec<ContactUpdate>) -> Result<Vec<(Contact, bool)>, OperationError>;
}
