//! A country by its two letters, as far as telephone numbering knows it.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde::{Deserialize, Serialize};

use crate::domain::phone_number::PhoneNumber;

/// A country or territory with a calling code of its own or shared: ISO 3166-1 alpha-2, upper case (`SA`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode(Region);

/// Letters that no country with a calling code has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a country; use two letters such as `SA`, `AE` or `EG`")]
pub struct UnknownCountry(String);

impl CountryCode {
    /// The country behind a region of the numbering plans; `None` for networks that belong to no country.
    pub(super) fn of(region: Region) -> Option<Self> {
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).filter(|_| region != Region::World).map(|_| Self(region))
    }

    /// Where a person is, by their number (E.164), or by the letters before the point of their user id where the number is withheld
    /// (`SA.4410…`; Meta, business-scoped user ids, checked 2026-11-22).
    pub fn of_person(phone: Option<&str>, bsuid: Option<&str>) -> Option<Self> {
        match phone {
            Some(phone) => PhoneNumber::from_e164(phone).ok()?.country(),
            None => bsuid?.split_once('.')?.0.parse().ok(),
        }
    }

    pub(super) fn region(self) -> Region {
        self.0
    }

    /// The digits behind `+` that numbers of this country begin with, such as 966. Several countries share some.
    pub fn calling_code(self) -> u16 {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(self.0);
        code.and_then(|code| u16::try_from(code).ok()).expect("a country without a calling code is never constructed")
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_region_str().as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CountryCode {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let region = Region::from_code(text.trim()).ok().and_then(Self::of);
        region.ok_or_else(|| UnknownCountry(text.to_owned()))
    }
}

impl TryFrom<String> for CountryCode {
    type Error = UnknownCountry;

    fn try_from(text: String) -> Result<Self, UnknownCountry> {
        text.parse()
    }
}

impl From<CountryCode> for String {
    fn from(country: CountryCode) -> String {
        country.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_of_a_country_are_read_in_any_case() {
        let saudi_arabia: CountryCode = "sa".parse().unwrap();
        assert_eq!((saudi_arabia.to_string().as_str(), saudi_arabia.calling_code()), ("SA", 966));
        assert_eq!("CA".parse::<CountryCode>().unwrap().calling_code(), 1);
        for wrong in ["", "S", "SAU", "ZZ", "001", "٩٦", "Saudi Arabia", "AQ"] {
            assert!(wrong.parse::<CountryCode>().is_err(), "{wrong}");
        }
    }
}
