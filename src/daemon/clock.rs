//! The system's clock, the one place where it is read.

use jiff::Timestamp;

use crate::ports::Clock;

/// The time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the port through which everybody else reads the clock")]
        let now = Timestamp::now();
        // Whole milliseconds, so that a time that comes back from the store equals the one that went in.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
