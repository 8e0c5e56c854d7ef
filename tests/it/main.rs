//! The only integration binary: the list of what is tested from outside.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and print its seed; clippy knows only the functions marked `#[test]`"
)]

mod alerts;
mod answers;
mod api;
mod architecture;
mod campaign;
mod campaign_parts;
mod channels;
mod chaos;
mod cli;
mod client;
mod config;
mod contracts;
mod costs;
mod crash;
mod direct;
mod double_opt_in;
mod erasure;
mod fakes;
mod fakes_upkeep;
mod fallback;
mod fuzz;
mod harness;
mod hooks;
mod limits;
mod listening;
mod live_check;
mod media;
mod nlp;
mod ops;
mod postgres;
mod queue;
mod report_costs;
mod retry;
mod review_metrics;
mod scenario;
mod sending;
mod simulator;
mod smtp_tls;
mod staff;
mod standing_jobs;
mod store_away;
mod suspensions;
mod templates;
mod webhook;
