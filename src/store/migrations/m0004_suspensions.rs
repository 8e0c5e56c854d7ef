//! Who suspended and who released; the message that was let through; what is still to be woken.

use crate::store::dialect::Dialect;

pub(super) fn statements(_: Dialect) -> Vec<String> {
    [
        "ALTER TABLE suspensions ADD COLUMN set_by TEXT NOT NULL DEFAULT 'barid'",
        "ALTER TABLE suspensions ADD COLUMN released_by TEXT",
        "UPDATE suspensions SET released_by = 'operator' WHERE released_at IS NOT NULL",
        // How often it was tried whether it may end, and the message that tries it.
        "ALTER TABLE suspensions ADD COLUMN probes BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE suspensions ADD COLUMN probe_message BIGINT",
        // 1 from its release until everything that it held has been made due.
        "ALTER TABLE suspensions ADD COLUMN waking BIGINT NOT NULL DEFAULT 0",
        "CREATE INDEX suspensions_waking ON suspensions (id) WHERE waking = 1",
        "CREATE INDEX messages_suspended ON messages (id) WHERE state = 'held' AND reason = 'suspended'",
    ]
    .map(str::to_owned)
    .into()
}
