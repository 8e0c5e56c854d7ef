//! Mail that comes back: delivery reports (RFC 3464) as a mail server or an inbound-mail service posts them.
//!
//! Which attempt it was about is told by the signed reference in the return address or in a header of the returned mail; what is not signed
//! by us is about nothing of ours. The Message-ID is the same for every attempt. Where only that came back it names attempt 0, and the
//! record changes nothing: it could be news of an old attempt that would end a newer one.

use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders as _, PartType};

use super::conversation::is_enhanced;
use super::replies::class_of;
use crate::domain::failure::Refusal;
use crate::domain::ids::{CallbackReference, WhatsAppId};
use crate::domain::news::{News, ProviderStatus, StatusNews};
use crate::domain::signed_reference::{ReferenceSigner, Use};
use crate::fallback::without_addresses;
use crate::ports::NewsReader;

/// Messages within messages that are looked into.
const DEPTH_MAX: usize = 4;

/// Reads returned mail.
#[derive(Debug, Clone)]
pub struct BounceReader {
    signer: ReferenceSigner,
}

impl BounceReader {
    /// With the signer of outgoing mail.
    pub fn new(signer: ReferenceSigner) -> Self {
        Self { signer }
    }

    /// The reference of ours in the words of these texts: one that tells the attempt, if there is one.
    fn reference(&self, texts: &[String]) -> Option<(String, CallbackReference)> {
        let words = texts.iter().flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')));
        // A reference is longer than most words; only what may be one is checked.
        let likely = words.filter(|word| (30..=64).contains(&word.len()));
        likely
            .map(str::to_ascii_lowercase)
            .filter_map(|word| self.signer.verify(&word, Use::Mail).map(|reference| (word, reference)))
            .max_by_key(|(_, reference)| reference.attempt)
    }
}

impl NewsReader for BounceReader {
    fn may_hold_words(&self) -> bool {
        false
    }

    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<Vec<News>, String> {
        let message = MessageParser::default().parse(body).ok_or("this is not a mail")?;
        let mut found = Found::default();
        look_into(&message, &mut found, 0);
        let Some(report) = found.report else { return Ok(vec![News::Other { kind: "mail-without-report" }]) };
        let action = field(&report, "Action").unwrap_or_default().to_lowercase();
        let status = match action.as_str() {
            "failed" => ProviderStatus::Failed(refusal(&report)),
            "delivered" => ProviderStatus::Delivered,
            // The server goes on trying, or handed it on to one that reports nothing.
            "delayed" | "relayed" | "expanded" => return Ok(vec![News::Other { kind: "mail-under-way" }]),
            _ => return Ok(vec![News::Other { kind: "unrecognised-status" }]),
        };
        let Some((token, reference)) = self.reference(&found.texts) else {
            return Ok(vec![News::Other { kind: "mail-not-ours" }]);
        };
        let Ok(whatsapp_id) = WhatsAppId::try_from(token) else {
            return Ok(vec![News::Other { kind: "mail-not-ours" }]);
        };
        Ok(vec![News::Status(StatusNews {
            sender: None,
            whatsapp_id,
            reference: Some(reference),
            status,
            provider_at: received_at,
            pricing: None,
        })])
    }
}

#[derive(Default)]
struct Found {
    report: Option<String>,
    texts: Vec<String>,
}

fn look_into(message: &Message<'_>, found: &mut Found, depth: usize) {
    found.texts.extend(message.headers_raw().map(|(_, value)| value.to_owned()));
    for part in &message.parts {
        let is_report = part.is_content_type("message", "delivery-status")
            || part.is_content_type("message", "global-delivery-status");
        match &part.body {
            PartType::Message(inner) if depth < DEPTH_MAX => look_into(inner, found, depth + 1),
            body => {
                let text = match body {
                    PartType::Text(text) | PartType::Html(text) => text.to_string(),
                    PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                        String::from_utf8_lossy(bytes).into_owned()
                    }
                    PartType::Message(_) | PartType::Multipart(_) => continue,
                };
                if is_report && found.report.is_none() {
                    found.report = Some(text);
                } else {
                    found.texts.push(text);
                }
            }
        }
    }
}

