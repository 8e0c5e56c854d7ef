//! Counts failed signatures by address, so that somebody who guesses is slowed down and does not fill the log. Signed callbacks
//! never come here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// How many failures an address has before it is slowed down.
const BURST: i32 = 10;
/// After how long one of them is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_secs(6);
/// How many addresses are remembered; beyond that, strangers are slowed down at once until some are forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// The addresses with failures that are not forgotten yet: for each the moment when the last of them will be.
#[derive(Debug, Default)]
pub(super) struct FailedSignatures(Mutex<HashMap<IpAddr, Timestamp>>);

/// What becomes of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Say that the signature is wrong.
    Refuse,
    /// Say that there were too many.
    SlowDown,
}

impl FailedSignatures {
    pub(super) fn count(&self, address: IpAddr, now: Timestamp) -> Verdict {
        let mut forgotten_at = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if forgotten_at.len() >= ADDRESSES_MAX && !forgotten_at.contains_key(&address) {
            forgotten_at.retain(|_, at| *at > now);
            if forgotten_at.len() >= ADDRESSES_MAX {
                return Verdict::SlowDown;
            }
        }
        let at = forgotten_at.entry(address).or_insert(now);
        let after = (*at).max(now) + FORGOTTEN_AFTER;
        if now.duration_until(after) > FORGOTTEN_AFTER * BURST {
            return Verdict::SlowDown;
        }
        *at = after;
        Verdict::Refuse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_000_000 + second).unwrap()
    }

    #[test]
    fn a_guesser_is_slowed_down_and_others_are_not() {
        let failed = FailedSignatures::default();
        let (guesser, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..BURST {
            assert_eq!(failed.count(guesser, at(0)), Verdict::Refuse);
        }
        assert_eq!(failed.count(guesser, at(0)), Verdict::SlowDown);
        assert_eq!(failed.count(other, at(0)), Verdict::Refuse);
        assert_eq!(failed.count(guesser, at(6)), Verdict::Refuse);
        assert_eq!(failed.count(guesser, at(6)), Verdict::SlowDown);
    }

    #[test]
    fn memory_is_bounded() {
        let failed = FailedSignatures::default();
        for number in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            assert_eq!(failed.count(std::net::Ipv4Addr::from_bits(number).into(), at(0)), Verdict::Refuse);
        }
        let late = std::net::Ipv4Addr::from_bits(u32::MAX).into();
        assert_eq!(failed.count(late, at(0)), Verdict::SlowDown);
        assert_eq!(failed.count(late, at(60)), Verdict::Refuse);
        assert_eq!(failed.0.lock().unwrap().len(), 1);
    }
}
