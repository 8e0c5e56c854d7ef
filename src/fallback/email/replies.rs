//! Replies of mail servers, each with our failure class: to our own calls, and as bounces carry them later.
//!
//! Source: RFC 5321 §4.2 and §4.5.3.1.10, RFC 4954 §6, RFC 7504, and the registry of enhanced codes (RFC 3463, RFC 5248,
//! www.iana.org/assignments/smtp-enhanced-status-codes); X.7.5xx to X.7.7xx as Exchange Online documents them; checked on 2026-11-22.
//!
//! The first digit decides first: a server that says 4 means "later", whatever it adds. Of a final refusal the enhanced code says
//! more than the reply code, which is often a plain 550.

use FailureClass::{
    AccountRestricted, AccountThrottled, ContentRefused, Credentials, Transient, Undeliverable, Unrecognised,
};

use crate::domain::failure::FailureClass;

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The code as written: `421`, `5.1.1`, or with `x` for any digit or number: `4xx`, `5.7.x`.
    pub code: &'static str,
    /// What follows from it.
    pub class: FailureClass,
    /// What it is called.
    pub title: &'static str,
    /// For the operator: what it means and what to do.
    pub meaning: &'static str,
}

const fn one(code: &'static str, class: FailureClass, title: &'static str, meaning: &'static str) -> Reply {
    Reply { code, class, title, meaning }
}

