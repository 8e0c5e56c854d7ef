//! Double opt-in: of what people are asked, and until when they may answer.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let clustered = dialect.clustered();
    vec![
        // `sender`: to which of our numbers the person wrote, if they did. `message_id`: by which message they were asked.
        format!(
            "CREATE TABLE consent_requests (
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                purpose TEXT NOT NULL,
                requested_at BIGINT NOT NULL,
                until BIGINT NOT NULL,
                sender TEXT,
                message_id BIGINT,
                PRIMARY KEY (contact_id, purpose)){clustered}"
        ),
        "CREATE INDEX consent_requests_over ON consent_requests (until)".to_owned(),
        "CREATE INDEX consent_requests_unasked ON consent_requests (contact_id) WHERE message_id IS NULL".to_owned(),
    ]
}
