//! Keeps the distance of slots when messages come late to them, so that a stall does not become a burst.
//!
//! Whoever comes late shifts all that follow by as much: they leave with the distances that were reserved, only later. The shift goes
//! back to nothing by a hundredth of the time that passes, so that no second carries more than about 1 % above its share.

use std::time::Duration;

use tokio::time::Instant;

/// Whoever is later than this has lost the slot and asks for another one.
pub(super) const LATE_MAX: Duration = Duration::from_secs(1);
/// The shift shrinks by one part in so many of the time that passes.
const CATCH_UP: u32 = 100;

/// How late one of our numbers is.
#[derive(Debug, Default)]
pub(super) struct Shift {
    late: Duration,
    since: Option<Instant>,
}

impl Shift {
    /// When a message leaves whose slot is at that moment; `None`: it has lost it.
    pub(super) fn leave_at(&mut self, slot: Instant, now: Instant) -> Option<Instant> {
        let passed = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.late = self.late.saturating_sub(passed / CATCH_UP);
        self.since = Some(now);
        let late = now.saturating_duration_since(slot);
        if late > LATE_MAX {
            return None;
        }
        self.late = self.late.max(late);
        Some(slot + self.late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn after_a_stall_messages_keep_their_distance_and_catch_up_slowly() {
        let begin = Instant::now() + Duration::from_secs(10);
        let slot = |n: u32| begin + 10 * MS * n;
        let mut shift = Shift::default();
        assert_eq!(shift.leave_at(slot(0), slot(0) - 5 * MS), Some(slot(0)));
        // 300 ms in which nothing moves, then thirty at once.
        let resumed = slot(1) + 300 * MS;
        let left: Vec<Instant> = (1..=30).map(|n| shift.leave_at(slot(n), resumed).unwrap()).collect();
        assert_eq!(left[0], resumed);
        assert!(left.windows(2).all(|two| two[1] - two[0] == 10 * MS), "the distances are those of the slots");
        // Half a minute later all is as it should be again.
        let much_later = slot(3_600);
        assert_eq!(shift.leave_at(much_later, much_later - 20 * MS), Some(much_later));
        assert_eq!(shift.leave_at(begin, much_later), None, "a slot of long ago is lost");
    }

    #[tokio::test]
    async fn no_second_carries_much_more_than_the_rate_whatever_stalls() {
        let begin = Instant::now() + Duration::from_secs(10);
        let mut shift = Shift::default();
        let mut clock = begin;
        let mut left = Vec::new();
        for n in 0..5_000_u32 {
            let slot = begin + 2 * MS * n;
            // A stall of up to 400 ms now and then, by a fixed rule.
            clock = clock.max(slot - 20 * MS) + if n % 701 == 0 { MS * (n % 397) } else { Duration::ZERO };
            left.push(shift.leave_at(slot, clock).unwrap().max(clock));
        }
        left.sort();
        let busiest =
            (0..left.len()).map(|n| left[n..].iter().take_while(|at| **at - left[n] < 1_000 * MS).count()).max();
        assert!(busiest.unwrap() <= 508, "{busiest:?} of 500");
    }
}
