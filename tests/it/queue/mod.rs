//! The queues against a real Redis: what is lost (nothing), what runs twice (only what the documentation names).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should end")]

mod child;
pub(crate) mod cluster;
mod control;
mod faults;
pub(crate) mod harness;
mod lanes;
mod server;
mod workers;
