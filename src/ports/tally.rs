//! Counts what jobs decide, for whoever watches the service.

use crate::domain::channel::Channel;
use crate::ports::Applied;

/// Counts what jobs decide.
pub trait Tally: Send + Sync {
    /// A message gave up one channel for another.
    fn fell_back(&self, from: Channel, to: Channel);
    /// A callback was applied, or set aside.
    fn applied(&self, applied: &Applied);
}
