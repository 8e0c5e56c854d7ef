//! Meta's codes, each with our failure class. An unknown code is a first-class answer: [`FailureClass::Unrecognised`].
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, editions of 2025-12-12 and
//! September 2026, with Graph codes and subcodes from developers.facebook.com/docs/graph-api/guides/error-handling; checked on
//! 2026-11-22. Titles change, so they are here for people; decisions look at the number only. The HTTP status is never looked at:
//! Meta's own editions disagree about it.
//!
//! A class says what follows for others too, so it is chosen by what all further messages would meet: a code that concerns one
//! person or one campaign never has a class that stops the number.

mod table;

pub use table::{SUBCODES, TABLE};

use crate::domain::failure::FailureClass;
use crate::domain::provider_code::{Entry, found};

/// What a subcode adds to its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subcode {
    /// The code.
    pub code: i64,
    /// The subcode (`error_subcode`).
    pub subcode: i64,
    /// What follows from both.
    pub class: FailureClass,
    /// What it is called.
    pub title: &'static str,
    /// For the operator: what it means and what to do.
    pub meaning: &'static str,
}

/// The class of a code. Meta puts the codes of template creation into the subcode of 100, and says with subcode 33 that the id is
/// wrong or that the token may not see it.
pub fn class_of(code: i64, subcode: Option<i64>) -> FailureClass {
    let by_subcode = subcode.and_then(|subcode| {
        let known = self::subcode(code, subcode).map(|known| known.class);
        known.or_else(|| creation(code, subcode).map(|entry| entry.class))
    });
    by_subcode.or_else(|| entry(code).map(|entry| entry.class)).unwrap_or(FailureClass::Unrecognised)
}

/// What the table says about a code.
pub fn entry(code: i64) -> Option<&'static Entry> {
    found(TABLE, code)
}

/// What the table says about a code with this subcode.
pub fn subcode(code: i64, subcode: i64) -> Option<&'static Subcode> {
    SUBCODES.iter().find(|known| known.code == code && known.subcode == subcode)
}

/// The entry of a code that Meta gives as a subcode of 100.
pub fn creation(code: i64, subcode: i64) -> Option<&'static Entry> {
    // Smaller numbers are subcodes of their own, which only happen to be codes too.
    entry(subcode).filter(|entry| code == 100 && entry.from > 2_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider_code::faults;

    #[test]
    fn the_table_is_in_order_and_says_what_to_do() {
        assert_eq!(faults(TABLE), Vec::<String>::new());
        for pair in SUBCODES.windows(2) {
            assert!((pair[0].code, pair[0].subcode) < (pair[1].code, pair[1].subcode), "{:?}", pair[1]);
        }
        for known in SUBCODES {
            assert!(entry(known.code).is_some() && !known.meaning.ends_with('.'), "{known:?}");
        }
    }

    #[test]
    fn the_table_as_a_reviewer_reads_it() {
        let table: String = TABLE
            .iter()
            .map(|entry| format!("{:<16}{:<22}{}\n", entry.codes(), entry.class.name(), entry.title))
            .collect();
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_concerns_one_person_or_one_campaign_does_not_stop_the_number() {
        use crate::domain::failure::Slow;
        for code in [
            100, 130403, 130472, 131009, 131026, 131030, 131047, 131049, 131062, 131063, 132001, 132015, 134011, 137000,
        ] {
            assert_ne!(class_of(code, None).slow(), Slow::SuspendSender, "{code}");
        }
        for code in [190, 368, 131031, 131042, 131048, 133010] {
            assert_eq!(class_of(code, None).slow(), Slow::SuspendSender, "{code}");
        }
    }

    #[test]
    fn whom_we_blocked_and_whose_identity_changed_gets_nothing_over_another_channel() {
        for code in [130403, 131050, 137000] {
            assert!(!class_of(code, None).falls_back(), "{code}");
        }
    }

    #[test]
    fn codes_are_found_alone_in_ranges_and_by_subcode() {
        use FailureClass::*;
        let table = [
            (131026, None, Undeliverable),
            (131050, None, OptedOut),
            (250, None, Credentials),
            (300, None, Unrecognised),
            (-1, None, Unrecognised),
            (i64::MAX, None, Unrecognised),
            (100, None, ContentRefused),
            (100, Some(33), Credentials),
            (100, Some(2388019), ContentRefused),
            (100, Some(2388001), AccountRestricted),
            (100, Some(2494100), Maintenance),
            // A subcode that only happens to be a code too.
            (100, Some(4), ContentRefused),
            (4, Some(2446079), AccountThrottled),
            (200, Some(1349174), Credentials),
            (77, Some(33), Unrecognised),
            (100, Some(999), ContentRefused),
            (190, Some(463), Credentials),
        ];
        for (code, subcode, class) in table {
            assert_eq!(class_of(code, subcode), class, "{code} {subcode:?}");
        }
    }
}
