//! Forgetting a person: the receipt, what is still known of somebody who was forgotten, and taking them out of the bodies of callbacks.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use crate::domain::ids::{ContactId, ErasureId};
use crate::domain::news::Source;

/// The receipt: that somebody was forgotten, and what went with them. Nothing in it says who they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its number.
    pub id: ErasureId,
    /// The contact that is empty since.
    pub contact: ContactId,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Messages whose words and addresses went.
    pub messages: u64,
    /// Pieces of feedback whose words went.
    pub feedback: u64,
    /// Kept callbacks out of which the person was taken so far.
    pub callbacks: u64,
    /// When nothing was left; `None`: callbacks are still being looked through.
    pub finished_at: Option<Timestamp>,
}

/// Makes of a number, a user id or an address what is kept when the person is forgotten: nobody can read it back, and only whoever has the key
/// can tell whether a number is meant. With it a stop word outlives the person's data, and what was on its way when they were forgotten does
/// not bring them back. `Debug` does not show the key.
#[derive(Clone)]
pub struct PersonDigest(Hmac<Sha256>);

impl std::fmt::Debug for PersonDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonDigest(…)")
    }
}

impl PersonDigest {
    /// With the key of the store.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// 64 hexadecimal digits.
    pub fn of(&self, address: &str) -> String {
        let mut mac = self.0.clone();
        // So that no digest is ever a signature of something else under the same key.
        mac.update(b"forgotten:");
        mac.update(address.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// By what callbacks name a person: digits of the number, user id, address, ids of messages.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("n", &self.0.len()).finish()
    }
}

/// Shorter names count only where they stand alone: three letters are in every other word.
const INSIDE_MIN: usize = 7;

impl Names {
    /// Adds one. Of a number in E.164 the digits: providers write it with and without `+`.
    pub fn add(&mut self, name: &str) {
        let name = name.strip_prefix('+').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).unwrap_or(name);
        if !name.is_empty() {
            self.0.insert(name.to_owned());
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn are_in(&self, text: &str) -> bool {
        self.iter().any(|name| if name.len() < INSIDE_MIN { text == name } else { text.contains(name) })
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.add(name));
        all
    }
}

/// The body of a callback without what it says about one person; `None` where it says nothing about them. What it says about others stays. A
/// body that is about one person as a whole, or that is no JSON, becomes empty: nothing is applied of it when it is applied again.
pub fn without(source: Source, body: &[u8], names: &Names) -> Option<Vec<u8>> {
    if source != Source::Meta {
        return names.are_in(&String::from_utf8_lossy(body)).then(Vec::new);
    }
    let Ok(mut whole) = serde_json::from_slice::<Value>(body) else {
        return names.are_in(&String::from_utf8_lossy(body)).then(Vec::new);
    };
    let mut taken = Vec::new();
    strip(&mut whole, names, &mut taken);
    if taken.is_empty() {
        return None;
    }
    // Of a status only its id may have been known; beside it stands who got it, once more.
    let mut more = Names::default();
    taken.iter().for_each(|value| whom(value, &mut more));
    strip(&mut whole, &more, &mut Vec::new());
    Some(serde_json::to_vec(&whole).expect("what was JSON is JSON"))
}

/// Takes the elements of lists that are about the person, and of larger ones only what is inside of them.
fn strip(value: &mut Value, names: &Names, taken: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.retain_mut(|item| {
            let is_theirs = names_one(item, names);
            if is_theirs {
                taken.push(item.take());
            } else {
                strip(item, names, taken);
            }
            !is_theirs
        }),
        Value::Object(members) => members.values_mut().for_each(|member| strip(member, names, taken)),
        _ => {}
    }
}

/// Whether something names the person itself, and not only in a list that it holds.
fn names_one(value: &Value, names: &Names) -> bool {
    match value {
        Value::String(text) => names.are_in(text),
        Value::Object(members) => members.values().any(|member| names_one(member, names)),
        _ => false,
    }
}

/// Under which members Meta says who somebody is.
const WHO: [&str; 7] =
    ["from", "from_user_id", "recipient_id", "recipient_user_id", "user_id", "wa_id", "parent_user_id"];

