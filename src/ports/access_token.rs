//! The access token for Meta, and changing it while everything runs.

use std::sync::Arc;

use crate::ports::Management;

/// The token that is wished for and the one in force. What is secret stays behind it.
pub trait AccessToken: Send + Sync {
    /// What the operator wants now, where that is another token than the one in force: questions to Meta with it, and putting it in force.
    ///
    /// # Errors
    /// When it cannot be read: a sentence with its remedy, which does not name it.
    fn candidate(&self) -> Result<Option<Arc<dyn TokenCandidate>>, String>;
}

/// Another token than the one in force.
pub trait TokenCandidate: Send + Sync {
    /// Questions to Meta that carry it.
    fn management(&self) -> &dyn Management;
    /// Calls that begin after this carry it.
    fn put_in_force(&self);
}
