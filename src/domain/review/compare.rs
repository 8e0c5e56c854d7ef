//! What is otherwise than in the month before, and whether somebody should look at it.

use super::Compared;
use super::rates::{Part, Rate};
use super::times::{Percentiles, Times};
use crate::domain::channel::Channel;
use crate::domain::limits_check::{Direction, SaidByMeta, SaidOtherwise, changes};

/// A rate of fewer messages, in either month, is a matter of single persons.
const MESSAGES_MIN: i64 = 100;
/// A rate has changed when it moved by so many basis points: less is not worth anybody's time, …
const MOVED_BY: i64 = 200;
/// … or by this part of what it was, so that a fall from 4 % to 3 % of answers is seen, too, …
const MOVED_BY_PART: i64 = 5;
/// … and, either way, by more than chance explains: three times the error of the difference of two shares, which chance exceeds in one of 370
/// comparisons.
const ERRORS: f64 = 3.0;

/// A time has changed when it is so many times what it was.
const TIMES_LONGER: i64 = 2;
/// The time to the arrival of half of the messages; what takes longest depends on phones that are off. Providers tell whole seconds.
const LATENCY_MIN: i64 = 5_000;
/// The time to the call of 95 of 100 messages, which grows with a campaign that waits for its own rate.
const LATENESS_MIN: i64 = 60_000;

/// Whose rate it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Of what went over a channel.
    Channel(Channel),
    /// Of a campaign.
    Campaign(String),
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A rate, in basis points.
    Rate {
        /// Whose.
        whose: Whose,
        /// Which.
        rate: Rate,
        /// What it was.
        before: i64,
        /// What it is.
        now: i64,
    },
    /// Within what time half of the messages over a channel arrived, in milliseconds.
    Latency {
        /// Which.
        channel: Channel,
        /// What it was.
        before: i64,
        /// What it is.
        now: i64,
    },
    /// Within what time 95 of 100 messages were called, in milliseconds.
    Lateness {
        /// What it was.
        before: i64,
        /// What it is.
        now: i64,
    },
    /// What Meta says.
    Said(SaidOtherwise),
}

/// What is otherwise than in the month before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether that is better.
    pub direction: Direction,
    /// What.
    pub what: Changed,
}

/// Whether two shares differ by more than is chance or trifle; in basis points, what they were and are.
fn moved(before: Part, now: Part) -> Option<(i64, i64)> {
    let (was, is) = (before.share()?, now.share()?);
    if before.of < MESSAGES_MIN || now.of < MESSAGES_MIN {
        return None;
    }
    let by = (is - was).abs();
    let matters = by >= MOVED_BY || by * MOVED_BY_PART >= was;
    // Two shares are compared by the share of both together.
    let (n_before, n_now) = (before.of as f64, now.of as f64);
    let together = ((before.n + now.n) as f64 / (n_before + n_now)).clamp(0.0, 1.0);
    let error = (together * (1.0 - together) * (1.0 / n_before + 1.0 / n_now)).sqrt();
    let difference = (now.n as f64 / n_now - before.n as f64 / n_before).abs();
    (by > 0 && matters && difference > ERRORS * error).then_some((was, is))
}

/// Whether a time changed much, in milliseconds, what it was and is.
fn longer_or_shorter(before: i64, now: i64, least: i64) -> Option<Direction> {
    let much = |short: i64, long: i64| long >= short.saturating_mul(TIMES_LONGER) && long - short >= least;
    if much(before, now) {
        Some(Direction::Worse)
    } else if much(now, before) {
        Some(Direction::Better)
    } else {
        None
    }
}

/// The changes of rates.
pub(super) fn of_rates<'a, K: 'a>(
    compared: impl IntoIterator<Item = &'a Compared<K>>,
    whose: impl Fn(&K) -> Whose,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for Compared { whose: key, now, before, .. } in compared {
        for rate in Rate::ALL {
            if let Some((before, now)) = moved(before.part(rate), now.part(rate)) {
                let direction = if now < before { Direction::Worse } else { Direction::Better };
                changes.push(Change { direction, what: Changed::Rate { whose: whose(key), rate, before, now } });
            }
        }
    }
    changes
}

/// The changes of times.
pub(super) fn of_times(before: &Times, now: &Times) -> Vec<Change> {
    let enough = |times: &Percentiles| times.n >= MESSAGES_MIN.unsigned_abs();
    let mut changes = Vec::new();
    for (channel, now) in now.latency.iter().filter(|(_, times)| enough(times)) {
        let Some(before) = before.latency.get(channel).filter(|times| enough(times)) else { continue };
        if let Some(direction) = longer_or_shorter(before.p50, now.p50, LATENCY_MIN) {
            let what = Changed::Latency { channel: *channel, before: before.p50, now: now.p50 };
            changes.push(Change { direction, what });
        }
    }
    if let (Some(before), Some(now)) = (before.lateness.filter(enough), now.lateness.filter(enough))
        && let Some(direction) = longer_or_shorter(before.p95, now.p95, LATENESS_MIN)
    {
        changes.push(Change { direction, what: Changed::Lateness { before: before.p95, now: now.p95 } });
    }
    changes
}

/// The changes of what Meta says.
pub(super) fn of_said(before: Option<&SaidByMeta>, now: Option<&SaidByMeta>) -> Vec<Change> {
    let (Some(before), Some(now)) = (before, now) else { return Vec::new() };
    let change = |said: SaidOtherwise| Change { direction: said.direction(), what: Changed::Said(said) };
    changes(before, now).into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_changed_when_it_matters_and_chance_does_not_explain_it() {
        for (before, now, wanted) in [
            ((9_700, 10_000), (9_400, 10_000), Some((9_700, 9_400))),
            ((9_700, 10_000), (9_550, 10_000), None),
            ((400, 10_000), (300, 10_000), Some((400, 300))),
            ((0, 10_000), (60, 10_000), Some((0, 60))),
            ((60, 100), (50, 100), None),
            ((60, 100), (20, 100), Some((6_000, 2_000))),
            ((50, 60), (0, 10_000), None),
            ((10_000, 10_000), (10_000, 10_000), None),
            ((0, 10_000), (0, 10_000), None),
            // Answers to what was sent before may be more than what was sent.
            ((150, 100), (20, 100), Some((15_000, 2_000))),
        ] {
            let part = |(n, of): (i64, i64)| Part { n, of };
            assert_eq!(moved(part(before), part(now)), wanted, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_time_has_changed_when_it_is_twice_or_half_and_seconds_apart() {
        for (before, now, wanted) in [
            (1_000, 5_999, None),
            (1_000, 6_000, Some(Direction::Worse)),
            (60_000, 110_000, None),
            (60_000, 30_000, Some(Direction::Better)),
            (0, 0, None),
        ] {
            assert_eq!(longer_or_shorter(before, now, LATENCY_MIN), wanted, "{before} {now}");
        }
    }
}
