//! `[suspend]`: how long automatic suspensions wait.

use std::time::Duration;

use crate::domain::document::Table;

/// How long automatic suspensions wait.
#[derive(Debug, Clone)]
pub struct Suspend {
    /// Before each question whether the token is good again; the last one repeats.
    pub ask_waits: Vec<Duration>,
    /// Before each message that is let through; the last one repeats.
    pub let_through_waits: Vec<Duration>,
    /// How long a number rests that people block or report.
    pub quality_rest: Duration,
}

impl Suspend {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let waits = |key| {
            let waits: Vec<Duration> = table.required(key)?;
            if waits.is_empty() || waits.iter().any(Duration::is_zero) {
                table.problem(key, format!("`{key}` needs at least one wait, and none of them may be zero"));
            }
            Some(waits)
        };
        let (ask_waits, let_through_waits) = (waits("ask_waits"), waits("let_through_waits"));
        let quality_rest = table.required("quality_rest");
        Some(Self { ask_waits: ask_waits?, let_through_waits: let_through_waits?, quality_rest: quality_rest? })
    }
}
