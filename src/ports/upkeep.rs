//! What standing jobs may touch.

use std::sync::Arc;

use crate::domain::live_check::Ours;
use crate::domain::retention::Retention;
use crate::domain::suspension;
use crate::ports::{Catalogue, Clock, Hooks, Management, MediaStore, ReportFiles, ReportRecipients, Store};

/// What standing jobs may touch: neither queues nor limits nor the ways to customers, so that `barid job run` can do them where no daemon and no Redis
/// runs.
#[derive(Clone)]
pub struct Upkeep {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The record.
    pub store: Arc<dyn Store>,
    /// Meta, asked about what is ours there.
    pub management: Arc<dyn Management>,
    /// What is ours there, as configured.
    pub ours: Arc<Ours>,
    /// How long suspensions wait for what.
    pub suspensions: suspension::Rules,
    /// Endpoints of our webhooks.
    pub hooks: Arc<dyn Hooks>,
    /// Files that people sent.
    pub media: Arc<dyn MediaStore>,
    /// How long which data is kept.
    pub retention: Retention,
    /// Where reports are kept.
    pub reports: Arc<dyn ReportFiles>,
    /// Who gets them by mail.
    pub report_recipients: ReportRecipients,
    /// The schedule, campaigns and templates.
    pub catalogue: Arc<dyn Catalogue>,
}
