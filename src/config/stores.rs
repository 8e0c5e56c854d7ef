//! `[redis]` and `[store]`: where queues and the record live.

use super::address::ServiceUrl;
use crate::domain::document::Table;

/// The queues.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `None`: a redis-server of our own.
    pub url: Option<ServiceUrl>,
    /// The program for a redis-server of our own.
    pub server: String,
    /// Beginning of all keys.
    pub namespace: String,
}

impl Redis {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let url = address(table, &["redis", "rediss", "redis+unix", "unix"], "redis://127.0.0.1:6379");
        let (server, namespace) = (table.required("server"), table.required::<String>("namespace"));
        // Braces would change the hash tag, and with it which node of a cluster holds the keys.
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if namespace.as_deref().is_some_and(|name| name.is_empty() || name.len() > 40 || !name.chars().all(fits)) {
            table.problem("namespace", "`namespace` must be 1 to 40 letters, digits, `-`, `_` and `.`");
        }
        Some(Self { url, server: server?, namespace: namespace? })
    }
}

/// The record.
#[derive(Debug, Clone)]
pub struct Store {
    /// `None`: SQLite in `state_dir`.
    pub url: Option<ServiceUrl>,
    /// Connections at most; PostgreSQL only.
    pub connections: u32,
}

impl Store {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let url = address(table, &["sqlite", "postgres", "postgresql"], "postgres://barid@localhost/barid");
        Some(Self { url, connections: table.required("connections")? })
    }
}

fn address(table: &Table<'_>, schemes: &[&str], example: &str) -> Option<ServiceUrl> {
    let url: ServiceUrl = table.optional("url")?;
    if !schemes.contains(&url.scheme()) {
        let known = crate::domain::problem::listed(schemes.iter().copied());
        table.problem("url", format!("`url` must begin with one of {known}, as in `{example}`"));
        return None;
    }
    Some(url)
}