/// A field of a report; what is continued on the next line is not needed.
fn field<'a>(report: &'a str, name: &str) -> Option<&'a str> {
    report.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn refusal(report: &str) -> Refusal {
    let enhanced = field(report, "Status").and_then(|status| status.split_whitespace().next());
    let enhanced = enhanced.filter(|status| is_enhanced(status));
    let diagnostic = field(report, "Diagnostic-Code").unwrap_or_default();
    let words = diagnostic.split_once(';').map_or(diagnostic, |(_, words)| words).trim();
    let code = words.split([' ', '-']).next().and_then(|code| code.parse::<u16>().ok());
    // Without a reply the class of the status says whether it was final; a report of failure is.
    let code = code.filter(|code| (400..600).contains(code)).unwrap_or(550);
    // What a server gave up on after days it will not take in a minute, whatever the reply was.
    let final_code = if code < 500 { 550 } else { code };
    Refusal::new(
        class_of(final_code, enhanced.filter(|_| code >= 500)),
        Some(i64::from(code)),
        without_addresses(words),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureClass;
    use crate::domain::ids::MessageId;

    fn signer() -> ReferenceSigner {
        ReferenceSigner::new(b"key")
    }

    fn reference() -> CallbackReference {
        CallbackReference { store: "k7q2".to_owned(), message: MessageId::new(77), attempt: 2 }
    }

    fn any_attempt() -> CallbackReference {
        CallbackReference { attempt: 0, ..reference() }
    }

    /// A report as Postfix writes it.
    fn report(to: &str, returned_id: &str, action: &str, status: &str, diagnostic: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example.net\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n\
             Final-Recipient: rfc822; nadia@example.com\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; {diagnostic}\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{returned_id}>\r\nSubject: Survey\r\n\r\nHello\r\n--b--\r\n"
        )
    }

    fn read(body: &str) -> News {
        BounceReader::new(signer()).read(body.as_bytes(), Timestamp::UNIX_EPOCH).unwrap().remove(0)
    }

    #[test]
    fn a_report_names_its_attempt_by_return_address_or_header() {
        let token = signer().sign(&reference(), Use::Mail);
        let id = format!("{}@example.com", signer().sign(&any_attempt(), Use::Mail));
        for (to, id) in [
            (format!("bounces+{token}@example.com"), "x@y".to_owned()),
            (format!("bounces+{token}@example.com"), id.clone()),
            ("voice@example.com".to_owned(), format!("{id}>\r\nX-Barid-Attempt: {token}\r\nX-Other: <x")),
            (format!("BOUNCES+{}@EXAMPLE.COM", token.to_uppercase()), "x@y".to_owned()),
        ] {
            let News::Status(news) =
                read(&report(&to, &id, "failed", "5.1.1", "550 5.1.1 <nadia@example.com>: no such user"))
            else {
                panic!("{to}")
            };
            assert_eq!(news.reference, Some(reference()));
            let ProviderStatus::Failed(refusal) = news.status else { panic!() };
            assert_eq!((refusal.class, refusal.code), (FailureClass::Undeliverable, Some(550)));
            assert!(!refusal.details.contains("nadia"));
        }
    }

    #[test]
    fn a_message_id_alone_tells_no_attempt() {
        let id = format!("{}@example.com", signer().sign(&any_attempt(), Use::Mail));
        let News::Status(news) = read(&report("voice@example.com", &id, "failed", "5.1.1", "550 no")) else { panic!() };
        assert_eq!(news.reference, Some(any_attempt()));
    }

    #[test]
    fn what_is_under_way_or_not_ours_changes_nothing() {
        let token = signer().sign(&reference(), Use::Mail);
        let to = format!("bounces+{token}@example.com");
        for (body, kind) in [
            (report(&to, "x@y", "delayed", "4.4.1", "451 later"), "mail-under-way"),
            (report("voice@example.com", "x@y", "failed", "5.1.1", "550 no"), "mail-not-ours"),
            (
                report(&to.replace(&token[token.len() - 4..], "0000"), "x@y", "failed", "5.1.1", "550 no"),
                "mail-not-ours",
            ),
            (format!("From: a@b\r\nTo: {to}\r\nSubject: Out of office\r\n\r\nI am away."), "mail-without-report"),
        ] {
            assert_eq!(read(&body), News::Other { kind });
        }
        let other = signer().sign(&reference(), Use::Unsubscribe);
        let forged = report(&format!("bounces+{other}@example.com"), "x@y", "failed", "5.1.1", "550 no");
        assert_eq!(read(&forged), News::Other { kind: "mail-not-ours" }, "an unsubscribe link is no return address");
    }

    #[test]
    fn what_a_server_gave_up_on_is_final_and_what_arrived_has_arrived() {
        let token = signer().sign(&reference(), Use::Mail);
        let to = format!("bounces+{token}@example.com");
        let News::Status(late) = read(&report(&to, "x@y", "failed", "4.4.1", "451 4.4.1 no answer from host")) else {
            panic!()
        };
        let ProviderStatus::Failed(refusal) = late.status else { panic!() };
        assert_eq!((refusal.class, refusal.code), (FailureClass::Undeliverable, Some(451)));
        let News::Status(arrived) = read(&report(&to, "x@y", "delivered", "2.0.0", "250 ok")) else { panic!() };
        assert_eq!(arrived.status, ProviderStatus::Delivered);
    }

    #[test]
    fn nonsense_is_no_news() {
        let reader = BounceReader::new(signer());
        assert!(reader.read(b"", Timestamp::UNIX_EPOCH).is_err());
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(200);
        assert!(reader.read(deep.as_bytes(), Timestamp::UNIX_EPOCH).is_ok());
    }
}
