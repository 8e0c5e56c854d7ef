//! Standing jobs: since when their schedules are watched, and each firing. Alerts: what somebody should look at, and what was mailed about it.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let (key, clustered) = (dialect.counted_key(), dialect.clustered());
    vec![
        // A schedule that changed is another row, so that two processes with different files do not disturb each other.
        format!(
            "CREATE TABLE job_watches (
                name TEXT NOT NULL,
                definition TEXT NOT NULL,
                since BIGINT NOT NULL,
                PRIMARY KEY (name, definition)){clustered}"
        ),
        // `tries` tells one holder from the one before; `again_at`: when the job wants to be run again before its schedule would.
        format!(
            "CREATE TABLE job_runs (
                id {key},
                name TEXT NOT NULL,
                job TEXT NOT NULL,
                arguments TEXT NOT NULL,
                asked TEXT NOT NULL,
                asked_by TEXT NOT NULL,
                due_at BIGINT NOT NULL,
                try_at BIGINT NOT NULL,
                tries BIGINT NOT NULL,
                lease_until BIGINT,
                started_at BIGINT,
                finished_at BIGINT,
                result TEXT,
                summary TEXT,
                details TEXT,
                again_at BIGINT)"
        ),
        "CREATE UNIQUE INDEX job_runs_once ON job_runs (name, asked, due_at)".to_owned(),
        "CREATE INDEX job_runs_open ON job_runs (due_at, id) WHERE finished_at IS NULL".to_owned(),
        "CREATE INDEX job_runs_of_name ON job_runs (name, id)".to_owned(),
        "CREATE INDEX job_runs_of_job ON job_runs (job, id) WHERE details IS NOT NULL".to_owned(),
        "CREATE INDEX job_runs_old ON job_runs (finished_at)".to_owned(),
        // `mail_due_at`: when something may have to be mailed; none: nothing, unless it changes.
        format!(
            "CREATE TABLE alerts (
                id {key},
                kind TEXT NOT NULL,
                scope TEXT NOT NULL,
                value TEXT NOT NULL,
                severity TEXT NOT NULL,
                text TEXT NOT NULL,
                since BIGINT NOT NULL,
                changed_at BIGINT NOT NULL,
                cleared_at BIGINT,
                raised_mail_at BIGINT,
                cleared_mail_at BIGINT,
                mail_due_at BIGINT,
                mail_tries BIGINT NOT NULL,
                mail_reached TEXT NOT NULL)"
        ),
        "CREATE UNIQUE INDEX alerts_open ON alerts (kind, scope, value) WHERE cleared_at IS NULL".to_owned(),
        "CREATE INDEX alerts_same ON alerts (kind, scope, value, raised_mail_at)".to_owned(),
        "CREATE INDEX alerts_to_mail ON alerts (mail_due_at) WHERE mail_due_at IS NOT NULL".to_owned(),
        "CREATE INDEX alerts_over ON alerts (cleared_at) WHERE cleared_at IS NOT NULL".to_owned(),
    ]
}
