//! Reports: which mail of which report was begun, so that none is sent twice. Alerts: as how urgent one was mailed, so that a worse one is told.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let clustered = dialect.clustered();
    vec![
        // Written before the mail server is called. `outcome`: what came of it; none: nobody knows.
        format!(
            "CREATE TABLE report_mails (
                report TEXT NOT NULL,
                recipient TEXT NOT NULL,
                begun_at BIGINT NOT NULL,
                outcome TEXT,
                PRIMARY KEY (report, recipient)){clustered}"
        ),
        "ALTER TABLE alerts ADD COLUMN mailed_severity TEXT".to_owned(),
        "UPDATE alerts SET mailed_severity = severity WHERE raised_mail_at IS NOT NULL".to_owned(),
    ]
}
