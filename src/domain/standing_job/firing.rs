//! Which firing of an entry is due now: each once, of several missed ones the newest, none from before anybody watched.

use jiff::{SignedDuration, Timestamp};

use super::ScheduledJob;

/// What the record knows of the firings of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// Since when this entry is watched with this schedule: what would have been before is no missed firing.
    pub watched_since: Timestamp,
    /// The newest firing that was opened.
    pub newest: Option<Timestamp>,
    /// When the newest run that ended asked to be made again, before the schedule would.
    pub again_at: Option<Timestamp>,
}

impl Fired {
    /// From where on firings are looked for.
    fn from(&self) -> Timestamp {
        self.newest.map_or(self.watched_since, |newest| newest.max(self.watched_since))
    }

    /// The moment that the newest run asked for, unless a firing has come since.
    fn again(&self) -> Option<Timestamp> {
        self.again_at.filter(|again| self.newest.is_none_or(|newest| *again > newest))
    }
}

/// How far back the newest missed firing is looked for, in this order, so that nobody counts through the minutes of a year.
const BACK: [SignedDuration; 4] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(26),
    SignedDuration::from_hours(32 * 24),
    SignedDuration::from_hours(367 * 24),
];

/// The firing that is due, if one is.
pub fn firing_due(entry: &ScheduledJob, fired: &Fired, now: Timestamp) -> Option<Timestamp> {
    let again = fired.again().filter(|again| *again <= now);
    newest_between(entry, fired.from(), now).max(again)
}

/// When it fires next; `None`: never again.
pub fn next_firing(entry: &ScheduledJob, fired: &Fired, now: Timestamp) -> Option<Timestamp> {
    if let Some(due) = firing_due(entry, fired, now) {
        return Some(due);
    }
    let next = entry.schedule.next_after(now, &entry.timezone);
    let again = fired.again().filter(|again| *again > now);
    match (next, again) {
        (Some(next), Some(again)) => Some(next.min(again)),
        (next, again) => next.or(again),
    }
}

