//! A telephone number in E.164 that cannot be printed by accident.

mod parse;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::country::CountryCode;

/// A number in E.164: `+` and 8 to 15 digits.
///
/// `Debug` and `Display` mask it; the digits come out only through [`PhoneNumber::e164`] and [`PhoneNumber::digits`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Why a text is not a telephone number that we can write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberError {
    /// Nothing was there.
    #[error("the phone number is empty; give it with its country code, as in `+966500000101`")]
    Empty,
    /// Not a number in any notation that we know.
    #[error("this is not a phone number; write it with `+` and country code, as in `+966500000101`")]
    NotANumber,
    /// No such number exists in the numbering plan of its country.
    #[error("no such phone number exists in the numbering plan of its country; check its length and its first digits")]
    Impossible,
    /// A national number, and no default country to read it by.
    #[error(
        "the country of the phone number is not clear; write it with `+` and country code or set `[contacts] default_country`"
    )]
    CountryUnclear,
    /// A spreadsheet kept only the first digits.
    #[error(
        "a spreadsheet has shortened this phone number and its last digits are lost; format the column as text and export it again"
    )]
    Shortened,
}

impl PhoneNumber {
    /// Reads what people and spreadsheets write: any digits, spaces and punctuation, `00` for `+`, a national number of the default
    /// country, and, where it can only mean one number, one whose plus or leading zero got lost.
    ///
    /// # Errors
    /// When it is no number, does not exist in the numbering plan of its country, or could mean more than one.
    pub fn parse(text: &str, default_country: Option<CountryCode>) -> Result<Self, PhoneNumberError> {
        parse::parse(text, default_country)
    }

