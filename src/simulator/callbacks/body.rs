//! The words of a callback: Meta's envelope around statuses, messages and other changes, and the signature over its bytes.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages and messages/status, and
//! developers.facebook.com/docs/graph-api/webhooks/getting-started for the signature, checked 2026-11-22.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{Event, Inbound, Said};
use crate::simulator::graph_error::write_status_error;
use crate::simulator::json::Json;
use crate::simulator::ledger::{Row, Status};
use crate::simulator::people::{name, user_id};
use crate::simulator::pricing;
use crate::simulator::settings::Number;
use crate::simulator::wamid::{Direction, Ids};

/// What the words depend on besides the events.
#[derive(Debug)]
pub(in crate::simulator) struct Writer<'a> {
    pub(in crate::simulator) ids: Ids,
    pub(in crate::simulator) seed: u64,
    pub(in crate::simulator) numbers: &'a [Number],
    /// Statuses of one number that share one change.
    pub(in crate::simulator) per_change: usize,
    /// Whether statuses carry prices.
    pub(in crate::simulator) pricing: bool,
}

impl Writer<'_> {
    /// The body of one callback with all these events.
    pub(in crate::simulator) fn callback(&self, events: &[Event]) -> Vec<u8> {
        let mut json = Json::with_capacity(128 + events.len() * 1024);
        json.raw("{\"object\":\"whatsapp_business_account\",\"entry\":[");
        let mut rest = events;
        let mut account = None;
        while let Some(first) = rest.first() {
            let number = &self.numbers[usize::from(first.number())];
            if account == Some(&number.business_account_id) {
                json.raw(",");
            } else {
                if account.is_some() {
                    json.raw("]},");
                }
                json.raw("{\"id\":").string(&number.business_account_id).raw(",\"changes\":[");
                account = Some(&number.business_account_id);
            }
            let shared = self.sharing(rest);
            match first {
                Event::Status { .. } => self.statuses(&mut json, number, &rest[..shared]),
                Event::Inbound(inbound) => self.inbound(&mut json, number, inbound),
                Event::Change { field, value, .. } => {
                    json.raw("{\"field\":").string(field).raw(",\"value\":").value(value).raw("}");
                }
            }
            rest = &rest[shared..];
        }
        json.raw(if account.is_some() { "]}]}" } else { "]}" });
        json.into_bytes()
    }

    /// How many events from the first on go into the same change.
    fn sharing(&self, events: &[Event]) -> usize {
        let same = |event: &&Event| matches!(event, Event::Status { row, .. } if row.number == events[0].number());
        events.iter().take(self.per_change).take_while(same).count().max(1)
    }

    fn statuses(&self, json: &mut Json, number: &Number, events: &[Event]) {
        metadata(json, "messages", number);
        let statuses = || {
            events.iter().filter_map(|event| match event {
                Event::Status { row, status, at_ms, priced } => Some((row.as_ref(), *status, *at_ms, *priced)),
                Event::Inbound(_) | Event::Change { .. } => None,
            })
        };
        // Contacts are told with all statuses but `failed`, since April 2026.
        let mut told = 0;
        for (row, ..) in statuses().filter(|(_, status, ..)| *status != Status::Failed) {
            json.raw(if told == 0 { ",\"contacts\":[" } else { "," });
            self.contact(json, row.digits, row.by_user_id);
            told += 1;
        }
        json.raw(if told == 0 { ",\"statuses\":[" } else { "],\"statuses\":[" });
        for (at, (row, status, at_ms, priced)) in statuses().enumerate() {
            if at > 0 {
                json.raw(",");
            }
            self.status(json, row, status, at_ms, priced && self.pricing);
        }
        json.raw("]}}");
    }

    fn status(&self, json: &mut Json, row: &Row, status: Status, at_ms: i64, priced: bool) {
        json.raw("{\"id\":").string(&self.ids.wamid(Direction::Outbound, row.digits, row.sequence));
        json.raw(",\"status\":\"").raw(status.name()).raw("\",\"timestamp\":\"").number(at_ms / 1000).raw("\"");
        if !row.by_user_id {
            json.raw(",\"recipient_id\":\"").number(row.digits as i64).raw("\"");
        }
        if row.by_user_id || status != Status::Failed {
            json.raw(",\"recipient_user_id\":").string(&user_id(row.digits));
        }
        if let Some(opaque) = &row.opaque {
            json.raw(",\"biz_opaque_callback_data\":").string(opaque);
        }
        if status == Status::Failed {
            json.raw(",\"errors\":[");
            write_status_error(json, row.failed_code);
            json.raw("]");
        } else if priced {
            json.raw(",\"pricing\":");
            pricing::write(json, at_ms, row.price_at(at_ms));
        }
        json.raw("}");
    }

    fn inbound(&self, json: &mut Json, number: &Number, inbound: &Inbound) {
        if let Said::Preference { stop } = inbound.said {
            metadata(json, "user_preferences", number);
            json.raw(",\"contacts\":[");
            self.contact(json, inbound.digits, inbound.hidden);
            json.raw("],\"user_preferences\":[{");
            if !inbound.hidden {
                json.raw("\"wa_id\":\"").number(inbound.digits as i64).raw("\",");
            }
            let (wish, value) = if stop { ("stop", "stop") } else { ("resume", "resume") };
            json.raw("\"user_id\":").string(&user_id(inbound.digits));
            json.raw(",\"detail\":").string(&format!("User requested to {wish} marketing messages"));
            json.raw(",\"category\":\"marketing_messages\",\"value\":").string(value);
            json.raw(",\"timestamp\":").number(inbound.at_ms / 1000).raw("}]}}");
            return;
        }
        metadata(json, "messages", number);
        json.raw(",\"contacts\":[");
        self.contact(json, inbound.digits, inbound.hidden);
        json.raw("],\"messages\":[{");
        if let Some(context) = &inbound.context {
            json.raw("\"context\":{\"from\":")
                .string(&number.display_phone_number)
                .raw(",\"id\":")
                .string(context)
                .raw("},");
        }
        if !inbound.hidden {
            json.raw("\"from\":\"").number(inbound.digits as i64).raw("\",");
        }
        json.raw("\"from_user_id\":").string(&user_id(inbound.digits)).raw(",\"id\":").string(&inbound.id);
        json.raw(",\"timestamp\":\"").number(inbound.at_ms / 1000).raw("\",");
        said(json, &inbound.said);
        json.raw("}]}}");
    }

    fn contact(&self, json: &mut Json, digits: u64, hidden: bool) {
        json.raw("{\"profile\":{\"name\":").string(name(self.seed, digits)).raw("}");
        if !hidden {
            json.raw(",\"wa_id\":\"").number(digits as i64).raw("\"");
        }
        json.raw(",\"user_id\":").string(&user_id(digits)).raw("}");
    }
}

