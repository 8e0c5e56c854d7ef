//! The simulator's own time: read from the system once, then carried by a clock that never jumps.

use std::time::Instant;

/// Milliseconds and microseconds since the Unix epoch, monotonic from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started_us: i64,
    started: Instant,
}

impl Clock {
    /// A clock that starts at the system's present time.
    pub(super) fn from_system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the simulator stands for a foreign system, which has its own time"
        )]
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { started_us: i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX / 2), started: Instant::now() }
    }

    /// Now, in microseconds since the Unix epoch.
    pub(super) fn micros(&self) -> i64 {
        self.started_us.saturating_add(i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX / 2))
    }

    /// Now, in milliseconds since the Unix epoch.
    pub(super) fn millis(&self) -> i64 {
        self.micros() / 1000
    }
}
