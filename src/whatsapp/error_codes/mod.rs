//! Meta's codes, each with our failure class. An unknown code is a first-class answer: [`FailureClass::Unrecognised`].
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, editions of 2025-12-12 and
//! September 2026, with Graph codes from developers.facebook.com/docs/graph-api/guides/error-handling; checked on 2026-11-22.
//! Titles change, so they are here for people; decisions look at the number only. The HTTP status is never looked at: Meta's
//! own editions disagree about it.

use FailureClass::{
    AccountRestricted, AccountThrottled, ContentRefused, CountryRestricted, Credentials, Maintenance, MarketingLimited,
    NumberThrottled, OptedOut, PairThrottled, QualityLimited, TemplateUnavailable, Transient, Undeliverable,
    WindowClosed,
};

use crate::domain::failure::FailureClass;

/// A code, or a range of codes that mean the same to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// First code.
    pub from: i64,
    /// Last code; equal to the first for a single one.
    pub to: i64,
    /// What follows from it.
    pub class: FailureClass,
    /// Meta's title.
    pub title: &'static str,
}

const fn one(code: i64, class: FailureClass, title: &'static str) -> Entry {
    Entry { from: code, to: code, class, title }
}

const fn all(from: i64, to: i64, class: FailureClass, title: &'static str) -> Entry {
    Entry { from, to, class, title }
}

/// The table, in the order of the codes.
pub const TABLE: &[Entry] = &[
    one(0, Credentials, "AuthException"),
    one(1, Transient, "API Unknown"),
    one(2, Transient, "API Service"),
    one(3, Credentials, "API Method"),
    one(4, AccountThrottled, "API Too Many Calls"),
    one(10, Credentials, "Permission Denied"),
    one(17, AccountThrottled, "User request limit reached"),
    // Our phone number was deleted, or its id is wrong.
    one(33, AccountRestricted, "Parameter value is not valid"),
    // With subcode 33 it means a wrong id or a token without access: see `class_of`.
    one(100, ContentRefused, "Invalid parameter"),
    one(102, Credentials, "API session"),
    one(104, Credentials, "Missing token"),
    one(190, Credentials, "Access token has expired"),
    all(200, 299, Credentials, "API Permission"),
    one(341, AccountThrottled, "Application limit reached"),
    one(368, AccountRestricted, "Temporarily blocked for policies violations"),
    one(506, ContentRefused, "Duplicate post"),
    one(613, AccountThrottled, "Calls to this api have exceeded the rate limit"),
    one(803, Credentials, "Some of the aliases you requested do not exist"),
    one(80007, AccountThrottled, "Rate limit issues"),
    // We blocked this person ourselves.
    one(130403, Undeliverable, "Recipient is blocked by the business"),
    one(130429, NumberThrottled, "Rate limit hit"),
    one(130472, Undeliverable, "User's number is part of an experiment"),
    one(130497, CountryRestricted, "Business account is restricted from messaging users in this country"),
    one(131000, Transient, "Something went wrong"),
    one(131005, Credentials, "Access denied"),
    one(131008, ContentRefused, "Required parameter is missing"),
    one(131009, ContentRefused, "Parameter value is not valid"),
    // Legacy form of 131053.
    one(131014, Transient, "Request for url failed"),
    one(131016, Transient, "Service unavailable"),
    one(131020, ContentRefused, "Group error"),
    one(131021, ContentRefused, "Recipient cannot be sender"),
    one(131026, Undeliverable, "Message undeliverable"),
    // Test numbers write to at most five confirmed recipients.
    one(131030, AccountRestricted, "Recipient phone number not in allowed list"),
    one(131031, AccountRestricted, "Account has been locked"),
    one(131037, AccountRestricted, "WhatsApp provided number needs display name approval before message can be sent"),
    one(131041, ContentRefused, "Group error"),
    one(131042, AccountRestricted, "Business eligibility payment issue"),
    one(131044, AccountRestricted, "Payment issue (calling)"),
    one(131045, AccountRestricted, "Incorrect certificate"),
    one(131047, WindowClosed, "Re-engagement message"),
    one(131048, QualityLimited, "Spam rate limit hit"),
    one(131049, MarketingLimited, "This message was not delivered to maintain healthy ecosystem engagement"),
    one(
        131050,
        OptedOut,
        "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business",
    ),
    one(131051, ContentRefused, "Unsupported message type"),
    one(131052, ContentRefused, "Media download error"),
    // Meta could not fetch or take our media: worth another try, as the host may have been down.
    one(131053, Transient, "Media upload error"),
    one(131055, ContentRefused, "Method not allowed"),
    one(131056, PairThrottled, "(Business Account, Consumer Account) pair rate limit hit"),
    one(131057, Maintenance, "Account in maintenance mode"),
    one(131059, ContentRefused, "Invalid cursor"),
    one(131060, ContentRefused, "This message is currently unavailable"),
    // It needs a phone number, which this person withholds.
    one(131062, Undeliverable, "BSUID not supported for this message"),
    one(131063, AccountRestricted, "Marketing disabled on Cloud API"),
    one(131064, QualityLimited, "Messaging limit caused by template misclassification"),
    all(131201, 131215, ContentRefused, "Group error"),
    one(132000, ContentRefused, "Number of parameters does not match the expected number of params"),
    one(132001, TemplateUnavailable, "Template name does not exist in the translation"),
    one(132005, ContentRefused, "Template hydrated text too long"),
    // The text of the template itself breaks a policy, so no other message of it will pass either.
    one(132007, TemplateUnavailable, "Template format character policy violated"),
    one(132008, ContentRefused, "Parameter value invalid in template"),
    one(132012, ContentRefused, "Template parameter format mismatch"),
    one(132015, TemplateUnavailable, "Template is paused"),
    one(132016, TemplateUnavailable, "Template is disabled"),
    one(132018, ContentRefused, "Template parameter validation"),
    one(132068, TemplateUnavailable, "Flow is in blocked state"),
    one(132069, Transient, "Flow is in throttled state"),
    one(133000, AccountRestricted, "Incomplete deregistration"),
    one(133004, Transient, "Server temporarily unavailable"),
    all(133005, 133009, AccountRestricted, "PIN mismatch, re-verification needed or PIN guessed too often"),
    one(133010, AccountRestricted, "Phone number not registered"),
    one(133015, AccountRestricted, "Phone number recently deleted"),
    one(133016, AccountRestricted, "Account register/deregister rate limit exceeded"),
    one(134011, AccountRestricted, "WhatsApp Payments terms of service not accepted"),
    one(134100, ContentRefused, "Only marketing messages supported"),
    one(134101, Transient, "Template is still syncing"),
    one(134102, TemplateUnavailable, "Template unavailable for use"),
    one(135000, ContentRefused, "Generic user error"),
    // The person's identity changed and must be verified again before we write.
    one(137000, Undeliverable, "Identity key hash mismatch"),
    all(138000, 138024, AccountRestricted, "Calling"),
    all(139000, 139004, AccountRestricted, "Flow management"),
    all(139100, 139101, ContentRefused, "Blocking users failed or the list is full"),
    all(139102, 139103, Transient, "Blocking users failed for the moment"),
    one(141002, TemplateUnavailable, "Health: template not approved"),
    one(141006, AccountRestricted, "Health: payment"),
    one(141010, AccountRestricted, "Health: business not verified"),
    one(141014, AccountRestricted, "Health: account banned"),
    all(147001, 147005, AccountRestricted, "Usernames"),
    all(200005, 200007, Credentials, "Template insights unavailable or not enabled"),
    one(1752041, ContentRefused, "Duplicate Request"),
    one(2388001, AccountRestricted, "Number migration"),
    one(2388012, AccountRestricted, "Number migration"),
    one(2388019, AccountRestricted, "Message template limit exceeded"),
    all(2388039, 2388040, ContentRefused, "Template creation: status cannot change, or too long"),
    one(2388047, ContentRefused, "Template creation: header format"),
    all(2388072, 2388073, ContentRefused, "Template creation: body or footer format"),
    one(2388091, AccountRestricted, "Number migration"),
    one(2388093, AccountRestricted, "Number migration"),
    one(2388103, AccountRestricted, "Number migration"),
    one(2388293, ContentRefused, "Template creation: too many parameters for the words"),
    one(2388299, ContentRefused, "Template creation: leading or trailing parameter"),
    one(2494100, Maintenance, "Account in maintenance mode"),
    one(2593079, AccountRestricted, "Account ownership migration"),
    one(2593085, AccountRestricted, "Account ownership migration"),
    all(2593107, 2593108, ContentRefused, "Synchronization limit, or outside of its time window"),
];

