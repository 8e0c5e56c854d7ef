//! Files that people send: what is to be removed, and what came before files were fetched; and what was taken back before it came.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let clustered = dialect.clustered();
    vec![
        // Files that nobody is to have any more. Only our own number of the feedback, which tells nothing of the person.
        format!(
            "CREATE TABLE media_gone (
                feedback_id BIGINT NOT NULL PRIMARY KEY,
                since BIGINT NOT NULL){clustered}"
        ),
        // What was taken back before we applied it. For some days only: the provider's id tells who wrote.
        format!(
            "CREATE TABLE taken_back (
                whatsapp_id TEXT NOT NULL PRIMARY KEY,
                at BIGINT NOT NULL,
                since BIGINT NOT NULL){clustered}"
        ),
        // What Meta still has is fetched; what it has not is tried and told as lost.
        "UPDATE feedback SET media_state = 'wanted', media_due_at = received_at \
         WHERE media_id IS NOT NULL AND media_state IS NULL AND channel = 'whatsapp'"
            .to_owned(),
    ]
}
