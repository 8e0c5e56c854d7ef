//! `[retention]`: how long which kind of data is kept.

use jiff::SignedDuration;

use crate::domain::document::{Node, Read, Table};
use crate::domain::retention::{KeepFor, Retention};

/// What is younger is still asked about: Meta tells statuses for 30 days (page …/webhooks/overview, 2026-11-22), people quote what they were
/// sent, and a budget lasts for a month.
const MESSAGES_MIN: SignedDuration = SignedDuration::from_hours(35 * 24);
/// Meta brings a callback again for 7 days (page …/webhooks/overview, 2026-11-22).
const JOURNAL_MIN: SignedDuration = SignedDuration::from_hours(8 * 24);
/// A report of a quarter compares it with the one before it, and is made on a day of the one after it.
const COSTS_MIN: SignedDuration = SignedDuration::from_hours(280 * 24);
/// A day in which it can be looked at is the least that anybody means.
const MIN: SignedDuration = SignedDuration::from_hours(24);

impl Read for KeepFor {
    fn read(node: &Node) -> Result<Self, String> {
        match String::read(node) {
            Ok(word) if word == "forever" => Ok(Self::Ever),
            _ => SignedDuration::read(node).map(Self::Span).map_err(|error| format!("{error}; or write `\"forever\"`")),
        }
    }
}

impl Retention {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let keep = |key: &'static str, min: SignedDuration, because: &str| -> Option<KeepFor> {
            let keep: KeepFor = table.required(key)?;
            if keep < KeepFor::Span(min) {
                let days = min.as_hours() / 24;
                table.problem(key, format!("`{key}` must be at least {days}d{because}, or `\"forever\"`"));
                return None;
            }
            Some(keep)
        };
        let journal = keep("journal", JOURNAL_MIN, ": Meta brings callbacks again for a week");
        let history = keep("history", MIN, "");
        let messages = keep("messages", MESSAGES_MIN, ": statuses come for 30 days, and budgets last for a month");
        let (media, feedback) = (keep("media", MIN, ""), keep("feedback", MIN, ""));
        let costs = keep("costs", COSTS_MIN, ": the report of a quarter compares it with the one before");
        let reports = keep("reports", MIN, "");
        Some(Self {
            journal: journal?,
            history: history?,
            messages: messages?,
            media: media?,
            feedback: feedback?,
            costs: costs?,
            reports: reports?,
        })
    }
}
