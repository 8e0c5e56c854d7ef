//! Whether callbacks come in while we send.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::callback_watch::CalledLately;
use crate::ports::Stored;

/// What the record knows of calls and what was heard of them.
#[async_trait]
pub trait CallbackSamples: Send + Sync {
    /// A sample of the messages that Meta took in that time, by our number: evenly out of each run, and of those without a run. Its cost does not
    /// depend on how many there were.
    async fn called_lately(&self, from: Timestamp, until: Timestamp) -> Stored<Vec<CalledLately>>;
}
