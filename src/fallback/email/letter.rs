//! What a mail says: headers, plain text, and the same text as a page, from right to left in Arabic.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};

use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{CallbackReference, WhatsAppId};
use crate::domain::language::Language;
use crate::domain::signed_reference::{ReferenceSigner, Use};
use crate::ports::{Letter, Notice};

/// A line longer than this is no subject.
const SUBJECT_CHARS_MAX: usize = 200;

/// Carries the signed reference of the attempt.
const ATTEMPT_HEADER: &str = "X-Barid-Attempt";

/// A mail ready to be brought to the server.
pub(super) struct Mail {
    pub(super) envelope: Envelope,
    /// Its Message-ID without brackets.
    pub(super) id: WhatsAppId,
    pub(super) bytes: Vec<u8>,
}

/// Makes mails.
pub(super) struct Writer {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) bounces: Option<Address>,
    pub(super) unsubscribe: Option<Address>,
    pub(super) unsubscribe_url: Option<String>,
    pub(super) signer: ReferenceSigner,
}

impl Writer {
    /// The mail for a letter; a refusal where it cannot be one.
    pub(super) fn write(&self, to: &str, letter: &Letter, now: Timestamp) -> Result<Mail, Refusal> {
        let refused = |class, details: &str| Refusal::new(class, None, details);
        let address: Address =
            to.parse().map_err(|_| refused(FailureClass::Undeliverable, "the e-mail address is not one"))?;
        let subject = self.subject(letter);
        // What breaks a line would begin another header.
        if subject.chars().any(char::is_control) {
            return Err(refused(
                FailureClass::ContentRefused,
                "the subject has a line break or another control character",
            ));
        }
        if subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(refused(FailureClass::ContentRefused, "the subject is longer than 200 characters"));
        }
        let token = self.signer.sign(&letter.reference, Use::Mail);
        // The same for every attempt, so that a mail which is sent again is known for the one that came before.
        let any_attempt = CallbackReference { attempt: 0, ..letter.reference.clone() };
        let id = format!("{}@{}", self.signer.sign(&any_attempt, Use::Mail), self.from.email.domain());
        let link = self
            .unsubscribe_url
            .as_ref()
            .map(|base| format!("{base}{}", self.signer.sign(&letter.reference, Use::Unsubscribe)));
        let envelope = Envelope::new(Some(self.return_address(&token)), vec![address.clone()])
            .map_err(|_| refused(FailureClass::Undeliverable, "the e-mail has nobody to go to"))?;
        let body = MultiPart::alternative()
            .boundary(format!("barid-{token}"))
            .singlepart(SinglePart::plain(text(letter, link.as_deref())))
            .singlepart(SinglePart::html(page(letter, &subject, link.as_deref())));
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{id}>")))
            .envelope(envelope.clone());
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let mut message = builder
            .multipart(body)
            .map_err(|_| refused(FailureClass::ContentRefused, "the letter cannot be made into a mail"))?;
        let headers = message.headers_mut();
        let mut header = |name, value: String| {
            headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        };
        // RFC 3834: no vacation notice shall answer.
        header("Auto-Submitted", "auto-generated".to_owned());
        // Says of a returned mail which attempt it was, as the return address does where there is a mailbox for them.
        header(ATTEMPT_HEADER, token);
        header("Content-Language", letter.language.code().to_owned());
        let ways: Vec<String> = link
            .iter()
            .map(|link| format!("<{link}>"))
            .chain(self.unsubscribe.iter().map(|mailbox| format!("<mailto:{mailbox}?subject=unsubscribe>")))
            .collect();
        if !ways.is_empty() {
            header("List-Unsubscribe", ways.join(", "));
        }
        if link.is_some() {
            // RFC 8058.
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
        }
        let id = WhatsAppId::try_from(id)
            .map_err(|_| refused(FailureClass::ContentRefused, "the Message-ID is too long"))?;
        Ok(Mail { envelope, id, bytes: message.formatted() })
    }

    /// The mail for those who operate the service; a refusal where it cannot be one. Nobody unsubscribes from it, and what comes back goes to
    /// whoever wrote it.
    pub(super) fn notice(&self, notice: &Notice, now: Timestamp) -> Result<Mail, Refusal> {
        let refused = |class, details: &str| Refusal::new(class, None, details);
        let address: Address =
            notice.to.parse().map_err(|_| refused(FailureClass::Undeliverable, "the e-mail address is not one"))?;
        // What breaks a line would begin another header.
        let subject: String = notice.subject.chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS_MAX).collect();
        let id = format!("{}@{}", notice.id, self.from.email.domain());
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![address.clone()])
            .map_err(|_| refused(FailureClass::Undeliverable, "the e-mail has nobody to go to"))?;
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{id}>")))
            .envelope(envelope.clone());
        let text = SinglePart::plain(notice.text.clone());
        let message = match &notice.page {
            None => builder.singlepart(text),
            Some(page) => {
                let both = MultiPart::alternative().boundary(format!("barid-{}", notice.id));
                let both = both.singlepart(text).singlepart(SinglePart::html(page.clone()));
                let all = MultiPart::mixed().boundary(format!("barid-files-{}", notice.id)).multipart(both);
                builder.multipart(notice.files.iter().fold(all, |all, file| {
                    all.singlepart(Attachment::new(file.name.clone()).body(file.page.clone(), ContentType::TEXT_HTML))
                }))
            }
        };
        let mut message =
            message.map_err(|_| refused(FailureClass::ContentRefused, "the notice cannot be made into a mail"))?;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let id = WhatsAppId::try_from(id)
            .map_err(|_| refused(FailureClass::ContentRefused, "the Message-ID is too long"))?;
        Ok(Mail { envelope, id, bytes: message.formatted() })
    }

    /// Where returned mail goes: an address for each mail where there is a mailbox for them, so that whatever comes back is known.
    fn return_address(&self, token: &str) -> Address {
        let own = self
            .bounces
            .as_ref()
            .and_then(|bounces| Address::new(format!("{}+{token}", bounces.user()), bounces.domain()).ok());
        own.unwrap_or_else(|| self.from.email.clone())
    }

    /// The letter's line, or who writes.
    fn subject(&self, letter: &Letter) -> String {
        letter.subject.clone().filter(|subject| !subject.trim().is_empty()).unwrap_or_else(|| {
            let who = self.from.name.as_deref().unwrap_or_else(|| self.from.email.domain());
            match letter.language {
                Language::Ar => format!("رسالة من {who}"),
                Language::En => format!("A message from {who}"),
            }
        })
    }
}