    /// Takes a number that is already in E.164, without asking a numbering plan: what we stored, or `+` and what Meta calls a WhatsApp id.
    ///
    /// # Errors
    /// When it is not `+` and 5 to 15 digits (Meta's ids are taken as they are, so the lower bound is generous).
    pub fn from_e164(text: &str) -> Result<Self, PhoneNumberError> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError::CountryUnclear)?;
        if (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PhoneNumberError::NotANumber)
        }
    }

    /// With the leading `+`: for the wire and the store only.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// Without the leading `+`: the form of a WhatsApp id.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// The country that the number belongs to; `None` for satellite phones and other networks without a country.
    pub fn country(&self) -> Option<CountryCode> {
        parse::country(self)
    }

    /// The last two digits behind dots: enough for a person to recognise a number that they know.
    pub fn masked(&self) -> String {
        format!("+…{}", &self.0[self.0.len() - 2..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneNumberError;

    fn try_from(text: String) -> Result<Self, PhoneNumberError> {
        Self::from_e164(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> String {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_printed_whole() {
        let number = PhoneNumber::from_e164("+966500000101").unwrap();
        assert_eq!(format!("{number} {number:?}"), "+…01 +…01");
        assert_eq!((number.e164(), number.digits()), ("+966500000101", "966500000101"));
    }

    fn read(text: &str, country: &str) -> Result<String, PhoneNumberError> {
        PhoneNumber::parse(text, country.parse().ok()).map(|number| number.e164().to_owned())
    }

    #[test]
    fn one_number_is_recognised_in_all_its_notations() {
        for (text, country) in [
            ("+966500000101", ""),
            ("+966 50 000 0101", ""),
            (" +966-50-000-0101 ", ""),
            ("+966 (0)50 000 0101", ""),
            ("+966 (50) 000.0101", ""),
            ("00966500000101", ""),
            ("+00966500000101", ""),
            ("966500000101", ""),
            ("966500000101", "AE"),
            ("966500000101", "SA"),
            ("0500000101", "SA"),
            ("500000101", "SA"),
            ("050/000-0101", "SA"),
            ("٠٥٠٠٠٠٠١٠١", "SA"),
            ("۰۵۰۰۰۰۰۱۰۱", "SA"),
            ("+٩٦٦ ٥٠ ٠٠٠ ٠١٠١", ""),
            ("٩٦٦٥٠٠٠٠٠١٠١+", ""),
            ("\u{202A}+966500000101\u{202C}", ""),
            ("'+966500000101", ""),
            ("＋９６６５００００0101", ""),
            ("whatsapp:+966500000101", ""),
            ("tel:+966500000101", ""),
            ("966500000101.0", ""),
            ("500000101.00", "SA"),
            ("9.66500000101E+11", ""),
            ("9,66500000101E+11", ""),
            ("+966\u{a0}50\u{2011}000\u{2013}0101", ""),
        ] {
            assert_eq!(read(text, country).as_deref(), Ok("+966500000101"), "{text} {country}");
        }
    }

    #[test]
    fn the_default_country_decides_about_bare_digits() {
        assert_eq!(read("01012345678", "EG").unwrap(), "+201012345678");
        assert_eq!(read("1012345678", "EG").unwrap(), "+201012345678", "the zero got lost in a spreadsheet");
        assert_eq!(read("2125550123", "US").unwrap(), "+12125550123");
        assert_eq!(read("07901234567", "IQ").unwrap(), "+9647901234567");
        assert_eq!(read("+12125550123", "SA").unwrap(), "+12125550123");
        assert_eq!(
            read("393331234567", "SA").unwrap(),
            "+393331234567",
            "no Saudi number, but an Italian one without its plus"
        );
    }

    #[test]
    fn what_is_not_one_existing_number_is_refused_with_the_reason() {
        use PhoneNumberError::*;
        for (text, country, because) in [
            ("", "SA", Empty),
            (" \u{200F} ", "SA", Empty),
            ("n/a", "SA", NotANumber),
            ("+", "SA", NotANumber),
            ("1-800-FLOWERS", "US", NotANumber),
            ("0500000101 ext 5", "SA", NotANumber),
            ("0500000101, 0500000102", "SA", NotANumber),
            ("+966500000101 / +966500000102", "SA", NotANumber),
            ("0500000101 / 0500000102 / 0500000103", "SA", NotANumber),
            ("9.665E+11", "SA", Shortened),
            ("9.665E+2", "SA", NotANumber),
            ("12e3e4", "SA", NotANumber),
            ("0500000101", "", CountryUnclear),
            ("2125550123", "", CountryUnclear),
            ("050000010", "SA", Impossible),
            ("+96650000010", "", Impossible),
            ("+9665000001012", "", Impossible),
            ("+999123456789", "", Impossible),
            ("0500000101 0500000102", "SA", Impossible),
            ("123", "SA", Impossible),
        ] {
            assert_eq!(read(text, country), Err(because), "{text} {country}");
        }
        assert_eq!(read(&"0".repeat(500), "SA"), Err(NotANumber));
    }

    #[test]
    fn a_number_knows_its_country() {
        let country = |text| PhoneNumber::from_e164(text).unwrap().country().map(|country| country.to_string());
        assert_eq!(country("+966500000101").as_deref(), Some("SA"));
        assert_eq!(country("+14165550123").as_deref(), Some("CA"));
        assert_eq!(country("+12425550123").as_deref(), Some("BS"));
        assert_eq!(country("+77012345678").as_deref(), Some("KZ"));
        assert_eq!(country("+10000000000").as_deref(), Some("US"), "a WhatsApp id that no numbering plan has");
        assert_eq!(country("+447400123456").as_deref(), Some("GB"));
        assert_eq!(country("+447797712345").as_deref(), Some("JE"), "an island that shares the code");
        assert_eq!(country("+201001234567").as_deref(), Some("EG"));
        assert_eq!(country("+870123456789"), None);
        assert_eq!(country("+99999999"), None);
    }

    #[test]
    fn only_plus_and_digits_are_e164() {
        for bad in ["", "966500000101", "+9665x", "+966 50", "+1234", "+1234567890123456"] {
            assert!(PhoneNumber::from_e164(bad).is_err(), "{bad}");
        }
    }
}
