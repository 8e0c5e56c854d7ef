//! Keeps a report as files and mails it: what every report by the schedule has in common.

use std::collections::BTreeMap;
use std::io;

use crate::domain::report::Report;
use crate::jobs::JobError;
use crate::jobs::mail_report::{self, Mailed};
use crate::ports::Upkeep;

/// A report that is being published, and what came of it so far.
pub(super) struct Publishing<'a> {
    upkeep: &'a Upkeep,
    kept: io::Result<()>,
    mailed: Mailed,
}

impl<'a> Publishing<'a> {
    /// Keeps it.
    pub(super) async fn keep(upkeep: &'a Upkeep, report: &dyn Report) -> Self {
        let kept = upkeep.reports.keep(report.files()).await;
        Self { upkeep, kept, mailed: Mailed::default() }
    }

    /// Mails it to everybody who has not got it; answers which other reports are owed to whom, by name.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub(super) async fn mail(&mut self, report: &dyn Report) -> Result<BTreeMap<String, Vec<String>>, JobError> {
        self.mail_to(report, &self.upkeep.report_recipients.to).await?;
        let Upkeep { store, report_recipients, clock, .. } = self.upkeep;
        mail_report::owed(&**store, report_recipients, &**clock, &report.name()).await
    }

    /// Mails a report to some.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub(super) async fn mail_to(&mut self, report: &dyn Report, to: &[String]) -> Result<(), JobError> {
        let Upkeep { store, report_recipients, clock, .. } = self.upkeep;
        mail_report::run(&**store, report_recipients, &**clock, report, to, &mut self.mailed).await
    }

    /// What came of it.
    ///
    /// # Errors
    /// When it could not be kept, or a mail was not taken: another try does what is missing.
    pub(super) fn end(self) -> Result<Mailed, JobError> {
        self.kept.map_err(|error| JobError::Retry { doing: "keeping a report", source: Box::new(error) })?;
        match self.mailed.missed {
            Some(because) => Err(JobError::Retry { doing: "mailing a report", source: because.into() }),
            None => Ok(self.mailed),
        }
    }
}