/// Enhanced codes, the special ones before the general ones.
#[rustfmt::skip]
pub const ENHANCED: &[Reply] = &[
    one("4.7.28", AccountThrottled, "Mail flood detected",
        "the receiving provider takes fewer mails of us at once; barid waits and goes on"),
    one("4.x.x", Transient, "Persistent transient failure",
        "the server asks to come back later (greylisting, a full mailbox, overload); it is tried again"),
    one("5.1.0", Undeliverable, "Other address status",
        "the server does not take this address; correct the contact"),
    one("5.1.1", Undeliverable, "Bad destination mailbox address",
        "there is no such mailbox; correct the contact's address"),
    one("5.1.2", Undeliverable, "Bad destination system address",
        "the domain of the address takes no mail or does not exist; correct the contact's address"),
    one("5.1.3", Undeliverable, "Bad destination mailbox address syntax",
        "the address is not written as one; correct the contact's address"),
    one("5.1.6", Undeliverable, "Destination mailbox has moved, no forwarding address",
        "the mailbox has moved; ask the person for the new address"),
    one("5.1.7", AccountRestricted, "Bad sender's mailbox address syntax",
        "our own sender address is not written as one; correct `[email] from`"),
    one("5.1.8", AccountRestricted, "Bad sender's system address",
        "the domain of our own sender address does not exist for the server; correct `[email] from` or its DNS"),
    one("5.1.10", Undeliverable, "Recipient address has null MX",
        "the domain of the address says that it takes no mail; correct the contact's address"),
    one("5.1.x", Undeliverable, "Addressing status",
        "the server does not take this address; correct the contact"),
    // Often for a day only, although the first digit says for good; the waits of a retry decide how long we believe in it.
    one("5.2.2", Transient, "Mailbox full",
        "the mailbox is full; it is tried again, then another channel takes over"),
    one("5.2.3", ContentRefused, "Message length exceeds administrative limit",
        "the mailbox does not take a mail of this size; make the message smaller"),
    one("5.2.x", Undeliverable, "Mailbox status",
        "the mailbox is switched off or takes no mail; correct the contact's address"),
    one("5.3.4", ContentRefused, "Message too big for system",
        "the server does not take a mail of this size; make the message smaller"),
    one("5.3.x", Undeliverable, "Mail system status",
        "the recipient's mail system takes no mail now; another channel takes over"),
    one("5.4.x", Undeliverable, "Network and routing status",
        "no way leads to the recipient's mail system; check the domain of the contact's address"),
    // Asks for fewer recipients in one go, and we send to one.
    one("5.5.3", Transient, "Too many recipients",
        "the server takes no more recipients now; it is tried again"),
    one("5.5.x", ContentRefused, "Mail delivery protocol status",
        "the server did not understand the exchange; check `SMTP_URL` (host, port, TLS) and report it if that is right"),
    one("5.6.7", Undeliverable, "Non-ASCII addresses not permitted for that sender/recipient",
        "the server does not take addresses beyond ASCII; ask the person for another address"),
    one("5.6.x", ContentRefused, "Message content or media status",
        "the server does not take this content; look at the template"),
    one("5.7.3", Credentials, "Security features not supported",
        "the server wants a log-in that did not happen; check user and password in `SMTP_URL`"),
    one("5.7.8", Credentials, "Authentication credentials invalid",
        "user or password is wrong; correct `SMTP_URL`"),
    one("5.7.9", Credentials, "Authentication mechanism is too weak",
        "the server wants another kind of log-in, often an app password; create one and put it into `SMTP_URL`"),
    one("5.7.11", Credentials, "Encryption required for requested authentication mechanism",
        "the server lets in over TLS only; use `smtps://` or STARTTLS in `SMTP_URL`"),
    one("5.7.12", AccountRestricted, "Sender's certificate does not match",
        "the server does not trust our certificate; correct the set-up of the mail server"),
    one("5.7.13", AccountRestricted, "User account disabled",
        "the account with which we log in is switched off; ask whoever runs the mail server"),
    one("5.7.14", Credentials, "Trust relationship required",
        "the server does not know us; check user and password in `SMTP_URL`"),
    one("5.7.20", AccountRestricted, "No passing DKIM signature found",
        "our mails carry no DKIM signature that holds; correct signing at the mail server or the key in DNS"),
    one("5.7.21", AccountRestricted, "No acceptable DKIM signature found",
        "our mails carry no DKIM signature that holds; correct signing at the mail server or the key in DNS"),
    one("5.7.22", AccountRestricted, "No valid author-matched DKIM signature found",
        "the DKIM signature is of another domain than `[email] from`; sign with the domain of the sender"),
    one("5.7.23", AccountRestricted, "SPF validation failed",
        "our mail server is not in the sender domain's SPF record; add it in DNS"),
    one("5.7.24", AccountRestricted, "SPF validation error",
        "the sender domain's SPF record cannot be read; correct it in DNS"),
    one("5.7.25", AccountRestricted, "Reverse DNS validation failed",
        "our mail server's address has no fitting reverse DNS; ask whoever runs it"),
    one("5.7.26", AccountRestricted, "Multiple authentication checks failed",
        "neither SPF nor DKIM holds for the sender domain; correct both in DNS"),
    one("5.7.27", AccountRestricted, "Sender address has null MX",
        "the domain of `[email] from` says that it takes no mail; use one that does"),
    one("5.7.28", AccountThrottled, "Mail flood detected",
        "the receiving provider takes fewer mails of us at once; barid waits and goes on"),
    one("5.7.57", Credentials, "Client not authenticated to send mail",
        "the server wants a log-in before it sends; check user and password in `SMTP_URL`"),
    one("5.7.60", AccountRestricted, "Client does not have permissions to send as this sender",
        "the account may not send as `[email] from`; allow it at the mail server or change the sender"),
    one("5.7.5xx", AccountRestricted, "Access denied by Exchange Online",
        "the tenant or its sending address is barred; read the details and settle it with the provider"),
    one("5.7.6xx", AccountRestricted, "Sending address is banned at Exchange Online",
        "our mail server's address is on a block list; ask for its removal"),
    one("5.7.7xx", AccountRestricted, "Tenant has exceeded its threshold at Exchange Online",
        "the tenant is barred from sending after too much or suspicious mail; settle it with the provider"),
    // The recipient's policy, or words that look like spam: about this mail, so the other mails go on.
    one("5.7.x", ContentRefused, "Security or policy status",
        "the recipient's server refuses this mail by its policy; read the details, reword it or ask to be allowed"),
];

