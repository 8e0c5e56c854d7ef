//! A telephone number in E.164 that cannot be printed by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl PhoneNumber {
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

    #[test]
    fn only_plus_and_digits_are_e164() {
        for bad in ["", "966500000101", "+9665x", "+966 50", "+1234", "+1234567890123456"] {
            assert!(PhoneNumber::from_e164(bad).is_err(), "{bad}");
        }
    }
}
