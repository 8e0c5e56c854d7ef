//! Which refusals were told aloud already. One cause refuses a hundred thousand messages, and one line is enough to look.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::Channel;
use crate::domain::failure::FailureClass;
use crate::domain::ids::CampaignName;

/// A refusal that lasts is told again after this long, so that a later incident is not missed. An unknown code is told once: it
/// stays as unknown as it was.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Codes and campaigns are few; should a provider make codes up, memory does not grow with them.
const KEPT_MAX: usize = 1_000;

/// What one line speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sight {
    pub(super) channel: Channel,
    pub(super) class: FailureClass,
    pub(super) code: Option<i64>,
    /// Unknown codes are of no campaign.
    pub(super) campaign: Option<CampaignName>,
}

impl Sight {
    pub(super) fn new(
        channel: Channel,
        class: FailureClass,
        code: Option<i64>,
        campaign: Option<&CampaignName>,
    ) -> Self {
        let campaign = campaign.filter(|_| class != FailureClass::Unrecognised).cloned();
        Self { channel, class, code, campaign }
    }
}

/// The memory of one process.
pub(super) struct Told(Mutex<Option<HashMap<Sight, Timestamp>>>);

/// The one of this process.
pub(super) static TOLD: Told = Told::new();

impl Told {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether it should be told aloud now; if so, it counts as told.
    pub(super) fn is_new(&self, sight: Sight, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let told = told.get_or_insert_default();
        let once = sight.class == FailureClass::Unrecognised;
        if told.get(&sight).is_some_and(|at| once || now.duration_since(*at) < AGAIN_AFTER) {
            return false;
        }
        if told.len() >= KEPT_MAX {
            told.clear();
        }
        told.insert(sight, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_unknown_code_is_told_once_and_others_once_an_hour_for_each_campaign() {
        let told = Told::new();
        let (welcome, survey): (CampaignName, CampaignName) = ("welcome".parse().unwrap(), "survey".parse().unwrap());
        let unknown = |campaign| Sight::new(Channel::Whatsapp, FailureClass::Unrecognised, Some(77), campaign);
        assert!(told.is_new(unknown(Some(&welcome)), at(0)));
        assert!(!told.is_new(unknown(Some(&survey)), at(1)));
        assert!(!told.is_new(unknown(None), at(1_000_000)));
        assert!(told.is_new(Sight { channel: Channel::Sms, ..unknown(None) }, at(1)), "another provider's 77");
        let refused = |campaign| Sight::new(Channel::Whatsapp, FailureClass::ContentRefused, Some(132000), campaign);
        assert!(told.is_new(refused(Some(&welcome)), at(0)));
        assert!(!told.is_new(refused(Some(&welcome)), at(3599)));
        assert!(told.is_new(refused(Some(&survey)), at(1)));
        assert!(told.is_new(refused(Some(&welcome)), at(3600)));
        assert!(!told.is_new(refused(Some(&welcome)), at(7000)));
    }

    #[test]
    fn memory_is_bounded_whatever_codes_come() {
        let told = Told::new();
        for code in 0..10_000 {
            assert!(told.is_new(Sight::new(Channel::Sms, FailureClass::Unrecognised, Some(code), None), at(0)));
        }
        assert!(told.0.lock().unwrap().as_ref().unwrap().len() <= KEPT_MAX);
    }
}
