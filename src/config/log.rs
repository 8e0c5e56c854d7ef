//! `[log]`: how the log looks and how much it says.

use crate::domain::document::{Node, Read, Table, one_of};
use crate::domain::log_format::LogFormat;

/// How the log looks and how much it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How it looks.
    pub format: LogFormat,
    /// A level, or levels by module, in the notation of `tracing`.
    pub level: String,
}

impl Read for LogFormat {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}

/// The levels there are.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What libraries are never asked for.
const MORE_THAN_WARN: [&str; 3] = ["info", "debug", "trace"];

impl Log {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (format, level) = (table.required("format"), table.required::<String>("level"));
        if let Some(level) = &level {
            for part in level.split(',') {
                let (module, word) = part.rsplit_once('=').unwrap_or(("barid", part));
                let (module, word) = (module.trim(), word.trim());
                if !LEVELS.contains(&word) {
                    let known = crate::domain::problem::listed(LEVELS);
                    table.problem("level", format!("`level` has `{word}`, but must be one of {known}"));
                } else if MORE_THAN_WARN.contains(&word) && !module.starts_with("barid") {
                    table.problem(
                        "level",
                        format!(
                            "`level` asks `{module}` for `{word}`, but libraries are heard from `warn` up only, because what they say \
                             below may hold personal data; leave it out"
                        ),
                    );
                }
            }
        }
        Some(Self { format: format?, level: level? })
    }
}
