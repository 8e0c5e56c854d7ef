//! Which lanes there are, and the few numbers that govern them.

use std::fmt;
use std::time::Duration;

/// A queue for one kind of message work. Kinds do not starve each other: each lane has its own workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Answers to people who just wrote to us; before bulk.
    Replies,
    /// Messages of runs.
    Sending,
    /// Later attempts on the same channel.
    Retries,
    /// The same message on another channel.
    Fallbacks,
    /// Callbacks that are in the journal.
    News,
    /// Files that contacts sent.
    Media,
    /// Our own outgoing webhooks.
    Hooks,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 7] =
        [Self::Replies, Self::Sending, Self::Retries, Self::Fallbacks, Self::News, Self::Media, Self::Hooks];

    /// The name in keys, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replies => "replies",
            Self::Sending => "sending",
            Self::Retries => "retries",
            Self::Fallbacks => "fallbacks",
            Self::News => "news",
            Self::Media => "media",
            Self::Hooks => "hooks",
        }
    }

    /// The lane of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How lanes behave. The same for all processes that share a Redis.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// Keeps several installations in one Redis apart; letters, digits, `-`, `_`, `.`.
    pub namespace: String,
    /// How long a job stays with a process that no longer answers. Renewed at a third of it.
    pub lease: Duration,
    /// At most how many jobs one fetch brings; 1 to 1,000.
    pub batch: usize,
    /// At most how many fetched jobs of one lane wait in a process for a free worker.
    pub prefetch: usize,
    /// How long to wait before attempt 2, 3, …; the last entry holds for all that follow.
    pub backoff: Vec<Duration>,
    /// How often the lease of one job may run out before it is taken for a job that kills its worker.
    pub lost_max: u8,
    /// Pause between two looks at Redis while something moves. Grows to `poll_max` while nothing does.
    pub poll_min: Duration,
    /// Longest pause between two looks at Redis: how late a push of another process may be noticed.
    pub poll_max: Duration,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self {
            namespace: "barid".to_owned(),
            lease: Duration::from_secs(30),
            batch: 500,
            prefetch: 1000,
            backoff: [1, 5, 30, 120, 600].map(Duration::from_secs).to_vec(),
            lost_max: 25,
            poll_min: Duration::from_millis(5),
            poll_max: Duration::from_millis(50),
        }
    }
}

impl LaneSettings {
    /// What is wrong with the settings, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        let name_is_good = !self.namespace.is_empty()
            && self.namespace.len() <= 64
            && self.namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !name_is_good {
            return Some(format!(
                "`{}` cannot be a namespace; use at most 64 letters, digits, `-`, `_` and `.`",
                self.namespace
            ));
        }
        if self.lease < Duration::from_millis(500) {
            return Some(format!("a lease of `{:?}` is too short; use at least 500 ms", self.lease));
        }
        if self.batch == 0 || self.batch > 1000 || self.prefetch == 0 {
            return Some("batch must be 1 to 1,000 and prefetch at least 1".to_owned());
        }
        if self.backoff.is_empty() || self.poll_min.is_zero() || self.poll_min > self.poll_max {
            return Some("the backoff needs an entry, and the polling pauses must be above 0 and in order".to_owned());
        }
        None
    }

    /// How stale our view of Redis may be before a mover stops taking leases away.
    pub(super) fn freshness(&self) -> Duration {
        self.lease / 3
    }
}
