//! The time of a scenario, and chance that is the same in every run.

use std::sync::Mutex;

use barid::ports::Clock;
use jiff::{SignedDuration, Timestamp};

/// A clock that moves when told.
pub(crate) struct Time(Mutex<Timestamp>);

impl Time {
    /// When every scenario begins.
    pub(crate) fn start() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Self::start()))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn since_start(&self) -> String {
        let millis = self.now().duration_since(Self::start()).as_millis();
        format!("+{}.{:03}", millis / 1000, millis % 1000)
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// So many seconds.
pub(crate) fn seconds(seconds: f64) -> SignedDuration {
    SignedDuration::from_millis((seconds * 1000.0) as i64)
}

/// A number between 0 and 1 that belongs to these three, the same in every run.
pub(crate) fn chance(seed: u64, what: u64, nth: u64) -> f64 {
    let mut mixed = seed ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ nth.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
