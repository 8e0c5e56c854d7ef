//! What the whole installation may spend in a day and in a month.
//!
//! A message counts on the day on which it is let go, whenever it arrives and is charged: so what is let go on a day is known on that day, and
//! no late arrival uses up what another day has.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::domain::limit::Limit;
use crate::domain::schedule::Zone;

/// The day that is counted as 0.
const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// A day as a number, from 1970-01-01.
pub fn day_number(day: Date) -> i64 {
    i64::from((day - FIRST_DAY).get_days())
}

/// The day with that number, if there is one.
pub fn day_of_number(number: i64) -> Option<Date> {
    FIRST_DAY.checked_add(jiff::Span::new().try_days(number).ok()?).ok()
}

/// A month as a number: 202611.
pub fn month_number(day: Date) -> i64 {
    i64::from(day.year()) * 100 + i64::from(day.month())
}

/// What the whole installation may spend, in micro-units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendingCaps {
    /// In a day; `None`: whatever the month allows.
    pub day_micros: Option<i64>,
    /// In a month; `None`: whatever the days come to.
    pub month_micros: Option<i64>,
    /// Where days and months begin.
    pub zone: Zone,
}

/// One cap, as it stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Which.
    pub limit: Limit,
    /// The number of its day or month.
    pub period: i64,
    /// What may be spent in it.
    pub micros: i64,
    /// When the next period begins.
    pub ends_at: Timestamp,
}

impl SpendingCaps {
    /// Whether nothing is capped.
    pub const fn is_empty(&self) -> bool {
        self.day_micros.is_none() && self.month_micros.is_none()
    }

    /// The day of a moment.
    pub fn day(&self, at: Timestamp) -> Date {
        self.zone.rules().to_datetime(at).date()
    }

    /// The caps on a day.
    pub fn on(&self, day: Date) -> impl Iterator<Item = Cap> {
        let begins = |next: Result<Date, jiff::Error>| {
            let midnight =
                next.ok().and_then(|next| self.zone.instant(next.to_datetime(jiff::civil::Time::midnight())));
            midnight.unwrap_or(Timestamp::MAX)
        };
        let of_day = self.day_micros.map(|micros| Cap {
            limit: Limit::DayBudget,
            period: day_number(day),
            micros,
            ends_at: begins(day.tomorrow()),
        });
        let of_month = self.month_micros.map(|micros| Cap {
            limit: Limit::MonthBudget,
            period: month_number(day),
            micros,
            ends_at: begins(day.first_of_month().checked_add(1.month())),
        });
        of_day.into_iter().chain(of_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_end_where_the_account_is() {
        let zone: Zone = "Asia/Riyadh".parse().unwrap();
        let caps = SpendingCaps { day_micros: Some(5), month_micros: Some(100), zone };
        let at: Timestamp = "2026-12-31T20:59:59Z".parse().unwrap();
        let day = caps.day(at);
        assert_eq!(day.to_string(), "2026-12-31");
        let of = |at: Timestamp| -> Vec<(i64, String)> {
            caps.on(caps.day(at)).map(|cap| (cap.period, cap.ends_at.to_string())).collect()
        };
        let ends = "2026-12-31T21:00:00Z".to_owned();
        assert_eq!(of(at), [(20_818, ends.clone()), (202_612, ends)]);
        let next = of("2026-12-31T21:00:00Z".parse().unwrap());
        assert_eq!(next, [(20_819, "2027-01-01T21:00:00Z".to_owned()), (202_701, "2027-01-31T21:00:00Z".to_owned())]);
        assert_eq!(day_of_number(day_number(day)), Some(day));
        assert_eq!(day_of_number(i64::MAX), None);
    }
}
