//! The call that creates a message: who may, what is refused, what is taken, what goes wrong.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use serde_json::{Value, json};

use super::callbacks;
use super::{Twilio, TwilioRow};
use crate::simulator::dice::{Dice, Stream};
use crate::simulator::people::lock;
use crate::simulator::settings::{Fault, Outcome, TokenState};

/// A call as it came.
pub(in crate::simulator) struct Call<'a> {
    /// From the path.
    pub(in crate::simulator) account_sid: &'a str,
    pub(in crate::simulator) authorization: Option<&'a str>,
    pub(in crate::simulator) body: &'a [u8],
}

/// What is answered.
pub(in crate::simulator) enum Answer {
    Json(u16, Value),
    Html(u16),
    Broken(Vec<u8>),
    HangUp,
}

/// An error of Twilio's: HTTP status, code, words.
pub(super) struct Refused(u16, u32, String);

fn refused(code: u32, words: impl Into<String>) -> Refused {
    Refused(if code == 20_429 { 429 } else { 400 }, code, words.into())
}

impl From<Refused> for Answer {
    fn from(Refused(status, code, message): Refused) -> Self {
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        Self::Json(status, json!({"code": code, "message": message, "more_info": more_info, "status": status}))
    }
}

/// Creates a message, or does what was asked to go wrong.
pub(in crate::simulator) async fn create(twilio: &Arc<Twilio>, call: Call<'_>) -> Answer {
    let number = twilio.calls.fetch_add(1, Ordering::Relaxed);
    if let Err(refused) = authorize(twilio, &call) {
        return refused.into();
    }
    let message = match Wanted::read(call.body) {
        Ok(message) => message,
        Err(refused) => return refused.into(),
    };
    let outcome = twilio.outcome(&message.to);
    let first = lock(&twilio.seen).insert(format!("{}:{}", message.channel, message.to));
    let asked = match outcome {
        Some(Outcome::Fault(fault)) => Some(fault),
        Some(Outcome::FaultOnce(fault)) if first => Some(fault),
        _ => None,
    };
    let fault = asked.or_else(|| drawn(twilio, number));
    if let Some(Fault::Error(code)) = fault {
        return refused(code, format!("Simulated error {code}")).into();
    }
    if lock(&twilio.stopped).contains(&format!("{}:{}", message.channel, message.to)) {
        return refused(21_610, "Attempt to send to unsubscribed recipient").into();
    }
    let accepts = fault.is_none_or(Fault::accepts);
    let answer = accepts.then(|| accept(twilio, &message, outcome, number));
    match fault {
        None | Some(Fault::Error(_)) => {}
        Some(Fault::Http500) => return Refused(500, 20_500, "An internal server error has occurred".to_owned()).into(),
        Some(Fault::Http503Html | Fault::Http503HtmlAfterAccept) => return Answer::Html(503),
        Some(Fault::ResetBeforeAccept | Fault::ResetAfterAccept) => return Answer::HangUp,
        Some(Fault::Stall | Fault::StallBeforeAccept) => {
            tokio::time::sleep(twilio.faults.load().stall_for.duration()).await;
            return Answer::HangUp;
        }
        Some(Fault::MalformedBody) => {
            let mut whole = answer.map(|row| row.to_string().into_bytes()).unwrap_or_default();
            whole.truncate(whole.len() / 2);
            return Answer::Broken(whole);
        }
    }
    answer.map_or(Answer::HangUp, |row| Answer::Json(201, row))
}

fn drawn(twilio: &Twilio, number: u64) -> Option<Fault> {
    let faults = twilio.faults.load();
    let mut drawn = Dice::new(twilio.seed ^ 0x7477, Stream::Call, number).unit();
    faults.shares().find_map(|(fault, share)| {
        drawn -= share;
        (drawn < 0.0).then_some(fault)
    })
}

