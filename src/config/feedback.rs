//! `[feedback]`: what people send back.

use std::time::Duration;

use crate::domain::document::Table;

/// What people send back.
#[derive(Debug, Clone)]
pub struct Feedback {
    /// What quotes no message of ours answers the newest one of a campaign that is not older than this.
    pub attribute_within: Duration,
}

impl Feedback {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        Some(Self { attribute_within: table.required("attribute_within")? })
    }
}