/// Reply codes, for servers that add no enhanced code or one that says nothing.
#[rustfmt::skip]
pub const CODES: &[Reply] = &[
    one("421", Transient, "Service not available, closing transmission channel",
        "the server is overloaded or shuts down; it is tried again"),
    // RFC 4954: the account waits for its owner, so no time heals it.
    one("432", Credentials, "A password transition is needed",
        "the account must log in once by another way; ask whoever runs the mail server"),
    one("450", Transient, "Mailbox unavailable",
        "the mailbox is busy, or the server is greylisting and takes the mail at the next try; it is tried again"),
    one("451", Transient, "Local error in processing",
        "the server has a fault of its own or is greylisting; it is tried again"),
    one("452", Transient, "Insufficient system storage",
        "the server is out of space or takes no more recipients now; it is tried again"),
    one("454", Transient, "Temporary authentication failure",
        "the server cannot check the log-in now; it is tried again"),
    one("455", Transient, "Server unable to accommodate parameters",
        "the server cannot do what was asked of it now; it is tried again"),
    one("4xx", Transient, "Transient negative completion",
        "the server asks to come back later; it is tried again"),
    one("50x", ContentRefused, "Command not recognised or not in order",
        "the server did not understand the exchange; check `SMTP_URL` (host, port, TLS) and report it if that is right"),
    one("521", Undeliverable, "Host does not accept mail",
        "the domain of the address takes no mail; correct the contact's address"),
    one("523", Credentials, "Encryption needed",
        "the server lets in over TLS only; use `smtps://` or STARTTLS in `SMTP_URL`"),
    one("530", Credentials, "Authentication required",
        "the server wants a log-in; put user and password into `SMTP_URL`"),
    one("534", Credentials, "Authentication mechanism is too weak",
        "the server wants another kind of log-in, often an app password; create one and put it into `SMTP_URL`"),
    one("535", Credentials, "Authentication credentials invalid",
        "user or password is wrong; correct `SMTP_URL`"),
    one("538", Credentials, "Encryption required for requested authentication mechanism",
        "the server lets in over TLS only; use `smtps://` or STARTTLS in `SMTP_URL`"),
    one("550", Undeliverable, "Mailbox unavailable",
        "there is no such mailbox or it takes no mail; correct the contact's address"),
    one("551", Undeliverable, "User not local",
        "the mailbox is elsewhere; ask the person for the right address"),
    // RFC 5321 §4.5.3.1.10: after RCPT to be read as the 452 that it once meant; mostly a full mailbox.
    one("552", Transient, "Exceeded storage allocation",
        "the mailbox is full; it is tried again, then another channel takes over"),
    one("553", Undeliverable, "Mailbox name not allowed",
        "the address is not written as one, or our sender may not write to it; correct the contact's address or `[email] from`"),
    one("554", ContentRefused, "Transaction failed",
        "the server refuses this mail, mostly by a policy against spam; read the details"),
    one("555", ContentRefused, "MAIL FROM or RCPT TO parameters not recognised",
        "the server does not know what was asked of it; report it with the message's history"),
    one("556", Undeliverable, "Domain does not accept mail",
        "the domain of the address takes no mail; correct the contact's address"),
];

/// The class of a reply. `code` is the reply code, or anything outside of 400 to 599 where there is none, as in bounces; `enhanced`
/// as in `5.1.1`. What is no refusal, or one that says nothing known, is [`FailureClass::Unrecognised`].
pub fn class_of(code: u16, enhanced: Option<&str>) -> FailureClass {
    reply(code, enhanced).map_or(Unrecognised, |reply| reply.class)
}

/// What the tables say about a reply: the line of its enhanced code, else that of its code.
pub fn reply(code: u16, enhanced: Option<&str>) -> Option<&'static Reply> {
    let coded = || known_code(code);
    let Some(enhanced) = enhanced.and_then(Enhanced::parse) else { return coded() };
    match (code / 100, enhanced.class) {
        // A log-in that failed is one, whatever else is said: many servers add 5.7.0 or 5.7.1, which speak of policies.
        (5, _) if coded().is_some_and(|reply| reply.class == Credentials) => coded(),
        // "Not our user, or you may not send as this one": with a policy's code it is about us.
        (5, 5) if enhanced == NOT_AUTHORISED && code == 553 => known_enhanced(Enhanced { detail: 60, ..enhanced }),
        // Digits that contradict each other: the reply code is what servers get right.
        (4, 5) => coded(),
        (5, 4) => coded().or_else(|| known_enhanced(enhanced)),
        // Nothing is said by x.0.0.
        (4 | 5, _) if enhanced.says_nothing() => coded().or_else(|| known_enhanced(enhanced)),
        _ => known_enhanced(enhanced).or_else(coded),
    }
}

/// X.7.1: delivery not authorised.
const NOT_AUTHORISED: Enhanced = Enhanced { class: 5, subject: 7, detail: 1 };

/// An enhanced code in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Enhanced {
    class: u16,
    subject: u16,
    detail: u16,
}

