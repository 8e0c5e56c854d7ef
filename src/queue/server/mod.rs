//! A redis-server of our own, for installations that name none: started, watched, restarted, stopped with us.
//!
//! It listens on a private socket only and keeps its append-only file in the state directory. One that a killed barid left behind
//! is adopted: it holds the jobs. A second barid on the same state directory is refused.

mod error;
mod place;
mod process;
mod supervise;

pub use error::RedisServerError;
pub use place::url_of_running;
pub use supervise::{RedisServer, RedisServerSettings};
