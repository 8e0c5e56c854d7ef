//! Meta's limits as plain counting; the time is always an argument.

use std::collections::{HashMap, VecDeque};

const SECOND_US: i64 = 1_000_000;
const DAY_MS: i64 = 86_400_000;

/// How many seconds of arrivals are kept for the counts.
const SECONDS_KEPT: usize = 3_600;

/// Throughput of a number: never more than `limit` messages in any span of one second.
///
/// An exact sliding window, not one that starts anew each second: that would let twice the limit through at its edge.
#[derive(Debug)]
pub(super) struct Throughput {
    limit: usize,
    taken_us: VecDeque<i64>,
}

impl Throughput {
    /// A limit of so many in a second; 0: any number.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit as usize, taken_us: VecDeque::new() }
    }

    /// Takes one if there is room.
    pub(super) fn take(&mut self, now_us: i64) -> bool {
        if self.limit == 0 {
            return true;
        }
        let free =
            self.taken_us.len() < self.limit || self.taken_us.front().is_none_or(|first| now_us - first >= SECOND_US);
        if free {
            self.note(now_us);
        }
        free
    }

    /// Counts one that nobody can refuse: a message from a person.
    pub(super) fn note(&mut self, now_us: i64) {
        if self.limit == 0 {
            return;
        }
        if self.taken_us.len() >= self.limit {
            self.taken_us.pop_front();
        }
        self.taken_us.push_back(now_us);
    }

    /// Meta's upgrade, or any other change.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit as usize;
        while self.limit > 0 && self.taken_us.len() > self.limit {
            self.taken_us.pop_front();
        }
    }
}

/// When calls came in, whatever became of them.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    last_second_us: VecDeque<i64>,
    /// The most calls in any span of one second.
    pub(super) peak: usize,
    /// Calls in each second (Unix) that had any, the latest hour of them.
    pub(super) by_second: VecDeque<(i64, u32)>,
}

impl Arrivals {
    /// One more call.
    pub(super) fn note(&mut self, now_us: i64) {
        while self.last_second_us.front().is_some_and(|first| now_us - first >= SECOND_US) {
            self.last_second_us.pop_front();
        }
        self.last_second_us.push_back(now_us);
        self.peak = self.peak.max(self.last_second_us.len());
        let second = now_us / SECOND_US;
        match self.by_second.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => {
                if self.by_second.len() == SECONDS_KEPT {
                    self.by_second.pop_front();
                }
                self.by_second.push_back((second, 1));
            }
        }
    }
}

/// The pair limit: a bucket of `burst`, one more each `interval_ms`; `next_ms` is the time at which the bucket would be full again.
pub(super) fn take_pair(next_ms: &mut i64, now_ms: i64, burst: u32, interval_ms: i64) -> bool {
    let start = (*next_ms).max(now_ms);
    let free = start - now_ms <= interval_ms.saturating_mul(i64::from(burst) - 1);
    if free {
        *next_ms = start + interval_ms;
    }
    free
}

/// The messaging limit of a portfolio: so many different people outside a service window in the last 24 hours.
#[derive(Debug)]
pub(super) struct Tier {
    /// The limit.
    pub(super) limit: usize,
    last_ms: HashMap<u64, i64>,
    order: VecDeque<(i64, u64)>,
}

impl Tier {
    /// A limit of so many people.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit as usize, last_ms: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes a place for this person if they have one already or one is free.
    pub(super) fn take(&mut self, person: u64, now_ms: i64) -> bool {
        while let Some((at, person)) = self.order.front().copied() {
            if now_ms - at < DAY_MS {
                break;
            }
            self.order.pop_front();
            if self.last_ms.get(&person) == Some(&at) {
                self.last_ms.remove(&person);
            }
        }
        if !self.last_ms.contains_key(&person) && self.last_ms.len() >= self.limit {
            return false;
        }
        if self.last_ms.insert(person, now_ms) != Some(now_ms) {
            self.order.push_back((now_ms, person));
        }
        true
    }
}

/// Calls in the last hour, for the management budget.
#[derive(Debug)]
pub(super) struct Hourly {
    limit: usize,
    taken_ms: VecDeque<i64>,
}