const fn stop_words(language: Language) -> &'static str {
    match language {
        Language::Ar => "لإيقاف هذه الرسائل",
        Language::En => "To stop these messages",
    }
}

fn text(letter: &Letter, link: Option<&str>) -> String {
    match link {
        Some(link) => format!("{}\n\n-- \n{}: {link}\n", letter.text, stop_words(letter.language)),
        None => format!("{}\n", letter.text),
    }
}

/// The text as a page: paragraphs at blank lines, links that can be pressed, nothing loaded from anywhere.
fn page(letter: &Letter, subject: &str, link: Option<&str>) -> String {
    let (code, direction) = match letter.language {
        Language::Ar => ("ar", "rtl"),
        Language::En => ("en", "ltr"),
    };
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px;background:#f4f4f4;color:#1a1a1a\">\n\
         <div lang=\"{code}\" dir=\"{direction}\" style=\"max-width:36em;margin:0 auto;padding:24px;background:#ffffff;\
         font-family:'Segoe UI',Tahoma,Arial,sans-serif;font-size:16px;line-height:1.6\">\n",
        escaped(subject)
    );
    for paragraph in letter.text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let lines: Vec<String> = paragraph.lines().map(line).collect();
        page.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
    }
    if let Some(link) = link {
        page.push_str(&format!(
            "<p style=\"margin-top:32px;font-size:13px;color:#595959\"><a href=\"{}\" style=\"color:#595959\">{}</a></p>\n",
            escaped(link),
            stop_words(letter.language)
        ));
    }
    page.push_str("</div>\n</body>\n</html>\n");
    page
}

