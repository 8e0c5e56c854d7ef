//! Contacts, runs, messages with their history, the journal and feedback.
//!
//! Times are unix milliseconds, money is millionths, flags are 0 and 1, states are words: both databases hold the same.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let (key, bytes, clustered) = (dialect.counted_key(), dialect.bytes(), dialect.clustered());
    vec![
        "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)".to_owned(),
        format!(
            "CREATE TABLE contacts (
                id {key},
                phone TEXT UNIQUE,
                bsuid TEXT UNIQUE,
                name TEXT,
                language TEXT NOT NULL,
                timezone TEXT NOT NULL,
                email TEXT,
                tags TEXT NOT NULL,
                attributes TEXT NOT NULL,
                granted BIGINT NOT NULL,
                stopped BIGINT NOT NULL,
                created_at BIGINT NOT NULL,
                updated_at BIGINT NOT NULL)"
        ),
        format!(
            "CREATE TABLE consent_changes (
                id {key},
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                kind TEXT NOT NULL,
                purposes BIGINT NOT NULL,
                at BIGINT NOT NULL,
                source TEXT NOT NULL,
                evidence TEXT NOT NULL)"
        ),
        "CREATE INDEX consent_changes_of_contact ON consent_changes (contact_id, id)".to_owned(),
        format!(
            "CREATE TABLE runs (
                id {key},
                campaign TEXT NOT NULL,
                due_at BIGINT NOT NULL,
                state TEXT NOT NULL,
                definition TEXT NOT NULL,
                planning_cursor TEXT,
                planned_whole BIGINT NOT NULL DEFAULT 0,
                fed_through BIGINT NOT NULL DEFAULT 0,
                first_message BIGINT,
                last_message BIGINT,
                created_at BIGINT NOT NULL,
                ended_at BIGINT,
                UNIQUE (campaign, due_at))"
        ),
        "CREATE INDEX runs_active ON runs (id) WHERE ended_at IS NULL".to_owned(),
        // Counted by differences, so that no progress bar ever scans messages. Each writer has rows of its own (`shard`), so that
        // writers do not wait for each other; a single row may be negative, their sum never is.
        format!(
            "CREATE TABLE run_counts (
                run_id BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                language TEXT NOT NULL,
                state TEXT NOT NULL,
                reason TEXT NOT NULL,
                n BIGINT NOT NULL,
                PRIMARY KEY (run_id, shard, language, state, reason)){clustered}"
        ),
        format!(
            "CREATE TABLE run_costs (
                run_id BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                micros BIGINT NOT NULL,
                PRIMARY KEY (run_id, shard)){clustered}"
        ),
        format!(
            "CREATE TABLE messages (
                id {key},
                run_id BIGINT REFERENCES runs(id),
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                sender TEXT NOT NULL,
                language TEXT NOT NULL,
                purpose TEXT NOT NULL,
                state TEXT NOT NULL,
                reason TEXT,
                code BIGINT,
                details TEXT,
                attempt BIGINT NOT NULL DEFAULT 0,
                due_at BIGINT,
                whatsapp_id TEXT,
                content TEXT,
                price_micros BIGINT NOT NULL,
                billable BIGINT,
                cost_micros BIGINT,
                expires_at BIGINT NOT NULL,
                planned_at BIGINT NOT NULL,
                called_at BIGINT,
                changed_at BIGINT NOT NULL,
                n_events BIGINT NOT NULL DEFAULT 0,
                events_seen BIGINT NOT NULL DEFAULT 0)"
        ),
        // Makes planning repeatable, and finds what a stop word must suppress.
        "CREATE UNIQUE INDEX messages_of_contact ON messages (contact_id, run_id)".to_owned(),
        "CREATE INDEX messages_by_whatsapp_id ON messages (whatsapp_id) WHERE whatsapp_id IS NOT NULL".to_owned(),
        "CREATE INDEX messages_planned ON messages (run_id, id) WHERE state = 'planned'".to_owned(),
        "CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL".to_owned(),
        "CREATE INDEX messages_unknown ON messages (id) WHERE state = 'unknown'".to_owned(),
        format!(
            "CREATE TABLE history (
                message_id BIGINT NOT NULL,
                seq BIGINT NOT NULL,
                at BIGINT NOT NULL,
                provider_at BIGINT,
                attempt BIGINT NOT NULL,
                event TEXT NOT NULL,
                detail TEXT NOT NULL,
                PRIMARY KEY (message_id, seq)){clustered}"
        ),
        format!(
            "CREATE TABLE journal (
                id {key},
                received_at BIGINT NOT NULL,
                applied_at BIGINT,
                outcome TEXT,
                body {bytes} NOT NULL)"
        ),
        "CREATE INDEX journal_unapplied ON journal (received_at, id) WHERE applied_at IS NULL".to_owned(),
        format!(
            "CREATE TABLE feedback (
                id {key},
                whatsapp_id TEXT NOT NULL UNIQUE,
                reference TEXT NOT NULL,
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                kind TEXT NOT NULL,
                text TEXT,
                payload TEXT,
                media_id TEXT,
                message_id BIGINT,
                run_id BIGINT,
                provider_at BIGINT NOT NULL,
                received_at BIGINT NOT NULL)"
        ),
        "CREATE INDEX feedback_of_contact ON feedback (contact_id)".to_owned(),
        format!(
            "CREATE TABLE heard (
                sender TEXT NOT NULL,
                called_minute BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                last_at BIGINT NOT NULL,
                PRIMARY KEY (sender, called_minute, shard)){clustered}"
        ),
    ]
}
