//! `[delivery]` and `[retry]`: how long things may take, and what happens when nobody knows.

use std::time::Duration;

use crate::domain::campaign::OnUnknown;
use crate::domain::document::{Node, Read, Table, one_of};

/// How long things may take.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Until Meta takes a connection.
    pub connect_timeout: Duration,
    /// Until Meta answers a call.
    pub answer_timeout: Duration,
    /// How long a mark *started* is believed.
    pub lease: Duration,
    /// How long evidence about an unanswered call is waited for.
    pub unknown_after: Duration,
    /// What happens then.
    pub on_unknown: OnUnknown,
    /// Until a message is too old, unless its campaign says otherwise.
    pub expires_after: Duration,
}

impl Delivery {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (connect_timeout, answer_timeout) = (table.required("connect_timeout"), table.required("answer_timeout"));
        let (lease, unknown_after) = (table.required("lease"), table.required("unknown_after"));
        let (on_unknown, expires_after) = (table.required("on_unknown"), table.required("expires_after"));
        Some(Self {
            connect_timeout: connect_timeout?,
            answer_timeout: answer_timeout?,
            lease: lease?,
            unknown_after: unknown_after?,
            on_unknown: on_unknown?,
            expires_after: expires_after?,
        })
    }
}

impl Read for OnUnknown {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}

/// When we try again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Before each further attempt; the last one repeats.
    pub waits: Vec<Duration>,
}

impl Retry {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let waits: Vec<Duration> = table.required("waits")?;
        if waits.is_empty() {
            table.problem("waits", "`waits` is empty; give at least one wait, such as `[\"30s\"]`");
        }
        Some(Self { waits })
    }
}
