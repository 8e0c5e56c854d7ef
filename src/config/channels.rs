//! `[twilio]` and `[email]`: the channels that take over.

use super::Config;
use super::address::WebUrl;
use super::layers::{cannot_read, located};
use crate::domain::channel::Channel;
use crate::domain::document::Table;
use crate::domain::phone_number::PhoneNumber;

/// Twilio.
#[derive(Debug, Clone)]
pub struct Twilio {
    /// Where its API is.
    pub api_url: WebUrl,
    /// Our WhatsApp number there.
    pub whatsapp_from: Option<PhoneNumber>,
    /// Our number or name for text messages there.
    pub sms_from: Option<String>,
    /// A messaging service, which chooses the sender of text messages in place of `sms_from`.
    pub messaging_service_sid: Option<String>,
    /// Messages each second at most from our WhatsApp number there.
    pub whatsapp_mps: u32,
    /// Text messages each second at most.
    pub sms_mps: u32,
}

impl Twilio {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let whatsapp_from = table.optional::<String>("whatsapp_from").and_then(|text| {
            let wrong = "`whatsapp_from` must be `+` and digits with the country code";
            PhoneNumber::from_e164(&text).map_err(|_| table.problem("whatsapp_from", wrong)).ok()
        });
        let sms_from = table.optional::<String>("sms_from");
        if let Some(from) = &sms_from
            && PhoneNumber::from_e164(from).is_err()
            && !is_sender_name(from)
        {
            table.problem(
                "sms_from",
                "`sms_from` must be `+` and digits with the country code, or a name of at most 11 letters, digits and blanks",
            );
        }
        let messaging_service_sid = table.optional::<String>("messaging_service_sid");
        if messaging_service_sid.as_ref().is_some_and(|sid| !is_sid(sid, "MG")) {
            table.problem("messaging_service_sid", "`messaging_service_sid` must be `MG` and 32 hexadecimal digits");
        }
        let (whatsapp_mps, sms_mps) = (table.required("whatsapp_mps"), table.required("sms_mps"));
        Some(Self {
            api_url: table.required("api_url")?,
            whatsapp_from,
            sms_from,
            messaging_service_sid,
            whatsapp_mps: whatsapp_mps?,
            sms_mps: sms_mps?,
        })
    }
}

/// A name in place of a number, as many countries allow or ask for it (alphanumeric sender ids, checked 2026-11-22).
fn is_sender_name(text: &str) -> bool {
    (1..=11).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether a text is an id of Twilio's: two letters and 32 hexadecimal digits.
fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// E-mail.
#[derive(Debug, Clone)]
pub struct Email {
    /// Who writes.
    pub from: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// A mailbox that takes requests to stop.
    pub unsubscribe: Option<String>,
    /// Where returned mail goes.
    pub bounces: Option<String>,
    /// Certificates, in PEM, of authorities that may vouch for the mail server beside those that this machine trusts; or why they cannot
    /// be had.
    pub authorities: Result<Option<Vec<u8>>, String>,
    /// Mails each second at most.
    pub mps: u32,
}

impl Email {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let mailbox = |key| {
            let text: String = table.optional(key)?;
            if !is_mailbox(&text) {
                table.problem(
                    key,
                    format!("`{key}` must be an address such as `Voice of Customer <voice@example.com>`"),
                );
            }
            Some(text)
        };
        let plain = |key| {
            let text: String = table.optional(key)?;
            if !is_mailbox(&text) || text.contains('<') {
                table.problem(key, format!("`{key}` must be an address without a name, such as `voice@example.com`"));
            }
            Some(text)
        };
        let (from, reply_to) = (mailbox("from"), mailbox("reply_to"));
        let (unsubscribe, bounces) = (plain("unsubscribe"), plain("bounces"));
        let authorities = authorities(table);
        Some(Self { from, reply_to, unsubscribe, bounces, authorities, mps: table.required("mps")? })
    }
}

/// What stands in `ca_file`, if it is said; or why it is of no use.
fn authorities(table: &Table<'_>) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = table.node("ca_file").and_then(|node| Some(located(node, table.optional("ca_file")?))) else {
        return Ok(None);
    };
    let wrong = match std::fs::read(&path) {
        Ok(pem) if pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) => return Ok(Some(pem)),
        Ok(_) => "holds no certificate; it must be PEM, as in `-----BEGIN CERTIFICATE-----`".to_owned(),
        Err(error) => cannot_read(&error),
    };
    Err(format!("`[email] ca_file`, `{}`: {wrong}", path.display()))
}

/// How a certificate begins in PEM.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

pub(super) fn is_mailbox(text: &str) -> bool {
    let address = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>')).trim();
    address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && !text.chars().any(char::is_control)
}

