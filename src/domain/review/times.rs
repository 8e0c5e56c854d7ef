//! How long messages took: to their call, and from it to their arrival. Worked out from a bounded sample of the steps that the record keeps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::channel::Channel;

/// How many messages of a month are looked at. The error of the 95th percentile's rank among so many is a sixth of a percent (a normal
/// approximation), and reading them takes seconds.
pub const SAMPLE_MAX: usize = 20_000;

/// A step of a message that says something about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub kind: StepKind,
    /// Of which attempt; 0: before the first.
    pub attempt: u16,
    /// When, by our clock.
    pub at: Timestamp,
    /// When, as the provider tells, in whole seconds.
    pub provider_at: Option<Timestamp>,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It was called, over this channel.
    Started(Channel),
    /// A rule or a limit made it wait.
    Held,
    /// It arrived, or was seen.
    Arrived,
}

/// A message and its steps, the first one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSteps {
    /// When it was planned.
    pub planned_at: Timestamp,
    /// Whether it was ever called.
    pub is_called: bool,
    /// Whether its run goes in stages, so that it may have waited for its own.
    pub is_staged: bool,
    /// What is kept of its steps.
    pub steps: Vec<Step>,
}

impl MessageSteps {
    /// How long after it was planned it was first called, in milliseconds; `None`: it was not, or a rule, a limit or a stage had it wait,
    /// which is nobody's delay.
    fn lateness(&self) -> Option<i64> {
        let first = self.steps.iter().find(|step| !matches!(step.kind, StepKind::Arrived))?;
        let is_free = matches!(first.kind, StepKind::Started(_)) && !self.is_staged;
        is_free.then(|| (first.at.as_millisecond() - self.planned_at.as_millisecond()).max(0))
    }

    /// Over which channel it first arrived, and how long after that call, in milliseconds.
    fn latency(&self) -> Option<(Channel, i64)> {
        let arrived = self.steps.iter().filter(|step| step.kind == StepKind::Arrived);
        // What is seen has arrived: of an attempt whose `delivered` is missing or late, `read` says it.
        let (at, attempt) = arrived.map(|step| (step.provider_at.unwrap_or(step.at), step.attempt)).min()?;
        self.steps.iter().find_map(|step| match step.kind {
            // Providers tell whole seconds: an arrival may seem to come before its call.
            StepKind::Started(channel) if step.attempt == attempt => {
                Some((channel, (at.as_millisecond() - step.at.as_millisecond()).max(0)))
            }
            _ => None,
        })
    }
}

/// How long half, nearly all and all but a few of some messages took, in milliseconds (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Of how many messages.
    pub n: u64,
    /// Half took so long at most.
    pub p50: i64,
    /// 95 of 100.
    pub p95: i64,
    /// 99 of 100.
    pub p99: i64,
}

impl Percentiles {
    fn of(mut times: Vec<i64>) -> Option<Self> {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100);
            times.get(rank.checked_sub(1)?).copied()
        };
        Some(Self { n: times.len() as u64, p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }
}

/// How long the messages of a month took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How many numbers of messages there are in the month: as many messages at most.
    pub of: u64,
    /// At how many it was looked.
    pub looked_at: u64,
    /// How many of these were called.
    pub called: u64,
    /// Of how many called ones the steps are not kept any more.
    pub without_steps: u64,
    /// How many called ones had waited for a rule, a limit or a stage first; they are no part of `lateness`.
    pub waited: u64,
    /// From the moment when a message was planned to its first call.
    pub lateness: Option<Percentiles>,
    /// From the call to the arrival, by channel.
    pub latency: BTreeMap<Channel, Percentiles>,
}

impl Times {
    /// Whether not every message was looked at.
    pub const fn is_sample(&self) -> bool {
        self.of > SAMPLE_MAX as u64
    }
}

/// Collects what a sample says, part by part.
#[derive(Debug, Default)]
pub struct Sampling {
    times: Times,
    lateness: Vec<i64>,
    latency: BTreeMap<Channel, Vec<i64>>,
}

impl Sampling {
    /// Of a month with so many numbers of messages.
    pub fn of(numbers: u64) -> Self {
        Self { times: Times { of: numbers, ..Times::default() }, ..Self::default() }
    }

    /// Adds a message.
    pub fn add(&mut self, message: &MessageSteps) {
        self.times.looked_at += 1;
        if !message.is_called {
            return;
        }
        self.times.called += 1;
        if !message.steps.iter().any(|step| matches!(step.kind, StepKind::Started(_))) {
            self.times.without_steps += 1;
            return;
        }
        match message.lateness() {
            Some(late) => self.lateness.push(late),
            None => self.times.waited += 1,
        }
        if let Some((channel, took)) = message.latency() {
            self.latency.entry(channel).or_default().push(took);
        }
    }

    /// What they say together.
    pub fn times(self) -> Times {
        let latency = self.latency.into_iter().filter_map(|(channel, times)| Some((channel, Percentiles::of(times)?)));
        Times { lateness: Percentiles::of(self.lateness), latency: latency.collect(), ..self.times }
    }
}