impl Enhanced {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.').map(|part| part.parse::<u16>().ok());
        let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Self { class, subject, detail })
    }

    const fn says_nothing(self) -> bool {
        self.subject == 0
    }

    fn fits(self, pattern: &str) -> bool {
        let mut parts = pattern.split('.');
        [self.class, self.subject, self.detail]
            .into_iter()
            .all(|number| parts.next().is_some_and(|part| part == "x" || fits(number, part)))
    }
}

/// Whether the number has the digits of the pattern, in which `x` is any digit.
fn fits(number: u16, pattern: &str) -> bool {
    let digits = number.to_string();
    digits.len() == pattern.len() && digits.chars().zip(pattern.chars()).all(|(digit, x)| x == 'x' || x == digit)
}

fn known_enhanced(enhanced: Enhanced) -> Option<&'static Reply> {
    ENHANCED.iter().find(|reply| enhanced.fits(reply.code))
}

fn known_code(code: u16) -> Option<&'static Reply> {
    CODES.iter().find(|reply| fits(code, reply.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_has_the_class_that_its_words_mean() {
        for (code, enhanced, class) in [
            (421, None, Transient),
            (450, Some("4.2.0"), Transient),
            (451, Some("4.7.1"), Transient),
            (452, Some("4.5.3"), Transient),
            (421, Some("4.7.28"), AccountThrottled),
            (432, None, Credentials),
            (499, None, Transient),
            (550, Some("5.1.1"), Undeliverable),
            (550, None, Undeliverable),
            (550, Some("5.0.0"), Undeliverable),
            (550, Some("nonsense"), Undeliverable),
            (552, Some("5.2.2"), Transient),
            (552, None, Transient),
            (552, Some("5.3.4"), ContentRefused),
            (556, Some("5.1.10"), Undeliverable),
            (553, Some("5.1.8"), AccountRestricted),
            (553, Some("5.7.1"), AccountRestricted),
            (550, Some("5.7.1"), ContentRefused),
            (550, Some("5.7.26"), AccountRestricted),
            (550, Some("5.7.606"), AccountRestricted),
            (550, Some("5.7.708"), AccountRestricted),
            (550, Some("5.7.28"), AccountThrottled),
            (530, Some("5.7.0"), Credentials),
            (535, Some("5.7.8"), Credentials),
            (535, Some("5.7.1"), Credentials),
            (535, None, Credentials),
            (554, None, ContentRefused),
            (554, Some("5.7.1"), ContentRefused),
            (502, None, ContentRefused),
            // The digits contradict each other.
            (450, Some("5.1.1"), Transient),
            (550, Some("4.2.2"), Undeliverable),
            // A bounce without a reply code.
            (0, Some("5.1.1"), Undeliverable),
            (0, Some("4.4.7"), Transient),
            // No refusal at all, or none that is known.
            (250, None, Unrecognised),
            (250, Some("2.0.0"), Unrecognised),
            (599, None, Unrecognised),
            (599, Some("5.9.9"), Unrecognised),
            (0, None, Unrecognised),
            (u16::MAX, Some("65536.1.1"), Unrecognised),
        ] {
            assert_eq!(class_of(code, enhanced), class, "{code} {enhanced:?}");
        }
    }

    #[test]
    fn no_line_is_hidden_by_one_before_it() {
        for table in [ENHANCED, CODES] {
            for (at, reply) in table.iter().enumerate() {
                let example = reply.code.replace(".x", ".99").replace('x', "9");
                let first = match Enhanced::parse(&example) {
                    Some(enhanced) => known_enhanced(enhanced),
                    None => known_code(example.parse().unwrap()),
                };
                assert_eq!(first, Some(reply), "line {at}: {example} is found as {first:?}");
                assert!(reply.meaning.len() > 20 && !reply.meaning.ends_with('.'), "{}", reply.code);
            }
        }
    }

    #[test]
    fn every_reply_has_an_answer() {
        for code in 0..=700 {
            for enhanced in [None, Some(""), Some("5"), Some("5.1"), Some("5.1.1.1"), Some("4.4.4"), Some("-5.1.1")] {
                let class = class_of(code, enhanced);
                assert!(code / 100 != 4 || matches!(class, Transient | Credentials), "{code} {enhanced:?} {class:?}");
            }
        }
    }
}
