//! The only integration binary: the list of what is tested from outside.
#![expect(clippy::unwrap_used, reason = "a test may panic; clippy knows only the functions marked `#[test]`")]

mod api;
mod architecture;
mod client;
mod config;
mod queue;
mod simulator;
mod contracts;
mod postgres;
mod fakes;
mod queue;
mod simulator;
mod webhook;
