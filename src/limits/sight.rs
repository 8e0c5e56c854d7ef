//! What this process was told lately, for whoever asks without waiting: is a run blocked, and until when?

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::RunId;
use crate::domain::limit::Limit;

/// A run is fed again this long after those of its messages that wait have asked again.
const FED_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// A line that takes longer than this is not made longer.
const LINE_MAX: SignedDuration = SignedDuration::from_secs(2);

/// What blocks a run.
#[derive(Debug, Clone, Copy)]
struct Block {
    limit: Limit,
    since: Timestamp,
    until: Timestamp,
}

/// What one process knows of one portfolio.
#[derive(Debug)]
pub(super) struct Sight {
    runs: Mutex<HashMap<RunId, Block>>,
    account: Mutex<Option<Timestamp>>,
    /// For each number: messages of runs that wait, and messages each second in sixteenths.
    lines: Vec<(AtomicU32, AtomicU32)>,
}

/// Whether what is used up may come back by loading what the record says.
pub(super) const fn is_used_up(limit: Limit) -> bool {
    matches!(limit, Limit::Tier | Limit::Budget | Limit::DayBudget | Limit::MonthBudget)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sight {
    pub(super) fn new(mps: impl IntoIterator<Item = u32>) -> Self {
        let lines = mps.into_iter().map(|mps| (AtomicU32::new(0), AtomicU32::new(mps.saturating_mul(16)))).collect();
        Self { runs: Mutex::default(), account: Mutex::default(), lines }
    }

    /// A message of the run was refused until then; answers since when they are.
    pub(super) fn block(&self, run: RunId, limit: Limit, until: Timestamp, now: Timestamp) -> Timestamp {
        let mut runs = lock(&self.runs);
        // Blocks end by themselves; those of runs that ended long ago are not kept.
        runs.retain(|_, block| {
            now < block.until.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
        });
        let block = runs.entry(run).or_insert(Block { limit, since: now, until });
        if block.limit != limit {
            *block = Block { limit, since: now, until };
        }
        block.until = block.until.max(until);
        block.since
    }

    /// A message of the run was granted something that the limit had refused.
    pub(super) fn unblock(&self, run: RunId) {
        lock(&self.runs).remove(&run);
    }

    /// What was used up may be free again.
    pub(super) fn unblock_all(&self) {
        lock(&self.runs).retain(|_, block| !is_used_up(block.limit));
    }

    pub(super) fn note_account(&self, until: Timestamp) {
        let mut account = lock(&self.account);
        *account = (*account).max(Some(until));
    }

    pub(super) fn note_line(&self, number: usize, waiting: usize, sixteenths: u32) {
        if let Some((n, rate)) = self.lines.get(number) {
            n.store(u32::try_from(waiting).unwrap_or(u32::MAX), Ordering::Relaxed);
            rate.store(sixteenths.max(1), Ordering::Relaxed);
        }
    }

    /// What blocks the run, and until when it need not be fed.
    pub(super) fn full(&self, number: Option<usize>, run: RunId, now: Timestamp) -> Option<(Limit, Timestamp)> {
        if let Some(until) = lock(&self.account).filter(|until| *until > now) {
            return Some((Limit::Account, until));
        }
        if let Some(block) = lock(&self.runs).get(&run) {
            // A line is fed again before it is empty; what is used up is left to those who wait for it already.
            let until = match block.limit {
                Limit::Rate | Limit::Number => block.until.saturating_sub(LINE_MAX),
                _ => block.until.saturating_add(FED_AFTER),
            };
            let until = until.unwrap_or(block.until);
            if until > now {
                return Some((block.limit, until));
            }
        }
        let (waiting, rate) = self.lines.get(number?)?;
        let seconds = f64::from(waiting.load(Ordering::Relaxed)) * 16.0 / f64::from(rate.load(Ordering::Relaxed));
        let line = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::ZERO);
        let until = now.saturating_add(line - LINE_MAX).unwrap_or(now);
        (line > LINE_MAX).then_some((Limit::Number, until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    #[test]
    fn a_run_is_fed_after_those_who_wait_for_the_same_have_asked_again() {
        let (sight, run) = (Sight::new([70]), RunId::new(1));
        assert_eq!(sight.full(Some(0), run, at(0)), None);
        assert_eq!(sight.block(run, Limit::Budget, at(60), at(0)), at(0));
        assert_eq!(sight.full(Some(0), run, at(61)), Some((Limit::Budget, at(65))));
        assert_eq!(sight.full(Some(0), RunId::new(2), at(1)), None, "other runs are not blocked");
        assert_eq!(sight.block(run, Limit::Budget, at(120), at(60)), at(0), "since the first refusal");
        sight.unblock(run);
        assert_eq!(sight.full(Some(0), run, at(61)), None);
    }

    #[test]
    fn a_line_of_more_than_two_seconds_is_not_made_longer() {
        let (sight, run) = (Sight::new([70]), RunId::new(1));
        sight.note_line(0, 140, 70 * 16);
        assert_eq!(sight.full(Some(0), run, at(0)), None);
        sight.note_line(0, 350, 70 * 16);
        assert_eq!(sight.full(Some(0), run, at(0)), Some((Limit::Number, at(3))));
        assert_eq!(sight.full(None, run, at(0)), None, "other channels have no line");
    }
}
