//! What is put into pages and texts so that it reads in both directions.

/// Begins a line that is read from right to left, whatever comes first in it.
pub(in crate::domain) const RIGHT_TO_LEFT: char = '\u{200f}';
/// Set text of its own direction apart.
pub(in crate::domain) const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// Text inside a page.
pub(in crate::domain) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Basis points as percent with two digits, without the sign of percent.
pub(in crate::domain) fn percent(share: i64) -> String {
    format!("{}.{:02}", share / 100, share % 100)
}
