//! Files at Meta: an id leads to an address, the address, for five minutes and with the token, to the bytes.
//!
//! Mirrors developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media, as checked on 2026-11-22.
//!
//! The token goes to the Graph API and to the hosts of the list, over https, and nowhere else: an address is checked when Meta gives it, and
//! again at each redirect. The Graph API's own origin counts as on the list, because it has the token already; so a simulator on this machine,
//! which `graph_url` names, needs no entry and no https.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION};
use reqwest::{Method, Request, Response, StatusCode, Url};
use serde::Deserialize;

use super::client::{Client, ClientError, Settings};
use super::error_codes::class_of;
use super::reception::{self, Number};
use super::wait;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{SenderId, SenderName};
use crate::domain::link::AllowedHosts;
use crate::domain::media::{Digest, MediaTrouble};
use crate::outgoing::{chain, install_tls_provider};
use crate::ports::{FoundMedia, MediaPieces, MediaSource};

/// How long nothing may come before a download counts as broken off.
const SILENT_FOR_MAX: Duration = Duration::from_secs(30);
/// How long a whole download may take: 100 MB over a slow line.
const DOWNLOAD_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How much of an answer about a file is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Redirects that are followed.
const REDIRECTS_MAX: usize = 3;
/// When a budget of calls is used up and nothing says until when.
const BUSY_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// Asks Meta for files.
pub struct MediaClient {
    http: reqwest::Client,
    /// Where the Graph API is, version included.
    graph: Url,
    senders: HashMap<SenderName, SenderId>,
    hosts: AllowedHosts,
    authorization: Arc<ArcSwap<HeaderValue>>,
}

impl MediaClient {
    /// Makes the client; connects to nothing. It carries whatever token `client` has in force.
    ///
    /// # Errors
    /// When the address cannot be used, or TLS finds no CA certificates.
    pub fn new(client: &Client, settings: &Settings, hosts: AllowedHosts) -> Result<Self, ClientError> {
        install_tls_provider();
        let Settings { graph_url, api_version, .. } = settings;
        let graph = Url::parse(&format!("{}/{api_version}/", graph_url.trim_end_matches('/')))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ClientError::Url { url: graph_url.clone() })?;
        let mut builder = reqwest::Client::builder()
            // Tries are counted and spaced by us, and redirects are checked by us.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_within)
            .read_timeout(SILENT_FOR_MAX)
            .timeout(DOWNLOAD_WITHIN)
            .no_gzip()
            .referer(false)
            .user_agent(concat!("barid/", env!("CARGO_PKG_VERSION")));
        builder = match &settings.proxy {
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy).map_err(ClientError::Build)?),
            None => builder.no_proxy(),
        };
        if graph.scheme() == "http" {
            // The simulator speaks plain HTTP; a machine without CA certificates can run it.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(ClientError::Build)?;
        Ok(Self { http, graph, senders: settings.senders.clone(), hosts, authorization: client.authorization() })
    }

    /// Whether the token may go there.
    fn check(&self, url: &Url) -> Result<(), MediaTrouble> {
        if url.origin() == self.graph.origin() && url.username().is_empty() && url.password().is_none() {
            return Ok(());
        }
        // Checked as it will be called, not as it was written.
        self.hosts.check(url.as_str()).map_err(|_| {
            let host = url.host_str().unwrap_or("no host");
            MediaTrouble::Barred(format!(
                "`{}://{host}` is not https, or not one of `[media] hosts`; add the host if it is Meta's",
                url.scheme()
            ))
        })
    }

    async fn get(&self, url: Url, accept: &'static str) -> Result<Response, MediaTrouble> {
        let mut request = Request::new(Method::GET, url);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, HeaderValue::clone(&self.authorization.load()));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        self.http.execute(request).await.map_err(|error| MediaTrouble::NoAnswer(chain(error)))
    }
}

