//! Counts what jobs decide, for whoever watches the service.

use crate::domain::analysis::Analysis;
use crate::domain::channel::Channel;
use crate::domain::flow::FlowResult;
use crate::domain::hook::delivery::Next;
use crate::domain::ids::HookName;
use crate::ports::{Applied, MediaBecame};

/// Counts what jobs decide.
pub trait Tally: Send + Sync {
    /// A message gave up one channel for another.
    fn fell_back(&self, from: Channel, to: Channel);
    /// A callback was applied, or set aside.
    fn applied(&self, applied: &Applied);
    /// A reader read feedback; `None`: it has no words.
    fn read_feedback(&self, reading: Option<&Analysis>);
    /// A conversation that a flow describes ended.
    fn ended_flow(&self, result: &FlowResult);
    /// A file was tried to be fetched, and that became of it.
    fn fetched_media(&self, became: &MediaBecame);
    /// An endpoint of our webhooks was called, and that followed.
    fn called_hook(&self, hook: &HookName, next: Next);
}
