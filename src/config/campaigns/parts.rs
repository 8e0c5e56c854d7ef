//! The tables inside a campaign file that say more than one thing: quiet hours, stages, reminders, the budget.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::domain::campaign::{DayOfWeek, DayOff, QuietHours, Reminder, Rollout};
use crate::domain::document::{Node, NodeValue, Read, Table};
use crate::domain::ids::TemplateName;
use crate::domain::money::{Currency, Money};
use crate::domain::problem::listed;
use crate::domain::share::Share;

/// Reminders of one run at most: whoever has not answered so many times does not want to.
const REMINDERS_MAX: u32 = 5;

pub(super) fn quiet_hours(table: &Table<'_>) -> Option<QuietHours> {
    let (from, to) = (table.required("from"), table.required("to"));
    let days_off: Option<Vec<DayOff>> = table.or("days_off", vec![]);
    if from.is_some() && from == to {
        table.problem(
            "to",
            "`from` and `to` are the same: there would be no hour left, or all of them; leave one hour between",
        );
    }
    if let Some(days) = &days_off
        && DayOfWeek::ALL.iter().all(|day| days.contains(&DayOff::Every(*day)))
    {
        table.problem("days_off", "`days_off` names every day of the week: nothing would ever be sent; leave one out");
    }
    Some(QuietHours { from: from?, to: to?, days_off: days_off? })
}

pub(super) fn rollout(table: &Table<'_>) -> Option<Rollout> {
    let (stages, wait) = (table.required::<Vec<Share>>("stages"), table.required("wait"));
    if let Some(stages) = &stages
        && (stages.last() != Some(&Share::ALL)
            || !stages.is_sorted_by(|a, b| a < b)
            || stages.first().is_some_and(|first| first.basis_points() == 0))
    {
        table.problem(
            "stages",
            "`stages` must begin above `0%`, grow and end with `100%`, as in `[\"2%\", \"20%\", \"100%\"]`",
        );
    }
    let (failed_above, opted_out_above) = table
        .optional_table("halt_when", |halt| (halt.optional("failed_above"), halt.optional("opted_out_above")))
        .unwrap_or_default();
    Some(Rollout { stages: stages?, wait: wait?, failed_above, opted_out_above })
}

/// `known` answers whether there is a template of that name that fits the campaign, and tells the table if there is not.
pub(super) fn reminder(table: &Table<'_>, known: impl FnOnce(&Table<'_>, &TemplateName) -> bool) -> Option<Reminder> {
    let (after, times) = (table.required::<SignedDuration>("after"), table.or("times", 1));
    if times.is_some_and(|times| times > REMINDERS_MAX) {
        table.problem("times", format!("`times` must be from 1 to {REMINDERS_MAX}"));
    }
    let template = table.optional::<TemplateName>("template");
    if let Some(template) = &template
        && !known(table, template)
    {
        return None;
    }
    Some(Reminder { after: after?, times: times?, template })
}

/// `currency` is that of the price estimates, in which costs are counted.
pub(super) fn budget(table: &Table<'_>, currency: Currency) -> Option<Money> {
    table.table("max", |max| {
        let (amount, given) = (max.required::<String>("amount"), max.required::<Currency>("currency"));
        if given.is_some_and(|given| given != currency) {
            let message = format!(
                "`currency` must be that of `[pricing]` in the configuration, in which costs are counted: `{currency}`"
            );
            max.problem("currency", message);
        }
        match Money::from_decimal(&amount?, given?) {
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

impl Read for DayOff {
    fn read(node: &Node) -> Result<Self, String> {
        let (NodeValue::Text(text) | NodeValue::Datetime(text)) = &node.value else {
            return Err(format!("must be a day such as `\"FRI\"` or `\"2026-12-02\"`, not {}", node.value.kind()));
        };
        if let Some(day) = DayOfWeek::ALL.into_iter().find(|day| day.name() == text) {
            return Ok(Self::Every(day));
        }
        // A date alone: jiff would take a time behind it and drop it.
        let date = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse::<Date>().ok());
        date.map(Self::On).ok_or_else(|| {
            let days = listed(DayOfWeek::ALL.map(DayOfWeek::name).to_vec());
            format!("is `{text}`, but must be one of {days}, or a date such as `2026-12-02`")
        })
    }
}
