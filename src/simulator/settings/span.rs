//! Times in the settings: `"350ms"`, `"2s"`, `"10m"`, `"24h"`, `"7d"` or a whole number of milliseconds.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time, kept in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millis(u64);

impl Millis {
    /// So many milliseconds.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// As the standard library's type.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..unit_at].parse().ok()?;
        let factor = match text[unit_at..].trim() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.checked_mul(factor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Times;
        impl Visitor<'_> for Times {
            type Value = Millis;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a time such as `\"350ms\"`, `\"2s\"`, `\"10m\"`, `\"24h\"`, or a whole number of milliseconds",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Millis, E> {
                Millis::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Millis, E> {
                Ok(Millis(millis))
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Millis, E> {
                u64::try_from(millis).map(Millis).map_err(|_| E::invalid_value(de::Unexpected::Signed(millis), &self))
            }
        }
        deserializer.deserialize_any(Times)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// A time drawn evenly between two ends, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The shortest.
    pub min: Millis,
    /// The longest.
    pub max: Millis,
}

impl Span {
    /// Between so many and so many milliseconds.
    pub const fn millis(min: u64, max: u64) -> Self {
        Self { min: Millis::new(min), max: Millis::new(max) }
    }

    /// No time at all.
    pub const ZERO: Self = Self::millis(0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, millis) in
            [("350ms", 350), ("2s", 2_000), ("10m", 600_000), ("24h", 86_400_000), ("7d", 604_800_000)]
        {
            assert_eq!(Millis::parse(text), Some(Millis::new(millis)), "{text}");
        }
        for bad in ["", "5", "s", "-1s", "1.5s", "3 weeks", "99999999999999999999d"] {
            assert_eq!(Millis::parse(bad), None, "{bad}");
        }
    }
}
