//! How many of a day's calls over a channel were of messages that another channel could not deliver; of days before it nobody knows.

use crate::store::dialect::Dialect;

pub(super) fn statements(_: Dialect) -> Vec<String> {
    vec!["ALTER TABLE call_days ADD COLUMN took_over BIGINT NOT NULL DEFAULT 0".to_owned()]
}
