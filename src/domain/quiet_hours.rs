//! When we keep silent: the hours of the night and days off, where the person lives.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::domain::campaign::{DayOfWeek, DayOff, QuietHours};
use crate::domain::schedule::Zone;

/// How many ends of a night, of a day off or changes of the clock are looked through before it counts as always quiet: more than
/// two years of nights.
const STEPS_MAX: usize = 2_000;

/// Until when it is quiet at `now` for somebody in the zone of that name; `None` when it is not. A name that no zone has counts as UTC.
pub fn quiet_for(rule: &QuietHours, zone: &str, now: Timestamp) -> Option<Timestamp> {
    match zone.parse::<Zone>() {
        Ok(zone) => quiet_until(rule, zone.rules(), now),
        Err(_) => quiet_until(rule, &TimeZone::UTC, now),
    }
}

/// Until when it is quiet at `now` in that zone; `None` when it is not.
///
/// The answer is the first instant at which the clock on the wall shows a time that is not quiet. A rule that never ends (every day
/// off) answers the instant to which the walk came.
pub fn quiet_until(rule: &QuietHours, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..STEPS_MAX {
        let Some(end) = ends(rule, zone, at) else { break };
        at = end;
    }
    (at > now).then_some(at)
}

/// Where to look next, if it is quiet at this instant: the end of the quiet span, or the change of the clock before it.
///
/// Until the clock is changed it runs as fast as time, so the end is as far away as the wall says. What it shows after the change is
/// looked at anew: an end that it leaves out is over with the change, and an hour that comes twice can be quiet twice.
fn ends(rule: &QuietHours, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let wall = zone.to_datetime(at);
    let ahead: SignedDuration = wall.duration_until(quiet_span_end(rule, wall)?);
    let end = at.checked_add(ahead).ok()?;
    match zone.following(at).next().map(|change| change.timestamp()) {
        Some(change) if change < end => Some(change),
        _ => Some(end),
    }
}

/// The end, on the wall, of the night or day off that this time lies in.
fn quiet_span_end(rule: &QuietHours, wall: DateTime) -> Option<DateTime> {
    let (today, time) = (wall.date(), wall.time());
    let tomorrow = |until: Time| today.tomorrow().ok().map(|day| day.to_datetime(until));
    if is_off(rule, today) {
        return tomorrow(Time::midnight());
    }
    let over_midnight = rule.from > rule.to;
    if over_midnight && time >= rule.from {
        tomorrow(rule.to)
    } else if time < rule.to && (over_midnight || time >= rule.from) {
        Some(today.to_datetime(rule.to))
    } else {
        None
    }
}

