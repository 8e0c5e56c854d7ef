//! Reads a body in which something is broken: slowly, element by element, so that the rest of it still counts.

use serde::Deserialize;
use serde_json::Value;

use super::notice::Origin;
use super::wire::{self, Change};
use super::{UNREADABLE, read_change};
use crate::domain::news::News;

/// The fields whose changes are lists of elements.
const WITH_LISTS: [&str; 3] = ["messages", "user_preferences", "user_id_update"];

/// What can be read of the body.
pub(super) fn read(body: &[u8]) -> Result<Vec<News>, String> {
    let text = with_whole_characters(&String::from_utf8_lossy(body));
    let mut tree: Value = serde_json::from_str(&text)
        .map_err(|error| format!("not JSON, at line {} column {}", error.line(), error.column()))?;
    if !tree.is_object() {
        return Err("JSON, but not an object".to_owned());
    }
    drop_nulls(&mut tree);
    drop_misfits(&mut tree);
    let mut news = Vec::new();
    if !wire::is_whatsapp(tree.get("object").and_then(Value::as_str)) {
        return Ok(vec![News::Other { kind: "unrecognised" }]);
    }
    for entry in elements(tree.get("entry"), &mut news) {
        let [account, time]: [Option<wire::Text<'_>>; 2] = ["id", "time"].map(|name| readable(entry.get(name)));
        let origin = Origin { account: account.as_deref(), time: time.as_deref() };
        for change in elements(entry.get("changes"), &mut news) {
            read_tree(change, origin, &mut news);
        }
    }
    Ok(news)
}

/// One change, each of its elements by itself.
fn read_tree(change: &Value, origin: Origin<'_>, news: &mut Vec<News>) {
    let value = change.get("value").unwrap_or(&Value::Null);
    let mut whole = Change {
        field: readable(change.get("field")),
        value: wire::Value {
            metadata: readable(value.get("metadata")).unwrap_or_default(),
            // A contact that cannot be read costs a name, nothing else.
            contacts: elements(value.get("contacts"), &mut Vec::new())
                .iter()
                .filter_map(|it| readable(Some(it)))
                .collect(),
            ..wire::Value::default()
        },
    };
    match whole.field.as_deref() {
        Some("messages") => {
            whole.value.statuses = each(value.get("statuses"), news);
            whole.value.messages = each(value.get("messages"), news);
            whole.value.errors = each(value.get("errors"), news);
        }
        Some("user_preferences") => whole.value.user_preferences = each(value.get("user_preferences"), news),
        Some("user_id_update") => whole.value.user_id_update = each(value.get("user_id_update"), news),
        _ => whole.value = readable(Some(value)).unwrap_or_default(),
    }
    read_change(&whole, origin, news);
}

fn each<'a, T: Deserialize<'a>>(list: Option<&'a Value>, news: &mut Vec<News>) -> Vec<T> {
    let mut read = Vec::new();
    for element in elements(list, news) {
        match readable(Some(element)) {
            Some(element) => read.push(element),
            None => news.push(News::Other { kind: UNREADABLE }),
        }
    }
    read
}

fn readable<'a, T: Deserialize<'a>>(value: Option<&'a Value>) -> Option<T> {
    value.and_then(|value| T::deserialize(value).ok())
}

/// The elements of a list; something else in its place is one unreadable element.
fn elements<'a>(list: Option<&'a Value>, news: &mut Vec<News>) -> &'a [Value] {
    match list {
        Some(Value::Array(elements)) => elements,
        Some(_) => {
            news.push(News::Other { kind: UNREADABLE });
            &[]
        }
        None => &[],
    }
}

/// Takes out of statuses and messages the members that are not of their type, so that a status with a strange price still counts
/// as a status. Every member is optional, so a member that fits is one that can be read alone.
fn drop_misfits(tree: &mut Value) {
    let changes = tree.get_mut("entry").and_then(Value::as_array_mut).into_iter().flatten();
    let changes = changes.filter_map(|entry| entry.get_mut("changes")?.as_array_mut()).flatten();
    for change in changes {
        let has_lists = change.get("field").and_then(Value::as_str).is_some_and(|field| WITH_LISTS.contains(&field));
        let Some(value) = change.get_mut("value") else { continue };
        if !has_lists {
            keep_members(value, |member| wire::Value::deserialize(member).is_ok());
            continue;
        }
        keep_readable(value.get_mut("statuses"), |member| wire::Status::deserialize(member).is_ok());
        keep_readable(value.get_mut("messages"), |member| wire::Message::deserialize(member).is_ok());
        keep_readable(value.get_mut("user_preferences"), |member| wire::Preference::deserialize(member).is_ok());
        keep_readable(value.get_mut("user_id_update"), |member| wire::UserIdUpdate::deserialize(member).is_ok());
    }
}

fn keep_readable(list: Option<&mut Value>, is_readable: fn(&Value) -> bool) {
    for element in list.and_then(Value::as_array_mut).into_iter().flatten() {
        keep_members(element, is_readable);
    }
}

fn keep_members(element: &mut Value, is_readable: fn(&Value) -> bool) {
    if let Some(members) = element.as_object_mut() {
        members.retain(|name, value| {
            // Moved in and out, so that nothing large is copied.
            let alone = Value::Object(std::iter::once((name.clone(), value.take())).collect());
            let keeps = is_readable(&alone);
            if let Value::Object(alone) = alone {
                *value = alone.into_iter().next().map_or(Value::Null, |(_, value)| value);
            }
            keeps
        });
    }
}

/// A member that is `null` says the same as one that is absent.
fn drop_nulls(tree: &mut Value) {
    match tree {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The text with `\ufffd` in the place of every escaped half of a character: names are cut in the middle of one now and then.
fn with_whole_characters(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut whole = String::with_capacity(text.len());
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match escape(bytes, at) {
            Some(0xD800..0xDC00) if matches!(escape(bytes, at + 6), Some(0xDC00..0xE000)) => at += 12,
            Some(0xD800..0xE000) => {
                whole.push_str(&text[from..at]);
                whole.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            // Another escape: skip what is escaped, which may be a backslash.
            _ => at += 2,
        }
    }
    whole.push_str(&text[from..]);
    whole
}

/// The code unit of a `\uXXXX` at this place.
fn escape(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_kept() {
        for (given, whole) in [
            (r#""\ud83d\udc4d""#, r#""\ud83d\udc4d""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\udc4d x""#, r#""\ufffd x""#),
            (r#""\ud83d\ud83d\udc4d""#, r#""\ufffd\ud83d\udc4d""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""نص \ud83"#, r#""نص \ud83"#),
            (r"\", r"\"),
        ] {
            assert_eq!(with_whole_characters(given), whole);
        }
    }
}
