//! Twilio's callbacks: whether Twilio posted them, and what they say.
//!
//! A kept body is the query of the address, a line break, and the form as it was posted: our reference stands in the query.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::twilio_codes::class_of;
use super::without_addresses;
use crate::domain::channel::Channel;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::WhatsAppId;
use crate::domain::money::Money;
use crate::domain::news::{Extras, InboundNews, LocationNews, MediaNews, News, ProviderStatus, StatusNews};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::pricing::{ToldKind, ToldPrice};
use crate::ports::{CallbackCheck, NewsReader};

/// Checks `X-Twilio-Signature` (usage/webhooks/webhooks-security, checked 2026-11-22).
pub struct SignatureCheck {
    /// How the world reaches us, such as `https://voice.example.com`: what stands before the path in the signed address.
    public_url: String,
    key: Hmac<Sha1>,
}

impl std::fmt::Debug for SignatureCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignatureCheck").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl SignatureCheck {
    /// With the account's token.
    pub fn new(public_url: &str, auth_token: &SecretString) -> Self {
        let key = Hmac::new_from_slice(auth_token.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
        Self { public_url: public_url.trim_end_matches('/').to_owned(), key }
    }
}

impl CallbackCheck for SignatureCheck {
    fn is_genuine(&self, signature: Option<&str>, path_and_query: &str, body: &[u8]) -> bool {
        let Some(signature) = signature.map(str::trim) else { return false };
        let of_json = path_and_query.split_once('?').and_then(|(_, query)| first(query.as_bytes(), "bodySHA256"));
        let pairs = match of_json {
            // The address vouches for the body.
            Some(digest) => {
                let same = hex::encode(Sha256::digest(body)).as_bytes().ct_eq(digest.to_lowercase().as_bytes());
                if !bool::from(same) {
                    return false;
                }
                String::new()
            }
            None => appended(body),
        };
        // Twilio is not consistent about the port that goes without saying. Both are always tried, so that the time tells nothing.
        let mut urls = vec![self.public_url.clone()];
        urls.extend(other_port(&self.public_url));
        urls.iter().fold(false, |genuine, url| {
            let mut mac = self.key.clone();
            mac.update(url.as_bytes());
            mac.update(path_and_query.as_bytes());
            mac.update(pairs.as_bytes());
            let made = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
            bool::from(made.as_bytes().ct_eq(signature.as_bytes())) | genuine
        })
    }
}

/// Names and values as they are signed: by name, several values of one name sorted and without repetition.
fn appended(body: &[u8]) -> String {
    let mut by_name: BTreeMap<Cow<'_, str>, BTreeSet<Cow<'_, str>>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        by_name.entry(name).or_default().insert(value);
    }
    let mut text = String::with_capacity(body.len());
    for (name, values) in &by_name {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// The same address with the usual port where there is none, and without it where there is.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match authority.strip_suffix(usual) {
        Some(host) => Some(format!("{scheme}://{host}{path}")),
        None if authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) => {
            None
        }
        None => Some(format!("{scheme}://{authority}{usual}{path}")),
    }
}

fn first(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The two halves of a kept body.
fn halves(body: &[u8]) -> (&[u8], &[u8]) {
    let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
    (&body[..end], body.get(end + 1..).unwrap_or_default())
}

/// The parameters of a form, of each name the first.
struct Form<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Form<'a> {
    fn of(body: &'a [u8]) -> Self {
        let mut form = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            form.entry(name).or_insert(value);
        }
        Self(form)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref).filter(|value| !value.is_empty())
    }

    fn id(&self) -> Option<WhatsAppId> {
        let sid = self.get("MessageSid").or_else(|| self.get("SmsSid"))?;
        WhatsAppId::try_from(sid.to_owned()).ok()
    }
}

/// Reads what becomes of our messages.
#[derive(Debug, Clone, Copy)]
pub struct StatusReader;

