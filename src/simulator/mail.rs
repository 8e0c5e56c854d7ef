//! A mail server that keeps what it is given and refuses what it is asked to refuse, by the local part of the address:
//!
//! | local part | what happens |
//! |---|---|
//! | `bounce-550`, any `…-5NN` | the recipient is refused with that reply |
//! | `greylist-451` | refused with 451 the first time, taken afterwards |
//! | `defer-451`, any other `…-4NN` | the recipient is refused with that reply, always |
//! | `reject-554` | refused with 554 after the text |
//! | `drop-before` | the connection is cut before the text |
//! | `drop-after-dot` | taken, and the connection is cut without an answer |
//! | `stall-after-dot` | taken, and never answered |

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::clock::Clock;
use super::people::lock;
use super::settings::Mail as Settings;

/// A line longer than this is no mail's.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// A mail longer than this is refused.
const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;

/// One mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailRow {
    /// Where it would bounce to.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Its headers, unfolded, in order.
    pub headers: Vec<(String, String)>,
    /// The whole of it, as it came (without dot-stuffing).
    pub text: String,
    /// When it was taken, in Unix milliseconds.
    pub accepted_at: i64,
    /// Over how many-th connection it came, from 1.
    pub connection: u64,
}

impl MailRow {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The mail server's books.
#[derive(Debug)]
pub(super) struct Mail {
    settings: Settings,
    clock: Clock,
    ledger: Mutex<Vec<MailRow>>,
    greylisted: Mutex<HashSet<String>>,
}

impl Mail {
    pub(super) fn new(settings: Settings, clock: Clock) -> Arc<Self> {
        Arc::new(Self { settings, clock, ledger: Mutex::default(), greylisted: Mutex::default() })
    }

    /// Everything that was taken, in order.
    pub(super) fn ledger(&self) -> Vec<MailRow> {
        lock(&self.ledger).clone()
    }