#[async_trait]
impl MediaSource for MediaClient {
    async fn look_up(&self, id: &str, sender: Option<&SenderName>) -> Result<FoundMedia, MediaTrouble> {
        // An id is digits; whatever else came in a callback must not become another address.
        let is_id =
            !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut url = match self.graph.join(id) {
            Ok(url) if is_id => url,
            _ => return Err(MediaTrouble::Unavailable("what came as its id cannot be one".to_owned())),
        };
        if let Some(number) = sender.and_then(|sender| self.senders.get(sender)) {
            url.query_pairs_mut().append_pair("phone_number_id", number.as_str());
        }
        let response = self.get(url, "application/json").await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = whole(response).await?;
        let Ok(answer) = serde_json::from_slice::<LookedUp<'_>>(&body) else {
            return Err(without_words(status, wait::asked_for(&headers, FailureClass::Transient)));
        };
        if let Some(error) = answer.error.filter(reception::Error::is_metas) {
            return Err(refused(&error, |class| wait::asked_for(&headers, class)));
        }
        let address = answer.url.filter(|_| status.is_success()).map(Cow::into_owned);
        let address =
            address.ok_or_else(|| without_words(status, wait::asked_for(&headers, FailureClass::Transient)))?;
        Ok(FoundMedia {
            address,
            file_type: answer.mime_type.and_then(|text| text.parse().ok()),
            hash: answer.sha256.and_then(|text| Digest::parse(&text).ok()),
            bytes: answer.file_size.and_then(|size| u64::try_from(size.0).ok()),
        })
    }

    async fn download(&self, found: &FoundMedia) -> Result<MediaPieces, MediaTrouble> {
        let mut url =
            Url::parse(&found.address).map_err(|_| MediaTrouble::Barred("what Meta gave is no address".to_owned()))?;
        for _ in 0..=REDIRECTS_MAX {
            self.check(&url)?;
            let response = self.get(url.clone(), "*/*").await?;
            let status = response.status();
            match status.as_u16() {
                200 => {
                    let pieces = response.bytes_stream().map_err(|error| MediaTrouble::NoAnswer(chain(error)));
                    return Ok(pieces.boxed());
                }
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                    url = location
                        .and_then(|location| url.join(location).ok())
                        .ok_or_else(|| MediaTrouble::NoAnswer(format!("answered {status} without a new address")))?;
                }
                401 => return Err(MediaTrouble::Credentials(format!("the download answers {status}"))),
                // Addresses work for five minutes.
                403 | 404 | 410 => return Err(MediaTrouble::AddressExpired(status.as_u16())),
                _ => return Err(without_words(status, wait::asked_for(response.headers(), FailureClass::Transient))),
            }
        }
        Err(MediaTrouble::Barred(format!("it leads on and on, more than {REDIRECTS_MAX} times")))
    }
}

/// An answer about a file, bounded.
async fn whole(mut response: Response) -> Result<Vec<u8>, MediaTrouble> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(MediaTrouble::NoAnswer("more than Meta ever answers".to_owned())),
            Ok(None) => return Ok(body),
            Err(error) => return Err(MediaTrouble::NoAnswer(chain(error))),
        }
    }
}

/// `GET /{media-id}`, read leniently.
#[derive(Deserialize)]
struct LookedUp<'a> {
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mime_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sha256: Option<Cow<'a, str>>,
    /// Seen as a number and as a string.
    file_size: Option<Number>,
    #[serde(borrow)]
    error: Option<reception::Error<'a>>,
}

/// What an error of Meta's about a file means.
fn refused(error: &reception::Error<'_>, asked: impl Fn(FailureClass) -> Option<SignedDuration>) -> MediaTrouble {
    let (code, subcode) = (error.code.0, error.error_subcode.map(|subcode| subcode.0));
    // Meta's words are not repeated: with this error they hold the id, which is nobody's business.
    let words = match subcode {
        Some(subcode) => format!("Meta answers error {code}/{subcode}"),
        None => format!("Meta answers error {code}"),
    };
    // Media download error: not available, or above 100 MB (page …/support/error-codes, 2026-11-22).
    if code == 131_052 {
        return MediaTrouble::Unavailable(words);
    }
    // The id is wrong or expired, or the token may not see it: nothing tells which.
    if code == 100 {
        return MediaTrouble::Unknown(words);
    }
    let class = class_of(code, subcode);
    match class {
        FailureClass::Credentials | FailureClass::AccountRestricted => MediaTrouble::Credentials(words),
        FailureClass::AccountThrottled | FailureClass::NumberThrottled | FailureClass::PairThrottled => {
            MediaTrouble::Busy { words, wait: Some(asked(class).unwrap_or(BUSY_WAIT)) }
        }
        class => MediaTrouble::Busy { words, wait: asked(class) },
    }
}

