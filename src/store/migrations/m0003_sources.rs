//! Who brought a callback body, over which channel feedback came, and the key of links that come back to us.

use crate::store::dialect::Dialect;

pub(super) fn statements(_: Dialect) -> Vec<String> {
    [
        "ALTER TABLE journal ADD COLUMN source TEXT NOT NULL DEFAULT 'meta'",
        "ALTER TABLE feedback ADD COLUMN channel TEXT NOT NULL DEFAULT 'whatsapp'",
    ]
    .map(str::to_owned)
    .into()
}
