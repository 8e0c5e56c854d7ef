//! One mail brought to the server, and how far it came: the library's own transport does not tell a mail that was never begun from one
//! whose acknowledgement was lost.
//!
//! | what happened | answer |
//! |---|---|
//! | no connection, no greeting | not sent |
//! | no TLS where we insist on it, a certificate that is not trusted | refused: it is about how we are set up |
//! | a reply of 4xx or 5xx to anything | refused |
//! | the connection broke before the text was begun | not sent |
//! | the server acknowledged the text | accepted |
//! | the connection broke, or time ran out, once the text was begun | unanswered |

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout};

use super::letter::Mail;
use super::replies::class_of;
use super::server::{Security, SmtpServer};
use super::tls::misconfigured;
use crate::domain::causes::in_one_line;
use crate::domain::failure::Refusal;
use crate::fallback::without_addresses;
use crate::ports::Answer;

/// How long an idle connection is kept: servers close theirs after minutes.
const IDLE_FOR_MAX: Duration = Duration::from_secs(20);
/// Idle connections kept.
const IDLE_MAX: usize = 16;
/// Mails over one connection: many servers allow a hundred or so.
const MAILS_MAX: u32 = 50;

/// Connections to one mail server.
pub(super) struct Connections {
    server: SmtpServer,
    tls: Option<TlsParameters>,
    hello: ClientId,
    connect_within: Duration,
    answer_within: Duration,
    idle: Mutex<Vec<Open>>,
}

struct Open {
    connection: AsyncSmtpConnection,
    used_at: Instant,
    n_mails: u32,
}

/// Where a conversation ended.
enum End {
    /// The server said no; the connection may be used again.
    Refused(Refusal),
    /// Nothing of the mail's text was written.
    Broke(String),
    /// It broke after the text was begun.
    Lost(String),
}

impl Connections {
    pub(super) fn new(
        server: SmtpServer,
        tls: Option<TlsParameters>,
        hello: String,
        connect_within: Duration,
        answer_within: Duration,
    ) -> Self {
        Self { server, tls, hello: ClientId::Domain(hello), connect_within, answer_within, idle: Mutex::default() }
    }

    /// Brings one mail to the server. Never twice: a connection that turns out closed is replaced only before the text is begun.
    pub(super) async fn send(&self, mail: &Mail) -> Answer {
        let begun = AtomicBool::new(false);
        match timeout(self.connect_within + self.answer_within, self.bring(mail, &begun)).await {
            Ok(answer) => answer,
            Err(_elapsed) if begun.load(Ordering::Relaxed) => {
                Answer::Unanswered { because: "the mail server did not acknowledge the mail in time".to_owned() }
            }
            Err(_elapsed) => {
                Answer::NotSent { because: "the mail server took too long before the mail was begun".to_owned() }
            }
        }
    }

    async fn bring(&self, mail: &Mail, begun: &AtomicBool) -> Answer {
        while let Some(mut open) = self.take_idle() {
            match timeout(self.answer_within, converse(&mut open.connection, mail, begun)).await {
                // It was closed meanwhile, which shows only now.
                Ok(Err(End::Broke(_))) => {}
                Err(_elapsed) if !begun.load(Ordering::Relaxed) => {}
                Err(_elapsed) => {
                    return Answer::Unanswered {
                        because: "the mail server did not acknowledge the mail in time".to_owned(),
                    };
                }
                Ok(ended) => return self.answered(ended, open, mail).await,
            }
        }
        let connection = match timeout(self.connect_within, self.connect()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return match refusal(&error).or_else(|| misconfigured(&error)) {
                    Some(refusal) => Answer::Refused(refusal),
                    None => Answer::NotSent { because: chain(&error) },
                };
            }
            Err(_elapsed) => {
                return Answer::NotSent { because: "the mail server did not answer in time".to_owned() };
            }
        };
        let mut open = Open { connection, used_at: Instant::now(), n_mails: 0 };
        let ended = converse(&mut open.connection, mail, begun).await;
        self.answered(ended, open, mail).await
    }

    async fn answered(&self, ended: Result<(), End>, mut open: Open, mail: &Mail) -> Answer {
        match ended {
            Ok(()) => {
                self.keep(open);
                Answer::Accepted(mail.id.clone())
            }
            Err(End::Refused(refusal)) => {
                // What was begun is undone; if that fails, so would the next mail.
                if open.connection.command(Rset).await.is_ok() {
                    self.keep(open);
                }
                Answer::Refused(refusal)
            }
            Err(End::Broke(because)) => Answer::NotSent { because },
            Err(End::Lost(because)) => Answer::Unanswered { because },
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let address = (self.server.host.as_str(), self.server.port);
        let from_the_start = self.tls.clone().filter(|_| self.server.security == Security::Tls);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.connect_within), &self.hello, from_the_start, None)
                .await?;
        if let (Security::StartTls, Some(tls)) = (self.server.security, self.tls.clone()) {
            // A server without it is an error here, never a reason to go on in the open.
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some((user, password)) = &self.server.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<Open> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| open.used_at.elapsed() < IDLE_FOR_MAX);
        idle.pop()
    }

    fn keep(&self, mut open: Open) {
        open.n_mails += 1;
        open.used_at = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if open.n_mails < MAILS_MAX && idle.len() < IDLE_MAX && !open.connection.has_broken() {
            idle.push(open);
        }
    }
}

async fn converse(connection: &mut AsyncSmtpConnection, mail: &Mail, begun: &AtomicBool) -> Result<(), End> {
    let broke = |error: Error| refusal(&error).map_or_else(|| End::Broke(chain(&error)), End::Refused);
    let mut options = Vec::new();
    if mail.envelope.to().iter().chain(mail.envelope.from()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let words = "the mail server does not take addresses beyond ASCII";
            return Err(End::Refused(Refusal::new(crate::domain::failure::FailureClass::Undeliverable, None, words)));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    connection.command(MailFrom::new(mail.envelope.from().cloned(), options)).await.map_err(broke)?;
    for to in mail.envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(broke)?;
    }
    connection.command(Data).await.map_err(broke)?;
    begun.store(true, Ordering::Relaxed);
    match connection.message(&mail.bytes).await {
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(&error).map_or_else(|| End::Lost(chain(&error)), End::Refused)),
    }
}

/// The server's no, if the error is one.
fn refusal(error: &Error) -> Option<Refusal> {
    let code = u16::from(error.status()?);
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let enhanced = words.split_whitespace().next().filter(|word| is_enhanced(word));
    Some(Refusal::new(class_of(code, enhanced), Some(i64::from(code)), without_addresses(&words)))
}

/// Whether a word is an enhanced code: class, subject, detail (RFC 3463).
pub(super) fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && matches!(parts[0], "2" | "4" | "5") && parts[1..].iter().all(digits)
}

fn chain(error: &Error) -> String {
    without_addresses(&in_one_line(error))
}
