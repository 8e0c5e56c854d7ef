//! Paces calls: no sender and no run faster than it may be, without bursts, in the order of asking.
//!
//! The pace is kept in this process. Whoever waits stands in a queue; its head sleeps until its moment. After a stall the pace
//! goes on from now instead of catching up, so that no second carries more than its share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::channel::Channel;
use crate::domain::ids::{RunId, SenderName};
use crate::domain::limit::Limit;
use crate::ports::{Ask, Limits, LimitsUnavailable, Permit, SenderLimits, SlowDown, Verdict};

/// How far the pace may catch up: about the grain of timers, so that a high rate is reached, and far below a visible burst.
const CATCH_UP: Duration = Duration::from_millis(5);
/// Runs remembered at once; the pace of a forgotten one begins anew, which is what it would be after so long.
const RUNS_MAX: usize = 1024;

/// One pace: a queue whose head leaves at its moment.
struct Pace {
    interval: Duration,
    next: tokio::sync::Mutex<Instant>,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, next: tokio::sync::Mutex::new(Instant::now()) }
    }

    async fn permit(&self) {
        // The lock is fair: waiters leave in the order in which they came. It is held while sleeping on purpose.
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        let earliest = Instant::now().checked_sub(CATCH_UP).unwrap_or_else(Instant::now);
        *next = (*next).max(earliest) + self.interval;
    }
}

/// Paces of all senders and runs of this process.
pub struct Pacer {
    senders: HashMap<SenderName, Pace>,
    runs: Mutex<HashMap<RunId, (u32, Arc<Pace>)>>,
}

impl Pacer {
    /// With the messages each second that each sender may send.
    pub fn new(senders: impl IntoIterator<Item = (SenderName, u32)>) -> Self {
        let senders = senders.into_iter().map(|(name, mps)| (name, Pace::new(mps))).collect();
        Self { senders, runs: Mutex::default() }
    }

    fn run(&self, run: RunId, rate: u32) -> Arc<Pace> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= RUNS_MAX && !runs.contains_key(&run) {
            runs.clear();
        }
        let entry = runs.entry(run).or_insert_with(|| (rate, Arc::new(Pace::new(rate))));
        if entry.0 != rate {
            *entry = (rate, Arc::new(Pace::new(rate)));
        }
        Arc::clone(&entry.1)
    }
}

#[async_trait]
impl Limits for Pacer {
    async fn permit(&self, ask: &Ask) -> Verdict {
        // The run first: waiting there must not keep a place in the sender's queue from others.
        if let (Some(run), Some(rate)) = (ask.run, ask.rate) {
            self.run(run, rate).permit().await;
        }
        if let Some(sender) = self.senders.get(&ask.sender).filter(|_| ask.channel == Channel::Whatsapp) {
            sender.permit().await;
        }
        Verdict::Granted(Permit::FREE)
    }

    async fn leave(&self, _: &Ask, _: &Permit) {}

    async fn give_back(&self, _: &Ask, _: Permit) {}

    async fn slow_down(&self, _: &SlowDown) {}

    fn full(&self, _: &SenderName, _: RunId, _: Timestamp) -> Option<(Limit, Timestamp)> {
        None
    }

    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(sender: &SenderName, run: Option<(RunId, u32)>) -> Ask {
        Ask {
            message: crate::domain::ids::MessageId::new(1),
            contact: crate::domain::ids::ContactId::new(1),
            sender: sender.clone(),
            channel: Channel::Whatsapp,
            urgency: crate::domain::limit::Urgency::Bulk,
            counts_for_tier: true,
            run: run.map(|(run, _)| run),
            rate: run.map(|(_, rate)| rate),
            budget_micros: None,
            price_micros: 0,
        }
    }

    async fn leave(pacer: &Pacer, n: usize, run: Option<(RunId, u32)>) -> Vec<Duration> {
        let begin = Instant::now();
        let sender = "default".parse().unwrap();
        let mut left = Vec::new();
        for _ in 0..n {
            pacer.permit(&ask(&sender, run)).await;
            left.push(begin.elapsed());
        }
        left
    }

    fn busiest_second(left: &[Duration]) -> usize {
        left.iter()
            .map(|from| left.iter().filter(|at| **at >= *from && **at < *from + Duration::from_secs(1)).count())
            .max()
            .unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_carries_more_than_the_rate() {
        let pacer = Pacer::new([("default".parse().unwrap(), 70)]);
        let left = leave(&pacer, 210, None).await;
        assert!(busiest_second(&left) <= 71, "{}", busiest_second(&left));
        assert!(left[209] <= Duration::from_millis(3_050), "and the rate is used: {:?}", left[209]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_not_caught_up() {
        let pacer = Pacer::new([("default".parse().unwrap(), 100)]);
        leave(&pacer, 100, None).await;
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(busiest_second(&leave(&pacer, 300, None).await) <= 102);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_keeps_its_own_rate_below_the_senders() {
        let pacer = Pacer::new([("default".parse().unwrap(), 1000)]);
        let left = leave(&pacer, 30, Some((RunId::new(1), 10))).await;
        assert!(busiest_second(&left) <= 11);
    }
}