impl Config {
    /// What a channel needs and does not have, each with its remedy; empty when it can be used.
    pub fn missing_for(&self, channel: Channel) -> Vec<String> {
        let secrets = &self.secrets;
        let twilio = || {
            [
                (secrets.twilio_account_sid.is_some(), "TWILIO_ACCOUNT_SID is not set (whose account at Twilio)"),
                (secrets.twilio_auth_token.is_some(), "TWILIO_AUTH_TOKEN is not set (that account's token)"),
            ]
        };
        let has_sms_sender = self.twilio.sms_from.is_some() || self.twilio.messaging_service_sid.is_some();
        let needed: Vec<(bool, &str)> = match channel {
            Channel::Whatsapp => return self.missing_for_serving(),
            Channel::TwilioWhatsapp => twilio()
                .into_iter()
                .chain([(self.twilio.whatsapp_from.is_some(), "`[twilio] whatsapp_from` is missing (our number)")])
                .collect(),
            Channel::Sms => twilio()
                .into_iter()
                .chain([(
                    has_sms_sender,
                    "`[twilio] sms_from` is missing (our number or name), or `messaging_service_sid`",
                )])
                .collect(),
            Channel::Email => vec![
                (secrets.smtp_url.is_some(), "SMTP_URL is not set (`smtps://user:password@mail.example.com:465`)"),
                (self.email.from.is_some(), "`[email] from` is missing (who writes)"),
                (self.email.authorities.is_ok(), self.email.authorities.as_ref().err().map_or("", String::as_str)),
            ],
        };
        needed.into_iter().filter(|(is_there, _)| !is_there).map(|(_, what)| what.to_owned()).collect()
    }

    /// The pace of each channel that can be used, in messages each second. WhatsApp's is its numbers'.
    pub fn paces(&self) -> Vec<(Channel, u32)> {
        let paces = Channel::FALLBACKS.into_iter().map(|channel| match channel {
            Channel::TwilioWhatsapp => (channel, self.twilio.whatsapp_mps),
            Channel::Email => (channel, self.email.mps),
            Channel::Whatsapp | Channel::Sms => (channel, self.twilio.sms_mps),
        });
        paces.filter(|(channel, _)| self.missing_for(*channel).is_empty()).collect()
    }

    /// What makes other channels work worse than they could.
    pub(super) fn warnings_of_channels(&self) -> Vec<String> {
        let works = |channel| self.missing_for(channel).is_empty();
        let mut warnings = Vec::new();
        if self.server.public_url.is_none() && (works(Channel::Sms) || works(Channel::TwilioWhatsapp)) {
            warnings.push(
                "`[server] public_url` is not set: Twilio cannot tell us what becomes of messages, nor what people answer; set it to how \
                 the world reaches `listen`"
                    .to_owned(),
            );
        }
        if self.server.public_url.is_none() && works(Channel::Email) {
            warnings.push("`[server] public_url` is not set: e-mails go out without a link to stop them".to_owned());
        }
        if self.twilio.api_url.is_readable_on_the_way() {
            warnings.push(
                "`[twilio] api_url` is plain http to another machine: the token and every message could be read on the way"
                    .to_owned(),
            );
        }
        // Begun and not finished: a campaign that names the channel is refused, and somebody should know why.
        for (channel, begun) in [
            (Channel::TwilioWhatsapp, self.twilio.whatsapp_from.is_some()),
            (Channel::Sms, self.twilio.sms_from.is_some() || self.twilio.messaging_service_sid.is_some()),
            (Channel::Email, self.email.from.is_some()),
        ] {
            if begun {
                let missing = self.missing_for(channel);
                warnings.extend(
                    missing.into_iter().map(|what| format!("the channel `{}` cannot be used: {what}", channel.name())),
                );
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_of_text_messages_are_numbers_or_names() {
        for (text, is_name) in
            [("Depot 4", true), ("VOC", true), ("12345", false), ("", false), ("Twelve chars", false), ("Größe", false)]
        {
            assert_eq!(is_sender_name(text), is_name, "{text}");
        }
        assert!(is_sid("MG0123456789abcdef0123456789abcdef", "MG"));
        assert!(!is_sid("HX0123456789abcdef0123456789abcdef", "MG") && !is_sid("MG01", "MG"));
    }

    #[test]
    fn mailboxes_have_a_user_and_a_host() {
        for (text, is_one) in [
            ("voice@example.com", true),
            ("Voice of Customer <voice@example.com>", true),
            ("voice", false),
            ("@example.com", false),
            ("voice@localhost", false),
            ("a@example.com\r\nBcc: b@example.com", false),
        ] {
            assert_eq!(is_mailbox(text), is_one, "{text}");
        }
    }
}
