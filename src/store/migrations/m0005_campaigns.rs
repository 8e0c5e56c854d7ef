//! Stages of runs, reminders, and the way to messages that failed.

use crate::store::dialect::Dialect;

pub(super) fn statements(_: Dialect) -> Vec<String> {
    [
        // Messages of the lots below this one may be fed; there are so many of them.
        "ALTER TABLE runs ADD COLUMN lots BIGINT NOT NULL DEFAULT 10007",
        // How far the stages have come, as JSON.
        "ALTER TABLE runs ADD COLUMN stages TEXT",
        "ALTER TABLE runs ADD COLUMN reminder_of BIGINT",
        "ALTER TABLE runs ADD COLUMN reminder BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN reminders_left BIGINT NOT NULL DEFAULT 0",
        "CREATE UNIQUE INDEX runs_reminders ON runs (reminder_of, reminder) WHERE reminder_of IS NOT NULL",
        "CREATE INDEX runs_reminding ON runs (id) WHERE reminders_left > 0",
        "CREATE INDEX messages_failed ON messages (id, run_id) WHERE state = 'failed'",
        "CREATE INDEX consent_changes_against ON consent_changes (at) WHERE kind IN ('stop', 'withdraw')",
    ]
    .map(str::to_owned)
    .into()
}
