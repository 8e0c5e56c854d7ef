//! What Twilio posts: statuses where each message says, what people write where the settings say; signed over the address and the form.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{Twilio, TwilioRow};
use crate::simulator::dice::{Dice, Stream};
use crate::simulator::people::lock;
use crate::simulator::settings::Outcome;

/// A message of a person opens WhatsApp's window for so long.
const WINDOW_MS: i64 = 86_400_000;

type Pairs = Vec<(&'static str, String)>;

/// Has the statuses of a message told, one after the other.
pub(super) fn tell(twilio: &Arc<Twilio>, row: TwilioRow, outcome: Option<Outcome>, number: u64) {
    let mut dice = Dice::new(twilio.seed ^ 0x7477, Stream::Message, number);
    let settings = &twilio.settings;
    let (sent, usual) = (dice.within(settings.sent_after), dice.within(settings.delivered_after));
    let delivered = match outcome {
        Some(Outcome::DeliveredLate(wait)) => i64::try_from(wait.millis()).unwrap_or(i64::MAX),
        _ => usual,
    };
    let mut statuses: Vec<(i64, &'static str, Option<u32>)> = vec![(0, "queued", None), (sent, "sent", None)];
    match outcome {
        Some(Outcome::Silent) => statuses.clear(),
        Some(Outcome::SentOnly) => {}
        Some(Outcome::Failed(code)) => statuses.push((delivered, "undelivered", Some(code))),
        _ => {
            statuses.push((delivered, "delivered", None));
            if row.channel == "whatsapp" && (settings.read || outcome == Some(Outcome::Read)) {
                statuses.push((delivered, "read", None));
            }
        }
    }
    let Some(url) = row.status_callback.clone() else { return };
    let worker = Arc::clone(twilio);
    twilio.later(async move {
        for (wait, status, code) in statuses {
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
            let mut pairs = common(&worker, &row);
            pairs.push(("MessageStatus", status.to_owned()));
            pairs.push(("SmsStatus", status.to_owned()));
            if let Some(code) = code {
                pairs.push(("ErrorCode", code.to_string()));
            }
            if post(&worker, &url, pairs).await {
                let mut ledger = lock(&worker.ledger);
                if let Some(known) = ledger.iter_mut().find(|known| known.sid == row.sid) {
                    known.statuses.push(status.to_owned());
                }
            }
        }
    });
}

fn common(twilio: &Twilio, row: &TwilioRow) -> Pairs {
    let address = |number: &str| match row.channel {
        "whatsapp" if !number.starts_with("whatsapp:") => format!("whatsapp:{number}"),
        _ => number.to_owned(),
    };
    let mut pairs = vec![
        ("MessageSid", row.sid.clone()),
        ("SmsSid", row.sid.clone()),
        ("AccountSid", twilio.settings.account_sid.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("To", address(&row.to)),
        ("From", address(&row.from)),
    ];
    if row.channel == "whatsapp" {
        pairs.push(("ChannelPrefix", "whatsapp".to_owned()));
    }
    pairs
}

/// See [`Twilio::hear`].
pub(super) fn hear(twilio: &Arc<Twilio>, channel: &'static str, from: &str, text: &str) -> Result<String, String> {
    let url = twilio.settings.inbound_url.clone().ok_or("`twilio.inbound_url` is not set: nobody is told")?;
    let sid = format!("SM{:016x}{:015x}1", twilio.seed ^ u64::MAX, twilio.inbound.fetch_add(1, Ordering::Relaxed));
    let person = format!("{channel}:{from}");
    // Twilio's own words, in English only (advanced opt-out off).
    match text.trim().to_uppercase().as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" => drop(lock(&twilio.stopped).insert(person)),
        "START" | "YES" | "UNSTOP" => drop(lock(&twilio.stopped).remove(&person)),
        _ => {}
    }
    if channel == "whatsapp" {
        lock(&twilio.windows).insert(from.to_owned(), twilio.clock.millis() + WINDOW_MS);
    }
    let address = |number: &str| if channel == "whatsapp" { format!("whatsapp:{number}") } else { number.to_owned() };
    let pairs: Pairs = vec![
        ("MessageSid", sid.clone()),
        ("SmsSid", sid.clone()),
        ("AccountSid", twilio.settings.account_sid.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("SmsStatus", "received".to_owned()),
        ("From", address(from)),
        ("To", address("+15550100001")),
        ("Body", text.to_owned()),
        ("NumMedia", "0".to_owned()),
        ("NumSegments", "1".to_owned()),
    ];
    let worker = Arc::clone(twilio);
    twilio.later(async move {
        // What becomes of it shows at the receiver.
        let _ = post(&worker, &url, pairs).await;
    });
    Ok(sid)
}

/// Posts until it is taken or given up; answers whether it was taken.
async fn post(twilio: &Twilio, url: &str, pairs: Pairs) -> bool {
    let signature = signature(&twilio.settings.auth_token, url, &pairs);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let mut waits = twilio.settings.redelivery.iter();
    loop {
        let request = twilio
            .client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("user-agent", "TwilioProxy/1.1")
            .header("x-twilio-signature", &signature)
            .body(body.clone());
        match request.send().await {
            Ok(response) if response.status().is_success() => return response.bytes().await.is_ok(),
            _ => match waits.next() {
                Some(wait) => tokio::time::sleep(wait.duration()).await,
                None => return false,
            },
        }
    }
}

/// HMAC-SHA1 over the address and the form's names and values, by name.
fn signature(token: &str, url: &str, pairs: &Pairs) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_twilios() {
        let pairs = vec![
            ("MessageSid", "SM00000000000000000000000000000001".to_owned()),
            ("MessageStatus", "delivered".to_owned()),
            ("To", "whatsapp:+966500000101".to_owned()),
            ("From", "whatsapp:+15550100001".to_owned()),
            ("AccountSid", "AC00000000000000000000000000000001".to_owned()),
        ];
        let made = signature("demo-token", "https://hooks.example.org/twilio?tenant=7", &pairs);
        assert_eq!(made, "lQtLtvEwErjfMc76t1EWXoRjAIQ=");
    }
}
