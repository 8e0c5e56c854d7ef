//! The days that a report is about.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

/// How long the time of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A month of the calendar.
    Month,
    /// Three months from January, April, July or October.
    Quarter,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Quarter];

    /// The word on the command line and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }

    /// The period of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// The last whole one before a day.
    pub fn before(self, today: Date) -> Days {
        let first = match self {
            Self::Day => today,
            Self::Month => today.first_of_month(),
            Self::Quarter => first_of_quarter(today),
        };
        let last = first.yesterday().unwrap_or(Date::MIN);
        let from = match self {
            Self::Day => last,
            Self::Month => last.first_of_month(),
            Self::Quarter => first_of_quarter(last),
        };
        Days { from, to: last }
    }
}

fn first_of_quarter(day: Date) -> Date {
    let back = (day.month() - 1) % 3;
    day.first_of_month().saturating_sub(Span::new().months(i32::from(back)))
}

/// Days in a row, the first and the last among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

impl Days {
    /// How many.
    pub fn count(self) -> i64 {
        i64::from((self.to - self.from).get_days()) + 1
    }

    /// As many days right before these; of whole months as many whole months.
    pub fn previous(self) -> Self {
        let to = self.from.yesterday().unwrap_or(Date::MIN);
        let whole_months = self.from == self.from.first_of_month() && self.to == self.to.last_of_month();
        let from = if whole_months {
            let months = (i32::from(self.to.year()) - i32::from(self.from.year())) * 12
                + i32::from(self.to.month() - self.from.month())
                + 1;
            self.from.saturating_sub(months.months())
        } else {
            self.from.saturating_sub(self.count().days())
        };
        Self { from, to }
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = Date> {
        self.from.series(1.day()).take_while(move |day| *day <= self.to)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{} to {}", self.from, self.to) }
    }
}

/// Which days somebody wants a report on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedDays {
    /// The last whole period.
    Last(Period),
    /// From a day on, to another one or today.
    From(Date, Option<Date>),
}

impl WantedDays {
    /// As somebody asked for it. Without anything, the last whole month.
    ///
    /// # Errors
    /// One sentence, when the wishes do not fit together.
    pub fn new(period: Option<Period>, from: Option<Date>, to: Option<Date>) -> Result<Self, String> {
        match (period, from, to) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                Err("a period is the last whole one; give either that or `from` and `to`".to_owned())
            }
            (None, None, Some(_)) => Err("`from` is missing: say the first day, too".to_owned()),
            (None, Some(from), Some(to)) if to < from => Err(format!("`to` is {to}, which is before `from`, {from}")),
            (None, Some(from), to) => Ok(Self::From(from, to)),
            (period, None, None) => Ok(Self::Last(period.unwrap_or(Period::Month))),
        }
    }

    /// The days, as of today. A first day after today has no days behind it but itself.
    pub fn days(self, today: Date) -> Days {
        match self {
            Self::Last(period) => period.before(today),
            Self::From(from, to) => Days { from, to: to.unwrap_or(today).max(from) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: &str, to: &str) -> Days {
        Days { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn the_last_whole_period_is_before_today() {
        let before = |period: Period, today: &str| period.before(today.parse().unwrap()).to_string();
        assert_eq!(before(Period::Day, "2026-03-01"), "2026-02-28");
        assert_eq!(before(Period::Month, "2026-03-31"), "2026-02-01 to 2026-02-28");
        assert_eq!(before(Period::Month, "2027-01-01"), "2026-12-01 to 2026-12-31");
        assert_eq!(before(Period::Quarter, "2026-11-28"), "2026-07-01 to 2026-09-30");
        assert_eq!(before(Period::Quarter, "2027-01-01"), "2026-10-01 to 2026-12-31");
    }

    #[test]
    fn wishes_are_a_period_or_days() {
        let day = |text: &str| -> Option<Date> { Some(text.parse().unwrap()) };
        let today = "2026-11-28".parse().unwrap();
        let of = |period, from, to| WantedDays::new(period, from, to).map(|wanted| wanted.days(today).to_string());
        assert_eq!(of(None, None, None).as_deref(), Ok("2026-10-01 to 2026-10-31"));
        assert_eq!(of(Some(Period::Day), None, None).as_deref(), Ok("2026-11-27"));
        assert_eq!(of(None, day("2026-11-20"), None).as_deref(), Ok("2026-11-20 to 2026-11-28"));
        assert_eq!(of(None, day("2026-11-20"), day("2026-11-21")).as_deref(), Ok("2026-11-20 to 2026-11-21"));
        assert_eq!(of(None, day("2027-01-01"), None).as_deref(), Ok("2027-01-01"));
        assert!(of(Some(Period::Day), day("2026-11-20"), None).is_err());
        assert!(of(None, None, day("2026-11-20")).is_err());
        assert!(of(None, day("2026-11-21"), day("2026-11-20")).is_err());
    }

    #[test]
    fn the_days_before_are_as_many_or_as_many_months() {
        assert_eq!(days("2026-11-01", "2026-11-30").previous(), days("2026-10-01", "2026-10-31"));
        assert_eq!(days("2026-10-01", "2026-12-31").previous(), days("2026-07-01", "2026-09-30"));
        assert_eq!(days("2026-11-03", "2026-11-09").previous(), days("2026-10-27", "2026-11-02"));
        assert_eq!(days("2026-11-03", "2026-11-03").previous(), days("2026-11-02", "2026-11-02"));
        assert_eq!(days("2026-11-29", "2026-12-02").each().count() as i64, days("2026-11-29", "2026-12-02").count());
    }
}
