//! The month that a review is about.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::cost_report::{Days, Period};

/// How the name of a review begins.
const REVIEW: &str = "review-";

/// A month of the calendar, where the account is. Its text is `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month(
    /// Its first day.
    Date,
);

impl Month {
    /// The last whole one before a day.
    pub fn before(today: Date) -> Self {
        Self(Period::Month.before(today).from)
    }

    /// The one before it.
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1.month()))
    }

    /// Its days.
    pub fn days(self) -> Days {
        Days { from: self.0, to: self.0.last_of_month() }
    }

    /// The month of the review of that name; `None`: it is no name of a review.
    pub fn of_review(name: &str) -> Option<Self> {
        name.strip_prefix(REVIEW)?.parse().ok()
    }

    /// What its review is called.
    pub fn review(self) -> String {
        format!("{REVIEW}{self}")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no month; write year and month, as in `2026-11`");
        let digits = |part: &str, n| part.len() == n && part.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        if !digits(year, 4) || !digits(month, 2) {
            return Err(wrong());
        }
        let (year, month) = (year.parse().map_err(|_| wrong())?, month.parse().map_err(|_| wrong())?);
        Date::new(year, month, 1).map(Self).map_err(|_| wrong())
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_year_and_month_and_nothing_else() {
        let month: Month = "2027-01".parse().unwrap();
        assert_eq!(
            (month.previous().to_string(), month.days().to_string()),
            ("2026-12".into(), "2027-01-01 to 2027-01-31".into())
        );
        assert_eq!(Month::before("2027-01-02".parse().unwrap()).to_string(), "2026-12");
        assert_eq!(Month::of_review(&month.review()), Some(month));
        for wrong in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "+026-11", "2026-11-01", "نوفمبر-11"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