impl NewsReader for StatusReader {
    fn may_hold_words(&self) -> bool {
        false
    }

    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<Vec<News>, String> {
        let (query, form) = halves(body);
        let form = Form::of(form);
        let Some(whatsapp_id) = form.id() else { return Err("the form has no `MessageSid`".to_owned()) };
        let status = match form.get("MessageStatus").or_else(|| form.get("SmsStatus")) {
            Some("sent") => ProviderStatus::Sent,
            Some("delivered") => ProviderStatus::Delivered,
            Some("read") => ProviderStatus::Read,
            Some("failed" | "undelivered" | "canceled") => ProviderStatus::Failed(refusal(&form)),
            // On its way inside Twilio: nothing that the answer did not say.
            Some("accepted" | "scheduled" | "queued" | "sending") => {
                return Ok(vec![News::Other { kind: "twilio-under-way" }]);
            }
            _ => return Ok(vec![News::Other { kind: "unrecognised-status" }]),
        };
        Ok(vec![News::Status(StatusNews {
            sender: None,
            whatsapp_id,
            reference: first(query, "ref").and_then(|reference| reference.parse().ok()),
            status,
            // Twilio tells no time.
            provider_at: received_at,
            pricing: told_price(&form),
        })])
    }
}

/// The price of all segments, where a callback carries it: below zero as Twilio writes what it took, filled in when it is known (Message
/// resource, …/docs/messaging/api/message-resource, 2026-11-22). What it says of a message that it did not take is no price.
fn told_price(form: &Form<'_>) -> Option<ToldPrice> {
    let currency = form.get("PriceUnit")?.parse().ok()?;
    let amount = Money::from_decimal(form.get("Price")?, currency).ok()?;
    let amount = Money { micros: amount.micros.checked_abs()?, ..amount };
    Some(ToldPrice { kind: ToldKind::Charged, category: None, amount: Some(amount) })
}

fn refusal(form: &Form<'_>) -> Refusal {
    let code = form.get("ErrorCode").and_then(|code| code.parse::<i64>().ok());
    let words = form.get("ErrorMessage").or_else(|| form.get("ChannelStatusMessage")).unwrap_or_default();
    let class = code.map_or(FailureClass::Unrecognised, class_of);
    Refusal::new(class, code, without_addresses(words))
}

/// Reads what people write to us.
#[derive(Debug, Clone, Copy)]
pub struct InboundReader;

impl NewsReader for InboundReader {
    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<Vec<News>, String> {
        let (_, form) = halves(body);
        let form = Form::of(form);
        let Some(whatsapp_id) = form.id() else { return Err("the form has no `MessageSid`".to_owned()) };
        let Some(from) = form.get("From") else { return Err("the form has no `From`".to_owned()) };
        let (channel, from) = match from.strip_prefix("whatsapp:") {
            Some(from) => (Channel::TwilioWhatsapp, from),
            None => (Channel::Sms, from),
        };
        let phone = PhoneNumber::from_e164(from).ok().map(|phone| phone.e164().to_owned());
        let bsuid = form.get("ExternalUserId").map(|id| id.trim_start_matches("whatsapp:"));
        // Where the number is withheld the user id stands in its place.
        let bsuid = bsuid.or_else(|| Some(from).filter(|_| phone.is_none() && channel.is_whatsapp()));
        if phone.is_none() && bsuid.is_none() {
            // A short code or a name: nobody whom we could know.
            return Ok(vec![News::Other { kind: "nameless-sender" }]);
        }
        let n_media: u32 = form.get("NumMedia").and_then(|n| n.parse().ok()).unwrap_or(0);
        let kind = match (form.get("ButtonPayload").or_else(|| form.get("ButtonText")), n_media) {
            (Some(_), _) => "button",
            (None, 0) if form.get("Latitude").is_some() => "location",
            (None, 0) => "text",
            (None, _) => media_kind(form.get("MediaContentType0").unwrap_or_default()),
        };
        // Twilio's own handling of stop words tells which one it took, whatever the text was.
        let text = match form.get("OptOutType") {
            Some("STOP") => Some("STOP"),
            Some("START") => Some("START"),
            _ => form.get("Body").or_else(|| form.get("ButtonText")),
        };
        let owned = |text: Option<&str>| text.map(|text| text.replace('\0', ""));
        // Twilio names no id of a file, only where it lies.
        let media = form.get("MediaUrl0").map(|url| MediaNews {
            url: owned(Some(url)),
            mime_type: owned(form.get("MediaContentType0")),
            ..MediaNews::default()
        });
        let degrees =
            |name| form.get(name).and_then(|text| text.parse::<f64>().ok()).filter(|degrees| degrees.is_finite());
        let location = form.get("Latitude").map(|_| LocationNews {
            latitude: degrees("Latitude"),
            longitude: degrees("Longitude"),
            name: owned(form.get("Label")),
            address: owned(form.get("Address")),
            url: None,
        });
        Ok(vec![News::Inbound(Box::new(InboundNews {
            channel,
            sender: None,
            whatsapp_id,
            phone,
            bsuid: owned(bsuid),
            profile_name: owned(form.get("ProfileName")),
            provider_at: received_at,
            kind,
            text: owned(text),
            payload: owned(form.get("ButtonPayload")),
            in_reply_to: form
                .get("OriginalRepliedMessageSid")
                .and_then(|sid| WhatsAppId::try_from(sid.to_owned()).ok()),
            extras: Extras { media, location, ..Extras::default() },
        }))])
    }
}

