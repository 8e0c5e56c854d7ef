//! One call to Meta, and what its outcome proves. Never a second call: whether to try again is decided elsewhere.
//!
//! | what happened | answer |
//! |---|---|
//! | no connection: name, refusal, TLS, time-out while connecting | not sent |
//! | hyper gives the request back unwritten | not sent |
//! | Meta's error object, whatever the HTTP status | refused |
//! | a status that speaks about the request and can only come from before Meta took it (`speaks_of_the_request`) | not sent |
//! | 2xx with an id | accepted |
//! | anything else once the request may have been written | unanswered |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::error_codes::class_of;
use super::reception::{self, Reception};
use super::{wait, wire};
use crate::domain::failure::{FailureClass, Refusal};
use crate::domain::ids::{SenderId, SenderName, WhatsAppId};
use crate::domain::message::{Content, Envelope};
use crate::outgoing::{chain, install_tls_provider, speaks_of_the_request, was_never_written};
use crate::ports::{Answer, WhatsApp};

/// How much of an answer is read: Meta's are below 2 KB, and what is longer is not Meta's.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of Meta's words is kept.
const DETAILS_CHARS_MAX: usize = 500;
/// Idle connections kept: enough for 1,000 calls in flight.
const IDLE_CONNECTIONS_MAX: usize = 1_024;
/// How long a connection may idle. Short, because a request on a connection that the other side has just closed cannot be told
/// from one that was taken, and servers close idle connections after a minute or so.
const IDLE_FOR_MAX: Duration = Duration::from_secs(15);

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the Graph API is, such as `https://graph.facebook.com`.
    pub graph_url: String,
    /// Its version, such as `v26.0`.
    pub api_version: String,
    /// The access token.
    pub token: SecretString,
    /// Our numbers: Meta's id of each.
    pub senders: HashMap<SenderName, SenderId>,
    /// How long connecting may take, TLS included.
    pub connect_within: Duration,
    /// How long a call may take in all.
    pub answer_within: Duration,
    /// A proxy for all calls, such as `http://proxy.example:3128`. The environment is not consulted.
    pub proxy: Option<String>,
}

/// Settings from which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address makes no sense.
    #[error("`{url}` is not an address; write `[whatsapp] graph_url` as in `https://graph.facebook.com`")]
    Url {
        /// What was given.
        url: String,
    },
    /// The token has characters that a header cannot carry.
    #[error("the access token has a line break or another character that it cannot have; copy it again")]
    Token,
    /// The proxy or TLS could not be set up.
    #[error("cannot set up the connection to the Graph API; check the proxy and this machine's CA certificates")]
    Build(#[source] reqwest::Error),
}

/// The client of the Graph API: one connection pool for the process.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    /// Below which everything is: with the version.
    pub(super) root: Url,
    pub(super) ids: HashMap<SenderName, SenderId>,
    urls: HashMap<SenderName, Url>,
    pub(super) token: ArcSwap<SecretString>,
    pub(super) authorization: Arc<ArcSwap<HeaderValue>>,
}

