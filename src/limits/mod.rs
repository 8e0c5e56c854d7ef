//! What may not be exceeded, across any number of processes: messages each second of a number, of another channel and of a run,
//! messages to one person, people of a portfolio in 24 hours, the budget of a run, and what all of them may cost in a day and a month.
//!
//! What is counted lies in Redis, all of one portfolio under one hash tag, and is changed by one script that is asked for many messages
//! at once: each gets everything that it needs, or nothing. Tier, pairs and budgets are copies of what the record says. A copy has a
//! generation; without one, after a restart of Redis, or when the record knows a newer one, nobody is granted anything until the copy
//! was made anew, and the record starts nothing under an older one.

mod desk;
mod limiter;
mod line;
mod redis_clock;
mod script;
mod shift;
mod sight;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::limiter::Limiter;
pub use self::script::Redis;
use crate::domain::budget::SpendingCaps;
use crate::domain::channel::Channel;
use crate::domain::ids::SenderName;

/// How often what failed is given back to a full tier or a used-up budget.
pub const REBUILD_EVERY: Duration = Duration::from_secs(30);

/// What the limits are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Beginning of all keys.
    pub namespace: String,
    /// Our numbers.
    pub senders: Vec<Sender>,
    /// The other channels that have a pace, and their messages each second at most. All portfolios share it.
    pub channels: Vec<(Channel, u32)>,
    /// What the whole installation may spend.
    pub caps: Option<SpendingCaps>,
    /// What failed is given back to a full tier or a used-up budget at most this often.
    pub rebuild_every: Duration,
}

/// One of our numbers.
#[derive(Debug, Clone)]
pub struct Sender {
    /// What we call it.
    pub name: SenderName,
    /// Messages each second at most.
    pub mps: u32,
    /// Whose tier it shares.
    pub portfolio: String,
    /// People whom the portfolio may write to in 24 hours; `None`: any number. The highest of its numbers counts.
    pub tier: Option<u32>,
}