fn authorize(twilio: &Twilio, call: &Call<'_>) -> Result<(), Refused> {
    let settings = &twilio.settings;
    let pair = call.authorization.and_then(|header| header.strip_prefix("Basic "));
    let pair = pair.and_then(|pair| base64::engine::general_purpose::STANDARD.decode(pair).ok());
    let expected = format!("{}:{}", settings.account_sid, settings.auth_token);
    let works = twilio.faults.load().token == TokenState::Valid;
    if works && pair.as_deref() == Some(expected.as_bytes()) && call.account_sid == settings.account_sid {
        Ok(())
    } else {
        Err(Refused(401, 20_003, "Authentication Error - invalid username".to_owned()))
    }
}

/// The fields of a call, checked.
struct Wanted {
    channel: &'static str,
    to: String,
    from: String,
    body: Option<String>,
    content_sid: Option<String>,
    content_variables: Option<String>,
    status_callback: Option<String>,
    validity_period: Option<u32>,
}

impl Wanted {
    fn read(body: &[u8]) -> Result<Self, Refused> {
        let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
        let to = field("To").ok_or_else(|| refused(21_604, "A 'To' phone number is required."))?;
        let (channel, number) = match to.strip_prefix("whatsapp:") {
            Some(number) => ("whatsapp", number),
            None => ("sms", to.as_str()),
        };
        let digits = number.strip_prefix('+').unwrap_or_default();
        if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(21_211, format!("Invalid 'To' Phone Number: {number}")));
        }
        let service = field("MessagingServiceSid");
        if service.as_ref().is_some_and(|sid| !is_sid(sid, "MG")) {
            return Err(refused(21_701, "The Messaging Service resource does not exist"));
        }
        let from = field("From").or(service);
        let from = from.ok_or_else(|| refused(21_603, "A 'From' phone number is required."))?;
        if form.contains_key("From") && from.starts_with("whatsapp:") != (channel == "whatsapp") {
            return Err(refused(21_910, "Invalid 'From' and 'To' pair: both must be of the same channel"));
        }
        let (text, content_sid) = (field("Body"), field("ContentSid"));
        if text.is_none() && content_sid.is_none() && field("MediaUrl").is_none() {
            return Err(refused(21_619, "A text message body or media urls must be specified."));
        }
        if text.as_ref().is_some_and(|text| text.chars().count() > 1_600) {
            return Err(refused(21_617, "The concatenated message body exceeds the 1600 character limit"));
        }
        if content_sid.as_ref().is_some_and(|sid| !is_sid(sid, "HX")) {
            return Err(refused(21_655, "The ContentSid is Invalid"));
        }
        let content_variables = field("ContentVariables");
        if content_variables.as_ref().is_some_and(|variables| !all_strings(variables)) {
            return Err(refused(21_656, "The ContentVariables Parameter is invalid"));
        }
        let status_callback = field("StatusCallback");
        if status_callback.as_ref().is_some_and(|url| reqwest::Url::parse(url).is_err()) {
            return Err(refused(21_609, "Invalid 'StatusCallback' URL"));
        }
        let validity_period = match field("ValidityPeriod") {
            None => None,
            Some(text) => match text.parse() {
                Ok(seconds) if (1..=36_000).contains(&seconds) => Some(seconds),
                _ => return Err(refused(21_624, "Invalid ValidityPeriod: must be between 1 and 36000")),
            },
        };
        let to = number.to_owned();
        Ok(Self { channel, to, from, body: text, content_sid, content_variables, status_callback, validity_period })
    }
}

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn all_strings(variables: &str) -> bool {
    serde_json::from_str::<HashMap<String, String>>(variables).is_ok()
}