    /// Where to listen, if at all.
    pub(super) fn listen(&self) -> Option<SocketAddr> {
        self.settings.listen
    }
}

/// Accepts connections until it is dropped, and all of them with it.
pub(super) async fn serve(listener: TcpListener, mail: Arc<Mail>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                number += 1;
                let mail = Arc::clone(&mail);
                connections.spawn(async move {
                    // A connection that breaks is the caller's to notice.
                    let _ = converse(stream, &mail, number).await;
                });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Conversation<'a> {
    mail: &'a Mail,
    number: u64,
    from: Option<String>,
    to: Option<String>,
    known: bool,
}

enum Next {
    Say(String),
    Text,
    Cut,
    End,
}

fn say(reply: &str) -> Next {
    Next::Say(reply.to_owned())
}

async fn converse(stream: TcpStream, mail: &Mail, number: u64) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 simulator ESMTP\r\n").await?;
    let mut conversation = Conversation { mail, number, from: None, to: None, known: mail.settings.user.is_none() };
    let mut line = Vec::new();
    loop {
        if !read_line(&mut stream, &mut line).await? {
            return Ok(());
        }
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let reply = match conversation.hear(&command) {
            Next::Say(reply) => reply,
            Next::Cut => return Ok(()),
            Next::End => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            Next::Text => {
                stream.write_all(b"354 end with a dot\r\n").await?;
                let Some(text) = read_text(&mut stream, &mut line).await? else { return Ok(()) };
                match conversation.take(text) {
                    Next::Say(reply) => reply,
                    Next::Cut => return Ok(()),
                    _ => {
                        std::future::pending::<()>().await;
                        return Ok(());
                    }
                }
            }
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let n = stream.read_until(b'\n', line).await?;
    Ok(n > 0 && line.len() <= LINE_BYTES_MAX)
}

async fn read_text(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    loop {
        if !read_line(stream, line).await? || text.len() > MAIL_BYTES_MAX {
            return Ok(None);
        }
        if line.as_slice() == b".\r\n" {
            return Ok(Some(text));
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
}

impl Conversation<'_> {
    fn hear(&mut self, command: &str) -> Next {
        let upper = command.to_ascii_uppercase();
        if upper.starts_with("EHLO") || upper.starts_with("HELO") {
            return say(
                "250-simulator\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN",
            );
        }
        if upper.starts_with("AUTH PLAIN ") {
            return self.log_in(&command[11..]);
        }
        if !self.known && (upper.starts_with("MAIL") || upper.starts_with("RCPT") || upper == "DATA") {
            return say("530 5.7.0 Authentication required");
        }
        if let Some(address) = upper.starts_with("MAIL FROM:").then(|| address(command)).flatten() {
            (self.from, self.to) = (Some(address), None);
            return say("250 2.1.0 ok");
        }
        if let Some(address) = upper.starts_with("RCPT TO:").then(|| address(command)).flatten() {
            return self.recipient(address);
        }
        match upper.as_str() {
            "DATA" if self.to.is_some() => match self.local_part() {
                "drop-before" => Next::Cut,
                _ => Next::Text,
            },
            "DATA" => say("503 5.5.1 no valid recipients"),
            "RSET" => {
                (self.from, self.to) = (None, None);
                say("250 2.0.0 ok")
            }
            "NOOP" => say("250 2.0.0 ok"),
            "QUIT" => Next::End,
            _ => say("502 5.5.2 not understood"),
        }
    }

    fn log_in(&mut self, response: &str) -> Next {
        let settings = &self.mail.settings;
        let given = base64::engine::general_purpose::STANDARD.decode(response.trim()).unwrap_or_default();
        let expected = format!("\0{}\0{}", settings.user.as_deref().unwrap_or_default(), settings.password);
        self.known = settings.user.is_none() || given == expected.as_bytes();
        say(if self.known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" })
    }

    fn recipient(&mut self, address: String) -> Next {
        let local = address.split('@').next().unwrap_or_default().to_owned();
        let code = local.rsplit_once('-').and_then(|(_, code)| code.parse::<u16>().ok());
        let refuse = match code {
            Some(451) if local.starts_with("greylist-") => {
                lock(&self.mail.greylisted).insert(address.clone()).then_some(451)
            }
            Some(554) if local.starts_with("reject-") => None,
            Some(code @ 400..=599) => Some(code),
            _ => None,
        };
        match refuse {
            Some(550) => Next::Say(format!("550 5.1.1 <{address}>: no such user here")),
            Some(code) => Next::Say(format!("{code} {}.0.0 <{address}>: refused as asked", code / 100)),
            None => {
                self.to = Some(address);
                say("250 2.1.5 ok")
            }
        }
    }

    fn local_part(&self) -> &str {
        self.to.as_deref().and_then(|to| to.split('@').next()).unwrap_or_default()
    }

    fn take(&mut self, text: Vec<u8>) -> Next {
        let local = self.local_part().to_owned();
        if local == "reject-554" {
            self.to = None;
            return say("554 5.7.1 this looks like spam");
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut ledger = lock(&self.mail.ledger);
        ledger.push(MailRow {
            from: self.from.take().unwrap_or_default(),
            to: self.to.take().unwrap_or_default(),
            headers: headers(&text),
            text,
            accepted_at: self.mail.clock.millis(),
            connection: self.number,
        });
        match local.as_str() {
            "drop-after-dot" => Next::Cut,
            "stall-after-dot" => Next::End,
            _ => Next::Say(format!("250 2.0.0 taken as {}", ledger.len())),
        }
    }
}

/// What stands between the angles.
fn address(command: &str) -> Option<String> {
    let (_, rest) = command.split_once('<')?;
    rest.split_once('>').map(|(address, _)| address.to_owned())
}

fn headers(text: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    headers.push((name.to_owned(), value.trim().to_owned()));
                }
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unfolded() {
        let found = headers("A: 1\r\nSubject: one\r\n two\r\n\r\nB: 2\r\n");
        assert_eq!(found, [("A".to_owned(), "1".to_owned()), ("Subject".to_owned(), "one two".to_owned())]);
        assert_eq!(address("RCPT TO:<a@b.example> NOTIFY=NEVER").as_deref(), Some("a@b.example"));
    }
}
