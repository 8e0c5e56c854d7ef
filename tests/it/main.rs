//! The only integration binary: the list of what is tested from outside.

mod architecture;
mod cli;
mod client;
mod queue;
mod simulator;