fn whom(value: &Value, names: &mut Names) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                match value {
                    Value::String(who) if WHO.contains(&member.as_str()) => names.add(who),
                    value => whom(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| whom(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stripped(body: &Value, names: &[&str]) -> Option<Value> {
        let names = names.iter().copied().collect();
        let left = without(Source::Meta, body.to_string().as_bytes(), &names)?;
        Some(serde_json::from_slice(&left).unwrap())
    }

    fn body(value: Value) -> Value {
        json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }] })
    }

    fn value(body: &Value) -> &Value {
        &body["entry"][0]["changes"][0]["value"]
    }

    #[test]
    fn what_is_about_others_stays() {
        let whole = body(json!({
            "metadata": { "display_phone_number": "15550100001", "phone_number_id": "900" },
            "contacts": [{ "wa_id": "966500000101", "profile": { "name": "A" } }, { "wa_id": "966500000102" }],
            "messages": [
                { "from": "966500000101", "id": "wamid.A", "text": { "body": "mine" } },
                { "from": "966500000102", "id": "wamid.B", "contacts": [
                    { "name": { "formatted_name": "A" }, "phones": [{ "phone": "+966500000101" }] },
                    { "name": { "formatted_name": "C" }, "phones": [{ "phone": "+966500000103" }] },
                ]},
            ],
        }));
        let left = stripped(&whole, &["+966500000101"]).unwrap();
        assert!(!left.to_string().contains("966500000101"), "{left}");
        assert_eq!(value(&left)["contacts"], json!([{ "wa_id": "966500000102" }]));
        let messages = &value(&left)["messages"];
        assert_eq!(messages[0]["id"], "wamid.B");
        assert_eq!(messages[0]["contacts"][1]["phones"], json!([{ "phone": "+966500000103" }]));
        assert_eq!(value(&left)["metadata"], value(&whole)["metadata"]);
        assert_eq!(stripped(&whole, &["966500000199"]), None);
    }

    #[test]
    fn of_a_status_that_is_known_by_its_id_its_recipient_goes_too() {
        let whole = body(json!({
            "contacts": [{ "wa_id": "966500000101", "user_id": "SA.1" }],
            "statuses": [
                { "id": "wamid.A", "recipient_id": "966500000101", "recipient_user_id": "SA.1", "status": "sent" },
                { "id": "wamid.B", "recipient_id": "966500000102", "status": "read" },
            ],
        }));
        let left = stripped(&whole, &["wamid.A"]).unwrap();
        assert_eq!(value(&left)["contacts"], json!([]));
        assert_eq!(value(&left)["statuses"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_body_about_one_person_and_one_that_nobody_can_read_become_empty() {
        let names: Names = ["+966500000101"].into_iter().collect();
        let twilio = b"From=whatsapp%3A%2B966500000101&Body=hello";
        assert_eq!(without(Source::TwilioInbound, twilio, &names), Some(Vec::new()));
        assert_eq!(without(Source::TwilioInbound, b"From=whatsapp%3A%2B966500000102", &names), None);
        assert_eq!(without(Source::Meta, b"{\"from\":\"966500000101", &names), Some(Vec::new()));
        assert_eq!(without(Source::Meta, b"{\"from\":\"966500000102", &names), None);
    }

    #[test]
    fn a_short_name_counts_only_where_it_stands_alone() {
        let whole =
            body(json!({ "messages": [{ "from": "SA.1", "id": "wamid.SA.12" }, { "from": "SA.12", "id": "x" }] }));
        let left = stripped(&whole, &["SA.1"]).unwrap();
        assert_eq!(value(&left)["messages"], json!([{ "from": "SA.12", "id": "x" }]));
    }

    #[test]
    fn a_digest_differs_by_person_and_by_key() {
        let digest = |key: &str, address| PersonDigest::new(key.as_bytes()).of(address);
        assert_eq!(digest("k", "+966500000101"), digest("k", "+966500000101"));
        assert_ne!(digest("k", "+966500000101"), digest("k", "+966500000102"));
        assert_ne!(digest("k", "+966500000101"), digest("l", "+966500000101"));
        assert_eq!(digest("k", "x").len(), 64);
    }
}