/// The newest firing after `from` that is not after `to`.
fn newest_between(entry: &ScheduledJob, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let next = |after| entry.schedule.next_after(after, &entry.timezone).filter(|next| *next <= to);
    // What has not fired at all since then need not be looked at from nearer.
    next(from)?;
    let starts = BACK.into_iter().filter_map(|back| to.checked_sub(back).ok()).filter(|start| *start > from);
    let first = starts.chain([from]).find_map(next);
    let mut newest = first?;
    while let Some(later) = next(newest) {
        newest = later;
    }
    Some(newest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::domain::schedule::Zone;
    use crate::domain::standing_job::StandingJob;

    fn entry(schedule: &str, zone: &str) -> ScheduledJob {
        ScheduledJob {
            name: "tidy".parse().unwrap(),
            job: StandingJob::Tidy,
            arguments: Default::default(),
            schedule: schedule.parse().unwrap(),
            timezone: zone.parse().unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Looks at the clock again and again, as the daemon does, but for the times in which it is down; answers what fired.
    fn watched(
        entry: &ScheduledJob,
        (from, to): (Timestamp, Timestamp),
        every: SignedDuration,
        down: &[(Timestamp, Timestamp)],
    ) -> Vec<(Timestamp, Timestamp)> {
        let mut fired = Fired { watched_since: from, newest: None, again_at: None };
        let (mut now, mut list) = (from, Vec::new());
        while now <= to {
            if !down.iter().any(|(begin, end)| *begin <= now && now < *end)
                && let Some(due) = firing_due(entry, &fired, now)
            {
                assert!(fired.newest.is_none_or(|newest| newest < due), "each fires once");
                fired.newest = Some(due);
                list.push((due, now));
            }
            now = now.checked_add(every).unwrap();
        }
        list
    }

    const YEAR: (&str, &str) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");

    /// Every firing of a year by itself: by a walk over the local clock, minute by minute, which shares no code with cron.
    fn by_hand(hour: i8, minute: i8, zone: &str, is_day: impl Fn(jiff::civil::Date) -> bool) -> Vec<Timestamp> {
        let zone: Zone = zone.parse().unwrap();
        let (mut day, end) = (jiff::civil::date(2025, 12, 31), jiff::civil::date(2027, 1, 2));
        let mut firings = Vec::new();
        while day < end {
            if is_day(day) {
                let wanted = day.at(hour, minute, 0, 0);
                // The first minute whose local clock shows the time or, where it is left out, anything later on that day.
                let mut moment = at("2025-12-30T00:00:00Z").max(
                    day.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
                        - SignedDuration::from_hours(15),
                );
                while moment.to_zoned(zone.rules().clone()).datetime() < wanted {
                    moment += SignedDuration::from_mins(1);
                }
                firings.push(moment);
            }
            day = day.tomorrow().unwrap();
        }
        firings.retain(|firing| *firing > at(YEAR.0) && *firing <= at(YEAR.1));
        firings
    }

    fn assert_same(found: &[Timestamp], wanted: &[Timestamp], what: &str) {
        let (found, wanted): (BTreeSet<_>, BTreeSet<_>) = (found.iter().collect(), wanted.iter().collect());
        let differ: Vec<_> = found.symmetric_difference(&wanted).collect();
        assert!(differ.is_empty(), "{what}: {differ:?}");
    }

    const ZONES: [&str; 4] = ["Asia/Riyadh", "Africa/Cairo", "Europe/London", "America/New_York"];

    #[test]
    fn a_year_fires_exactly_what_it_should_changes_of_clocks_included() {
        let (from, to) = (at(YEAR.0), at(YEAR.1));
        let every = SignedDuration::from_mins(10);
        for zone in ZONES {
            for (hour, minute) in [(0, 30), (1, 30), (2, 30), (6, 0), (23, 30)] {
                let daily = entry(&format!("{minute} {hour} * * *"), zone);
                let fired: Vec<_> = watched(&daily, (from, to), every, &[]).into_iter().map(|(due, _)| due).collect();
                assert_same(&fired, &by_hand(hour, minute, zone, |_| true), &format!("{zone} {hour}:{minute:02}"));
            }
            let monthly = entry("0 6 1 * *", zone);
            let fired: Vec<_> = watched(&monthly, (from, to), every, &[]).into_iter().map(|(due, _)| due).collect();
            assert_same(&fired, &by_hand(6, 0, zone, |day| day.day() == 1), &format!("{zone}, monthly"));
        }
    }

    #[test]
    fn the_firings_of_a_year_as_an_operator_would_list_them() {
        let (from, to) = (at(YEAR.0), at(YEAR.1));
        let mut list = String::new();
        for zone in ZONES {
            for (what, schedule) in [
                ("monthly", "0 6 1 * *"),
                ("quarterly", "30 7 1 */3 *"),
                ("Sundays at half past two, around both changes", "30 2 * 3,4,10,11 SUN"),
                ("half past midnight, around both changes", "30 0 23-31 3,4,10,11 *"),
            ] {
                writeln!(list, "{zone}, {what} ({schedule})").unwrap();
                for (due, _) in watched(&entry(schedule, zone), (from, to), SignedDuration::from_mins(10), &[]) {
                    let local = due.to_zoned(zone.parse::<Zone>().unwrap().rules().clone());
                    writeln!(list, "  {due}  {}", local.strftime("%a %Y-%m-%d %H:%M %:z")).unwrap();
                }
            }
        }
        insta::assert_snapshot!(list);
    }

    #[test]
    fn after_downtime_the_newest_missed_firing_comes_once() {
        let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-12T00:00:00Z"));
        let down = [
            // Over four firings, and over none.
            (at("2026-03-03T02:00:00Z"), at("2026-03-06T14:20:00Z")),
            (at("2026-03-08T04:00:00Z"), at("2026-03-08T12:00:00Z")),
        ];
        let fired = watched(&entry("0 3 * * *", "UTC"), (from, to), SignedDuration::from_mins(10), &down);
        let late: Vec<_> = fired.iter().filter(|(due, now)| due != now).collect();
        assert_eq!(late, [&(at("2026-03-06T03:00:00Z"), at("2026-03-06T14:20:00Z"))]);
        let days: Vec<i8> = fired.iter().map(|(due, _)| due.to_zoned(jiff::tz::TimeZone::UTC).day()).collect();
        assert_eq!(days, [1, 2, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn the_newest_of_many_missed_ones_is_found_however_long_nobody_looked() {
        for (schedule, newest) in [
            ("* * * * *", "2026-11-27T11:59:00Z"),
            ("0 * * * *", "2026-11-27T11:00:00Z"),
            ("0 12 * * *", "2026-11-26T12:00:00Z"),
            ("0 0 1 * *", "2026-11-01T00:00:00Z"),
            ("0 0 29 2 *", "2024-02-29T00:00:00Z"),
        ] {
            let fired = Fired { watched_since: at("2019-01-01T00:00:00Z"), newest: None, again_at: None };
            let due = firing_due(&entry(schedule, "UTC"), &fired, at("2026-11-27T11:59:59Z"));
            assert_eq!(due, Some(at(newest)), "{schedule}");
        }
    }

    #[test]
    fn what_was_before_the_first_watch_or_before_the_schedule_changed_is_not_missed() {
        let daily = entry("0 3 * * *", "UTC");
        let now = at("2026-03-06T03:30:00Z");
        let fired = Fired { watched_since: at("2026-03-06T03:00:01Z"), newest: None, again_at: None };
        assert_eq!(firing_due(&daily, &fired, now), None);
        // It fired before under another schedule; this one is new.
        let fired = Fired { newest: Some(at("2026-03-01T00:00:00Z")), ..fired };
        assert_eq!(firing_due(&daily, &fired, now), None);
        let fired = Fired { watched_since: at("2026-03-06T02:59:59Z"), ..fired };
        assert_eq!(firing_due(&daily, &fired, now), Some(at("2026-03-06T03:00:00Z")));
    }

    #[test]
    fn a_run_may_ask_to_be_made_again_before_the_schedule_would() {
        let monthly = entry("0 6 1 * *", "UTC");
        let fired = Fired {
            watched_since: at("2026-01-01T00:00:00Z"),
            newest: Some(at("2026-03-01T06:00:00Z")),
            again_at: Some(at("2026-03-17T06:00:00Z")),
        };
        assert_eq!(firing_due(&monthly, &fired, at("2026-03-17T05:59:59Z")), None);
        assert_eq!(next_firing(&monthly, &fired, at("2026-03-17T05:59:59Z")), fired.again_at);
        assert_eq!(firing_due(&monthly, &fired, at("2026-03-17T06:00:00Z")), fired.again_at);
        // Once it has fired it is over; and where the schedule came first, that is it.
        let done = Fired { newest: fired.again_at, ..fired };
        assert_eq!(firing_due(&monthly, &done, at("2026-03-20T00:00:00Z")), None);
        assert_eq!(next_firing(&monthly, &done, at("2026-03-20T00:00:00Z")), Some(at("2026-04-01T06:00:00Z")));
        let late = at("2026-04-02T00:00:00Z");
        assert_eq!(firing_due(&monthly, &fired, late), Some(at("2026-04-01T06:00:00Z")), "both missed: once");
    }
}