/// At most so many numbers between these, both among them: one in each of as many parts of the same length, and within its part at a place
/// that no rhythm of the numbers meets (languages in turn, one campaign after the other). The same for the same numbers.
pub fn spread(first: i64, last: i64, most: usize) -> Vec<i64> {
    let (n, parts) = (i128::from(last) - i128::from(first) + 1, most as i128);
    if n <= parts {
        return (first..=last).collect();
    }
    (0..parts)
        .filter_map(|part| {
            let (from, to) = (part * n / parts, (part + 1) * n / parts);
            // Multiples of the golden ratio, which fall evenly between 0 and 1 (here 64 bits of a fraction).
            let place = i128::from((part as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            i64::try_from(i128::from(first) + from + (((to - from) * place) >> 64)).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_764_000_000_000 + millis).unwrap()
    }

    fn step(kind: StepKind, attempt: u16, after: i64, provider: Option<i64>) -> Step {
        Step { kind, attempt, at: at(after), provider_at: provider.map(at) }
    }

    fn message(steps: Vec<Step>) -> MessageSteps {
        MessageSteps { planned_at: at(0), is_called: true, is_staged: false, steps }
    }

    const CALLED: StepKind = StepKind::Started(Channel::Whatsapp);

    #[test]
    fn a_message_is_late_by_what_passes_from_its_plan_to_its_first_call_unless_it_had_to_wait() {
        let twice = [step(CALLED, 1, 700, None), step(StepKind::Held, 1, 800, None), step(CALLED, 2, 60_000, None)];
        assert_eq!(message(twice.to_vec()).lateness(), Some(700));
        assert_eq!(message(vec![step(StepKind::Held, 0, 10, None), step(CALLED, 1, 700, None)]).lateness(), None);
        assert_eq!(MessageSteps { is_staged: true, ..message(twice.to_vec()) }.lateness(), None);
        assert_eq!(message(vec![step(CALLED, 1, -5, None)]).lateness(), Some(0), "clocks of two processes differ");
    }

    #[test]
    fn a_message_takes_from_the_call_that_arrived_to_its_first_arrival() {
        let sms = StepKind::Started(Channel::Sms);
        let steps = vec![
            step(CALLED, 1, 500, None),
            step(sms, 2, 10_000, None),
            step(StepKind::Arrived, 2, 14_000, None),
            // The first one came after all, and earlier than it was told.
            step(StepKind::Arrived, 1, 20_000, Some(9_000)),
        ];
        assert_eq!(message(steps.clone()).latency(), Some((Channel::Whatsapp, 8_500)));
        assert_eq!(
            message(steps[..3].to_vec()).latency(),
            Some((Channel::Sms, 4_000)),
            "without the provider's time, ours"
        );
        assert_eq!(message(steps[2..3].to_vec()).latency(), None, "its call is not kept");
        let rounded = vec![step(CALLED, 1, 1_400, None), step(StepKind::Arrived, 1, 1_900, Some(1_000))];
        assert_eq!(message(rounded).latency(), Some((Channel::Whatsapp, 0)));
    }

    #[test]
    fn percentiles_are_ranks() {
        let of = |times: std::ops::RangeInclusive<i64>| Percentiles::of(times.rev().collect());
        assert_eq!(of(1..=100), Some(Percentiles { n: 100, p50: 50, p95: 95, p99: 99 }));
        assert_eq!(of(7..=7), Some(Percentiles { n: 1, p50: 7, p95: 7, p99: 7 }));
        assert_eq!(of(1..=3), Some(Percentiles { n: 3, p50: 2, p95: 3, p99: 3 }));
        assert_eq!(Percentiles::of(Vec::new()), None);
    }

    #[test]
    fn what_is_not_known_is_counted() {
        let mut sampling = Sampling::of(9);
        sampling.add(&MessageSteps { is_called: false, ..message(Vec::new()) });
        sampling.add(&message(Vec::new()));
        sampling.add(&message(vec![step(StepKind::Held, 0, 1, None), step(CALLED, 1, 2, None)]));
        sampling.add(&message(vec![step(CALLED, 1, 2, None), step(StepKind::Arrived, 1, 3_002, None)]));
        let times = sampling.times();
        assert_eq!((times.of, times.looked_at, times.called, times.without_steps, times.waited), (9, 4, 3, 1, 1));
        assert_eq!(times.lateness.map(|late| (late.n, late.p50)), Some((1, 2)));
        assert_eq!(times.latency[&Channel::Whatsapp].p99, 3_000);
    }

    #[test]
    fn a_sample_is_spread_evenly_and_keeps_step_with_nothing() {
        assert_eq!(spread(5, 9, 10), [5, 6, 7, 8, 9]);
        assert_eq!(spread(9, 8, 10), Vec::<i64>::new());
        let sample = spread(1, 1_000_000, 1_000);
        assert_eq!(sample.len(), 1_000);
        for (part, id) in (0..).zip(&sample) {
            assert!((1 + part * 1_000..=(part + 1) * 1_000).contains(id), "{id} in part {part}");
        }
        for rhythm in [2, 5, 10, 1_000] {
            let on_it = sample.iter().filter(|id| **id % rhythm == 0).count() as i64;
            assert!((on_it - 1_000 / rhythm).abs() <= 40, "{on_it} of a thousand are multiples of {rhythm}");
        }
        let wide = spread(i64::MIN, i64::MAX, 3);
        assert!(wide.is_sorted() && wide.len() == 3, "{wide:?}");
    }
}
