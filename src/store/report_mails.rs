//! Which mail of which report was begun, and what came of it.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::storable;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::ports::{ReportMailBegun, ReportMailEnded, ReportMails, Stored};

/// The words of what came of a mail.
const SENT: &str = "sent";
const NOBODY: &str = "nobody";
const NOT_SENT: &str = "not-sent";

/// What is written about mails of reports.
#[derive(Debug)]
pub(super) enum ReportMailWrite {
    Begin { report: String, to: String, now: Timestamp },
    End { report: String, to: String, ended: ReportMailEnded },
}

/// Writes it.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, write: &ReportMailWrite) -> Sql<Outcome> {
    match write {
        ReportMailWrite::Begin { report, to, now } => {
            let (report, to) = (storable(report.clone()), storable(to.clone()));
            let sql = "INSERT INTO report_mails (report, recipient, begun_at) VALUES (?, ?, ?) \
                       ON CONFLICT (report, recipient) DO UPDATE SET begun_at = excluded.begun_at, outcome = NULL \
                       WHERE report_mails.outcome = ?";
            if db.run(sql, args![report.clone(), to.clone(), *now, NOT_SENT]).await? > 0 {
                return Ok(Outcome::ReportMail(ReportMailBegun::Ours));
            }
            let sql = "SELECT outcome FROM report_mails WHERE report = ? AND recipient = ?";
            let found = db.first(sql, args![report, to]).await?;
            let outcome = found.map(|row| Row::of(&row, "report_mails").opt_text()).transpose()?.flatten();
            let begun = if outcome.is_some() { ReportMailBegun::Over } else { ReportMailBegun::Unknown };
            Ok(Outcome::ReportMail(begun))
        }
        ReportMailWrite::End { report, to, ended } => {
            let word = match ended {
                ReportMailEnded::Sent => SENT,
                ReportMailEnded::Nobody => NOBODY,
                ReportMailEnded::NotSent => NOT_SENT,
            };
            let sql = "UPDATE report_mails SET outcome = ? WHERE report = ? AND recipient = ? AND outcome IS NULL";
            db.run(sql, args![word, storable(report.clone()), storable(to.clone())]).await?;
            Ok(Outcome::Done)
        }
    }
}

#[async_trait]
impl ReportMails for SqlStore {
    async fn begin_report_mail(&self, report: &str, to: &str, now: Timestamp) -> Stored<ReportMailBegun> {
        let write = ReportMailWrite::Begin { report: report.to_owned(), to: to.to_owned(), now };
        match self.writers.ask(Request::ReportMail(Box::new(write))).await? {
            Outcome::ReportMail(begun) => Ok(begun),
            other => Err(unexpected(&other)),
        }
    }

    async fn unsent_report_mails(&self, since: Timestamp) -> Stored<Vec<(String, String)>> {
        let sql =
            "SELECT report, recipient FROM report_mails WHERE outcome = ? AND begun_at >= ? ORDER BY report, recipient";
        let rows = self.read(sql, args![NOT_SENT, since]).await?;
        self.rows(&rows, "report_mails", |row| Ok((row.text()?, row.text()?)))
    }

    async fn end_report_mail(&self, report: &str, to: &str, ended: ReportMailEnded) -> Stored<()> {
        let write = ReportMailWrite::End { report: report.to_owned(), to: to.to_owned(), ended };
        match self.writers.ask(Request::ReportMail(Box::new(write))).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