impl Client {
    /// Makes the client; connects to nothing.
    ///
    /// # Errors
    /// When an address or the token cannot be used, or TLS finds no CA certificates.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        install_tls_provider();
        let root = root(settings)?;
        let messages = |id: &SenderId| {
            let mut url = root.clone();
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend([id.as_str(), "messages"]);
            }
            url
        };
        let urls = settings.senders.iter().map(|(name, id)| (name.clone(), messages(id))).collect();
        let plain = settings.graph_url.starts_with("http://");
        let mut builder = reqwest::Client::builder()
            // A POST is never repeated by the library. hyper may still move a request that was not written from a connection that
            // turned out closed to another one, which is not a repetition: the first server never saw a byte of it.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .redirect(reqwest::redirect::Policy::none())
            // One connection for each call in flight: with HTTP/2 all share one, whose stream limit (usually 100) would cap us at
            // some 300 messages/s, and whose loss would make all of them unknown at once.
            .http1_only()
            .connect_timeout(settings.connect_within)
            .timeout(settings.answer_within)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_FOR_MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            // Answers are a few hundred bytes: packing them would cost more than it saves.
            .no_gzip()
            .referer(false)
            .user_agent(concat!("barid/", env!("CARGO_PKG_VERSION")));
        builder = match &settings.proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy).map_err(ClientError::Build)?),
            None => builder.no_proxy(),
        };
        if plain {
            // The simulator speaks plain HTTP; a machine without CA certificates can run it.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build().map_err(ClientError::Build)?,
            root,
            ids: settings.senders.clone(),
            urls,
            token: ArcSwap::from_pointee(settings.token.clone()),
            authorization: Arc::new(ArcSwap::from_pointee(bearer(&settings.token)?)),
        })
    }

    /// The token in force, for calls that this client does not make.
    pub(super) fn authorization(&self) -> Arc<ArcSwap<HeaderValue>> {
        Arc::clone(&self.authorization)
    }

    /// Whether this token is the one in force.
    pub fn carries(&self, token: &SecretString) -> bool {
        self.token.load().expose_secret() == token.expose_secret()
    }

    /// The same client over the same connections, with another token.
    ///
    /// # Errors
    /// When a header cannot carry it.
    pub fn with_token(&self, token: &SecretString) -> Result<Self, ClientError> {
        Ok(Self {
            http: self.http.clone(),
            root: self.root.clone(),
            ids: self.ids.clone(),
            urls: self.urls.clone(),
            token: ArcSwap::from_pointee(token.clone()),
            authorization: Arc::new(ArcSwap::from_pointee(bearer(token)?)),
        })
    }

    /// Puts another token in force; calls that begin after this carry it.
    ///
    /// # Errors
    /// When a header cannot carry it; the old one stays.
    pub fn replace_token(&self, token: &SecretString) -> Result<(), ClientError> {
        self.authorization.store(Arc::new(bearer(token)?));
        self.token.store(Arc::new(token.clone()));
        Ok(())
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ClientError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn root(settings: &Settings) -> Result<Url, ClientError> {
    let Settings { graph_url, api_version, .. } = settings;
    let url = format!("{}/{api_version}", graph_url.trim_end_matches('/'));
    Url::parse(&url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| ClientError::Url { url: graph_url.clone() })
}

#[async_trait]
impl WhatsApp for Client {
    async fn send(&self, envelope: &Envelope, content: &Content) -> Answer {
        let Some(url) = self.urls.get(&envelope.sender) else {
            return Answer::NotSent {
                because: format!("no phone number id is known for sender `{}`", envelope.sender),
            };
        };
        let body = match wire::body(envelope, content) {
            Ok(body) => body,
            Err(error) => return Answer::NotSent { because: format!("the request could not be made: {error}") },
        };
        let mut request = Request::new(Method::POST, url.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, HeaderValue::clone(&self.authorization.load()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.into());
        match self.http.execute(request).await {
            Ok(response) => answered(response).await,
            Err(error) if was_never_written(&error) => Answer::NotSent { because: chain(error) },
            Err(error) => Answer::Unanswered { because: chain(error) },
        }
    }

    async fn ask(&self, sender: &SenderName) -> Result<(), String> {
        let id = self.ids.get(sender).ok_or_else(|| format!("no phone number id is known for sender `{sender}`"))?;
        self.question::<serde::de::IgnoredAny>(&[id.as_str()], &[("fields", "id")]).await.map(drop)
    }
}

async fn answered(mut response: reqwest::Response) -> Answer {
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return unreadable(status, "more than Meta ever answers"),
            Ok(None) => return read(status, response.headers(), &body),
            Err(error) => return unreadable(status, &chain(error)),
        }
    }
}

/// What an answer that was received whole says.
fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    let Ok(reception) = serde_json::from_slice::<Reception<'_>>(body) else {
        return unreadable(status, "not the JSON that Meta answers");
    };
    if let Some(error) = reception.error.filter(reception::Error::is_metas) {
        return Answer::Refused(refusal(status, headers, &error));
    }
    let id = reception.messages.first().and_then(|receipt| WhatsAppId::try_from(receipt.id.to_string()).ok());
    match id {
        Some(id) if status.is_success() => Answer::Accepted(id),
        _ => unreadable(status, "neither an id nor an error of Meta's"),
    }
}

