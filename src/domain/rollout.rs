//! A pilot first: who belongs to a stage, and whether the next one may begin.
//!
//! People are dealt into lots by the number of their message, so that a stage is a fair sample: with each step through the audience
//! the lot jumps by the golden section, which spreads any share of the lots evenly over the whole list. A file that is sorted by city,
//! date or language does not make a pilot of one city, of one day or of one language.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::campaign::Rollout;
use crate::domain::share::Share;

/// How many lots there are: a prime, and fine enough for hundredths of a percent. Fixed for ever, like [`LOT_STEP`]: open runs depend
/// on it.
pub const LOTS: i64 = 10_007;
/// From one message to the next, the lot moves on by so much: the golden section of [`LOTS`].
pub const LOT_STEP: i64 = 6_185;

/// So many of a stage must have been called before few failures can mean much: then it need not be called to its end.
const EARLY_LOOK: u64 = 200;
/// A stage counts as called when no more than one in so many of its people still waits to be called.
const STRAGGLERS: u64 = 100;

/// The lot of a message, from 0 to below [`LOTS`].
pub const fn lot(message: i64) -> i64 {
    message % LOTS * LOT_STEP % LOTS
}

/// How many lots a share is, at least one.
pub fn lots_of(share: Share) -> i64 {
    let all = i64::from(Share::ALL.basis_points());
    (i64::from(share.basis_points()) * LOTS).div_euclid(all).max(1)
}

/// The lots that a stage opens: those of the stages before it are open already. A stage beyond the last has none of its own.
pub fn lots_of_stage(rollout: &Rollout, stage: usize) -> std::ops::Range<i64> {
    let until = |stage: usize| rollout.stages.get(stage).map_or(LOTS, |share| lots_of(*share));
    let from = stage.checked_sub(1).map_or(0, until);
    from..until(stage)
}

/// How far the stages of a run have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStanding {
    /// Which stage is open, from 0; as many as there are stages when everybody is let go without further looks.
    pub stage: usize,
    /// Who was to be called in it when it was opened.
    pub people: u64,
    /// Who was to be called in later stages then.
    pub later: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When everybody in it had been called.
    pub called_at: Option<Timestamp>,
    /// Why the run was halted in it, if it was.
    pub halted: Option<String>,
}

/// What a look at the people of the open stage shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageLook {
    /// Not called yet.
    pub waiting: u64,
    /// Failed on every channel, of those who were called since the stage was opened.
    pub failed: u64,
    /// Withdrew after being called in it.
    pub opted_out: u64,
}

/// What a look leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageStep {
    /// Nothing yet.
    Wait,
    /// Everybody in the stage has been called: the wait before the next begins.
    Called,
    /// The stage of that number begins.
    Open(usize),
    /// The run stops until a person resumes it.
    Halt {
        /// Why, as `failed 7.2% > 5%`.
        because: String,
    },
}

/// What follows from a look at the open stage; `None` stands for a run in which none is open yet.
///
/// A stage that was halted and goes on was resumed by a person, who has seen why: the next one begins.
pub fn after_look(rollout: &Rollout, open: Option<&StageStanding>, look: StageLook, now: Timestamp) -> StageStep {
    let Some(open) = open else { return StageStep::Open(0) };
    let next = open.stage + 1;
    if open.stage >= rollout.stages.len() {
        return StageStep::Wait;
    }
    if open.halted.is_some() {
        return StageStep::Open(next);
    }
    let called = open.people.saturating_sub(look.waiting);
    let is_called = look.waiting <= open.people / STRAGGLERS;
    let waited = open.called_at.is_some_and(|at| at.saturating_add(rollout.wait).is_ok_and(|until| until <= now));
    if (waited || called >= EARLY_LOOK)
        && let Some(because) = too_much(rollout, look, called)
    {
        return StageStep::Halt { because };
    }
    let is_last = next == rollout.stages.len();
    match open.called_at {
        None if is_called => StageStep::Called,
        Some(_) if !is_last && (waited || open.people == 0) => StageStep::Open(next),
        _ => StageStep::Wait,
    }
}

fn too_much(rollout: &Rollout, look: StageLook, called: u64) -> Option<String> {
    let above = |what: &str, n: u64, limit: Option<Share>| {
        let limit = limit?;
        let all = u128::from(Share::ALL.basis_points());
        let exceeds = u128::from(n) * all > u128::from(called) * u128::from(limit.basis_points());
        // Rounded up, so that what is shown is above what it is compared with.
        let tenths = (u128::from(n) * 1_000).div_ceil(u128::from(called.max(1)));
        exceeds.then(|| format!("{what} {}.{}% > {limit}", tenths / 10, tenths % 10))
    };
    above("failed", look.failed, rollout.failed_above)
        .or_else(|| above("opted out", look.opted_out, rollout.opted_out_above))
}

/// When the next look can lead to something new, for whoever shows it; `None` while people are being called.
pub fn next_look(rollout: &Rollout, open: &StageStanding) -> Option<Timestamp> {
    let waits = open.stage + 1 < rollout.stages.len() && open.halted.is_none();
    open.called_at.filter(|_| waits).and_then(|at| at.checked_add(rollout.wait).ok())
}

