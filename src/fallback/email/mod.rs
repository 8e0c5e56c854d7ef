//! A letter as mail.
//!
//! | module | owns |
//! |---|---|
//! | `letter` | what the mail says: headers, text and HTML |
//! | `server` | whose mail server, from `SMTP_URL` |
//! | `tls` | whose certificates are trusted, and which failures of TLS would meet every mail |
//! | `conversation` | one mail brought to the server, and how far it came |
//! | `replies` | the server's reply → our failure class |
//! | `bounce` | mail that comes back |

pub mod bounce;
mod conversation;
mod letter;
pub mod replies;
mod server;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::Address as Mailbox;
use lettre::message::Mailbox as NamedMailbox;

use self::conversation::Connections;
pub use self::server::{ServerError, SmtpServer};
use crate::domain::channel::Channel;
use crate::domain::signed_reference::ReferenceSigner;
use crate::ports::{Address, Answer, Clock, Fallback, Letter, Notice, Notices};

/// What the channel needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mail server.
    pub server: SmtpServer,
    /// Who writes, such as `Voice of Customer <voice@example.com>`.
    pub from: String,
    /// Where answers go; `None`: to `from`.
    pub reply_to: Option<String>,
    /// Where returned mail goes, such as `bounces@example.com`: each mail gets an address of its own there (`bounces+TOKEN@…`).
    pub bounces: Option<String>,
    /// A mailbox that takes requests to stop, named beside the link.
    pub unsubscribe: Option<String>,
    /// Where the link to stop leads, without the token, such as `https://voice.example.com/api/email/unsubscribe/`; `None`: no link.
    pub unsubscribe_url: Option<String>,
    /// Certificates of authorities, in PEM, that may vouch for the mail server beside those that this machine trusts.
    pub authorities: Option<Vec<u8>>,
    /// Price of one mail in micro-units.
    pub message_micros: i64,
    /// How long connecting may take: TLS, greeting and log-in included.
    pub connect_within: Duration,
    /// How long a mail may take from there.
    pub answer_within: Duration,
}

/// Settings from which no mail can be made.
#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    /// An address makes no sense.
    #[error("`[email] {key}` is not an address; write it as in `Voice of Customer <voice@example.com>`")]
    Mailbox {
        /// Which key.
        key: &'static str,
        /// Why.
        #[source]
        source: lettre::address::AddressError,
    },
    /// TLS could not be set up.
    #[error("cannot set up TLS to the mail server; check this machine's CA certificates, and `[email] ca_file`")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// E-mail over SMTP.
pub struct Email {
    writer: letter::Writer,
    connections: Connections,
    message_micros: i64,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email")
    }
}

impl Email {
    /// Makes the channel; connects to nothing. `signer` signs links, Message-IDs and return addresses.
    ///
    /// # Errors
    /// When an address cannot be used, or TLS finds no CA certificates.
    pub fn new(settings: &Settings, signer: ReferenceSigner, clock: Arc<dyn Clock>) -> Result<Self, EmailError> {
        let from = named("from", &settings.from)?;
        let writer = letter::Writer {
            reply_to: settings.reply_to.as_deref().map(|text| named("reply_to", text)).transpose()?,
            bounces: settings.bounces.as_deref().map(|text| plain("bounces", text)).transpose()?,
            unsubscribe: settings.unsubscribe.as_deref().map(|text| plain("unsubscribe", text)).transpose()?,
            unsubscribe_url: settings.unsubscribe_url.clone(),
            signer,
            from,
        };
        let (connect_within, answer_within) = (settings.connect_within, settings.answer_within);
        let hello = writer.from.email.domain().to_owned();
        let tls = tls::parameters(&settings.server, settings.authorities.as_deref()).map_err(EmailError::Tls)?;
        let connections = Connections::new(settings.server.clone(), tls, hello, connect_within, answer_within);
        Ok(Self { connections, writer, message_micros: settings.message_micros, clock })
    }
}

/// A mailbox with or without a name.
fn named(key: &'static str, text: &str) -> Result<NamedMailbox, EmailError> {
    text.parse().map_err(|source| EmailError::Mailbox { key, source })
}

fn plain(key: &'static str, text: &str) -> Result<Mailbox, EmailError> {
    text.parse().map_err(|source| EmailError::Mailbox { key, source })
}

#[async_trait]
impl Fallback for Email {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn price_micros(&self, _: &Letter) -> i64 {
        self.message_micros
    }

    async fn send(&self, letter: &Letter) -> Answer {
        let Address::Email(to) = &letter.to else {
            return Answer::NotSent { because: "an e-mail needs an e-mail address".to_owned() };
        };
        match self.writer.write(to, letter, self.clock.now()) {
            Ok(mail) => self.connections.send(&mail).await,
            Err(refusal) => Answer::Refused(refusal),
        }
    }
}

#[async_trait]
impl Notices for Email {
    async fn tell(&self, notice: &Notice) -> Answer {
        match self.writer.notice(notice, self.clock.now()) {
            Ok(mail) => self.connections.send(&mail).await,
            Err(refusal) => Answer::Refused(refusal),
        }
    }
}
