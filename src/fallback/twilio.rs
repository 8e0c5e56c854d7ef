//! One call to Twilio, and what its outcome proves. Never a second call: Twilio has no idempotency key for messages.
//!
//! | what happened | answer |
//! |---|---|
//! | no connection, or hyper gives the request back unwritten | not sent |
//! | Twilio's error object, whatever the HTTP status | refused |
//! | a status that speaks about the request and comes from before Twilio took it | not sent |
//! | 2xx with a sid | accepted |
//! | anything else once the request may have been written | unanswered |

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::twilio_codes::class_of;
use super::without_addresses;
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{CallbackReference, WhatsAppId};
use crate::outgoing::{chain, install_tls_provider, speaks_of_the_request, was_never_written};
use crate::ports::{Answer, Clock};

/// The most that Twilio keeps a message in its queue (message resource, checked 2026-11-22).
const VALIDITY_SECONDS_MAX: i64 = 36_000;
/// How much of an answer is read: Twilio's are about 1 KB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Idle connections kept.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// Short, because a request on a connection that the other side has just closed cannot be told from one that was taken.
const IDLE_FOR_MAX: Duration = Duration::from_secs(15);

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is, such as `https://api.twilio.com`.
    pub api_url: String,
    /// Whose account.
    pub account_sid: SecretString,
    /// Its token.
    pub auth_token: SecretString,
    /// Where Twilio posts statuses, without the query; `None`: it tells us nothing, and what a call brought is all that is known.
    pub status_callback: Option<String>,
    /// How long connecting may take, TLS included.
    pub connect_within: Duration,
    /// How long a call may take in all.
    pub answer_within: Duration,
}

/// Settings from which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum TwilioError {
    /// The address or the account makes no sense.
    #[error(
        "`{url}` with this account is not an address; write `[twilio] api_url` as in `https://api.twilio.com`, and copy TWILIO_ACCOUNT_SID again"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// TLS could not be set up.
    #[error("cannot set up the connection to Twilio; check this machine's CA certificates")]
    Build(#[source] reqwest::Error),
}

/// The client of Twilio's messages: one connection pool for both channels.
pub struct Client {
    http: reqwest::Client,
    url: Url,
    authorization: HeaderValue,
    status_callback: Option<String>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("twilio::Client")
    }
}

/// From whom a message comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A number or a name.
    Sender(String),
    /// A messaging service, which chooses one.
    Service(String),
}

impl Origin {
    fn field(&self) -> (&'static str, &str) {
        match self {
            Self::Sender(sender) => ("From", sender),
            Self::Service(sid) => ("MessagingServiceSid", sid),
        }
    }
}

impl Client {
    /// Makes the client; connects to nothing.
    ///
    /// # Errors
    /// When the address cannot be used, or TLS finds no CA certificates.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, TwilioError> {
        install_tls_provider();
        let base = settings.api_url.trim_end_matches('/');
        let sid = settings.account_sid.expose_secret();
        let wrong = || TwilioError::Url { url: settings.api_url.clone() };
        let is_plain = !sid.is_empty() && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let url = Url::parse(&format!("{base}/2010-04-01/Accounts/{sid}/Messages.json")).map_err(|_| wrong())?;
        if !is_plain || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        let mut builder = reqwest::Client::builder()
            // A POST is never repeated by the library.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .connect_timeout(settings.connect_within)
            .timeout(settings.answer_within)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_FOR_MAX)
            .tcp_nodelay(true)
            .no_gzip()
            .no_proxy()
            .referer(false)
            .user_agent(concat!("barid/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // The simulator speaks plain HTTP; a machine without CA certificates can run it.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build().map_err(TwilioError::Build)?,
            url,
            authorization: basic(sid, settings.auth_token.expose_secret()),
            status_callback: settings.status_callback.clone(),
            clock,
        })
    }

    /// One call: who, from whom, and the fields that say what.
    pub(super) async fn send(
        &self,
        to: &str,
        from: &Origin,
        reference: &CallbackReference,
        expires_at: Timestamp,
        fields: &[(&str, &str)],
    ) -> Answer {
        let form = self.form(to, from, reference, expires_at, fields);
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(form.into());
        match self.http.execute(request).await {
            Ok(response) => answered(response).await,
            Err(error) if was_never_written(&error) => Answer::NotSent { because: chain(error) },
            Err(error) => Answer::Unanswered { because: chain(error) },
        }
    }
}

impl Client {
    fn form(
        &self,
        to: &str,
        from: &Origin,
        reference: &CallbackReference,
        expires_at: Timestamp,
        fields: &[(&str, &str)],
    ) -> String {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(512));
        let (from_field, from) = from.field();
        form.append_pair("To", to).append_pair(from_field, from);
        form.extend_pairs(fields);
        form.append_pair("ValidityPeriod", &validity(expires_at, self.clock.now()).to_string());
        if let Some(callback) = &self.status_callback {
            form.append_pair("StatusCallback", &format!("{callback}?ref={reference}"));
        }
        form.finish()
    }
}

fn basic(user: &str, password: &str) -> HeaderValue {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).expect("base64 has only what a header can carry");
    value.set_sensitive(true);
    value
}

/// How long Twilio need try: until the message is too old, as far as Twilio can wait.
fn validity(expires_at: Timestamp, now: Timestamp) -> i64 {
    expires_at.duration_since(now).as_secs().clamp(1, VALIDITY_SECONDS_MAX)
}

