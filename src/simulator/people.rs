//! The people who are written to, as each of the business's numbers knows them: window, pair limit, stop; and who they are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use super::dice::{Dice, Stream, mix};

const SHARDS: usize = 64;

/// What holds between one number of the business and one person.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    /// When the pair's bucket would be full again; see `limits::take_pair`.
    pub(super) pair_next_ms: i64,
    /// The service window is open until then.
    pub(super) window_until_ms: i64,
    /// Marketing fails with 131049 until then.
    pub(super) limited_until_ms: i64,
    /// Send calls so far, whatever became of them.
    pub(super) calls: u32,
    /// When the receiver first answered 200 for something that the person sent.
    pub(super) acknowledged_ms: Option<i64>,
    /// Used WhatsApp's own "stop" for marketing.
    pub(super) stopped: bool,
}

/// All pairs, in shards so that calls do not wait for each other.
#[derive(Debug)]
pub(super) struct People(Vec<Mutex<HashMap<(u16, u64), Person>>>);

impl People {
    /// Nobody yet.
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// Reads or changes what holds between a number (by its place) and a person (by digits).
    pub(super) fn with<T>(&self, number: u16, digits: u64, change: impl FnOnce(&mut Person) -> T) -> T {
        let shard = (mix(u64::from(number), digits) % SHARDS as u64) as usize;
        let mut people = lock(&self.0[shard]);
        change(people.entry((number, digits)).or_default())
    }
}

/// A lock whose holder panicked guards plain counts: they are still the best there is.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Odd, so that multiplying by it is a bijection of 64-bit numbers and a business-scoped id leads back to its person.
const SECRET: u64 = 0x9ddf_ea08_eb38_2d69;
const SECRET_INVERSE: u64 = inverse(SECRET);

const fn inverse(odd: u64) -> u64 {
    // Newton's iteration doubles the right bits each time: 3, 6, 12, 24, 48, 96.
    let mut x = odd;
    let mut step = 0;
    while step < 6 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        step += 1;
    }
    x
}

/// The business-scoped user id of a person: country, dot, digits that do not show the phone number.
pub(super) fn user_id(digits: u64) -> String {
    format!("{}.{:020}", country(digits), digits.wrapping_mul(SECRET))
}

/// Whose business-scoped user id this is.
pub(super) fn person_of(user_id: &str) -> Option<u64> {
    let (country, scrambled) = user_id.split_once('.')?;
    let digits = scrambled.parse::<u64>().ok()?.wrapping_mul(SECRET_INVERSE);
    let plausible = (1_000_000..=999_999_999_999_999).contains(&digits);
    (plausible && country.len() == 2).then_some(digits)
}

/// Whether this person hides the phone number, is on WhatsApp, belongs to a hold-out group: fixed for each number and seed.
pub(super) fn belongs(seed: u64, digits: u64, trait_number: u64, share: f64) -> bool {
    Dice::new(mix(seed, trait_number), Stream::Person, digits).hits(share)
}

/// The name that WhatsApp shows for a person.
pub(super) fn name(seed: u64, digits: u64) -> &'static str {
    const NAMES: &[&str] = &[
        "نورة القحطاني",
        "محمد العتيبي",
        "سارة الحربي",
        "عبد الله الشمري",
        "ريم",
        "خالد بن سعيد",
        "فاطمة الزهراء",
        "أبو يوسف",
        "هند المطيري",
        "يوسف",
        "Nadia Faris",
        "Omar Z",
        "Layla Haddad",
        "James O'Neill",
        "Priya Nair",
        "Ahmed Hassan",
        "Maryam K.",
        "Zoë Müller",
        "Sam",
        "Fatima Al-Sayed",
    ];
    Dice::new(seed, Stream::Person, digits).one_of::<&'static str>(NAMES)
}

