//! Service windows, messages with free words, what is created once only, tracked links, and what is worked out about feedback.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let (key, clustered) = (dialect.counted_key(), dialect.clustered());
    vec![
        // 1: it says free words, which only an open service window lets through.
        "ALTER TABLE messages ADD COLUMN free_form BIGINT NOT NULL DEFAULT 0".to_owned(),
        "CREATE INDEX messages_parked ON messages (contact_id) WHERE state = 'held' AND reason = 'window'".to_owned(),
        format!(
            "CREATE TABLE windows (
                contact_id BIGINT NOT NULL,
                sender TEXT NOT NULL,
                open_until BIGINT NOT NULL,
                PRIMARY KEY (contact_id, sender)){clustered}"
        ),
        // What may be created once only, under the name that whoever asks gives it.
        format!(
            "CREATE TABLE once (
                name TEXT NOT NULL PRIMARY KEY,
                request TEXT NOT NULL,
                message_id BIGINT NOT NULL,
                until BIGINT NOT NULL){clustered}"
        ),
        "CREATE INDEX once_over ON once (until)".to_owned(),
        format!(
            "CREATE TABLE links (
                token TEXT NOT NULL PRIMARY KEY,
                url TEXT NOT NULL,
                message_id BIGINT NOT NULL,
                clicks BIGINT NOT NULL DEFAULT 0,
                first_at BIGINT,
                last_at BIGINT){clustered}"
        ),
        "CREATE INDEX links_of_message ON links (message_id)".to_owned(),
        format!(
            "CREATE TABLE conversations (
                id {key},
                contact_id BIGINT NOT NULL,
                sender TEXT NOT NULL,
                version BIGINT NOT NULL,
                state TEXT NOT NULL,
                is_human BIGINT NOT NULL,
                due_at BIGINT,
                changed_at BIGINT NOT NULL,
                UNIQUE (contact_id, sender))"
        ),
        "CREATE INDEX conversations_due ON conversations (due_at) WHERE due_at IS NOT NULL".to_owned(),
        "CREATE INDEX conversations_human ON conversations (id) WHERE is_human = 1".to_owned(),
        format!(
            "CREATE TABLE flow_results (
                id {key},
                contact_id BIGINT NOT NULL,
                flow TEXT NOT NULL,
                version BIGINT NOT NULL,
                state TEXT NOT NULL,
                result TEXT NOT NULL,
                ended_at BIGINT NOT NULL)"
        ),
        "CREATE INDEX flow_results_of_flow ON flow_results (flow, id)".to_owned(),
        // To which of our numbers it was written.
        "ALTER TABLE feedback ADD COLUMN sender TEXT".to_owned(),
        // The change of consent that it is: `stop` or `start`.
        "ALTER TABLE feedback ADD COLUMN consent TEXT".to_owned(),
        // When it was answered, or it was decided that nothing is to be answered. What is older than this column is not.
        "ALTER TABLE feedback ADD COLUMN answered_at BIGINT".to_owned(),
        "UPDATE feedback SET answered_at = received_at".to_owned(),
        "CREATE INDEX feedback_unanswered ON feedback (received_at, contact_id) WHERE answered_at IS NULL".to_owned(),
        // What the analysis says; shares in thousandths.
        "ALTER TABLE feedback ADD COLUMN analysed_at BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN language TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN sentiment TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN sentiment_score BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN category TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN category_score BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN is_question BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN model TEXT".to_owned(),
        "CREATE INDEX feedback_unanalysed ON feedback (id) WHERE analysed_at IS NULL".to_owned(),
        // The file: `wanted`, `kept` or `lost`.
        "ALTER TABLE feedback ADD COLUMN media_state TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_type TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_hash TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_name TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_bytes BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_detail TEXT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_tries BIGINT NOT NULL DEFAULT 0".to_owned(),
        "ALTER TABLE feedback ADD COLUMN media_due_at BIGINT".to_owned(),
        "CREATE INDEX feedback_media_wanted ON feedback (media_due_at, id) WHERE media_state = 'wanted'".to_owned(),
        "CREATE INDEX feedback_of_run ON feedback (run_id, contact_id) WHERE run_id IS NOT NULL".to_owned(),
    ]
}
