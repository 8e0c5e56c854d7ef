//! The only integration binary: the list of what is tested from outside.

mod architecture;
mod client;
mod config;
mod queue;
mod simulator;
