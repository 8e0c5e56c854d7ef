//! The integration tests: one binary, each module a scenario.

mod client;