fn refusal(status: StatusCode, headers: &HeaderMap, error: &reception::Error<'_>) -> Refusal {
    let class = match class_of(error.code.0, error.error_subcode.map(|subcode| subcode.0)) {
        // A fault of Meta's own, even if under a code that we do not know.
        FailureClass::Unrecognised if status.is_server_error() || error.is_transient => FailureClass::Transient,
        class => class,
    };
    let details: String = error.words().chars().take(DETAILS_CHARS_MAX).collect();
    Refusal { wait: wait::asked_for(headers, class), ..Refusal::new(class, Some(error.code.0), details) }
}

fn unreadable(status: StatusCode, what: &str) -> Answer {
    let because = format!("answered {} with {what}", status.as_u16());
    if speaks_of_the_request(status) { Answer::NotSent { because } } else { Answer::Unanswered { because } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(status: u16, body: &str) -> Answer {
        read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn an_id_in_a_success_is_acceptance_and_nothing_else_is() {
        let good = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+1","wa_id":"1"}],"messages":[{"id":"wamid.A=="}]}"#;
        assert_eq!(read_at(200, good), Answer::Accepted("wamid.A==".parse().unwrap()));
        assert_eq!(read_at(201, good), Answer::Accepted("wamid.A==".parse().unwrap()));
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, "<html>"),
            (200, r#"{"messages":[]}"#),
            (200, r#"{"messages":[{"id":""}]}"#),
            (200, r#"{"messages":[{"id":"wamid.A==""#),
            (500, good),
            (502, "<html>bad gateway</html>"),
            (503, r#"{"error":{"code":503,"message":"no healthy upstream","status":"UNAVAILABLE"}}"#),
            (500, r#"{"error":"internal"}"#),
            (403, "blocked by policy"),
            (408, ""),
            (302, ""),
        ] {
            assert!(matches!(read_at(status, body), Answer::Unanswered { .. }), "{status} {body}");
        }
    }

    #[test]
    fn a_proxy_that_speaks_of_the_request_did_not_pass_it_on() {
        for status in [301, 400, 404, 407, 413, 429] {
            assert!(matches!(read_at(status, "<html>"), Answer::NotSent { .. }), "{status}");
        }
    }

    #[test]
    fn metas_error_is_a_refusal_whatever_the_status() {
        let body = r#"{"error":{"message":"(#131056) pair rate limit hit","type":"OAuthException","code":131056,
            "error_data":{"messaging_product":"whatsapp","details":"Too many messages"},"fbtrace_id":"A"}}"#;
        for status in [200, 400, 429, 500] {
            let Answer::Refused(refusal) = read_at(status, body) else { panic!("{status}") };
            assert_eq!((refusal.class, refusal.code), (FailureClass::PairThrottled, Some(131056)));
            assert_eq!(refusal.details, "Too many messages");
        }
    }

    #[test]
    fn lenient_about_the_form_of_an_error() {
        for (status, body, class) in [
            (
                400,
                r#"{"error":{"code":"131009","type":"X","error_data":"plain","message":"m"}}"#,
                FailureClass::ContentRefused,
            ),
            (
                400,
                r#"{"error":{"code":100,"error_subcode":33,"type":"X","error_data":[1]}}"#,
                FailureClass::Credentials,
            ),
            (400, r#"{"error":{"code":77,"type":"X"}}"#, FailureClass::Unrecognised),
            (400, r#"{"error":{"code":77,"type":"X","is_transient":true}}"#, FailureClass::Transient),
            (503, r#"{"error":{"code":77,"fbtrace_id":"X"}}"#, FailureClass::Transient),
        ] {
            let Answer::Refused(refusal) = read_at(status, body) else { panic!("{body}") };
            assert_eq!(refusal.class, class, "{body}");
        }
    }

    #[test]
    fn whatever_comes_back_is_an_answer() {
        use rand::{Rng as _, SeedableRng as _};
        let seed = 20_261_122;
        let mut dice = rand::rngs::StdRng::seed_from_u64(seed);
        let statuses = [200, 201, 302, 400, 401, 403, 404, 408, 429, 500, 502, 503, 599, 999];
        for round in 0..20_000 {
            let body = match dice.random_range(0..10) {
                0 => any_json(&mut dice, 3).to_string(),
                1 => any_json(&mut dice, 3).to_string().chars().take(dice.random_range(0..40)).collect(),
                _ => {
                    let error = serde_json::json!({
                        "code": any_code(&mut dice), "error_subcode": any_code(&mut dice), "type": "OAuthException",
                        "message": any_json(&mut dice, 0), "error_data": any_json(&mut dice, 2),
                        "is_transient": dice.random_bool(0.5),
                    });
                    serde_json::json!({ "error": error, "messages": any_json(&mut dice, 2) }).to_string()
                }
            };
            let status = statuses[dice.random_range(0..statuses.len())];
            let answer = read_at(status, &body);
            if let Answer::Refused(refusal) = &answer {
                assert!(refusal.details.chars().count() <= DETAILS_CHARS_MAX, "seed {seed}, round {round}");
                let lost = refusal.class == FailureClass::Unrecognised && (500..600).contains(&status);
                assert!(!lost, "a fault of Meta's own is tried again: seed {seed}, round {round}: {status} {body}");
            }
            if let Answer::Accepted(_) = &answer {
                assert!((200..300).contains(&status), "seed {seed}, round {round}: {status} {body}");
            }
        }
    }

    fn any_code(dice: &mut rand::rngs::StdRng) -> serde_json::Value {
        use rand::Rng as _;
        match dice.random_range(0..6) {
            0 => dice.random::<i64>().into(),
            1 => dice.random::<u64>().into(),
            2 => dice.random_range(-5..140_000).to_string().into(),
            3 => any_json(dice, 0),
            _ => dice.random_range(130_000..140_000).into(),
        }
    }

    fn any_json(dice: &mut rand::rngs::StdRng, depth: u32) -> serde_json::Value {
        use rand::Rng as _;
        use serde_json::Value;
        const NAMES: [&str; 8] = ["error", "code", "messages", "id", "details", "error_data", "type", "x"];
        let kinds = if depth == 0 { 5 } else { 7 };
        match dice.random_range(0..kinds) {
            0 => Value::Null,
            1 => dice.random::<bool>().into(),
            2 => dice.random::<i64>().into(),
            3 => (dice.random::<f64>() * 1e300).into(),
            4 => "\u{1F98B}".repeat(dice.random_range(0..700)).into(),
            5 => (0..dice.random_range(0..4)).map(|_| any_json(dice, depth - 1)).collect(),
            _ => (0..dice.random_range(0..4))
                .map(|_| (NAMES[dice.random_range(0..NAMES.len())].to_owned(), any_json(dice, depth - 1)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    #[test]
    fn a_refusal_carries_the_wait_that_its_headers_ask_for() {
        let body = br#"{"error":{"message":"(#4) Application request limit reached","type":"OAuthException","code":4,
            "error_subcode":2446079,"is_transient":true,"fbtrace_id":"A"}}"#;
        let headers = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, HeaderValue::from_static("90"))]);
        let Answer::Refused(refusal) = read(StatusCode::BAD_REQUEST, &headers, body) else { panic!("a refusal") };
        assert_eq!(refusal.class, FailureClass::AccountThrottled);
        assert_eq!(refusal.wait, Some(jiff::SignedDuration::from_secs(90)));
    }

    fn settings() -> Settings {
        Settings {
            graph_url: "https://graph.facebook.com/".into(),
            api_version: "v26.0".into(),
            token: "EAA".into(),
            senders: HashMap::from([("default".parse().unwrap(), "900000000000001".parse().unwrap())]),
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(30),
            proxy: None,
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let client = Client::new(&Settings { graph_url: "http://127.0.0.1:1/".into(), ..settings() }).unwrap();
        assert_eq!(client.urls.values().next().unwrap().as_str(), "http://127.0.0.1:1/v26.0/900000000000001/messages");
        assert!(matches!(client.replace_token(&"a\nb".into()), Err(ClientError::Token)));
        assert!(!format!("{client:?}").contains("EAA"));
        for url in ["", "graph.facebook.com", "ftp://x", "https://"] {
            let refused = Client::new(&Settings { graph_url: url.into(), ..settings() });
            assert!(matches!(refused, Err(ClientError::Url { .. })), "{url}");
        }
    }
}
