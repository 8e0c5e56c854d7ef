//! Whom a run addresses, and every reason for not writing to one of them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::domain::consent::Subject;
use crate::domain::contact::Contact;
use crate::domain::delivery::SuppressedReason;
use crate::domain::share::Share;

/// Which contacts a campaign addresses, before consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Where the contacts come from.
    pub source: AudienceSource,
    /// At least one of these tags, when there are any.
    pub tags_any: Vec<String>,
    /// None of these tags.
    pub tags_none: Vec<String>,
    /// Allowed values by attribute; `language` and `timezone` are the contact's own.
    #[serde(rename = "where")]
    pub where_: BTreeMap<String, Vec<String>>,
    /// Leave out who heard from us within this time.
    pub not_contacted_for: Option<SignedDuration>,
    /// Only this part of them.
    pub sample: Sample,
}

/// Where the contacts of an audience come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudienceSource {
    /// A contacts file, by its path as the service opens it.
    File(String),
    /// All contacts in the store.
    Query,
}

/// A part of an audience, drawn by contact: the same people each time, so that a preview shows who will be written to and a
/// restart goes on where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// How large.
    pub share: Share,
    /// Decides who: campaigns have different seeds, so that small samples do not always fall on the same people.
    pub seed: u64,
}

impl Sample {
    /// Everybody.
    pub const ALL: Self = Self { share: Share::ALL, seed: 0 };

    /// The sample of that size that belongs to the campaign of that name.
    pub fn of(share: Share, campaign: &str) -> Self {
        Self {
            share,
            seed: mixed(campaign.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| mixed(hash ^ u64::from(byte)))),
        }
    }

    fn includes(self, contact: i64) -> bool {
        mixed(self.seed ^ contact.unsigned_abs()) % u64::from(Share::ALL.basis_points())
            < u64::from(self.share.basis_points())
    }
}

/// Spreads neighbouring numbers evenly (the finaliser of SplitMix64). Fixed for ever: a frozen run depends on it.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Audience {
    /// Whether the contact belongs to the audience: tags, attributes and sample. Being in the file is the caller's to know.
    pub fn selects(&self, contact: &Contact) -> bool {
        let tagged = |tags: &[String]| tags.iter().any(|tag| contact.tags.contains(tag));
        (self.tags_any.is_empty() || tagged(&self.tags_any))
            && !tagged(&self.tags_none)
            && self.where_.iter().all(|(name, allowed)| {
                let value = match name.as_str() {
                    "language" => Some(contact.language.code()),
                    "timezone" => Some(contact.timezone.as_str()),
                    _ => contact.attributes.get(name).map(String::as_str),
                };
                value.is_some_and(|value| allowed.iter().any(|allowed| allowed == value))
            })
            && self.sample.includes(contact.id.number())
    }
}

/// Why the contact may not be written to about this on WhatsApp, if so. What the person said comes first.
pub fn suppression(contact: &Contact, subject: Subject) -> Option<SuppressedReason> {
    let nowhere = contact.phone.is_none() && contact.bsuid.is_none();
    contact.consent.objection(subject).or(nowhere.then_some(SuppressedReason::NoAddress))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consent::{Consent, Purpose, Purposes};
    use crate::domain::ids::ContactId;
    use crate::domain::language::Language;
    use crate::domain::phone_number::PhoneNumber;

    fn contact(id: i64) -> Contact {
        Contact {
            id: ContactId::new(id),
            phone: Some(PhoneNumber::from_e164("+966500000101").unwrap()),
            bsuid: None,
            name: Some("Amal".into()),
            language: Language::Ar,
            timezone: "Asia/Riyadh".into(),
            email: None,
            tags: vec!["buyer".into()],
            attributes: [("city".to_owned(), "Riyadh".to_owned())].into(),
            consent: Consent { granted: Purposes::NONE.with(Purpose::Survey), ..Consent::default() },
        }
    }

    fn everyone() -> Audience {
        Audience {
            source: AudienceSource::Query,
            tags_any: vec![],
            tags_none: vec![],
            where_: BTreeMap::new(),
            not_contacted_for: None,
            sample: Sample::ALL,
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn condition(name: &str, allowed: &[&str]) -> Audience {
        Audience { where_: [(name.to_owned(), texts(allowed))].into(), ..everyone() }
    }

    #[test]
    fn tags_and_attributes_select() {
        let amal = contact(1);
        for (audience, selected) in [
            (everyone(), true),
            (Audience { tags_any: texts(&["vip", "buyer"]), ..everyone() }, true),
            (Audience { tags_any: texts(&["vip"]), ..everyone() }, false),
            (Audience { tags_none: texts(&["buyer"]), ..everyone() }, false),
            (condition("city", &["Jeddah", "Riyadh"]), true),
            (condition("city", &["Jeddah"]), false),
            (condition("branch", &["Riyadh"]), false),
            (condition("language", &["ar"]), true),
            (condition("timezone", &["Africa/Cairo"]), false),
        ] {
            assert_eq!(audience.selects(&amal), selected, "{audience:?}");
        }
    }

    #[test]
    fn a_sample_is_as_large_as_asked_and_differs_between_campaigns() {
        let drawn = |share: &str, campaign: &str| -> Vec<i64> {
            let audience = Audience { sample: Sample::of(share.parse().unwrap(), campaign), ..everyone() };
            (0..10_000).filter(|id| audience.selects(&contact(*id))).collect()
        };
        let spring = drawn("10%", "spring");
        assert!((900..1100).contains(&spring.len()), "{}", spring.len());
        assert_eq!(spring, drawn("10%", "spring"));
        let shared = drawn("10%", "autumn").iter().filter(|id| spring.contains(id)).count();
        assert!(shared < 200, "{shared}");
        assert_eq!((drawn("0%", "x").len(), drawn("100%", "x").len()), (0, 10_000));
    }

    #[test]
    fn a_reason_not_to_write_is_given_and_the_persons_word_comes_first() {
        let amal = contact(1);
        let about = |purpose| Subject { purpose, marketing: false };
        assert_eq!(suppression(&amal, about(Purpose::Survey)), None);
        assert_eq!(suppression(&amal, about(Purpose::Marketing)), Some(SuppressedReason::NoConsent));
        let stopped = Contact { consent: Consent { stopped: true, ..amal.consent }, phone: None, ..amal.clone() };
        assert_eq!(suppression(&stopped, about(Purpose::Survey)), Some(SuppressedReason::OptedOut));
        let unreachable = Contact { phone: None, ..amal.clone() };
        assert_eq!(suppression(&unreachable, about(Purpose::Survey)), Some(SuppressedReason::NoAddress));
        let by_id = Contact { phone: None, bsuid: Some("SA.1".into()), ..amal };
        assert_eq!(suppression(&by_id, about(Purpose::Survey)), None);
    }
}
