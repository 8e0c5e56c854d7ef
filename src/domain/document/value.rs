//! How each type of value is read.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, civil};

use super::{Node, NodeValue, Read};
use crate::domain::consent::Purpose;
use crate::domain::ids::{FlowName, FlowStepId, JobName, SenderId, SenderName, TemplateName};
use crate::domain::money::Currency;
use crate::domain::schedule::{Schedule, Zone};
use crate::domain::share::Share;

/// Units of a duration and their milliseconds.
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Longer than anything that is ever waited for, and far from the end of time.
const DURATION_MS_MAX: u64 = 3_650 * 86_400_000;

fn must_be(what: &str, node: &Node) -> String {
    format!("must be {what}, not {}", node.value.kind())
}

impl Read for String {
    fn read(node: &Node) -> Result<Self, String> {
        match (&node.value, &node.raw) {
            (NodeValue::Text(text), _) => Ok(text.clone()),
            (_, Some(raw)) => Ok(raw.clone()),
            _ => Err(must_be("a text in quotes", node)),
        }
    }
}

impl Read for bool {
    fn read(node: &Node) -> Result<Self, String> {
        match node.value {
            NodeValue::Boolean(boolean) => Ok(boolean),
            _ => Err(must_be("`true` or `false`", node)),
        }
    }
}

fn whole_number<T: TryFrom<i64>>(node: &Node, least: i64, most: i64) -> Result<T, String> {
    match node.value {
        NodeValue::Integer(number) if (least..=most).contains(&number) => T::try_from(number).ok(),
        NodeValue::Integer(number) => return Err(format!("is {number}, but must be from {least} to {most}")),
        _ => return Err(must_be("a whole number", node)),
    }
    .ok_or_else(|| must_be("a whole number", node))
}

impl Read for i64 {
    fn read(node: &Node) -> Result<Self, String> {
        whole_number(node, Self::MIN, Self::MAX)
    }
}

impl Read for u32 {
    fn read(node: &Node) -> Result<Self, String> {
        whole_number(node, 1, i64::from(Self::MAX))
    }
}

impl Read for u64 {
    fn read(node: &Node) -> Result<Self, String> {
        whole_number(node, 1, i64::MAX)
    }
}

impl Read for usize {
    fn read(node: &Node) -> Result<Self, String> {
        whole_number(node, 1, 10_000_000)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::List(items) => items
                .iter()
                .map(|item| T::read(item).map_err(|wrong| format!("holds something that {wrong}")))
                .collect(),
            _ => Err(must_be("a list such as `[\"…\", \"…\"]`", node)),
        }
    }
}

impl Read for Duration {
    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            NodeValue::Text(text) => duration_from_text(text),
            NodeValue::Integer(number) => Err(format!("is {number} of what? Say the unit, as in `\"{number}s\"`")),
            _ => Err(must_be("a duration such as `\"30s\"` or `\"15m\"`", node)),
        }
    }
}

impl Read for SignedDuration {
    fn read(node: &Node) -> Result<Self, String> {
        let duration = Duration::read(node)?;
        Self::try_from(duration).map_err(|_| "is too long".to_owned())
    }
}

/// Reads `30s`, `15m`, `36h`, `30d`, `2w`, `250ms` or several of them in a row (`1h30m`). A day is 24 hours.
///
/// # Errors
/// What is wrong, as the rest of a sentence that begins with the key.
pub fn duration_from_text(text: &str) -> Result<Duration, String> {
    let wrong = || format!("is `{text}`, but must be a duration such as `30s`, `15m`, `36h` or `30d`");
    let mut rest = text.trim();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms)).ok_or_else(wrong)?;
        total_ms = total_ms.saturating_add(part);
        rest = after.trim_start();
    }
    match total_ms {
        0 => Err(format!("is `{text}`, but must be longer than nothing")),
        DURATION_MS_MAX.. => Err(format!("is `{text}`, but must be shorter than ten years")),
        _ => Ok(Duration::from_millis(total_ms)),
    }
}

/// The duration as it is written in files: `15m`, `1h30m`.
pub fn text_of_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Weeks are left out: `30d` reads better than `4w2d`.
    for (unit, unit_ms) in UNITS.iter().rev().skip(1) {
        if rest >= *unit_ms {
            text.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Types that parse themselves from text and say what is wrong.
macro_rules! read_from_text {
    ($($type:ty),+ $(,)?) => {$(
        impl Read for $type {
            fn read(node: &Node) -> Result<Self, String> {
                String::read(node)?.parse().map_err(|error| format!("is wrong: {error}"))
            }
        }
    )+};
}

read_from_text!(Zone, Schedule, Share, Currency, SenderName, TemplateName, SenderId, FlowName, FlowStepId, JobName);

impl Read for std::net::SocketAddr {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        text.parse().map_err(|_| format!("is `{text}`, but must be an address and a port such as `127.0.0.1:8080`"))
    }
}

impl Read for Purpose {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}

impl Read for civil::DateTime {
    fn read(node: &Node) -> Result<Self, String> {
        let text = match &node.value {
            NodeValue::Datetime(text) | NodeValue::Text(text) => text,
            _ => return Err(must_be("a date and time such as `2026-12-01T09:00:00`", node)),
        };
        // jiff would take the offset and drop it; here that would silently mean another hour.
        let clock = text.get(10..).unwrap_or_default();
        if clock.contains(['Z', 'z', '+', '-']) {
            return Err(format!("is `{text}`, but must have no offset: the key `timezone` says where the clock hangs"));
        }
        if clock.is_empty() {
            return Err(format!("is `{text}`, but must say the time of day too, as in `2026-12-01T09:00:00`"));
        }
        text.parse().map_err(|_| format!("is `{text}`, but must be a date and time such as `2026-12-01T09:00:00`"))
    }
}

impl Read for civil::Date {
    fn read(node: &Node) -> Result<Self, String> {
        let (NodeValue::Text(text) | NodeValue::Datetime(text)) = &node.value else {
            return Err(must_be("a date such as `2026-09-23`", node));
        };
        // A date alone: jiff would take a time behind it and drop it.
        let date = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
        date.ok_or_else(|| format!("is `{text}`, but must be a date such as `2026-09-23`"))
    }
}

impl Read for civil::Time {
    fn read(node: &Node) -> Result<Self, String> {
        let text = match &node.value {
            NodeValue::Datetime(text) | NodeValue::Text(text) => text,
            _ => return Err(must_be("a time of day such as `21:00`", node)),
        };
        civil::Time::from_str(text).map_err(|_| format!("is `{text}`, but must be a time of day such as `21:00`"))
    }
}

/// A path as written; whoever reads it knows what it is relative to.
impl Read for PathBuf {
    fn read(node: &Node) -> Result<Self, String> {
        match String::read(node)? {
            empty if empty.is_empty() => Err("is empty, but must be a path".to_owned()),
            path => Ok(Self::from(path)),
        }
    }
}

/// Reads one of a closed set of words.
pub(crate) fn one_of<T: Copy>(
    node: &Node,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let text = String::read(node)?;
    let all: Vec<T> = all.into_iter().collect();
    all.iter().copied().find(|item| name(*item) == text).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|item| name(*item)).collect();
        format!("is `{text}`, but must be one of {}", crate::domain::problem::listed(known))
    })
}