/// Calling codes and their countries, longest first where one begins another. Enough for made-up contacts; others are `ZZ`.
const CALLING_CODES: &[(&str, &str)] = &[
    ("971", "AE"),
    ("973", "BH"),
    ("974", "QA"),
    ("965", "KW"),
    ("968", "OM"),
    ("966", "SA"),
    ("967", "YE"),
    ("962", "JO"),
    ("961", "LB"),
    ("963", "SY"),
    ("964", "IQ"),
    ("970", "PS"),
    ("972", "IL"),
    ("212", "MA"),
    ("213", "DZ"),
    ("216", "TN"),
    ("218", "LY"),
    ("249", "SD"),
    ("252", "SO"),
    ("253", "DJ"),
    ("222", "MR"),
    ("234", "NG"),
    ("254", "KE"),
    ("351", "PT"),
    ("353", "IE"),
    ("358", "FI"),
    ("380", "UA"),
    ("420", "CZ"),
    ("852", "HK"),
    ("880", "BD"),
    ("886", "TW"),
    ("977", "NP"),
    ("994", "AZ"),
    ("998", "UZ"),
    ("20", "EG"),
    ("27", "ZA"),
    ("30", "GR"),
    ("31", "NL"),
    ("32", "BE"),
    ("33", "FR"),
    ("34", "ES"),
    ("36", "HU"),
    ("39", "IT"),
    ("40", "RO"),
    ("41", "CH"),
    ("43", "AT"),
    ("44", "GB"),
    ("45", "DK"),
    ("46", "SE"),
    ("47", "NO"),
    ("48", "PL"),
    ("49", "DE"),
    ("51", "PE"),
    ("52", "MX"),
    ("54", "AR"),
    ("55", "BR"),
    ("56", "CL"),
    ("57", "CO"),
    ("60", "MY"),
    ("61", "AU"),
    ("62", "ID"),
    ("63", "PH"),
    ("64", "NZ"),
    ("65", "SG"),
    ("66", "TH"),
    ("81", "JP"),
    ("82", "KR"),
    ("84", "VN"),
    ("86", "CN"),
    ("90", "TR"),
    ("91", "IN"),
    ("92", "PK"),
    ("93", "AF"),
    ("94", "LK"),
    ("95", "MM"),
    ("98", "IR"),
    ("7", "RU"),
    ("1", "US"),
];

/// Numbers under +1 that are not in the USA: Canada and the Caribbean (area codes).
const NOT_US: &[u16] = &[
    204, 226, 236, 249, 250, 257, 263, 289, 306, 343, 354, 365, 367, 368, 382, 403, 416, 418, 428, 431, 437, 438, 450,
    460, 468, 474, 506, 514, 519, 548, 579, 581, 584, 587, 604, 613, 639, 647, 672, 683, 705, 709, 742, 753, 778, 780,
    782, 807, 819, 825, 867, 873, 879, 902, 905, 942, 242, 246, 264, 268, 284, 345, 441, 473, 649, 658, 664, 721, 758,
    767, 784, 809, 829, 849, 868, 869, 876,
];

/// The calling code at the beginning of a number's digits.
pub(super) fn calling_code(digits: &str) -> Option<&'static str> {
    CALLING_CODES.iter().find(|(code, _)| digits.starts_with(code)).map(|(code, _)| *code)
}

/// The country of a number, by its calling code.
pub(super) fn country(digits: u64) -> &'static str {
    let text = digits.to_string();
    match CALLING_CODES.iter().find(|(code, _)| text.starts_with(code)) {
        Some((_, "US")) if !is_us(digits) => "CA",
        Some((_, country)) => country,
        None => "ZZ",
    }
}

/// Whether a number is in the USA, where marketing templates are not delivered.
pub(super) fn is_us(digits: u64) -> bool {
    (10_000_000_000..20_000_000_000).contains(&digits) && !NOT_US.contains(&((digits / 10_000_000 % 1000) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_scoped_id_leads_back_to_its_person_and_hides_the_number() {
        for digits in [966_500_000_101, 15_550_100_001, 4_930_123_456] {
            let id = user_id(digits);
            assert_eq!(person_of(&id), Some(digits));
            assert!(!id.contains(&digits.to_string()));
        }
        assert!(user_id(966_500_000_101).starts_with("SA."));
        for foreign in ["", "SA", "SA.", "SA.x", "SAU.1"] {
            assert_eq!(person_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_usa_is_not_all_of_plus_one() {
        assert!(is_us(12_125_550_100));
        assert!(!is_us(14_165_550_100), "Toronto");
        assert!(!is_us(966_500_000_101));
    }

    #[test]
    fn traits_of_a_person_are_fixed() {
        assert!((0..100).all(|digits| belongs(1, digits, 1, 0.5) == belongs(1, digits, 1, 0.5)));
        assert_eq!(name(1, 966_500_000_101), name(1, 966_500_000_101));
    }
}
