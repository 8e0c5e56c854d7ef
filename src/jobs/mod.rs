//! What happens. One file for each job, and in each the same four beats: load, decide, act, record.
//!
//! A refusal by Meta is an outcome and the job succeeds. A job fails only when we could not do our own work, and then it says
//! whether trying again in a moment can help.

pub mod alert_suspensions;
pub mod alerts;
pub mod answer;
pub mod apply_news;
pub mod ask_consent;
pub mod command_run;
pub mod deliver_hook;
pub mod erase;
pub mod feed;
pub mod feed_hooks;
pub mod feed_media;
pub mod fetch_media;
pub mod fire;
mod first_sight;
pub mod heed;
pub mod live_check;
pub mod mail_alerts;
mod mail_report;
mod nudge;
mod opt_out;
pub mod probe;
mod publish_report;
pub mod push_template;
pub mod react;
pub mod read_feedback;
pub mod reminder;
pub mod replay;
pub mod replay_news;
pub mod report_costs;
pub mod review_metrics;
pub mod rollout;
pub mod rotate_token;
pub mod run_campaign;
pub mod schedule;
pub mod send_message;
pub mod send_single;
pub mod staff;
mod standing;
pub mod sweep;
mod sync_limits;
pub mod sync_templates;
pub mod take_in;
mod tidy;
pub mod tidy_hooks;
pub mod tidy_media;
mod verify_token;
pub mod wake;
mod watch_callbacks;

use crate::ports::{MediaStoreError, QueueUnavailable, StoreError};

/// Why a job could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Trying again in a moment can help.
    #[error("{doing}")]
    Retry {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It cannot succeed as it stands; a person must look.
    #[error("{doing}")]
    Abort {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl JobError {
    /// For errors of the store: retried when it is away, aborted when it holds nonsense.
    fn from_store(doing: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |error| {
            if error.is_unavailable() {
                Self::Retry { doing, source: Box::new(error) }
            } else {
                Self::Abort { doing, source: Box::new(error) }
            }
        }
    }

    /// For errors of where files are kept: always retried, a full disk is emptied some time.
    fn from_media(doing: &'static str) -> impl FnOnce(MediaStoreError) -> Self {
        move |error| Self::Retry { doing, source: Box::new(error) }
    }

    /// For errors of the queue: always retried.
    fn from_queue(doing: &'static str) -> impl FnOnce(QueueUnavailable) -> Self {
        move |error| Self::Retry { doing, source: Box::new(error) }
    }
}
