//! Lanes: queues for everything that is counted by message, on a backend of our own.
//!
//! ```text
//! {ns:sending}:ready:0..2  LIST  ids, by priority       {ns:sending}:delayed  ZSET  id → due (ms)
//! {ns:sending}:job         HASH  id → header + payload   {ns:sending}:dead     ZSET  id → died at (ms), with two hashes beside it
//! {ns:sending}:lease       ZSET  id → runs out at (ms)   {ns:sending}:token    HASH  id → who holds the lease
//! ```
//! Every change is one script (`lua/`), for up to 1,000 jobs, with the server's clock. All keys of a lane share a hash tag.
//!
//! Beside the workers of one process run, for each lane, a *fetcher* and a *settler* (which sends outcomes), and for all lanes
//! together one *renewer* and one *mover* (delayed jobs that are due, leases that ran out). Redis errors end in these tasks: apalis
//! never sees one, so jobs in flight are not cancelled.
//!
//! **What may run twice.** A job whose process died while it ran; a job whose lease ran out while its process was stopped for
//! longer than the lease (its own outcome then has no effect: the token is another's). Not: a lost connection, a killed or stalled
//! Redis, an outage longer than the lease. After each of these the processes first send their outcomes and renew their leases, and
//! only then does a mover take leases away; a process that is handed a job that it still runs adopts the new lease instead.
//! Redis itself may forget what it said was done: up to two seconds of it, when it is killed while its disk is busy or its machine
//! loses power (`appendfsync everysec`), or when a replica that lagged takes over. Such a job runs twice; a push that was forgotten
//! is made again by the sweep.

mod backend;
mod blob;
mod buffer;
mod calls;
mod desk;
mod fetcher;
mod held;
mod lanes;
mod mover;
mod outcome;
mod scripts;
mod settings;
mod settler;

pub(crate) use backend::{LaneBackend, LeasedJob};
pub(crate) use desk::{Desk, DeskSettings};
pub use lanes::{DeadJob, LaneDepth, Lanes, NewJob};
pub(crate) use mover::{move_and_reap, renew};
pub(crate) use outcome::{Panicked, SettleLayer};
pub use settings::{Lane, LaneSettings};

#[cfg(test)]
mod tests;
