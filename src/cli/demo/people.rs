//! Made-up contacts for the demo: three of five write Arabic, in several countries; some cannot be reached, some never agreed.
//!
//! Nobody real is meant; the numbers go nowhere but to the simulator on this machine.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::domain::phone_number::PhoneNumber;

/// First names in Arabic and how they are written in English texts.
const ARABIC: &[&str] = &[
    "أمل",
    "نورة",
    "خالد",
    "سارة",
    "محمد",
    "فاطمة",
    "عبدالله",
    "ريم",
    "يوسف",
    "هدى",
    "سلمان",
    "ليلى",
    "عمر",
    "مها",
    "طارق",
    "جواهر",
];
const ENGLISH: &[&str] = &[
    "Amal", "Omar", "Sara", "James", "Layla", "Daniel", "Priya", "Maria", "Yusuf", "Emma", "Khalid", "Grace", "Bilal",
    "Anna",
];
/// Country, prefix with its plus sign, digits that follow, city.
const ARABIC_COUNTRIES: &[(&str, usize, &str)] = &[
    ("+9665", 8, "Riyadh"),
    ("+9665", 8, "Jeddah"),
    ("+2010", 8, "Cairo"),
    ("+97150", 7, "Dubai"),
    ("+9655", 7, "Kuwait City"),
    ("+96279", 7, "Amman"),
];
const ENGLISH_COUNTRIES: &[(&str, usize, &str)] =
    &[("+9665", 8, "Riyadh"), ("+97155", 7, "Dubai"), ("+447911", 6, "London"), ("+9198", 8, "Mumbai")];
/// Endings that the simulator refuses: not on WhatsApp, kept from marketing by Meta, a fault of Meta's.
const TROUBLED: &[&str] = &["9026", "9049", "9000"];

/// One made-up contact as a row of a contacts file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) phone: String,
    pub(super) name: &'static str,
    pub(super) language: &'static str,
    pub(super) city: &'static str,
    pub(super) consent: &'static str,
}

/// `n` people, the same for the same seed. All numbers differ.
pub(super) fn people(n: u32, seed: u64) -> Vec<Person> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut used = std::collections::HashSet::new();
    let mut people = Vec::with_capacity(n as usize);
    while people.len() < n as usize {
        let arabic = people.len() % 5 < 3;
        let (names, countries) = if arabic { (ARABIC, ARABIC_COUNTRIES) } else { (ENGLISH, ENGLISH_COUNTRIES) };
        let (prefix, digits, city) = *countries.choose(&mut dice).expect("the list is not empty");
        let ending = if dice.random_bool(0.02) {
            (*TROUBLED.choose(&mut dice).expect("the list is not empty")).to_owned()
        } else {
            // Below 9000, so that only those who are meant to are in trouble.
            format!("{:04}", dice.random_range(0..9000))
        };
        let middle: String = (0..digits - 4).map(|_| char::from(b'0' + dice.random_range(0..10))).collect();
        let phone = format!("{prefix}{middle}{ending}");
        // The numbering plans know which of the random numbers could exist.
        if PhoneNumber::parse(&phone, None).is_err() || !used.insert(phone.clone()) {
            continue;
        }
        let consent = if dice.random_bool(0.03) { "no" } else { "survey" };
        people.push(Person {
            phone,
            name: names.choose(&mut dice).expect("the list is not empty"),
            language: if arabic { "ar" } else { "en" },
            city,
            consent,
        });
    }
    people
}

/// As a contacts file.
pub(super) fn csv(people: &[Person]) -> String {
    let mut text = String::from("phone,name,language,city,tags,consent\n");
    for person in people {
        text.push_str(&format!(
            "{},{},{},{},demo,{}\n",
            person.phone, person.name, person.language, person.city, person.consent
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_five_write_arabic_and_all_numbers_differ() {
        let made = people(1_000, 7);
        assert_eq!(made.iter().filter(|person| person.language == "ar").count(), 600);
        let numbers: std::collections::HashSet<_> = made.iter().map(|person| &person.phone).collect();
        assert_eq!(numbers.len(), 1_000);
        assert_eq!(made, people(1_000, 7), "the same seed makes the same people");
        assert_ne!(made, people(1_000, 8));
    }
}
