//! Parts of campaign files that later versions make work: read and checked like any other, then refused, so that nobody relies on them.

use crate::domain::channel::Channel;
use crate::domain::document::{Node, Read, Table, one_of};

fn not_yet(key: &str, what: &str) -> String {
    format!("`{key}` ({what}) is not yet supported; take it out")
}

/// Reads a key that later versions make work: checked like any other, then refused, so that nobody relies on it.
pub(super) fn later<T>(
    table: &Table<'_>,
    key: &'static str,
    what: &str,
    read: impl FnOnce() -> Option<T>,
) -> Option<T> {
    let value = read();
    if table.node(key).is_some() {
        table.problem(key, not_yet(key, what));
    }
    value
}

impl Read for Channel {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::FALLBACKS, Self::name)
    }
}
