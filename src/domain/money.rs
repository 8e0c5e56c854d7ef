//! Amounts of money: whole millionths of a unit and a currency, never a floating-point number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Millionths in one unit.
const MICROS: i64 = 1_000_000;

/// A currency by its ISO 4217 code, such as `USD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The US dollar, in which Meta's prices are listed first.
    pub const USD: Self = Self(*b"USD");

    /// The code in capitals.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three capital letters by construction")
    }

    /// Digits after the point in everyday use (ISO 4217).
    pub fn decimals(&self) -> u8 {
        match &self.0 {
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLP" | b"ISK" | b"JPY" | b"KRW" | b"PYG" | b"VND" | b"XAF" | b"XOF" => 0,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three letters.
    #[error("`{0}` is not a currency; use its ISO 4217 code, such as `USD` or `SAR`")]
    Currency(String),
    /// Not a plain decimal.
    #[error("`{0}` is not an amount; write a plain decimal such as `250.00`, with at most six digits after the point")]
    Amount(String),
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match *text.to_ascii_uppercase().as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(MoneyError::Currency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Millionths of one unit of the currency.
    pub micros: i64,
    /// Which currency.
    pub currency: Currency,
}

impl Money {
    /// From a plain decimal such as `250.00`.
    ///
    /// # Errors
    /// When it is not one, or too large to count.
    pub fn from_decimal(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::Amount(amount.to_owned());
        let (negative, digits) = match amount.trim().strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, amount.trim()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > 6 || digits.ends_with('.') {
            return Err(wrong());
        }
        let whole: i64 = whole.parse().map_err(|_| wrong())?;
        let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
        let micros = whole.checked_mul(MICROS).and_then(|micros| micros.checked_add(fraction)).ok_or_else(wrong)?;
        Ok(Self { micros: if negative { -micros } else { micros }, currency })
    }

    /// As a plain decimal with at least the currency's usual digits and no more than needed: `250.00`, `0.0025`.
    pub fn to_decimal(self) -> String {
        let sign = if self.micros < 0 { "-" } else { "" };
        let micros = self.micros.unsigned_abs();
        let (whole, fraction) = (micros / MICROS.unsigned_abs(), format!("{:06}", micros % MICROS.unsigned_abs()));
        let needed = fraction.trim_end_matches('0').len().max(usize::from(self.currency.decimals()));
        let point = if needed == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{}", &fraction[..needed])
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_as_they_were_written() {
        for (text, micros, shown) in [
            ("250.00", 250_000_000, "250.00 USD"),
            ("0.0025", 2_500, "0.0025 USD"),
            ("-1.5", -1_500_000, "-1.50 USD"),
            ("7", 7_000_000, "7.00 USD"),
        ] {
            let money = Money::from_decimal(text, Currency::USD).unwrap();
            assert_eq!((money.micros, money.to_string().as_str()), (micros, shown));
        }
        assert_eq!(Money { micros: 0, currency: "kwd".parse().unwrap() }.to_string(), "0.000 KWD");
        assert_eq!(Money { micros: 5_000_000, currency: "JPY".parse().unwrap() }.to_string(), "5 JPY");
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for bad in ["", ".", "1.", ".5", "1,5", "1e3", "0.0000001", "99999999999999", "--1", "١"] {
            assert!(Money::from_decimal(bad, Currency::USD).is_err(), "{bad}");
        }
        assert!("dollar".parse::<Currency>().is_err());
    }
}
