//! What is to be told to the endpoints of our webhooks, and how they do.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let key = dialect.counted_key();
    vec![
        format!(
            "CREATE TABLE hook_events (
                id {key},
                event TEXT NOT NULL,
                version BIGINT NOT NULL,
                data TEXT NOT NULL,
                contact_id BIGINT,
                at BIGINT NOT NULL)"
        ),
        "CREATE INDEX hook_events_by_time ON hook_events (at, id)".to_owned(),
        // Whoever wants to be forgotten is found here.
        "CREATE INDEX hook_events_of_contact ON hook_events (contact_id) WHERE contact_id IS NOT NULL".to_owned(),
        format!(
            "CREATE TABLE hook_deliveries (
                id {key},
                event_id BIGINT NOT NULL REFERENCES hook_events(id),
                hook TEXT NOT NULL,
                state TEXT NOT NULL,
                attempt BIGINT NOT NULL DEFAULT 0,
                waits_used BIGINT NOT NULL DEFAULT 0,
                since BIGINT NOT NULL,
                due_at BIGINT,
                changed_at BIGINT NOT NULL,
                status BIGINT,
                why TEXT NOT NULL DEFAULT '')"
        ),
        "CREATE UNIQUE INDEX hook_deliveries_of_event ON hook_deliveries (event_id, hook)".to_owned(),
        "CREATE INDEX hook_deliveries_due ON hook_deliveries (hook, due_at, id) WHERE state = 'waiting'".to_owned(),
        "CREATE INDEX hook_deliveries_dead ON hook_deliveries (hook, id) WHERE state = 'dead'".to_owned(),
        "CREATE INDEX hook_deliveries_of_hook ON hook_deliveries (hook, id)".to_owned(),
        // No row: the endpoint does well.
        "CREATE TABLE hook_healths (
                hook TEXT NOT NULL PRIMARY KEY,
                failures BIGINT NOT NULL,
                failing_since BIGINT,
                rests BIGINT NOT NULL,
                rest_until BIGINT,
                gone TEXT)"
            .to_owned(),
    ]
}
