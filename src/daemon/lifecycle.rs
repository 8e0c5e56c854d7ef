//! Signals, and what systemd is told. The first signal drains, a second one aborts; SIGHUP reloads.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the process was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// End: finish what is under way, start nothing new.
    Stop,
    /// Load campaigns and templates again.
    Reload,
}

/// The signals that we listen to.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen; from now on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next thing asked of us.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }

    /// Waits for a further request to stop.
    pub async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}

/// Tells systemd; without systemd nothing happens.
pub fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(error = %error, "systemd could not be told");
    }
}
