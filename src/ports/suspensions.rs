//! Stops put on parts of the sending.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::ids::MessageId;
use crate::domain::suspension::{KeptSuspension, LetThrough, NewSuspension, ReleasedBy, Suspension};
use crate::ports::{Page, Stored};

/// The suspensions, in force and past. Those in force are checked for each message, inside the transaction that marks its attempt.
#[async_trait]
pub trait Suspensions: Send + Sync {
    /// Puts it in force; answers the suspension and whether it is new. When it answers, only calls whose mark is written still leave.
    ///
    /// One of the same scope and cause (and, for an operator's, the same words) that is in force already is left as it is, but for a later
    /// `until`. What was shown by a call from before the release of the same suspension changes nothing: that one is answered.
    async fn suspend(&self, wanted: NewSuspension, now: Timestamp) -> Stored<(Suspension, bool)>;
    /// Ends it, and makes the messages that it held due; answers whether it was in force.
    async fn release(&self, id: i64, by: ReleasedBy, now: Timestamp) -> Stored<bool>;
    /// All in force, oldest first.
    async fn suspensions(&self, now: Timestamp) -> Stored<Vec<Suspension>>;
    /// One, in force or past.
    async fn suspension(&self, id: i64) -> Stored<Option<KeptSuspension>>;
    /// A page of all that there ever were, newest first.
    async fn all_suspensions(&self, before: Option<i64>, limit: u64) -> Stored<Page<KeptSuspension>>;
    /// How many there ever were, by [`crate::domain::suspension::Cause::name`].
    async fn suspension_counts(&self) -> Stored<Vec<(String, u64)>>;
    /// Takes the probe that is planned for `planned`, and plans the next one; answers whether it was ours to take: of several who ask, one.
    async fn take_probe(&self, id: i64, planned: Timestamp, next: Timestamp) -> Stored<bool>;
    /// What became of a message that was let through; answers the suspensions that this ended.
    async fn let_through(&self, message: MessageId, became: LetThrough, now: Timestamp) -> Stored<Vec<Suspension>>;
    /// Ends those whose end has come, and goes on with making due what ended ones held, where somebody was interrupted in it.
    async fn settle_suspensions(&self, now: Timestamp) -> Stored<()>;
}