/// At least so long after its first call a stage of an audience leads to the next, for forecasts.
pub fn waits(rollout: &Rollout) -> SignedDuration {
    let between = i32::try_from(rollout.stages.len().saturating_sub(1)).unwrap_or(i32::MAX);
    rollout.wait.saturating_mul(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Rollout {
        Rollout {
            stages: ["2%", "20%", "100%"].map(|share| share.parse().unwrap()).to_vec(),
            wait: SignedDuration::from_mins(30),
            failed_above: Some("5%".parse().unwrap()),
            opted_out_above: Some("2%".parse().unwrap()),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn open(stage: usize, people: u64, called_at: Option<i64>) -> StageStanding {
        StageStanding { stage, people, later: 0, opened_at: at(0), called_at: called_at.map(at), halted: None }
    }

    fn look(waiting: u64, failed: u64, opted_out: u64) -> StageLook {
        StageLook { waiting, failed, opted_out }
    }

    fn step(open: &StageStanding, look: StageLook, second: i64) -> StageStep {
        after_look(&rollout(), Some(open), look, at(second))
    }

    fn halt(because: &str) -> StageStep {
        StageStep::Halt { because: because.to_owned() }
    }

    #[test]
    fn a_stage_is_as_large_as_its_share_and_spread_over_the_whole_list() {
        for (first, n) in [(1, 1_000_i64), (123_457, 1_000), (77, 50_000), (900_001, 10_007)] {
            for share in ["1%", "2%", "20%", "50%"] {
                let share: Share = share.parse().unwrap();
                let lots = lots_of(share);
                let chosen: Vec<i64> = (first..first + n).filter(|id| lot(*id) < lots).collect();
                let expected = n * i64::from(share.basis_points()) / 10_000;
                let off = (i64::try_from(chosen.len()).unwrap() - expected).abs();
                assert!(
                    off <= 6 + expected / 100,
                    "{share} of {n} from {first}: {} instead of {expected}",
                    chosen.len()
                );
                let widest = chosen.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
                assert!(widest <= 5 * n.min(10_007) / expected.clamp(1, 2_000) + 60, "{share}: a gap of {widest}");
                let even = chosen.iter().filter(|id| **id % 2 == 0).count();
                let odd = chosen.len() - even;
                assert!(even.abs_diff(odd) <= 4 + chosen.len() / 5, "{share}: {even} even, {odd} odd");
            }
        }
        assert!((0..100_000).all(|id| lot(id) < LOTS) && lots_of(Share::ALL) == LOTS);
    }

    #[test]
    fn stages_follow_each_other_without_gap_and_end_with_everybody() {
        let rollout = rollout();
        assert_eq!(lots_of_stage(&rollout, 0), 0..200);
        assert_eq!(lots_of_stage(&rollout, 1), 200..2_001);
        assert_eq!(lots_of_stage(&rollout, 2), 2_001..LOTS);
        assert!(lots_of_stage(&rollout, 3).is_empty());
        assert_eq!(lots_of("0%".parse().unwrap()), 1, "a pilot of nobody would prove nothing");
    }

    #[test]
    fn the_next_stage_begins_a_wait_after_the_last_call_and_not_before() {
        let minutes = 60;
        assert_eq!(after_look(&rollout(), None, look(0, 0, 0), at(0)), StageStep::Open(0));
        assert_eq!(step(&open(0, 150, None), look(2, 0, 0), 10), StageStep::Wait, "two of 150 are not called yet");
        assert_eq!(step(&open(0, 150, None), look(1, 0, 0), 10), StageStep::Called, "one straggler holds nobody up");
        assert_eq!(step(&open(0, 150, Some(10)), look(0, 3, 1), 10 + 30 * minutes - 1), StageStep::Wait);
        assert_eq!(step(&open(0, 150, Some(10)), look(0, 3, 1), 10 + 30 * minutes), StageStep::Open(1));
        assert_eq!(
            step(&open(2, 150, Some(10)), look(0, 0, 0), 10 + 90 * minutes),
            StageStep::Wait,
            "nothing comes after"
        );
        assert_eq!(step(&open(0, 0, Some(10)), look(0, 0, 0), 10), StageStep::Open(1), "nobody to wait for");
    }

    #[test]
    fn too_many_failures_or_stop_words_halt() {
        let late = 10 + 30 * 60;
        assert_eq!(
            step(&open(0, 100, Some(10)), look(0, 5, 2), late),
            StageStep::Open(1),
            "at the limit is not above it"
        );
        assert_eq!(step(&open(0, 125, Some(10)), look(0, 9, 0), late), halt("failed 7.2% > 5%"));
        assert_eq!(step(&open(1, 150, Some(10)), look(0, 0, 4), late), halt("opted out 2.7% > 2%"));
        assert_eq!(step(&open(0, 20_000, Some(10)), look(0, 1_001, 0), late), halt("failed 5.1% > 5%"));
        let unwatched = Rollout { failed_above: None, opted_out_above: None, ..rollout() };
        let standing = open(0, 100, Some(10));
        assert_eq!(after_look(&unwatched, Some(&standing), look(0, 100, 100), at(late)), StageStep::Open(1));
    }

    #[test]
    fn a_large_stage_halts_before_it_is_called_to_its_end() {
        assert_eq!(step(&open(2, 80_000, None), look(79_801, 199, 0), 5), StageStep::Wait, "too few to tell");
        assert_eq!(step(&open(2, 80_000, None), look(79_000, 60, 0), 5), halt("failed 6.0% > 5%"));
        assert_eq!(step(&open(2, 80_000, None), look(79_000, 50, 0), 5), StageStep::Wait);
    }

    #[test]
    fn what_a_person_resumes_goes_on_with_the_next_stage() {
        let halted =
            |stage| StageStanding { halted: Some("failed 50.0% > 5%".to_owned()), ..open(stage, 100, Some(10)) };
        assert_eq!(step(&halted(0), look(0, 50, 0), 99), StageStep::Open(1));
        assert_eq!(step(&halted(2), look(0, 50, 0), 99), StageStep::Open(3), "beyond the last: everybody, unwatched");
        assert_eq!(step(&open(3, 0, None), look(0, 100, 0), 9_999), StageStep::Wait);
    }
}
