//! When something is next due, across time zones and the two odd days of the year when clocks change.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// The zones that are built in: what is due must not depend on which zone files a machine happens to have.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone by its IANA name, such as `Asia/Riyadh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; use an IANA name such as `Asia/Riyadh`")]
pub struct UnknownZone(String);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The IANA name, in its usual spelling.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules, for arithmetic with `jiff`.
    pub fn rules(&self) -> &TimeZone {
        &self.rules
    }

    /// The instant at which clocks in this zone show `at`. A time that a change of clocks leaves out is moved to just after it by
    /// the same distance; of a time that comes twice, the first is meant.
    pub fn instant(&self, at: civil::DateTime) -> Option<Timestamp> {
        self.rules.to_ambiguous_timestamp(at).compatible().ok()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        let rules = ZONES.get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name
    }
}

/// A cron expression of five fields: minute, hour, day of month, month, day of week (`0 9 * * SUN`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    // Large (a bit set for each field), and cloned with every campaign.
    cron: Arc<Cron>,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not cron at all, or a field out of its range.
    #[error(
        "`{text}` is not a schedule: {reason}; write five fields (minute, hour, day, month, day of week) as in `0 9 * * SUN`"
    )]
    NotCron {
        /// What was given.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// Well formed, but no day is like that.
    #[error("`{0}` never comes; check its day and month")]
    Never(String),
}

impl Schedule {
    /// The first time after `after` (never `after` itself) that the clocks of the zone match, if there is one.
    ///
    /// A fixed time that a change of clocks leaves out comes at the first moment after the gap, and one that would come twice
    /// comes once, as people expect of a weekly letter.
    pub fn next_after(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let start = after.to_zoned(zone.rules.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?.timestamp();
        debug_assert!(next > after, "time moves on");
        Some(next)
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| ScheduleError::NotCron {
            text: text.to_owned(),
            reason: error.to_string().trim_end_matches('.').to_lowercase(),
        })?;
        let schedule = Self { text: text.to_owned(), cron: Arc::new(cron) };
        match schedule.next_after(Timestamp::UNIX_EPOCH, &Zone::utc()) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firings(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let (schedule, zone): (Schedule, Zone) = (cron.parse().unwrap(), zone.parse().unwrap());
        let mut at: Timestamp = after.parse().unwrap();
        (0..count)
            .map(|_| {
                at = schedule.next_after(at, &zone).unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn a_weekly_schedule_keeps_its_local_hour_all_year() {
        assert_eq!(
            firings("0 9 * * SUN", "Asia/Riyadh", "2026-11-22T06:00:00Z", 2),
            ["2026-11-29T06:00:00Z", "2026-12-06T06:00:00Z"],
            "the firing at exactly `after` has been"
        );
        assert_eq!(
            firings("0 9 * * *", "Africa/Cairo", "2026-04-22T12:00:00Z", 3),
            ["2026-04-23T07:00:00Z", "2026-04-24T06:00:00Z", "2026-04-25T06:00:00Z"]
        );
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_comes_just_after_and_once() {
        assert_eq!(
            firings("30 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", 2),
            ["2026-04-23T22:00:00Z", "2026-04-24T21:30:00Z"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_fires_once() {
        assert_eq!(
            firings("30 23 * * *", "Africa/Cairo", "2026-10-29T12:00:00Z", 2),
            ["2026-10-29T20:30:00Z", "2026-10-30T21:30:00Z"]
        );
    }

    #[test]
    fn what_is_not_a_schedule_says_why() {
        for bad in ["", "daily", "0 9 * *", "0 0 9 * * *", "61 9 * * *"] {
            let error = bad.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("five fields"), "{bad}: {error}");
        }
        assert_eq!("0 0 30 2 *".parse::<Schedule>(), Err(ScheduleError::Never("0 0 30 2 *".into())));
    }

    #[test]
    fn a_zone_is_known_by_its_usual_name() {
        assert_eq!("asia/riyadh".parse::<Zone>().unwrap().name(), "Asia/Riyadh");
        assert!("Asia/Ryadh".parse::<Zone>().is_err());
    }
}
