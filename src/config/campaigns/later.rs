//! Parts of campaign files that later versions make work: read and checked like any other, then refused, so that nobody relies on them.

use crate::domain::campaign::{DayOfWeek, QuietHours, Reminder, Rollout};
use crate::domain::channel::Channel;
use crate::domain::document::{Node, Read, Table, one_of};
use crate::domain::money::{Currency, Money};
use crate::domain::share::Share;

fn not_yet(key: &str, what: &str) -> String {
    format!("`{key}` ({what}) is not yet supported; take it out")
}

/// Reads a key that later versions make work: checked like any other, then refused, so that nobody relies on it.
pub(super) fn later<T>(
    table: &Table<'_>,
    key: &'static str,
    what: &str,
    read: impl FnOnce() -> Option<T>,
) -> Option<T> {
    let value = read();
    if table.node(key).is_some() {
        table.problem(key, not_yet(key, what));
    }
    value
}

pub(super) fn later_table<T>(
    table: &Table<'_>,
    key: &'static str,
    what: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Option<Option<T>> {
    table.node(key).map_or(Some(None), |_| {
        let value = table.table(key, read);
        table.problem(key, not_yet(key, what));
        Some(value)
    })
}

pub(super) fn quiet_hours(table: &Table<'_>) -> Option<QuietHours> {
    let (from, to) = (table.required("from"), table.required("to"));
    let days_off = table.or("days_off", vec![]);
    if from.is_some() && from == to {
        table.problem(
            "to",
            "`from` and `to` are the same: there would be no hour left, or all of them; leave one hour between",
        );
    }
    Some(QuietHours { from: from?, to: to?, days_off: days_off? })
}

pub(super) fn rollout(table: &Table<'_>) -> Option<Rollout> {
    let (stages, wait) = (table.required::<Vec<Share>>("stages"), table.required("wait"));
    if let Some(stages) = &stages
        && (stages.last() != Some(&Share::ALL) || !stages.is_sorted_by(|a, b| a < b))
    {
        table.problem("stages", "`stages` must grow and end with `100%`, as in `[\"2%\", \"20%\", \"100%\"]`");
    }
    let (failed_above, opted_out_above) = table
        .optional_table("halt_when", |halt| (halt.optional("failed_above"), halt.optional("opted_out_above")))
        .unwrap_or_default();
    Some(Rollout { stages: stages?, wait: wait?, failed_above, opted_out_above })
}

pub(super) fn reminder(table: &Table<'_>) -> Option<Reminder> {
    let (after, times) = (table.required("after"), table.or("times", 1));
    Some(Reminder { after: after?, times: times? })
}

pub(super) fn budget(table: &Table<'_>) -> Option<Money> {
    table.table("max", |max| {
        let (amount, currency) = (max.required::<String>("amount"), max.required::<Currency>("currency"));
        match Money::from_decimal(&amount?, currency?) {
            Ok(money) if money.micros > 0 => Some(money),
            Ok(_) => {
                max.problem("amount", "`amount` must be above zero");
                None
            }
            Err(error) => {
                max.problem("amount", format!("`amount` is wrong: {error}"));
                None
            }
        }
    })
}

impl Read for Channel {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::FALLBACKS, Self::name)
    }
}

impl Read for DayOfWeek {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}
