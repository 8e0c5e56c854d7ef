//! A number of bytes as operators write it: `500KB`, `16MB`, `1GB`.

use std::fmt;
use std::str::FromStr;

/// Units and their bytes, the largest first. As with Meta's limits, a kilobyte is 1024 bytes.
const UNITS: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// A number of bytes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// A text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; write a whole number with its unit, such as `500KB`, `16MB` or `1GB`")]
pub struct InvalidByteSize(String);

impl ByteSize {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, InvalidByteSize> {
        let parse = || {
            let trimmed = text.trim().to_ascii_uppercase();
            let (unit, factor) = UNITS.into_iter().find(|(unit, _)| trimmed.ends_with(unit))?;
            let number = trimmed.strip_suffix(unit)?.trim_end();
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let bytes = number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(factor)?;
            (bytes > 0 && i64::try_from(bytes).is_ok()).then_some(Self(bytes))
        };
        parse().ok_or_else(|| InvalidByteSize(text.to_owned()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, factor)| self.0.is_multiple_of(*factor) && self.0 >= *factor);
        let (unit, factor) = whole.unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_and_are_whole() {
        for (text, bytes, shown) in [
            ("16MB", 16 << 20, "16MB"),
            ("500 kb", 500 << 10, "500KB"),
            ("1gb", 1 << 30, "1GB"),
            ("7B", 7, "7B"),
            ("1024KB", 1 << 20, "1MB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
        }
        for wrong in ["", "MB", "16", "1.5MB", "-1MB", "0MB", "16 MiB", "99999999999GB", "+1MB", "1 0MB"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }
}
