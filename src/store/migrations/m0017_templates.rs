//! Templates as they stood at Meta when they were last seen, to which categories people agreed, and when each was sent last.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let clustered = dialect.clustered();
    vec![
        format!(
            "CREATE TABLE approved_templates (
                account TEXT NOT NULL,
                name TEXT NOT NULL,
                language TEXT NOT NULL,
                meta_id TEXT NOT NULL,
                status TEXT NOT NULL,
                status_since BIGINT NOT NULL,
                category TEXT NOT NULL,
                quality TEXT NOT NULL,
                rejected_reason TEXT NOT NULL,
                format TEXT NOT NULL,
                wording TEXT NOT NULL,
                seen_at BIGINT NOT NULL,
                PRIMARY KEY (account, name, language)){clustered}"
        ),
        format!(
            "CREATE TABLE category_agreements (
                name TEXT NOT NULL,
                language TEXT NOT NULL,
                category TEXT NOT NULL,
                agreed_by TEXT NOT NULL,
                agreed_at BIGINT NOT NULL,
                PRIMARY KEY (name, language, category)){clustered}"
        ),
        // When each was sent last, to an hour.
        format!(
            "CREATE TABLE template_uses (
                name TEXT NOT NULL,
                language TEXT NOT NULL,
                used_at BIGINT NOT NULL,
                PRIMARY KEY (name, language)){clustered}"
        ),
    ]
}
