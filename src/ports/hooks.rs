//! Outgoing webhooks: the endpoints, and the record of what is to be told to them.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::hook::delivery::{DeliveryState, GaveUp, HookAnswer, HookHealth, Next, Progress};
use crate::domain::hook::{HookEvent, HookEvents, WebhookId};
use crate::domain::ids::{HookDeliveryId, HookEventId, HookName};
use crate::ports::{Page, Stored};

/// A configured endpoint. Where exactly it is only the adapter knows: the address may carry a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What we call it.
    pub name: HookName,
    /// What it wants to hear of.
    pub events: HookEvents,
    /// Scheme and host, for people.
    pub host: String,
    /// Tells its address from another.
    pub fingerprint: String,
}

/// One call. `Debug` does not show the body.
#[derive(Clone, PartialEq, Eq)]
pub struct HookCall {
    /// The event; the same at every attempt.
    pub id: WebhookId,
    /// Now: what is signed is the time of the attempt.
    pub at: Timestamp,
    /// The envelope, byte for byte as it is signed.
    pub body: String,
}

impl std::fmt::Debug for HookCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookCall").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Calls the configured endpoints. Whatever happens is a [`HookAnswer`].
#[async_trait]
pub trait Hooks: Send + Sync {
    /// All of them, in the order of the configuration.
    fn configured(&self) -> &[Hook];
    /// One call, signed with every secret in force.
    async fn call(&self, hook: &HookName, call: &HookCall) -> HookAnswer;

    /// The endpoint of that name.
    fn named(&self, name: &HookName) -> Option<&Hook> {
        self.configured().iter().find(|hook| hook.name == *name)
    }
}

/// The telling of one event to one endpoint, with all that a call needs. `Debug` does not show the data.
#[derive(Clone, PartialEq, Eq)]
pub struct HookDelivery {
    /// Which.
    pub id: HookDeliveryId,
    /// To whom.
    pub hook: HookName,
    /// Of what.
    pub webhook_id: WebhookId,
    /// The event's name; one that this version does not know is told all the same.
    pub event: String,
    /// The version of envelope and data.
    pub version: i64,
    /// When it happened.
    pub at: Timestamp,
    /// JSON.
    pub data: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Calls so far.
    pub attempts: u16,
    /// How far it has come.
    pub progress: Progress,
    /// How its endpoint does.
    pub health: HookHealth,
}

impl std::fmt::Debug for HookDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookDelivery").field("id", &self.id).field("hook", &self.hook).finish_non_exhaustive()
    }
}

/// What a call brought, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookAttempt {
    /// Of which delivery.
    pub id: HookDeliveryId,
    /// How many calls whoever made this one knew of.
    pub attempts_before: u16,
    /// What came back.
    pub answer: HookAnswer,
    /// Tells which address was called.
    pub fingerprint: String,
    /// Now.
    pub now: Timestamp,
}

/// What followed from a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRecorded {
    /// For the event.
    pub next: Next,
    /// The endpoint before,
    pub before: HookHealth,
    /// and after.
    pub after: HookHealth,
}

/// Which deliveries are meant; everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookFilter {
    /// Of this event.
    pub id: Option<HookEventId>,
    /// To this endpoint.
    pub hook: Option<HookName>,
    /// Of events of this kind.
    pub event: Option<HookEvent>,
    /// Of events at or after this moment.
    pub since: Option<Timestamp>,
    /// Standing here.
    pub state: Option<DeliveryState>,
}

impl HookFilter {
    /// What a replay means by it: of many, those that are dead, unless it says another state; of one event, all.
    #[must_use]
    pub fn for_replay(self) -> Self {
        let otherwise = self.id.is_none().then_some(DeliveryState::Dead);
        Self { state: self.state.or(otherwise), ..self }
    }
}

/// A delivery as lists show it: nothing of what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDelivery {
    /// Which.
    pub id: HookDeliveryId,
    /// Of what.
    pub webhook_id: WebhookId,
    /// The event's name.
    pub event: String,
    /// To whom.
    pub hook: HookName,
    /// Where it stands.
    pub state: DeliveryState,
    /// Calls so far.
    pub attempts: u16,
    /// When the event happened.
    pub at: Timestamp,
    /// When it is told next, while it waits.
    pub due_at: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last; empty where nothing did.
    pub why: String,
}

/// The record of what is to be told. The events themselves are written where they happen, in the same transaction.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Deliveries to this endpoint that are due, longest first, each with the calls behind it.
    async fn due_deliveries(&self, hook: &HookName, now: Timestamp, limit: u64) -> Stored<Vec<(HookDeliveryId, u16)>>;
    /// One delivery with all that a call needs.
    async fn delivery(&self, id: HookDeliveryId) -> Stored<Option<HookDelivery>>;
    /// Writes down what a call brought, and what follows from it; `None` when the delivery does not wait or was called since.
    async fn record_attempt(&self, attempt: HookAttempt) -> Stored<Option<HookRecorded>>;
    /// How endpoints do; one that is not named does well.
    async fn hook_healths(&self) -> Stored<Vec<(HookName, HookHealth)>>;
    /// How many deliveries wait or are dead, by endpoint.
    async fn hook_counts(&self) -> Stored<Vec<(HookName, DeliveryState, u64)>>;
    /// A page of deliveries, newest first.
    async fn deliveries(&self, filter: &HookFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedDelivery>>;
    /// How many deliveries a replay would take. Tests are never replayed.
    async fn replayable_deliveries(&self, filter: &HookFilter) -> Stored<u64>;
    /// Makes a bounded number of deliveries, after `after`, due again with all waits before them; answers how many, and where the next step
    /// begins.
    async fn replay_deliveries(
        &self,
        filter: &HookFilter,
        after: Option<HookDeliveryId>,
        now: Timestamp,
    ) -> Stored<(u64, Option<HookDeliveryId>)>;
    /// Gives up a bounded number of deliveries to this endpoint that wait since `before` or longer; answers how many.
    async fn give_up_deliveries(
        &self,
        hook: &HookName,
        before: Timestamp,
        because: GaveUp,
        now: Timestamp,
    ) -> Stored<u64>;
    /// A trial for this endpoint, to be called by whoever asks; should they die, it is called from the queue a little later.
    async fn add_test(&self, hook: &HookName, now: Timestamp) -> Stored<HookDeliveryId>;
    /// Deletes a bounded number of events from before that moment for which nothing waits; answers how many.
    async fn tidy_events(&self, before: Timestamp) -> Stored<u64>;
    /// Resolves when something was written here that may be told, or when a call has ended since it last resolved.
    async fn stirred(&self);
}
