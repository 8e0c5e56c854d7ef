//! From what people and spreadsheets write to E.164. Repairs what can only mean one number and refuses the rest: a message to
//! the wrong person is worse than a row to correct.

use std::collections::HashMap;
use std::sync::LazyLock;

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::{PhoneNumber, PhoneNumberError};
use crate::domain::country::CountryCode;

/// Longer texts are certainly no number; this also bounds the work on what a stranger sends.
const TEXT_BYTES_MAX: usize = 200;

/// Without a default country, bare digits count as an international number that lost its plus only from this length on: shorter ones
/// could be a national number of some country.
const BARE_DIGITS_MIN: usize = 11;

pub(super) fn parse(text: &str, default_country: Option<CountryCode>) -> Result<PhoneNumber, PhoneNumberError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(PhoneNumberError::NotANumber);
    }
    let plain = plain(text);
    let text = plain.trim().trim_start_matches('\'').trim_start();
    let text = text.strip_prefix("whatsapp:").or_else(|| text.strip_prefix("tel:")).unwrap_or(text);
    if text.is_empty() {
        return Err(PhoneNumberError::Empty);
    }
    let dialled = match spreadsheet_digits(text)? {
        Some(digits) => digits,
        None => dialled(text)?,
    };
    // `00` is how most of the world dials `+`, and no national number begins with it.
    let international = match dialled.strip_prefix('+') {
        Some(digits) => Some(digits.strip_prefix("00").unwrap_or(digits)),
        None => dialled.strip_prefix("00"),
    };
    if let Some(digits) = international {
        return valid(&format!("+{digits}"), None).ok_or(PhoneNumberError::Impossible);
    }
    let with_plus = || valid(&format!("+{dialled}"), None);
    match default_country {
        // A default country means what it says: bare digits that are a number there are that number.
        Some(country) => valid(&dialled, Some(country)).or_else(with_plus).ok_or(PhoneNumberError::Impossible),
        None if dialled.len() >= BARE_DIGITS_MIN => with_plus().ok_or(PhoneNumberError::CountryUnclear),
        None => Err(PhoneNumberError::CountryUnclear),
    }
}

/// Calling codes that belong to one country alone: nearly all. Their numbers need no look into a numbering plan, which is asked for each
/// message that arrives.
static OF_ONE_COUNTRY: LazyLock<HashMap<u16, CountryCode>> = LazyLock::new(|| {
    let of_one = |code: i32| {
        let mut regions = PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(code)?;
        let only = regions.next().filter(|_| regions.len() == 0)?;
        Some((u16::try_from(code).ok()?, CountryCode::of(only)?))
    };
    PHONE_NUMBER_UTIL.get_supported_calling_codes().filter_map(of_one).collect()
});

/// The country of a number; by its calling code where the numbering plan does not know the number itself.
pub(super) fn country(number: &PhoneNumber) -> Option<CountryCode> {
    // No calling code is the beginning of another one.
    let by_code = (1..=3).find_map(|n| OF_ONE_COUNTRY.get(&number.digits().get(..n)?.parse().ok()?).copied());
    if by_code.is_some() {
        return by_code;
    }
    let parsed = PHONE_NUMBER_UTIL.parse(number.e164(), None).ok()?;
    let region =
        parsed.get_region_code().or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(parsed.country_code))?;
    CountryCode::of(region)
}

/// Without what carries no meaning: direction marks and joiners that come along when a number is copied from Arabic text, and with
/// every digit and plus in its ASCII form.
fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}' => {
                None
            }
            '\u{0660}'..='\u{0669}' => Some(digit(character, '\u{0660}')),
            '\u{06F0}'..='\u{06F9}' => Some(digit(character, '\u{06F0}')),
            '\u{FF10}'..='\u{FF19}' => Some(digit(character, '\u{FF10}')),
            '\u{FF0B}' => Some('+'),
            other if other.is_whitespace() => Some(' '),
            other => Some(other),
        })
        .collect()
}

fn digit(character: char, zero: char) -> char {
    let value = u32::from(character) - u32::from(zero);
    char::from_digit(value, 10).expect("the ranges above hold ten digits each")
}

/// Digits with at most one leading plus, punctuation removed.
fn dialled(text: &str) -> Result<String, PhoneNumberError> {
    let mut dialled = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' => dialled.push(character),
            '+' if dialled.is_empty() => dialled.push('+'),
            // Arabic text may carry the plus at the other end of the number.
            '+' if !dialled.starts_with('+') && text.ends_with('+') => dialled.insert(0, '+'),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ => return Err(PhoneNumberError::NotANumber),
        }
    }
    match dialled.trim_start_matches('+').len() {
        0 => Err(PhoneNumberError::NotANumber),
        1..=20 => Ok(dialled),
        // Two numbers in one cell look like this.
        _ => Err(PhoneNumberError::NotANumber),
    }
}

/// The digits of a number that a spreadsheet treated as a quantity: `966500000101.0`, `9.66500000101E+11`. `None` when it is neither.
fn spreadsheet_digits(text: &str) -> Result<Option<String>, PhoneNumberError> {
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.trim_start_matches('+');
    if let Some((digits, zeros)) = unsigned.split_once('.')
        && matches!(zeros, "0" | "00")
        && all_digits(digits)
        && digits.len() >= 7
    {
        return Ok(Some(digits.to_owned()));
    }
    let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E']) else { return Ok(None) };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let exponent = exponent.trim_start_matches('+');
    if whole.len() != 1 || !all_digits(whole) || !all_digits(exponent) || !(fraction.is_empty() || all_digits(fraction))
    {
        return Ok(None);
    }
    // `9.665E+11` could be any of a million numbers, and the one made by adding zeros may well belong to someone.
    match exponent.parse::<usize>() {
        Ok(places) if places == fraction.len() => Ok(Some(format!("{whole}{fraction}"))),
        Ok(places) if places > fraction.len() => Err(PhoneNumberError::Shortened),
        _ => Err(PhoneNumberError::NotANumber),
    }
}

/// The number in E.164 if the numbering plan of its country has it.
fn valid(text: &str, country: Option<CountryCode>) -> Option<PhoneNumber> {
    let parsed = PHONE_NUMBER_UTIL.parse(text, country.map(CountryCode::region)).ok()?;
    if !parsed.is_valid() {
        return None;
    }
    PhoneNumber::from_e164(&parsed.format_as(rlibphonenumber::PhoneNumberFormat::E164)).ok()
}