/// Takes the message and has its statuses told; answers what Twilio answers.
fn accept(twilio: &Arc<Twilio>, wanted: &Wanted, outcome: Option<Outcome>, number: u64) -> Value {
    let accepted_at = twilio.clock.millis();
    let sid = format!("SM{:016x}{:016x}", twilio.seed, number + 1);
    let segments = wanted.body.as_deref().map_or(1, segments);
    let row = TwilioRow {
        sid: sid.clone(),
        channel: wanted.channel,
        to: wanted.to.clone(),
        from: wanted.from.clone(),
        body: wanted.body.clone(),
        content_sid: wanted.content_sid.clone(),
        content_variables: wanted.content_variables.clone(),
        status_callback: wanted.status_callback.clone(),
        validity_period: wanted.validity_period,
        segments,
        accepted_at,
        statuses: Vec::new(),
    };
    let in_window = lock(&twilio.windows).get(&wanted.to).is_some_and(|until| *until > accepted_at);
    // Free text over WhatsApp outside the window is taken and fails later.
    let outcome = match outcome {
        None if wanted.channel == "whatsapp" && wanted.content_sid.is_none() && !in_window => {
            Some(Outcome::Failed(63_016))
        }
        outcome => outcome,
    };
    lock(&twilio.ledger).push(row.clone());
    callbacks::tell(twilio, row, outcome, number);
    json!({
        "sid": sid, "account_sid": twilio.settings.account_sid, "api_version": "2010-04-01", "status": "queued",
        "direction": "outbound-api", "to": wanted.to, "from": wanted.from, "body": wanted.body,
        "num_segments": segments.to_string(), "num_media": "0", "price": null, "price_unit": null, "error_code": null,
        "error_message": null, "uri": format!("/2010-04-01/Accounts/{}/Messages/{sid}.json", twilio.settings.account_sid),
    })
}

/// Segments of a text message, counted by the simulator on its own (3GPP TS 23.038).
fn segments(text: &str) -> u32 {
    const PLAIN: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const ESCAPED: &str = "\u{c}^{}\\[~]|€";
    let is_gsm = text.chars().all(|c| PLAIN.contains(c) || ESCAPED.contains(c));
    let size = |c: char| match is_gsm {
        true => 1 + usize::from(ESCAPED.contains(c)),
        false => c.len_utf16(),
    };
    let (single, part) = if is_gsm { (160, 153) } else { (70, 67) };
    if text.chars().map(size).sum::<usize>() <= single {
        return 1;
    }
    let mut parts = 1;
    let mut used = 0;
    for c in text.chars() {
        if used + size(c) > part {
            parts += 1;
            used = 0;
        }
        used += size(c);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(form: &str) -> u32 {
        Wanted::read(form.as_bytes()).err().map_or(0, |Refused(_, code, _)| code)
    }

    #[test]
    fn calls_are_refused_as_twilio_refuses_them() {
        for (form, expected) in [
            ("From=%2B1555&Body=x", 21_604),
            ("To=abc&From=%2B1555&Body=x", 21_211),
            ("To=%2B966500000101&Body=x", 21_603),
            ("To=%2B966500000101&From=%2B1555", 21_619),
            ("To=whatsapp%3A%2B966500000101&From=%2B1555&Body=x", 21_910),
            ("To=%2B966500000101&From=%2B1555&ContentSid=HX1", 21_655),
            ("To=%2B966500000101&From=%2B1555&Body=x&ValidityPeriod=0", 21_624),
            ("To=%2B966500000101&From=%2B1555&Body=x&StatusCallback=nowhere", 21_609),
            ("To=%2B966500000101&From=%2B1555&Body=x&ValidityPeriod=36000&StatusCallback=http%3A%2F%2Fe.example%2F", 0),
            ("To=%2B966500000101&MessagingServiceSid=MG0123456789abcdef0123456789abcdef&Body=x", 0),
        ] {
            assert_eq!(code(form), expected, "{form}");
        }
        let stored =
            "To=whatsapp%3A%2B966500000101&From=whatsapp%3A%2B1555&ContentSid=HX0123456789abcdef0123456789abcdef";
        assert_eq!(code(&format!("{stored}&ContentVariables=%7B%221%22%3A%22a%22%7D")), 0);
        assert_eq!(code(&format!("{stored}&ContentVariables=%7B%221%22%3A1%7D")), 21_656);
        assert_eq!(code(&format!("To=%2B966500000101&From=%2B1555&Body={}", "x".repeat(1_601))), 21_617);
    }
}