/// What a status means that comes without an error of Meta's.
fn without_words(status: StatusCode, wait: Option<SignedDuration>) -> MediaTrouble {
    match status.as_u16() {
        401 => MediaTrouble::Credentials(format!("answered {status}")),
        404 => MediaTrouble::Unknown(format!("answered {status}")),
        429 | 500..=599 => MediaTrouble::Busy { words: format!("answered {status}"), wait },
        _ => MediaTrouble::NoAnswer(format!("answered {status} with something that is not Meta's")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(graph_url: &str, hosts: &[&str]) -> MediaClient {
        let settings = Settings {
            graph_url: graph_url.to_owned(),
            api_version: "v26.0".to_owned(),
            token: "t".to_owned().into(),
            senders: HashMap::new(),
            connect_within: Duration::from_secs(1),
            answer_within: Duration::from_secs(1),
            proxy: None,
        };
        let hosts = AllowedHosts::new(hosts.iter().map(|host| (*host).to_owned()).collect()).unwrap();
        MediaClient::new(&Client::new(&settings).unwrap(), &settings, hosts).unwrap()
    }

    #[test]
    fn the_token_goes_to_the_listed_hosts_over_https_and_to_the_graph_api() {
        let client = client("http://127.0.0.1:8600", &["lookaside.fbsbx.com", "*.whatsapp.net"]);
        let goes = |url: &str| client.check(&Url::parse(url).unwrap()).is_ok();
        for url in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3",
            "https://mmg.whatsapp.net/x",
            "https://LOOKASIDE.fbsbx.com:443/",
            "http://127.0.0.1:8600/whatsapp_business/attachments/?mid=1",
        ] {
            assert!(goes(url), "{url}");
        }
        for url in [
            "http://lookaside.fbsbx.com/x",
            "https://lookaside.fbsbx.com.evil.example/x",
            "https://evil.example/lookaside.fbsbx.com",
            "https://evil.example\\@lookaside.fbsbx.com/",
            "https://a:b@lookaside.fbsbx.com/x",
            "https://whatsapp.net/x",
            "http://127.0.0.1:8601/x",
            "http://localhost:8600/x",
            "https://127.0.0.1:8600/x",
            "http://user@127.0.0.1:8600/x",
            "ftp://lookaside.fbsbx.com/x",
            "data:text/plain,x",
            "file:///etc/passwd",
        ] {
            assert!(!goes(url), "{url}");
        }
    }

    #[test]
    fn what_an_answer_about_a_file_means() {
        let meta = |code: i64, subcode: Option<i64>| {
            let body = serde_json::json!({ "error": { "code": code, "error_subcode": subcode, "type": "OAuthException", "message": "m" } });
            let body = body.to_string();
            let answer: LookedUp<'_> = serde_json::from_str(&body).unwrap();
            refused(&answer.error.unwrap(), |_| None)
        };
        for (code, subcode, kind) in [
            (190, Some(463), "credentials"),
            (190, None, "credentials"),
            (10, None, "credentials"),
            (100, Some(33), "unknown"),
            (100, None, "unknown"),
            (131_052, None, "unavailable"),
            (80_007, None, "busy 60"),
            (4, None, "busy 60"),
            (131_000, None, "busy"),
            (2, None, "busy"),
            (987_654, None, "busy"),
        ] {
            let shown = match meta(code, subcode) {
                MediaTrouble::Credentials(_) => "credentials".to_owned(),
                MediaTrouble::Unknown(_) => "unknown".to_owned(),
                MediaTrouble::Unavailable(_) => "unavailable".to_owned(),
                MediaTrouble::Busy { wait: None, .. } => "busy".to_owned(),
                MediaTrouble::Busy { wait: Some(wait), .. } => format!("busy {}", wait.as_secs()),
                other => format!("{other:?}"),
            };
            assert_eq!(shown, kind, "{code}");
        }
        let of = |status: u16| without_words(StatusCode::from_u16(status).unwrap(), None);
        assert!(matches!(of(401), MediaTrouble::Credentials(_)));
        assert!(matches!(of(404), MediaTrouble::Unknown(_)));
        assert!(matches!((of(429), of(503)), (MediaTrouble::Busy { .. }, MediaTrouble::Busy { .. })));
        assert!(matches!(
            (of(200), of(302), of(418)),
            (MediaTrouble::NoAnswer(_), MediaTrouble::NoAnswer(_), MediaTrouble::NoAnswer(_))
        ));
    }
}
