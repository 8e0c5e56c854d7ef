//! Translates moments of Redis's clock into moments of this process.

use std::time::Duration;

use tokio::time::Instant;

/// How far the two clocks are apart. Each answer narrows it: Redis's `now` lies between the question and the answer. The estimate only
/// moves where an answer contradicts it, so slots keep their distances although answers take different times.
#[derive(Debug)]
pub(super) struct RedisClock {
    origin: Instant,
    /// Ours minus Redis's, in microseconds since `origin`.
    offset_us: Option<i64>,
}

impl RedisClock {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, offset_us: None }
    }

    /// Learns from an answer that says what Redis's clock showed.
    pub(super) fn learn(&mut self, asked: Instant, answered: Instant, redis_us: i64) {
        let (least, most) = (self.us(asked) - redis_us, self.us(answered) - redis_us);
        let offset = self.offset_us.unwrap_or(least.midpoint(most));
        self.offset_us = Some(offset.clamp(least, most.max(least)));
    }

    /// The moment at which Redis's clock shows this.
    pub(super) fn instant(&self, redis_us: i64) -> Instant {
        let us = redis_us + self.offset_us.unwrap_or(0);
        self.origin + Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }

    fn us(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slots_keep_their_distance_although_answers_take_different_times() {
        let origin = Instant::now();
        let at = |us: u64| origin + Duration::from_micros(us);
        let mut clock = RedisClock::new(origin);
        clock.learn(at(1_000), at(1_200), 5_000_000);
        let first = clock.instant(5_000_000);
        assert!(first >= at(1_000) && first <= at(1_200));
        // An answer that took 50 ms, of which nobody knows where.
        clock.learn(at(2_000), at(52_000), 5_001_100);
        assert_eq!(clock.instant(5_000_000), first);
        // Redis's clock is put forward by a minute.
        clock.learn(at(60_000), at(60_100), 65_059_000);
        let after = clock.instant(65_059_000);
        assert!(after >= at(60_000) && after <= at(60_100));
    }
}