fn media_kind(content_type: &str) -> &'static str {
    match content_type.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = "lQtLtvEwErjfMc76t1EWXoRjAIQ=";
    const FORM: &str = "MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&To=whatsapp%3A%2B966500000101&\
                        From=whatsapp%3A%2B15550100001&AccountSid=AC00000000000000000000000000000001";

    fn check(public_url: &str) -> SignatureCheck {
        SignatureCheck::new(public_url, &SecretString::from("demo-token"))
    }

    #[test]
    fn a_form_signed_by_twilio_is_known_and_a_changed_one_is_not() {
        let hooks = check("https://hooks.example.org");
        let genuine = |signature, path: &str, form: &str| hooks.is_genuine(signature, path, form.as_bytes());
        assert!(genuine(Some(VECTOR), "/twilio?tenant=7", FORM));
        // The order of the form does not matter.
        let mut turned: Vec<&str> = FORM.split('&').collect();
        turned.reverse();
        assert!(genuine(Some(VECTOR), "/twilio?tenant=7", &turned.join("&")));
        for (signature, path, form) in [
            (None, "/twilio?tenant=7", FORM.to_owned()),
            (Some(""), "/twilio?tenant=7", FORM.to_owned()),
            (Some(VECTOR), "/twilio?tenant=8", FORM.to_owned()),
            (Some(VECTOR), "/twilio", FORM.to_owned()),
            (Some(VECTOR), "/twilio?tenant=7", FORM.replace("delivered", "failed")),
            (Some(VECTOR), "/twilio?tenant=7", format!("{FORM}&x=1")),
        ] {
            assert!(!genuine(signature, path, &form), "{signature:?} {path}");
        }
        let other = SignatureCheck::new("https://hooks.example.org", &SecretString::from("another"));
        assert!(!other.is_genuine(Some(VECTOR), "/twilio?tenant=7", FORM.as_bytes()));
    }

    #[test]
    fn the_port_that_goes_without_saying_may_be_said() {
        assert!(check("https://hooks.example.org:443").is_genuine(Some(VECTOR), "/twilio?tenant=7", FORM.as_bytes()));
        assert!(!check("https://hooks.example.org:8443").is_genuine(Some(VECTOR), "/twilio?tenant=7", FORM.as_bytes()));
        for (url, other) in [
            ("https://a.example", Some("https://a.example:443")),
            ("http://a.example/base", Some("http://a.example:80/base")),
            ("https://a.example:443/base", Some("https://a.example/base")),
            ("http://127.0.0.1:8080", None),
        ] {
            assert_eq!(other_port(url).as_deref(), other);
        }
    }

    #[test]
    fn a_json_body_is_vouched_for_by_its_digest() {
        let path = "/twilio?tenant=7&bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        let signature = Some("EiA2SO4njdtYUEpJgbjZiDZh6uM=");
        assert!(check("https://hooks.example.org").is_genuine(signature, path, br#"{"a":1}"#));
        assert!(!check("https://hooks.example.org").is_genuine(signature, path, br#"{"a":2}"#));
    }

    fn at() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn statuses_are_read_for_our_reference() {
        let read = |status: &str| {
            let body = format!("ref=barid:k7q2:msg_0000002d:2\nMessageSid=SM1&MessageStatus={status}&ErrorCode=30005");
            StatusReader.read(body.as_bytes(), at()).unwrap().remove(0)
        };
        for (status, expected) in
            [("sent", ProviderStatus::Sent), ("delivered", ProviderStatus::Delivered), ("read", ProviderStatus::Read)]
        {
            let News::Status(news) = read(status) else { panic!("{status}") };
            assert_eq!(news.status, expected);
            assert_eq!(news.reference.unwrap().attempt, 2);
            assert_eq!(news.sender, None);
        }
        let told = |price: &str| {
            let body = format!("\nMessageSid=SM1&MessageStatus=delivered&{price}");
            let News::Status(news) = StatusReader.read(body.as_bytes(), at()).unwrap().remove(0) else { panic!() };
            news.pricing.and_then(|told| told.amount).map(|amount| amount.to_string())
        };
        assert_eq!(told("NumSegments=2&Price=-0.01500&PriceUnit=USD").as_deref(), Some("0.015 USD"));
        for unknown in
            ["Price=-0.015", "Price=&PriceUnit=USD", "Price=x&PriceUnit=USD", "Price=-0.015&PriceUnit=DOLLAR"]
        {
            assert_eq!(told(unknown), None, "{unknown}");
        }
        for status in ["failed", "undelivered"] {
            let News::Status(StatusNews { status: ProviderStatus::Failed(refusal), .. }) = read(status) else {
                panic!("{status}")
            };
            assert_eq!((refusal.class, refusal.code), (FailureClass::Undeliverable, Some(30_005)));
        }
        for status in ["queued", "accepted", "sending", "partially_delivered", "x"] {
            assert!(matches!(read(status), News::Other { .. }), "{status}");
        }
        assert!(StatusReader.read(b"ref=x\nFrom=1", at()).is_err());
        assert!(StatusReader.read(b"", at()).is_err());
    }

    fn inbound(form: &str) -> News {
        InboundReader.read(format!("\n{form}").as_bytes(), at()).unwrap().remove(0)
    }

    #[test]
    fn what_people_write_is_read_with_its_channel() {
        let News::Inbound(text) =
            inbound("MessageSid=SM1&From=%2B966500000101&Body=%D8%B4%D9%83%D8%B1%D8%A7+%21&NumMedia=0")
        else {
            panic!()
        };
        assert_eq!((text.channel, text.kind, text.text.as_deref()), (Channel::Sms, "text", Some("شكرا !")));
        assert_eq!(text.phone.as_deref(), Some("+966500000101"));
        let News::Inbound(button) = inbound(
            "MessageSid=SM2&From=whatsapp%3A%2B966500000101&ProfileName=Nadia&ButtonText=Yes&ButtonPayload=y&Body=Yes",
        ) else {
            panic!()
        };
        assert_eq!((button.channel, button.kind), (Channel::TwilioWhatsapp, "button"));
        assert_eq!((button.payload.as_deref(), button.profile_name.as_deref()), (Some("y"), Some("Nadia")));
        let News::Inbound(hidden) = inbound("MessageSid=SM3&From=whatsapp%3ASA.0123&Body=x") else { panic!() };
        assert_eq!((hidden.phone, hidden.bsuid.as_deref()), (None, Some("SA.0123")));
        let News::Inbound(stop) = inbound("MessageSid=SM4&From=%2B966500000101&Body=arret&OptOutType=STOP") else {
            panic!()
        };
        assert_eq!(stop.text.as_deref(), Some("STOP"));
        let News::Inbound(media) = inbound(
            "MessageSid=MM5&From=%2B966500000101&NumMedia=1&MediaUrl0=https%3A%2F%2Fx%2F1&MediaContentType0=image%2Fjpeg",
        ) else {
            panic!()
        };
        assert_eq!((media.kind, media.media_id()), ("image", Some("https://x/1")));
        assert!(matches!(inbound("MessageSid=SM6&From=BRAND&Body=x"), News::Other { .. }));
    }
}
