//! Forgetting people.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::erasure::Erasure;
use crate::domain::ids::{ContactId, ErasureId};
use crate::ports::Stored;

/// Forgetting people.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Forgets a person, with all that is under way with them; answers the receipt. `None`: there is no such contact. Asked again it answers the
    /// receipt of the first time.
    async fn erase(&self, contact: ContactId, by: &str, now: Timestamp) -> Stored<Option<Erasure>>;
    /// A receipt, as far as it has come.
    async fn erasure(&self, id: ErasureId) -> Stored<Option<Erasure>>;
    /// Those whose kept callbacks are still to be looked through.
    async fn unfinished_erasures(&self) -> Stored<Vec<ErasureId>>;
    /// Looks through some of the kept callbacks; answers whether there is nothing more to look through at this moment.
    async fn erase_further(&self, id: ErasureId, now: Timestamp) -> Stored<bool>;
}
