//! What operators may do with campaigns and contacts, as far as HTTP asks for it. Whoever puts the service together provides it.

use async_trait::async_trait;
use serde::Serialize;

use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::delivery::State;
use crate::domain::ids::{CampaignName, MessageId};
use crate::domain::language::Language;
use crate::domain::money::Money;
use crate::domain::phone_number::PhoneNumber;
use crate::ports::RunCount;

/// A campaign and its newest run, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignSummary {
    /// The stem of its file.
    pub name: CampaignName,
    /// The state of its newest run; `waiting` before the first.
    pub state: &'static str,
    /// How many recipients of that run stand where.
    pub run: StateCounts,
    /// What that run has cost so far.
    pub cost: Money,
}

/// How many recipients stand where; each counts once, at its present standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each is the state with its name; `queued` are those handed to the lane and not called yet"
)]
pub struct StateCounts {
    pub total: u64,
    pub planned: u64,
    pub queued: u64,
    pub calling: u64,
    pub held: u64,
    pub unknown: u64,
    pub submitted: u64,
    pub sent: u64,
    pub delivered: u64,
    pub read: u64,
    pub failed: u64,
    pub suppressed: u64,
    pub expired: u64,
}

impl StateCounts {
    /// The sum over languages and reasons. The store does not tell queued from planned: both are `planned` here, and
    /// [`StateCounts::with_queued`] moves those that wait in the lane.
    pub fn of(counts: &[RunCount]) -> Self {
        let mut sum = Self::default();
        for count in counts {
            sum.total += count.n;
            *sum.at(count.state) += count.n;
        }
        sum
    }

    /// With so many of the planned ones shown as queued; never more than there are.
    #[must_use]
    pub fn with_queued(self, n: u64) -> Self {
        let queued = n.min(self.planned);
        Self { planned: self.planned - queued, queued: self.queued + queued, ..self }
    }

    fn at(&mut self, state: State) -> &mut u64 {
        match state {
            State::Planned => &mut self.planned,
            State::Held => &mut self.held,
            State::Calling => &mut self.calling,
            State::Unknown => &mut self.unknown,
            State::Submitted => &mut self.submitted,
            State::Sent => &mut self.sent,
            State::Delivered => &mut self.delivered,
            State::Read => &mut self.read,
            State::Failed => &mut self.failed,
            State::Suppressed => &mut self.suppressed,
            State::Expired => &mut self.expired,
        }
    }
}

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
    /// It cannot be done by this version.
    #[error("{0} is not yet supported")]
    NotYetSupported(String),
    /// Store or queue could not be asked; trying again may help.
    #[error("store or queue is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// Writes these, new or known; answers each as it is now, in the same order, with whether it is new. At most 500.
    async fn import(&self, updates: Vec<ContactUpdate>) -> Result<Vec<(Contact, bool)>, OperationError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::Channel;

    #[test]
    fn every_recipient_is_counted_once() {
        let counts: Vec<RunCount> = State::ALL
            .into_iter()
            .zip(1..)
            .map(|(state, n)| RunCount {
                language: Language::Ar,
                channel: Channel::Whatsapp,
                state,
                reason: String::new(),
                n,
            })
            .collect();
        let sum = StateCounts::of(&counts).with_queued(5);
        assert_eq!((sum.total, sum.planned, sum.queued, sum.expired), (66, 0, 1, 11));
        let parts = serde_json::to_value(sum).unwrap();
        let parts: u64 = parts.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(parts, 2 * sum.total);
    }
}