impl Hourly {
    /// A budget of so many calls; 0: any number.
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit as usize, taken_ms: VecDeque::new() }
    }

    /// Takes one if there is room; says how full the budget is, in percent, and in how many minutes there is room again.
    pub(super) fn take(&mut self, now_ms: i64) -> (bool, Usage) {
        const HOUR_MS: i64 = 3_600_000;
        if self.limit == 0 {
            return (true, Usage::default());
        }
        while self.taken_ms.front().is_some_and(|first| now_ms - first >= HOUR_MS) {
            self.taken_ms.pop_front();
        }
        let free = self.taken_ms.len() < self.limit;
        if free {
            self.taken_ms.push_back(now_ms);
        }
        let wait_ms = self.taken_ms.front().map_or(0, |first| HOUR_MS - (now_ms - first));
        let percent = self.taken_ms.len() * 100 / self.limit;
        (free, Usage { percent, regain_minutes: if free { 0 } else { wait_ms.div_euclid(60_000) + 1 } })
    }
}

/// What `x-business-use-case-usage` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Percent of the budget that is used.
    pub(super) percent: usize,
    /// Minutes until calls are allowed again; 0 while they are.
    pub(super) regain_minutes: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_holds_in_every_span_of_one_second() {
        let mut throughput = Throughput::new(80);
        // 80 at the end of one second must keep the next second shut.
        assert_eq!((0..200).filter(|_| throughput.take(999_999)).count(), 80);
        assert!(!throughput.take(1_000_001));
        assert!(!throughput.take(1_999_998));
        assert!(throughput.take(1_999_999));
    }

    #[test]
    fn inbound_messages_count_and_zero_is_no_limit() {
        let mut throughput = Throughput::new(2);
        throughput.note(0);
        assert!(throughput.take(1));
        assert!(!throughput.take(2));
        throughput.set_limit(3);
        assert!(throughput.take(3));
        assert!((0..1_000).all(|_| Throughput::new(0).take(0)));
    }

    #[test]
    fn a_pair_may_burst_45_and_then_one_each_six_seconds() {
        let mut next = 0;
        let now = 1_000_000;
        assert_eq!((0..60).filter(|_| take_pair(&mut next, now, 45, 6_000)).count(), 45);
        assert!(!take_pair(&mut next, now + 5_999, 45, 6_000));
        assert!(take_pair(&mut next, now + 6_000, 45, 6_000));
        assert!(!take_pair(&mut next, now + 6_000, 45, 6_000));
        let full = now + 46 * 6_000;
        assert_eq!((0..60).filter(|_| take_pair(&mut next, full, 45, 6_000)).count(), 45);
    }

    #[test]
    fn a_tier_counts_people_once_and_forgets_them_after_a_day() {
        let mut tier = Tier::new(2);
        assert!(tier.take(1, 0) && tier.take(2, 10) && tier.take(1, 20));
        assert!(!tier.take(3, DAY_MS - 1));
        assert!(!tier.take(3, DAY_MS + 5), "1 was written to again at 20, 2 at 10");
        assert!(tier.take(3, DAY_MS + 10));
        assert!(!tier.take(2, DAY_MS + 11));
    }

    #[test]
    fn the_peak_of_arrivals_is_over_any_second() {
        let mut arrivals = Arrivals::default();
        for at in [900_000, 950_000, 1_100_000, 1_899_999, 1_900_000, 5_000_000] {
            arrivals.note(at);
        }
        assert_eq!(arrivals.peak, 4);
        assert_eq!(arrivals.by_second, [(0, 2), (1, 3), (5, 1)]);
    }

    #[test]
    fn the_hourly_budget_says_when_it_is_free_again() {
        let mut hourly = Hourly::new(2);
        assert_eq!(hourly.take(0), (true, Usage { percent: 50, regain_minutes: 0 }));
        assert!(hourly.take(60_000).0);
        assert_eq!(hourly.take(120_000), (false, Usage { percent: 100, regain_minutes: 59 }));
        assert!(hourly.take(3_600_000).0);
    }
}
