//! Mails a report to those who want it: once to each, whatever dies in the middle of it.
//!
//! A mail is begun in the record before the mail server is called. One that was begun and of which nobody says what came of it may have gone out: it is
//! not sent again, and that is told; the report is kept as files all the same. What surely was not sent is tried again with the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::failure::FailureClass;
use crate::domain::report::{Report, ReportLetter};
use crate::jobs::JobError;
use crate::ports::{
    Answer, Clock, Notice, NoticeFile, Notices, ReportMailBegun, ReportMailEnded, ReportRecipients, Store,
};

/// After so long nobody waits for the mail of a report any more.
const OWED_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What became of the mails of a run.
#[derive(Debug, Default)]
pub(super) struct Mailed {
    /// Sent now.
    pub(super) sent: usize,
    /// Sent in a run or try before this one.
    pub(super) before: usize,
    /// Nobody knows.
    pub(super) unknown: usize,
    /// Their addresses take no mail.
    pub(super) nobody: usize,
    /// Recipients, where no mail server is set up.
    pub(super) no_server: usize,
    /// Why one was not sent, and should be tried again.
    pub(super) missed: Option<String>,
}

impl Mailed {
    /// What went well, for the sentence about the run.
    pub(super) fn said(&self) -> Vec<String> {
        let said =
            [(self.sent, format!("mailed to {}", self.sent)), (self.before, format!("{} had it before", self.before))];
        said.into_iter().filter(|(n, _)| *n > 0).map(|(_, said)| said).collect()
    }

    /// What somebody should look at; names nobody.
    pub(super) fn wrong(&self) -> Vec<String> {
        let said = [
            (
                self.unknown,
                "it is not known whether a mail begun before came through; it is not sent twice, the report is in the folder",
            ),
            (self.nobody, "an address of `[reports] email_to` takes no mail; correct it"),
            (
                self.no_server,
                "nothing can be mailed, though `[reports] email_to` is set; `barid check` says what is missing",
            ),
        ];
        said.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what} ({n})")).collect()
    }
}

/// Mails it to those of them who have not got it; adds to `mailed` what became of it.
///
/// # Errors
/// When the store could not be asked.
pub(super) async fn run(
    store: &dyn Store,
    recipients: &ReportRecipients,
    clock: &dyn Clock,
    report: &dyn Report,
    to: &[String],
    mailed: &mut Mailed,
) -> Result<(), JobError> {
    if to.is_empty() {
        return Ok(());
    }
    let Some(notices) = &recipients.notices else {
        mailed.no_server = to.len();
        return Ok(());
    };
    let (name, letter) = (report.name(), report.letter(&recipients.languages));
    let doing = || JobError::from_store("recording the mail of a report");
    for to in to {
        match store.begin_report_mail(&name, to, clock.now()).await.map_err(doing())? {
            ReportMailBegun::Ours => {}
            ReportMailBegun::Over => {
                mailed.before += 1;
                continue;
            }
            ReportMailBegun::Unknown => {
                mailed.unknown += 1;
                continue;
            }
        }
        let ended = match send(notices, &notice(store.tag(), &name, &letter, to)).await {
            Sent::Accepted => {
                mailed.sent += 1;
                ReportMailEnded::Sent
            }
            Sent::Nobody => {
                mailed.nobody += 1;
                ReportMailEnded::Nobody
            }
            Sent::Failed(because) => {
                mailed.missed = Some(because);
                ReportMailEnded::NotSent
            }
            Sent::Unknown => {
                mailed.unknown += 1;
                continue;
            }
        };
        store.end_report_mail(&name, to, ended).await.map_err(doing())?;
    }
    Ok(())
}

/// Reports of other days that some of them should have got and did not, while the mail server was away for longer than a run is tried again.
///
/// # Errors
/// When the store could not be asked.
pub(super) async fn owed(
    store: &dyn Store,
    recipients: &ReportRecipients,
    clock: &dyn Clock,
    report: &str,
) -> Result<BTreeMap<String, Vec<String>>, JobError> {
    let since = clock.now().saturating_sub(OWED_FOR).unwrap_or(Timestamp::MIN);
    let unsent = store.unsent_report_mails(since).await.map_err(JobError::from_store("looking for reports to mail"))?;
    let mut owed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, to) in unsent {
        if name != report && recipients.to.contains(&to) {
            owed.entry(name).or_default().push(to);
        }
    }
    Ok(owed)
}

/// What is known of a mail after the call.
enum Sent {
    Accepted,
    Nobody,
    Failed(String),
    Unknown,
}

async fn send(notices: &Arc<dyn Notices>, notice: &Notice) -> Sent {
    match notices.tell(notice).await {
        Answer::Accepted(_) => Sent::Accepted,
        Answer::Refused(refusal) if refusal.class == FailureClass::Undeliverable => {
            tracing::error!(
                report = notice.id,
                because = refusal.details,
                "an address of `[reports] email_to` takes no mail; correct it"
            );
            Sent::Nobody
        }
        Answer::Refused(refusal) => Sent::Failed(refusal.details),
        Answer::NotSent { because } => Sent::Failed(because),
        Answer::Unanswered { because } => {
            tracing::warn!(report = notice.id, because, "nobody knows whether the mail of a report came through");
            Sent::Unknown
        }
    }
}

fn notice(tag: &str, name: &str, letter: &ReportLetter, to: &str) -> Notice {
    let files = letter.files.iter().map(|file| NoticeFile { name: file.name.clone(), page: file.text.clone() });
    Notice {
        id: format!("{tag}.{name}"),
        to: to.to_owned(),
        subject: letter.subject.clone(),
        text: letter.text.clone(),
        page: Some(letter.page.clone()),
        files: files.collect(),
    }
}