fn is_off(rule: &QuietHours, date: Date) -> bool {
    rule.days_off.iter().any(|day| match day {
        DayOff::Every(day) => *day == DayOfWeek::of(date),
        DayOff::On(day) => *day == date,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    fn rule(from: Time, to: Time, days_off: &[DayOff]) -> QuietHours {
        QuietHours { from, to, days_off: days_off.to_vec() }
    }

    fn until(rule: &QuietHours, zone: &str, now: &str) -> Option<String> {
        quiet_for(rule, zone, now.parse().unwrap()).map(|at| at.to_string())
    }

    fn friday() -> DayOff {
        DayOff::Every(DayOfWeek::Fri)
    }

    #[test]
    fn the_night_ends_in_the_morning_of_the_person() {
        let night = rule(time(21, 0, 0, 0), time(8, 0, 0, 0), &[]);
        for (zone, now, expected) in [
            ("Asia/Riyadh", "2026-12-01T17:59:59Z", None),
            ("Asia/Riyadh", "2026-12-01T18:00:00Z", Some("2026-12-02T05:00:00Z")),
            ("Asia/Riyadh", "2026-12-02T04:59:59Z", Some("2026-12-02T05:00:00Z")),
            ("Asia/Riyadh", "2026-12-02T05:00:00Z", None),
            ("Asia/Kolkata", "2026-12-01T16:00:00Z", Some("2026-12-02T02:30:00Z")),
            ("America/New_York", "2026-12-01T18:00:00Z", None),
            ("Nowhere/Land", "2026-12-01T22:00:00Z", Some("2026-12-02T08:00:00Z")),
        ] {
            assert_eq!(until(&night, zone, now).as_deref(), expected, "{zone} {now}");
        }
    }

    #[test]
    fn days_off_join_the_nights_around_them() {
        let days = [friday(), DayOff::Every(DayOfWeek::Sat), DayOff::On("2026-12-06".parse().unwrap())];
        let night = rule(time(21, 0, 0, 0), time(8, 0, 0, 0), &days);
        // Thursday evening, over Friday, Saturday and the holiday, to Monday morning.
        assert_eq!(until(&night, "Asia/Riyadh", "2026-12-03T18:30:00Z").as_deref(), Some("2026-12-07T05:00:00Z"));
        let siesta = rule(time(12, 0, 0, 0), time(14, 0, 0, 0), &[friday()]);
        assert_eq!(until(&siesta, "Asia/Riyadh", "2026-12-04T07:00:00Z").as_deref(), Some("2026-12-04T21:00:00Z"));
        let small_hours = rule(time(0, 0, 0, 0), time(7, 0, 0, 0), &[friday()]);
        assert_eq!(until(&small_hours, "Asia/Riyadh", "2026-12-04T07:00:00Z").as_deref(), Some("2026-12-05T04:00:00Z"));
        let to_midnight = rule(time(21, 0, 0, 0), time(0, 0, 0, 0), &[]);
        assert_eq!(until(&to_midnight, "Asia/Riyadh", "2026-12-04T19:00:00Z").as_deref(), Some("2026-12-04T21:00:00Z"));
    }

    #[test]
    fn an_end_that_the_clock_leaves_out_is_over_with_the_change_and_one_that_comes_twice_is_quiet_twice() {
        // 2026-03-08: New York goes from 02:00 to 03:00. 2026-11-01: from 02:00 back to 01:00.
        let night = rule(time(22, 0, 0, 0), time(2, 30, 0, 0), &[]);
        assert_eq!(until(&night, "America/New_York", "2026-03-08T05:00:00Z").as_deref(), Some("2026-03-08T07:00:00Z"));
        let night = rule(time(22, 0, 0, 0), time(1, 30, 0, 0), &[]);
        assert_eq!(until(&night, "America/New_York", "2026-11-01T05:00:00Z").as_deref(), Some("2026-11-01T05:30:00Z"));
        assert_eq!(until(&night, "America/New_York", "2026-11-01T06:00:00Z").as_deref(), Some("2026-11-01T06:30:00Z"));
    }

    /// What the answer must be, found by looking at each minute; every change of the clock falls on one.
    fn walked(rule: &QuietHours, zone: &TimeZone, from: Timestamp) -> Option<Timestamp> {
        let mut at = from;
        while quiet_span_end(rule, zone.to_datetime(at)).is_some() {
            at += SignedDuration::from_mins(1);
        }
        (at > from).then_some(at)
    }

    /// Over all zones and two years: around each change of the clock minute by minute, and now and then in between, for rules whose edges
    /// fall on the hours in which clocks are changed.
    #[test]
    fn in_every_zone_for_two_years_the_answer_is_the_first_minute_that_is_not_quiet() {
        let rules = [
            rule(time(21, 0, 0, 0), time(8, 0, 0, 0), &[friday()]),
            rule(time(0, 0, 0, 0), time(1, 30, 0, 0), &[]),
            rule(time(22, 0, 0, 0), time(2, 30, 0, 0), &[DayOff::Every(DayOfWeek::Sun), friday()]),
            rule(time(2, 15, 0, 0), time(3, 0, 0, 0), &[]),
            rule(time(23, 30, 0, 0), time(0, 0, 0, 0), &[DayOff::On("2026-03-29".parse().unwrap())]),
        ];
        let (begin, end): (Timestamp, Timestamp) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2028-01-01T00:00:00Z".parse().unwrap());
        let (mut zones, mut changes, mut quiet) = (0, 0, 0);
        for name in TimeZoneDatabase::bundled().available() {
            let zone: Zone = name.as_str().parse().unwrap();
            let zone = zone.rules();
            zones += 1;
            let mut moments = Vec::new();
            for change in zone.following(begin).map(|change| change.timestamp()).take_while(|change| *change < end) {
                changes += 1;
                // From three hours before it to three hours after it, now and then and those at the edges.
                moments
                    .extend((-180..180).step_by(23).chain([-1, 0, 1]).map(|n| change + SignedDuration::from_mins(n)));
            }
            // Between them each 133 hours and some minutes: every hour of the day and every day of the week comes round.
            let stride = SignedDuration::from_mins(133 * 60 + 17);
            moments.extend(
                std::iter::successors(Some(begin), |at| at.checked_add(stride).ok()).take_while(|at| *at < end),
            );
            for (n, at) in moments.into_iter().enumerate() {
                let rule = &rules[n % rules.len()];
                let found = quiet_until(rule, zone, at);
                // The walk is long where a day off is; a few of them show as much as all.
                let far = found.is_some_and(|found| at.duration_until(found) > SignedDuration::from_hours(9));
                if !far || n % 17 == 0 {
                    assert_eq!(found, walked(rule, zone, at), "{} {at} {rule:?}", name.as_str());
                }
                if let Some(found) = found {
                    quiet += 1;
                    assert!(found > at);
                    assert_eq!(quiet_until(rule, zone, found), None, "{} {at} {rule:?}", name.as_str());
                }
            }
        }
        assert!(zones > 400 && changes > 300 && quiet > 10_000, "{zones} {changes} {quiet}");
    }

    #[test]
    fn a_rule_that_never_ends_is_given_up_far_away() {
        let always = rule(time(21, 0, 0, 0), time(8, 0, 0, 0), &DayOfWeek::ALL.map(DayOff::Every));
        let now: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        let until = quiet_for(&always, "Asia/Riyadh", now).unwrap();
        assert!(now.duration_until(until) > SignedDuration::from_hours(24 * 365));
    }
}
