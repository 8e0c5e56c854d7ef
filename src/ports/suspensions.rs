//! Stops put on parts of the sending.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::suspension::{NewSuspension, Suspension};
use crate::ports::Stored;

/// The suspensions in force. Each is checked for each message, inside the transaction that marks its attempt.
#[async_trait]
pub trait Suspensions: Send + Sync {
    /// Puts it in force. One with the same scope and cause that is in force already is left as it is, but for a later `until`; answers the
    /// suspension and whether it is new. When it answers, only calls in flight still leave.
    async fn suspend(&self, wanted: NewSuspension, now: Timestamp) -> Stored<(Suspension, bool)>;
    /// Ends it, and makes the messages that it held due; answers whether it was in force.
    async fn release(&self, id: i64, now: Timestamp) -> Stored<bool>;
    /// All in force, oldest first.
    async fn suspensions(&self, now: Timestamp) -> Stored<Vec<Suspension>>;
    /// Moves the moment in which it is tried whether it may end.
    async fn probe_again(&self, id: i64, at: Timestamp) -> Stored<()>;
}
