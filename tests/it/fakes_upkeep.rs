//! The fake store's part of standing jobs and alerts: it shows what it was filled with.

use async_trait::async_trait;
use barid::domain::alert::{Alert, AlertKind, AlertMail, AlertScope, NewAlert, Severity};
use barid::domain::ids::{AlertId, JobName, JobRunId};
use barid::domain::live_check::TemplateFacts;
use barid::domain::standing_job::{Fired, JobRun, StandingJob};
use barid::domain::template_approval::{Agreement, KeptTemplate, TemplateUse};
use barid::ports::{
    AlertToMail, Alerts, JobEnded, JobRuns, NewJobRun, Page, ReportMailBegun, ReportMailEnded, ReportMails, Stored,
    TemplateRecord,
};
use jiff::Timestamp;

use crate::fakes::{FakeStore, not_asked, page};

#[async_trait]
impl JobRuns for FakeStore {
    async fn fired(&self, _: &JobName, _: &str) -> Stored<Option<Fired>> {
        not_asked()
    }
    async fn watch_job(&self, _: &JobName, _: &str, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn open_job(&self, _: NewJobRun, _: Timestamp) -> Stored<(JobRun, bool)> {
        not_asked()
    }
    async fn take_job(&self, _: Option<JobRunId>, _: Timestamp, _: Timestamp) -> Stored<Option<JobRun>> {
        not_asked()
    }
    async fn hold_job(&self, _: JobRunId, _: u16, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn end_job(&self, _: JobRunId, _: u16, _: JobEnded, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn job_run(&self, id: JobRunId) -> Stored<Option<JobRun>> {
        Ok(self.job_runs.iter().find(|run| run.id == id).cloned())
    }
    async fn job_runs(&self, name: Option<&JobName>, before: Option<i64>, limit: u64) -> Stored<Page<JobRun>> {
        let fits = |run: &&JobRun| {
            name.is_none_or(|name| run.name == *name) && before.is_none_or(|before| run.id.number() < before)
        };
        let rest: Vec<JobRun> = self.job_runs.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |run| run.id.number(), limit))
    }
    async fn last_job(&self, _: &JobName, _: bool) -> Stored<Option<JobRun>> {
        not_asked()
    }
    async fn last_details(&self, _: StandingJob) -> Stored<Option<JobRun>> {
        Ok(None)
    }
    async fn tidy_jobs(&self, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
}

#[async_trait]
impl Alerts for FakeStore {
    async fn raise_alert(&self, _: NewAlert, _: Timestamp) -> Stored<(Alert, bool)> {
        not_asked()
    }
    async fn clear_alert(&self, _: AlertKind, _: AlertScope, _: Timestamp) -> Stored<Option<Alert>> {
        not_asked()
    }
    async fn open_alerts(&self) -> Stored<Vec<Alert>> {
        Ok(self.alerts.iter().filter(|alert| alert.cleared_at.is_none()).cloned().collect())
    }
    async fn all_alerts(&self, before: Option<i64>, limit: u64) -> Stored<Page<Alert>> {
        let rest = self.alerts.iter().rev().filter(|alert| before.is_none_or(|before| alert.id.number() < before));
        Ok(page(&rest.cloned().collect::<Vec<_>>(), |alert| alert.id.number(), limit))
    }
    async fn alerts_to_mail(&self, _: Timestamp, _: u64) -> Stored<Vec<AlertToMail>> {
        not_asked()
    }
    async fn plan_alert_mail(
        &self,
        _: AlertId,
        _: Timestamp,
        _: Option<Timestamp>,
        _: u16,
        _: Vec<String>,
    ) -> Stored<bool> {
        not_asked()
    }
    async fn alert_mailed(&self, _: AlertId, _: AlertMail, _: Severity, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn tidy_alerts(&self, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
}

#[async_trait]
impl ReportMails for FakeStore {
    async fn begin_report_mail(&self, _: &str, _: &str, _: Timestamp) -> Stored<ReportMailBegun> {
        not_asked()
    }
    async fn unsent_report_mails(&self, _: Timestamp) -> Stored<Vec<(String, String)>> {
        not_asked()
    }
    async fn end_report_mail(&self, _: &str, _: &str, _: ReportMailEnded) -> Stored<()> {
        not_asked()
    }
}

#[async_trait]
impl TemplateRecord for FakeStore {
    async fn keep_templates(&self, _: &str, _: Vec<TemplateFacts>, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn forget_templates(&self, _: &str, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
    async fn kept_templates(&self) -> Stored<Vec<KeptTemplate>> {
        not_asked()
    }
    async fn agree_category(&self, _: Agreement) -> Stored<()> {
        not_asked()
    }
    async fn category_agreements(&self) -> Stored<Vec<Agreement>> {
        not_asked()
    }
    async fn note_template_use(&self, _: &str, _: &str, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn template_uses(&self) -> Stored<Vec<TemplateUse>> {
        not_asked()
    }
}