/// The class of a code. Meta puts the codes of template creation into the subcode of 100, and says with subcode 33 that the id is
/// wrong or that the token may not see it.
pub fn class_of(code: i64, subcode: Option<i64>) -> FailureClass {
    let by_subcode = subcode.filter(|_| code == 100);
    let class = match by_subcode {
        Some(33) => Some(Credentials),
        Some(subcode) => found(subcode).or_else(|| found(code)),
        None => found(code),
    };
    class.unwrap_or(FailureClass::Unrecognised)
}

fn found(code: i64) -> Option<FailureClass> {
    let at = TABLE.partition_point(|entry| entry.to < code);
    TABLE.get(at).filter(|entry| entry.from <= code).map(|entry| entry.class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_it_can_be_searched() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].from <= pair[0].to && pair[0].to < pair[1].from, "{} {}", pair[0].from, pair[1].from);
        }
    }

    #[test]
    fn the_table_as_a_reviewer_reads_it() {
        let table: String = TABLE
            .iter()
            .map(|entry| {
                let codes = if entry.from == entry.to {
                    entry.from.to_string()
                } else {
                    format!("{}-{}", entry.from, entry.to)
                };
                format!("{codes:<16}{:<22}{}\n", entry.class.name(), entry.title)
            })
            .collect();
        insta::assert_snapshot!(table);
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
            (100, Some(2388019), AccountRestricted),
            (100, Some(999), ContentRefused),
            (190, Some(463), Credentials),
        ];
        for (code, subcode, class) in table {
            assert_eq!(class_of(code, subcode), class, "{code} {subcode:?}");
        }
    }
}
