//! The stop of marketing apart from other stops, what becomes of people whose numbers and ids change, and feedback that is put right.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let key = dialect.counted_key();
    vec![
        "ALTER TABLE contacts ADD COLUMN marketing_stopped BIGINT NOT NULL DEFAULT 0".to_owned(),
        // The contact that this one turned out to be: it keeps only what could not be moved there.
        "ALTER TABLE contacts ADD COLUMN merged_into BIGINT".to_owned(),
        "CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL".to_owned(),
        // Whether the template is of the category MARKETING.
        "ALTER TABLE messages ADD COLUMN marketing BIGINT NOT NULL DEFAULT 0".to_owned(),
        "ALTER TABLE feedback ADD COLUMN edited_at BIGINT".to_owned(),
        "ALTER TABLE feedback ADD COLUMN revoked_at BIGINT".to_owned(),
        // What providers told about people: a change that is told again, days later, must not be made again.
        format!(
            "CREATE TABLE person_changes (
                id {key},
                contact_id BIGINT NOT NULL REFERENCES contacts(id),
                kind TEXT NOT NULL,
                whatsapp_id TEXT,
                provider_at BIGINT NOT NULL,
                changed_at BIGINT NOT NULL,
                merged BIGINT)"
        ),
        "CREATE UNIQUE INDEX person_changes_told ON person_changes (whatsapp_id) WHERE whatsapp_id IS NOT NULL".to_owned(),
        "CREATE INDEX person_changes_of_contact ON person_changes (contact_id)".to_owned(),
        "DROP INDEX consent_changes_against".to_owned(),
        "CREATE INDEX consent_changes_against ON consent_changes (at) WHERE kind IN ('stop', 'withdraw', 'stop-marketing')"
            .to_owned(),
        // 1 once the row is to be applied a second time: then nothing but the record may change.
        "ALTER TABLE journal ADD COLUMN applied_before BIGINT NOT NULL DEFAULT 0".to_owned(),
        // Rows that could not be read.
        "CREATE INDEX journal_set_aside ON journal (id) WHERE outcome IS NOT NULL".to_owned(),
    ]
}
