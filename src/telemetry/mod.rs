//! What operators see of a running barid: its metrics and its log.

pub mod logging;
pub mod metrics;

pub use metrics::Metrics;
