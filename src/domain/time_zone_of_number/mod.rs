//! In which time zone the owner of a number most likely lives: what quiet hours go by until somebody tells better.

mod areas;
mod countries;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::country::CountryCode;
use crate::domain::phone_number::PhoneNumber;

/// For satellite phones and other networks that belong to no country.
const ZONE_WITHOUT_COUNTRY: &str = "UTC";

/// Digits of the longest beginning in the table of areas.
const AREA_DIGITS_MAX: usize = 6;

static ZONES_OF_COUNTRIES: LazyLock<HashMap<CountryCode, &str>> = LazyLock::new(|| {
    let words: Vec<&str> = countries::ZONES_OF_COUNTRIES.split_whitespace().collect();
    words.as_chunks().0.iter().filter_map(|[country, zone]| Some((country.parse().ok()?, *zone))).collect()
});

static ZONES_OF_AREAS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = areas::ZONES_OF_AREAS.lines().filter_map(|line| line.split_once(' '));
    lines.flat_map(|(zone, areas)| areas.split_whitespace().map(move |area| (area, zone))).collect()
});

/// The IANA name of the zone that the number suggests: by area where the number tells it, else the main zone of its country.
pub fn time_zone_of_number(number: &PhoneNumber) -> &'static str {
    let digits = number.digits();
    let longest = AREA_DIGITS_MAX.min(digits.len());
    (1..=longest)
        .rev()
        .find_map(|length| ZONES_OF_AREAS.get(&digits[..length]))
        .or_else(|| ZONES_OF_COUNTRIES.get(&number.country()?))
        .copied()
        .unwrap_or(ZONE_WITHOUT_COUNTRY)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

    use super::*;

    fn zone_of(text: &str) -> &'static str {
        time_zone_of_number(&PhoneNumber::from_e164(text).unwrap())
    }

    #[test]
    fn a_number_suggests_the_zone_of_its_country_or_area() {
        for (number, zone) in [
            ("+966500000101", "Asia/Riyadh"),
            ("+971501234567", "Asia/Dubai"),
            ("+201012345678", "Africa/Cairo"),
            ("+96550012345", "Asia/Kuwait"),
            ("+212650123456", "Africa/Casablanca"),
            ("+970599123456", "Asia/Hebron"),
            ("+12125550123", "America/New_York"),
            ("+13125550123", "America/Chicago"),
            ("+16025550123", "America/Phoenix"),
            ("+14155550123", "America/Los_Angeles"),
            ("+18085550123", "Pacific/Honolulu"),
            ("+14165550123", "America/Toronto"),
            ("+16045550123", "America/Vancouver"),
            ("+18765550123", "America/Jamaica"),
            ("+447400123456", "Europe/London"),
            ("+5511961234567", "America/Sao_Paulo"),
            ("+5592961234567", "America/Manaus"),
            ("+61412345678", "Australia/Sydney"),
            ("+61891234567", "Australia/Perth"),
            ("+61889123456", "Australia/Darwin"),
            ("+79161234567", "Europe/Moscow"),
            ("+77012345678", "Asia/Almaty"),
            ("+74231234567", "Asia/Vladivostok"),
            ("+628123456789", "Asia/Jakarta"),
            ("+10000000000", "America/New_York"),
            ("+870123456789", "UTC"),
            ("+99999999", "UTC"),
        ] {
            assert_eq!(zone_of(number), zone, "{number}");
        }
    }

    #[test]
    fn every_country_with_a_calling_code_has_a_zone() {
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let country: CountryCode = region.as_region_str().as_str().parse().unwrap();
            assert!(ZONES_OF_COUNTRIES.contains_key(&country), "{country}");
            let example = PHONE_NUMBER_UTIL.get_example_number(region).unwrap();
            assert_ne!(zone_of(&example.format_as(PhoneNumberFormat::E164)), "UTC", "{country}");
        }
    }

    #[test]
    fn every_zone_of_the_tables_exists_and_no_area_stands_twice() {
        let zones = TimeZoneDatabase::bundled();
        for zone in ZONES_OF_COUNTRIES.values().chain(ZONES_OF_AREAS.values()) {
            assert!(zones.get(zone).is_ok(), "{zone}");
        }
        let areas =
            || areas::ZONES_OF_AREAS.split_whitespace().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(areas().count(), ZONES_OF_AREAS.len());
        assert_eq!(areas().map(str::len).max(), Some(AREA_DIGITS_MAX));
        assert_eq!(
            ZONES_OF_AREAS.values().filter(|zone| zone.starts_with(|c: char| !c.is_ascii_uppercase())).count(),
            0
        );
    }
}
