//! A share of a whole: `2%`, `0.5%`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share of a whole, kept in hundredths of a percent so that it compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u16);

/// A text that is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share; write a percentage from `0%` to `100%` with at most two decimals, such as `2.5%`")]
pub struct InvalidShare(String);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(10_000);

    /// Hundredths of a percent: 10,000 is the whole.
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let parse = || {
            let (whole, decimals) = {
                let number = text.trim().strip_suffix('%')?.trim_end();
                number.split_once('.').unwrap_or((number, "0"))
            };
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(decimals) || whole.len() > 3 || decimals.len() > 2 {
                return None;
            }
            let points: u16 = format!("{whole}{decimals:0<2}").parse().ok()?;
            (points <= Self::ALL.0).then_some(Self(points))
        };
        parse().ok_or_else(|| InvalidShare(text.to_owned()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 100, format!("{:02}", self.0 % 100));
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            decimals => write!(f, "{whole}.{decimals}%"),
        }
    }
}

impl TryFrom<String> for Share {
    type Error = InvalidShare;

    fn try_from(text: String) -> Result<Self, InvalidShare> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> String {
        share.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_bounded() {
        for (text, points) in [("0%", 0), ("0.5%", 50), ("2%", 200), ("33.33 %", 3333), ("100%", 10_000)] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.basis_points(), points);
            assert_eq!(share.to_string().parse(), Ok(share));
        }
        for bad in ["", "2", "%", "-1%", "100.01%", "1000%", "1.234%", "a%", "1.%"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
