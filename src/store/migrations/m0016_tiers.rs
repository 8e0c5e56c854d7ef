//! What Meta says of a portfolio's tier: people in 24 hours, -1 for all; nothing before it was asked.

use crate::store::dialect::Dialect;

pub(super) fn statements(_: Dialect) -> Vec<String> {
    vec!["ALTER TABLE limit_generations ADD COLUMN tier BIGINT".to_owned()]
}