async fn answered(mut response: reqwest::Response) -> Answer {
    let status = response.status();
    let wait = retry_after(response.headers().get(RETRY_AFTER));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return unreadable(status, "more than Twilio ever answers"),
            Ok(None) => return read(status, wait, &body),
            Err(error) => return unreadable(status, &chain(error)),
        }
    }
}

/// Seconds only: Twilio writes no dates there.
fn retry_after(header: Option<&HeaderValue>) -> Option<SignedDuration> {
    let seconds: i64 = header?.to_str().ok()?.trim().parse().ok()?;
    (seconds > 0).then(|| SignedDuration::from_secs(seconds))
}

/// What Twilio answers: a message, or an error (message resource and api/errors, checked 2026-11-22).
#[derive(Deserialize)]
struct Reception {
    sid: Option<String>,
    status: Option<serde_json::Value>,
    error_code: Option<i64>,
    error_message: Option<String>,
    code: Option<i64>,
    message: Option<String>,
}

/// What an answer that was received whole says.
fn read(status: StatusCode, wait: Option<SignedDuration>, body: &[u8]) -> Answer {
    let Ok(reception) = serde_json::from_slice::<Reception>(body) else {
        return unreadable(status, "not the JSON that Twilio answers");
    };
    if let (Some(code), Some(message)) = (reception.code, &reception.message) {
        return Answer::Refused(refusal(status, code, message, wait));
    }
    let id = reception.sid.and_then(|sid| WhatsAppId::try_from(sid).ok());
    let failed = reception.status.as_ref().and_then(serde_json::Value::as_str) == Some("failed");
    match (id, reception.error_code) {
        (Some(_), Some(code)) if status.is_success() && failed => {
            Answer::Refused(refusal(status, code, reception.error_message.as_deref().unwrap_or_default(), wait))
        }
        (Some(id), _) if status.is_success() => Answer::Accepted(id),
        _ => unreadable(status, "neither a sid nor an error of Twilio's"),
    }
}

fn refusal(status: StatusCode, code: i64, words: &str, wait: Option<SignedDuration>) -> Refusal {
    let class = match class_of(code) {
        // A fault of Twilio's own, even if under a code that we do not know.
        FailureClass::Unrecognised if status.is_server_error() => FailureClass::Transient,
        class => class,
    };
    Refusal { wait, ..Refusal::new(class, Some(code), without_addresses(words)) }
}

fn unreadable(status: StatusCode, what: &str) -> Answer {
    let because = format!("answered {} with {what}", status.as_u16());
    if speaks_of_the_request(status) { Answer::NotSent { because } } else { Answer::Unanswered { because } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(status: u16, body: &str) -> Answer {
        read(StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn a_sid_in_a_success_is_acceptance_and_nothing_else_is() {
        let good = r#"{"sid":"SM01","status":"queued","error_code":null,"error_message":null,"to":"+1"}"#;
        assert_eq!(read_at(201, good), Answer::Accepted("SM01".parse().unwrap()));
        for (status, body) in [
            (201, ""),
            (201, "{}"),
            (200, "<html>"),
            (201, r#"{"sid":""}"#),
            (201, r#"{"sid":"SM01""#),
            (500, good),
            (502, "<html>bad gateway</html>"),
            (503, r#"{"error":"internal"}"#),
            (302, ""),
        ] {
            assert!(matches!(read_at(status, body), Answer::Unanswered { .. }), "{status} {body}");
        }
        for status in [404, 407, 429] {
            assert!(matches!(read_at(status, "<html>"), Answer::NotSent { .. }), "{status}");
        }
    }

    #[test]
    fn twilios_error_is_a_refusal_whatever_the_status() {
        let body =
            r#"{"code":21211,"message":"The 'To' number +966500000101 is not valid","more_info":"x","status":400}"#;
        for status in [200, 400, 500] {
            let Answer::Refused(refusal) = read_at(status, body) else { panic!("{status}") };
            assert_eq!((refusal.class, refusal.code), (FailureClass::Undeliverable, Some(21_211)));
            assert!(!refusal.details.contains("9665"), "{}", refusal.details);
        }
        let unknown = r#"{"code":99999,"message":"?","status":503}"#;
        let Answer::Refused(refusal) = read_at(503, unknown) else { panic!() };
        assert_eq!(refusal.class, FailureClass::Transient);
        let failed = r#"{"sid":"SM01","status":"failed","error_code":30006,"error_message":"landline"}"#;
        let Answer::Refused(refusal) = read_at(201, failed) else { panic!() };
        assert_eq!(refusal.code, Some(30_006));
    }

    #[test]
    fn twilio_tries_no_longer_than_the_message_is_worth() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (expires, seconds) in [(90, 90), (100_000, 36_000), (-5, 1), (0, 1)] {
            assert_eq!(validity(at(expires), at(0)), seconds);
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds() {
        let wait = |text: &str| retry_after(Some(&HeaderValue::from_str(text).unwrap()));
        assert_eq!(wait("7"), Some(SignedDuration::from_secs(7)));
        assert_eq!(wait("0"), None);
        assert_eq!(wait("Sun, 22 Nov 2026 10:00:00 GMT"), None);
        assert_eq!(retry_after(None), None);
    }
}