/// A line of text; a label with an address becomes a link of that name, an address by itself a link to itself.
fn line(line: &str) -> String {
    if let Some((label, address)) = line.split_once(": ")
        && is_address(address)
        && !label.contains("://")
    {
        return format!("<a href=\"{}\">{}</a>", escaped(address), escaped(label));
    }
    // Addresses end at a blank; their direction is their own, whatever stands around them.
    let words = line.split_inclusive(' ').map(|word| {
        let trimmed = word.trim_end();
        // A full stop or comma behind an address is the sentence's.
        let address = trimmed.trim_end_matches(['.', ',', '،', '؛', ';', '!', '?', '؟', ')']);
        if is_address(address) {
            let rest = &word[address.len()..];
            format!("<a dir=\"ltr\" href=\"{0}\">{0}</a>{1}", escaped(address), escaped(rest))
        } else {
            escaped(word)
        }
    });
    words.collect()
}

fn is_address(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && !word.contains(char::is_whitespace)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::MessageId;
    use crate::ports::NoticeFile;

    fn writer() -> Writer {
        Writer {
            from: "Voice of Customer <voice@example.com>".parse().unwrap(),
            reply_to: Some("care@example.com".parse().unwrap()),
            bounces: Some("bounces@example.com".parse().unwrap()),
            unsubscribe: None,
            unsubscribe_url: Some("https://voice.example.com/api/email/unsubscribe/".to_owned()),
            signer: ReferenceSigner::new(b"key"),
        }
    }

    fn letter(language: Language) -> Letter {
        let (subject, text) = match language {
            Language::Ar => (
                "استبيان رضا العملاء",
                "مرحباً نادية،\n\nرأيكم يهمنا: <دقيقتان> فقط.\n\nابدأ الآن: https://survey.example.com/s?a=1&b=2\n\nفريق تجربة العملاء",
            ),
            Language::En => (
                "Customer Satisfaction Survey",
                "Hello Nadia,\n\nYour opinion matters.\nSee https://survey.example.com/s.\n\nThe team & friends",
            ),
        };
        Letter {
            to: crate::ports::Address::Email("nadia@example.com".to_owned()),
            reference: CallbackReference { store: "k7q2".to_owned(), message: MessageId::new(77), attempt: 3 },
            language,
            subject: Some(subject.to_owned()),
            text: text.to_owned(),
            template: None,
            expires_at: Timestamp::from_second(1_800_100_000).unwrap(),
        }
    }

    fn written(language: Language) -> String {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let mail =
            writer().write("nadia@example.com", &letter(language), at).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        String::from_utf8(mail.bytes).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn a_mail_in_english() {
        insta::assert_snapshot!(written(Language::En));
    }

    #[test]
    fn a_mail_in_arabic() {
        insta::assert_snapshot!(written(Language::Ar));
    }

    #[test]
    fn a_mail_to_those_who_operate_the_service() {
        let notice = Notice {
            id: "k7q2.alr_00000007.raised".to_owned(),
            to: "ops@example.com".to_owned(),
            subject: "barid: warning\r\nBcc: everybody@example.com".to_owned(),
            text: "the access token ends soon\n".to_owned(),
            page: None,
            files: Vec::new(),
        };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let mail = writer().notice(&notice, at).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!(mail.envelope.from().unwrap().to_string(), "voice@example.com");
        insta::assert_snapshot!(String::from_utf8(mail.bytes).unwrap().replace("\r\n", "\n"));
    }

    #[test]
    fn a_report_goes_as_text_and_page_with_files() {
        let notice = Notice {
            id: "k7q2.costs-2026-11-01-2026-11-30".to_owned(),
            to: "ops@example.com".to_owned(),
            subject: "تكاليف الرسائل".to_owned(),
            text: "التكلفة الإجمالية\n".to_owned(),
            page: Some("<!doctype html>\n<html dir=\"rtl\"><body>التكلفة</body></html>".to_owned()),
            files: vec![NoticeFile { name: "costs.en.html".to_owned(), page: "<!doctype html>".to_owned() }],
        };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let mail = writer().notice(&notice, at).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        insta::assert_snapshot!(String::from_utf8(mail.bytes).unwrap().replace("\r\n", "\n"));
    }

    #[test]
    fn the_page_is_set_from_right_to_left_in_arabic() {
        insta::assert_snapshot!(page(&letter(Language::Ar), "استبيان", Some("https://e.example/u/1")));
    }

    #[test]
    fn no_line_is_longer_than_mail_may_have() {
        let mut long = letter(Language::Ar);
        long.text = format!("{} https://survey.example.com/{}", "كلمة ".repeat(400), "x".repeat(1_500));
        let mail = writer().write("nadia@example.com", &long, Timestamp::UNIX_EPOCH).unwrap_or_else(|_| panic!());
        let longest = mail.bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest.unwrap() <= 998, "{longest:?}");
        assert!(mail.bytes.is_ascii());
    }

    #[test]
    fn nobody_slips_in_a_header() {
        let at = Timestamp::UNIX_EPOCH;
        let mut evil = letter(Language::En);
        evil.subject = Some("Hello\r\nBcc: everybody@example.com".to_owned());
        let refusal = writer().write("nadia@example.com", &evil, at).err().unwrap();
        assert_eq!(refusal.class, FailureClass::ContentRefused);
        for address in
            ["nadia@example.com\r\nBcc: x@example.com", "nadia", "", "a@b@c", "nadia@example.com, x@example.com"]
        {
            let refusal = writer().write(address, &letter(Language::En), at).err().unwrap();
            assert_eq!(refusal.class, FailureClass::Undeliverable, "{address}");
        }
    }

    #[test]
    fn what_comes_back_carries_the_reference() {
        let at = Timestamp::UNIX_EPOCH;
        let mail = writer().write("nadia@example.com", &letter(Language::En), at).unwrap_or_else(|_| panic!());
        let from = mail.envelope.from().unwrap().to_string();
        let token = from.strip_prefix("bounces+").and_then(|rest| rest.strip_suffix("@example.com")).unwrap();
        assert_eq!(writer().signer.verify(token, Use::Mail), Some(letter(Language::En).reference));
        let text = String::from_utf8(mail.bytes).unwrap();
        assert!(text.contains(&format!("X-Barid-Attempt: {token}\r\n")), "{text}");
        let without = Writer { bounces: None, ..writer() };
        let mail = without.write("nadia@example.com", &letter(Language::En), at).unwrap_or_else(|_| panic!());
        assert_eq!(mail.envelope.from().unwrap().to_string(), "voice@example.com");
    }

    #[test]
    fn every_attempt_of_a_message_is_the_same_mail() {
        let of_attempt = |attempt| {
            let mut letter = letter(Language::En);
            letter.reference.attempt = attempt;
            writer().write("nadia@example.com", &letter, Timestamp::UNIX_EPOCH).unwrap_or_else(|_| panic!())
        };
        let (first, second) = (of_attempt(1), of_attempt(2));
        assert_eq!(first.id, second.id);
        assert!(String::from_utf8(second.bytes).unwrap().contains(&format!("Message-ID: <{}>\r\n", second.id)));
        assert_ne!(first.envelope.from(), second.envelope.from(), "returned mail still tells which attempt it was");
    }

    #[test]
    fn addresses_become_links_and_text_stays_text() {
        assert_eq!(line("Start: https://a.example/?x=1&y=2"), "<a href=\"https://a.example/?x=1&amp;y=2\">Start</a>");
        assert_eq!(
            line("see https://a.example/x. Or not"),
            "see <a dir=\"ltr\" href=\"https://a.example/x\">https://a.example/x</a>. Or not"
        );
        assert_eq!(line("<script>'1' & \"2\""), "&lt;script&gt;&#39;1&#39; &amp; &quot;2&quot;");
        assert_eq!(line("javascript:alert(1) https://"), "javascript:alert(1) https://");
    }
}
