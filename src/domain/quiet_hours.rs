//! When we keep silent: the hours of the night and days off, where the person lives.

use jiff::{Timestamp, tz::TimeZone};

use crate::domain::campaign::{DayOfWeek, QuietHours};

/// How many changes of the clock or days off are looked through before it counts as always quiet.
const STEPS_MAX: usize = 32;

/// Until when it is quiet at `now` in that zone; `None` when it is not.
///
/// The answer is the first instant that is not quiet: hours, days off and changes of the clock are walked through together. A
/// rule that never ends (every day off) answers the instant to which the walk came.
pub fn quiet_until(rule: &QuietHours, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..STEPS_MAX {
        let Some(end) = ends(rule, zone, at) else { break };
        at = end;
    }
    (at > now).then_some(at)
}

/// The end of the quiet span that holds this instant, if one does.
fn ends(rule: &QuietHours, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let local = zone.to_datetime(at);
    let (today, time) = (local.date(), local.time());
    let instant = |date: jiff::civil::Date, time: jiff::civil::Time| {
        zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok().filter(|end| *end > at)
    };
    let tomorrow = || today.tomorrow().ok();
    if rule.days_off.iter().any(|day| is(*day, today.weekday())) {
        return tomorrow().and_then(|day| instant(day, jiff::civil::Time::midnight()));
    }
    if rule.from <= rule.to {
        return (rule.from <= time && time < rule.to).then(|| instant(today, rule.to)).flatten();
    }
    if time >= rule.from {
        tomorrow().and_then(|day| instant(day, rule.to))
    } else if time < rule.to {
        instant(today, rule.to)
    } else {
        None
    }
}

fn is(day: DayOfWeek, weekday: jiff::civil::Weekday) -> bool {
    DayOfWeek::ALL[usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)] == day
}