fn metadata(json: &mut Json, field: &str, number: &Number) {
    json.raw("{\"field\":")
        .string(field)
        .raw(",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":");
    json.string(&number.display_phone_number).raw(",\"phone_number_id\":").string(&number.phone_number_id).raw("}");
}

fn said(json: &mut Json, said: &Said) {
    if let Said::Any(members) = said {
        for (at, (name, value)) in members.iter().enumerate() {
            json.raw(if at == 0 { "" } else { "," }).string(name).raw(":").value(value);
        }
        return;
    }
    let (kind, value) = match said {
        Said::Text(body) => ("text", json!({"body": body})),
        Said::Button { payload, text } => ("button", json!({"payload": payload, "text": text})),
        Said::ButtonReply { id, title } => {
            ("interactive", json!({"type": "button_reply", "button_reply": {"id": id, "title": title}}))
        }
        Said::ListReply { id, title } => {
            ("interactive", json!({"type": "list_reply", "list_reply": {"id": id, "title": title}}))
        }
        Said::Reaction { message_id, emoji: Some(emoji) } => {
            ("reaction", json!({"message_id": message_id, "emoji": emoji}))
        }
        Said::Reaction { message_id, emoji: None } => ("reaction", json!({"message_id": message_id})),
        Said::Media { kind, media } => (kind.as_str(), media.clone()),
        Said::Location { latitude, longitude } => ("location", json!({"latitude": latitude, "longitude": longitude})),
        Said::Any(_) | Said::Preference { .. } => return,
    };
    json.raw("\"type\":").string(kind).raw(",").string(kind).raw(":").value(&value);
}

/// Signs callbacks with the app secret.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Signer(Hmac<Sha256>);

impl Signer {
    /// The key is the secret's text itself, not what its hex digits stand for.
    pub(in crate::simulator) fn new(app_secret: &str) -> Self {
        Self(Hmac::new_from_slice(app_secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// The value of `X-Hub-Signature-256` for exactly these bytes.
    pub(in crate::simulator) fn signature(&self, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::ledger::{Kind, Ledger, NewRow};
    use std::sync::Arc;

    fn row(number: u16, by_user_id: bool, failed_code: u32) -> Arc<Row> {
        Ledger::default().add(NewRow {
            number,
            kind: Kind::Text,
            by_user_id,
            in_window: true,
            by_entry_point: false,
            digits: 966_500_000_101,
            accepted_ms: 1_793_000_000_000,
            failed_code,
            template: None,
            content: None,
            opaque: Some("job=77/row=١٢".into()),
        })
    }

    fn callback(events: &[Event], per_change: usize) -> (String, serde_json::Value) {
        let second = Number { phone_number_id: "2".into(), business_account_id: "3".into(), ..Number::default() };
        let numbers = [Number::default(), second];
        let writer = Writer { ids: Ids::new(1, 1), seed: 1, numbers: &numbers, per_change, pricing: true };
        let body = writer.callback(events);
        let value = serde_json::from_slice(&body).unwrap();
        (String::from_utf8(body).unwrap(), value)
    }

    fn status(row: &Arc<Row>, status: Status) -> Event {
        Event::Status { row: Arc::clone(row), status, at_ms: 1_793_001_000_000, priced: status != Status::Failed }
    }

    #[test]
    fn the_signature_is_that_of_the_reference() {
        let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"0","note":"Gr\u00f6\u00dfe\/\u0627"}]}"#;
        assert_eq!(
            Signer::new("demo-app-secret").signature(body),
            "sha256=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0881905fd80cd5ed22948c1da"
        );
    }

    #[test]
    fn a_status_has_metas_shape_and_only_ascii() {
        let (text, body) = callback(&[status(&row(0, false, 0), Status::Sent)], 1);
        assert!(text.is_ascii() && text.contains(r"job=77\/row=\u0661\u0662"), "{text}");
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(body["entry"][0]["id"], "800000000000001");
        assert_eq!(value["metadata"]["phone_number_id"], "900000000000001");
        let status = &value["statuses"][0];
        assert_eq!(status["status"], "sent");
        assert_eq!(status["timestamp"], "1793001000");
        assert_eq!(status["recipient_id"], "966500000101");
        assert_eq!(status["biz_opaque_callback_data"], "job=77/row=١٢");
        assert_eq!(status["pricing"]["category"], "service");
        assert_eq!(value["contacts"][0]["wa_id"], "966500000101");
    }

    #[test]
    fn a_failure_carries_its_error_but_no_price_and_no_contact() {
        let (_, body) = callback(&[status(&row(0, false, 131_047), Status::Failed)], 1);
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(value["statuses"][0]["errors"][0]["code"], 131_047);
        assert!(value["contacts"].is_null() && value["statuses"][0]["pricing"].is_null());
    }

    #[test]
    fn a_hidden_phone_number_is_nowhere() {
        let inbound = Inbound {
            number: 0,
            digits: 966_500_000_101,
            hidden: true,
            at_ms: 1_793_000_000_000,
            id: "wamid.x".into(),
            context: None,
            said: Said::Text("مرحبا".into()),
        };
        let (text, body) = callback(&[Event::Inbound(Box::new(inbound)), status(&row(0, true, 0), Status::Read)], 1);
        assert!(!text.contains("966500000101"), "{text}");
        let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
        assert_eq!(message["text"]["body"], "مرحبا");
        assert!(message["from_user_id"].as_str().unwrap().starts_with("SA."));
    }

    #[test]
    fn a_message_of_any_kind_has_its_own_members_beside_those_of_all() {
        let members = json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "Omar Z"}}]});
        let serde_json::Value::Object(members) = members else { panic!() };
        let inbound = Inbound {
            number: 0,
            digits: 966_500_000_101,
            hidden: false,
            at_ms: 1_793_000_000_000,
            id: "wamid.x".into(),
            context: None,
            said: Said::Any(members),
        };
        let (_, body) = callback(&[Event::Inbound(Box::new(inbound))], 1);
        let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
        assert_eq!((&message["type"], &message["from"]), (&"contacts".into(), &"966500000101".into()));
        assert_eq!(message["contacts"][0]["name"]["formatted_name"], "Omar Z");
    }

    #[test]
    fn a_batch_groups_by_account_and_number() {
        let (one, two) = (row(0, false, 0), row(1, false, 0));
        let events = [&one, &one, &two, &one].map(|row| status(row, Status::Delivered));
        let (_, body) = callback(&events, 10);
        let ids: Vec<&str> =
            body["entry"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["800000000000001", "3", "800000000000001"]);
        assert_eq!(body["entry"][0]["changes"][0]["value"]["statuses"].as_array().unwrap().len(), 2);
        let (_, apart) = callback(&events, 1);
        assert_eq!(apart["entry"][0]["changes"].as_array().unwrap().len(), 2);
    }
}
