//! The queues against a real Redis: what is lost (nothing), what runs twice (only what the documentation names).

mod child;
mod cluster;
mod control;
mod faults;
mod harness;
mod lanes;
mod server;
mod workers;
