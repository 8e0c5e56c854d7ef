//! The only integration binary: the list of what is tested from outside.

mod api;
mod architecture;
mod client;
mod fakes;
mod queue;
mod simulator;
mod webhook;
