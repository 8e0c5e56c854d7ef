//! Forgetting people: receipts, and what outlives them.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let (key, clustered) = (dialect.counted_key(), dialect.clustered());
    vec![
        "ALTER TABLE contacts ADD COLUMN erased_at BIGINT".to_owned(),
        // Nearly always empty, so asking it costs nothing.
        "CREATE INDEX contacts_erased ON contacts (id) WHERE erased_at IS NOT NULL".to_owned(),
        // `names`: by what the person is still looked for in the journal, until that is done.
        format!(
            "CREATE TABLE erasures (
                id {key},
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                asked_by TEXT NOT NULL,
                at BIGINT NOT NULL,
                messages BIGINT NOT NULL,
                feedback BIGINT NOT NULL,
                callbacks BIGINT NOT NULL,
                names TEXT,
                position BIGINT NOT NULL,
                horizon BIGINT NOT NULL,
                finished_at BIGINT)"
        ),
        "CREATE INDEX erasures_of_contact ON erasures (contact_id)".to_owned(),
        "CREATE INDEX erasures_unfinished ON erasures (id) WHERE finished_at IS NULL".to_owned(),
        // Keyed digests of numbers and user ids of people who were forgotten, and their stops.
        format!(
            "CREATE TABLE forgotten (
                digest TEXT NOT NULL PRIMARY KEY,
                contact_id BIGINT NOT NULL,
                at BIGINT NOT NULL,
                stopped BIGINT NOT NULL,
                marketing_stopped BIGINT NOT NULL){clustered}"
        ),
    ]
}
