//! Queues over Redis: what waits, who works on it, and what happens when either side dies.
//!
//! Message traffic runs in *lanes*, on a backend of our own ([`lane`]): leases with fencing tokens, batched scripts, delayed jobs,
//! a dead set. Control jobs (a few a minute) run on apalis-redis as it is ([`control`]), inside the limits in which it is safe.
//! [`workers`] hands both to apalis and owns their life; [`server`] runs a private redis-server where no URL is configured.
//!
//! Nothing outside this folder sees a type of apalis or of redis. A job is a hint: the store is the truth, and what a lane promises
//! is *at least once*, with every job that may run twice named in the documentation of [`lane`].

pub mod control;
mod error;
mod gathering;
pub mod job;
pub mod lane;
mod link;
pub mod server;
pub mod wakeups;
pub mod workers;

pub use error::QueueError;
