//! The forms that the log may have.

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal under systemd, pretty on a terminal, JSON otherwise.
    Auto,
    /// One JSON object in each line, on standard error.
    Json,
    /// For people, on standard error.
    Pretty,
    /// The journal of systemd, with fields.
    Journald,
}

impl LogFormat {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Json, Self::Pretty, Self::Journald];

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Pretty => "pretty",
            Self::Journald => "journald",
        }
    }
}
