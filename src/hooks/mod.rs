//! Outgoing webhooks: one signed POST to a configured endpoint, and what came of it.
//!
//! | module | owns |
//! |---|---|
//! | `public_only` | names that lead into private networks lead nowhere |
//!
//! Where a call goes is decided once: the resolver hands only checked addresses to the connection, so nothing can point elsewhere between
//! the look and the call; redirects are not followed and no proxy is used, since either would go around the check. An answer is read for
//! its head; of its body so much that the connection can be used again.

mod public_only;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Url};

use self::public_only::{PublicOnly, barred_by};
use crate::domain::hook::delivery::HookAnswer;
use crate::domain::hook::signature::{HookKey, signatures};
use crate::domain::hook::{HookEvents, fingerprint};
use crate::domain::ids::HookName;
use crate::domain::network::is_public;
use crate::outgoing::{chain, install_tls_provider};
use crate::ports::{Hook, HookCall, Hooks};

/// How long connecting may take, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a call may take in all. The standard recommends 15 to 30 s; a receiver that needs longer should answer first and work then.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How much of an answer's body is read, and for how long, before its connection is given up.
const BODY_BYTES_MAX: usize = 64 * 1024;
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// Idle connections kept for each endpoint.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// One endpoint, as configured. `Debug` shows neither path nor secrets.
#[derive(Clone)]
pub struct Endpoint {
    /// What we call it.
    pub name: HookName,
    /// Where it is; may carry a token.
    pub url: String,
    /// What it wants to hear of.
    pub events: HookEvents,
    /// Whether it may lie in a private network, and be reached in the open.
    pub allow_private: bool,
    /// The secrets in force: the first is the new one.
    pub keys: Vec<HookKey>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Endpoints of which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address makes no sense, or goes in the open to the internet.
    #[error("the `url` of the hook `{hook}` cannot be used: {because}")]
    Url {
        /// Which.
        hook: HookName,
        /// Why, and what to do.
        because: &'static str,
    },
    /// TLS could not be set up.
    #[error("cannot set up connections to the endpoints of `[[hooks]]`; check this machine's CA certificates")]
    Build(#[source] reqwest::Error),
}

struct Target {
    url: Url,
    keys: Vec<HookKey>,
    http: reqwest::Client,
}

/// Calls the endpoints.
pub struct HookClient {
    hooks: Vec<Hook>,
    /// In the order of `hooks`.
    targets: Vec<Target>,
}

impl HookClient {
    /// Makes the clients; connects to nothing.
    ///
    /// # Errors
    /// When an address cannot be used, or TLS finds no CA certificates.
    pub fn new(endpoints: Vec<Endpoint>) -> Result<Self, EndpointError> {
        install_tls_provider();
        let (mut hooks, mut targets) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            let Endpoint { name, url, events, allow_private, keys } = endpoint;
            let fingerprint = fingerprint(&url);
            let url =
                checked(&url, allow_private).map_err(|because| EndpointError::Url { hook: name.clone(), because })?;
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            let host = format!("{}://{host}{port}", url.scheme());
            hooks.push(Hook { name, events, host, fingerprint });
            // A client of its own, so that no endpoint's connections are another's.
            let http = client(&url, allow_private).map_err(EndpointError::Build)?;
            targets.push(Target { url, keys, http });
        }
        Ok(Self { hooks, targets })
    }
}

fn checked(text: &str, allow_private: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address; write it as `https://crm.example.com/hooks/barid`")?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => {
            return Err(
                "it must begin with `https://`; plain http is for a private network, with `allow_private = true`",
            );
        }
        _ => return Err("it must begin with `https://`"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a user or password; what proves who calls is the signature");
    }
    // Written as numbers it is never looked up. Whatever spelling it had, here it is an address.
    let host = url.host_str().ok_or("it names no host")?;
    let written: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    if !allow_private && written.is_some_and(|address| !is_public(address)) {
        return Err("it leads into a private network; if that is meant, say `allow_private = true`");
    }
    Ok(url)
}

fn client(url: &Url, allow_private: bool) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        // Tries are counted and spaced by us.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .tcp_nodelay(true)
        .no_gzip()
        .no_proxy()
        .referer(false)
        .user_agent(concat!("barid/", env!("CARGO_PKG_VERSION")));
    if !allow_private {
        builder = builder.dns_resolver(Arc::new(PublicOnly));
    }
    if url.scheme() == "http" {
        // A machine without CA certificates can do that.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

#[async_trait]
impl Hooks for HookClient {
    fn configured(&self) -> &[Hook] {
        &self.hooks
    }

    async fn call(&self, hook: &HookName, call: &HookCall) -> HookAnswer {
        let target = self.hooks.iter().position(|known| known.name == *hook).map(|at| &self.targets[at]);
        let Some(target) = target else {
            return HookAnswer::NoAnswer { because: "it is not configured".to_owned() };
        };
        match target.http.execute(target.request(call)).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after = asked(response.headers().get(RETRY_AFTER), call.at);
                drain(response).await;
                HookAnswer::Answered { status, retry_after }
            }
            Err(error) => HookAnswer::NoAnswer { because: barred_by(&error).unwrap_or_else(|| chain(error)) },
        }
    }
}

impl Target {
    fn request(&self, call: &HookCall) -> Request {
        let (id, timestamp) = (call.id.to_string(), call.at.as_second());
        let signed = signatures(&self.keys, &id, timestamp, call.body.as_bytes());
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signed)]
        {
            headers.insert(name, HeaderValue::try_from(value).expect("ids, numbers and base64 fit into a header"));
        }
        *request.body_mut() = Some(call.body.clone().into());
        request
    }
}

/// Reads an answer to its end if that is near: then the connection can be used again. What it says does not matter.
async fn drain(mut response: reqwest::Response) {
    let reading = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > BODY_BYTES_MAX {
                break;
            }
        }
    };
    // Whoever says 200 and then dawdles has said 200.
    let _ = tokio::time::timeout(BODY_WITHIN, reading).await;
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn asked(header: Option<&HeaderValue>, now: Timestamp) -> Option<SignedDuration> {
    let text = header?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(i64::from(seconds)));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(until.duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_public_and_without_users_unless_allowed_by_name() {
        for (url, allow_private, wrong) in [
            ("https://crm.example.com/hooks?token=x", false, ""),
            ("https://1.1.1.1/", false, ""),
            ("http://crm.example.com/", false, "https"),
            ("ftp://crm.example.com/", true, "https"),
            ("crm.example.com", false, "no address"),
            ("https://", false, "no address"),
            ("https://user:password@crm.example.com/", false, "user"),
            ("https://user@crm.example.com/", true, "user"),
            ("https://127.0.0.1/", false, "private"),
            ("https://2130706433/", false, "private"),
            ("https://0x7f.1/", false, "private"),
            ("https://0177.0.0.1/", false, "private"),
            ("https://127.1/", false, "private"),
            ("https://[::1]/", false, "private"),
            ("https://[::ffff:10.0.0.1]/", false, "private"),
            ("https://169.254.169.254/latest/meta-data", false, "private"),
            ("https://10.0.0.1/", true, ""),
            ("http://[::1]:9000/", true, ""),
        ] {
            match checked(url, allow_private) {
                Ok(_) => assert_eq!(wrong, "", "{url}"),
                Err(because) => assert!(!wrong.is_empty() && because.contains(wrong), "{url}: {because}"),
            }
        }
    }

    #[test]
    fn waits_are_read_as_seconds_and_as_dates() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let read = |text: &str| asked(Some(&HeaderValue::from_str(text).unwrap()), now).map(|wait| wait.as_secs());
        for (text, seconds) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("Sun, 22 Nov 2026 10:01:30 GMT", Some(90)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(read(text), seconds, "{text}");
        }
        assert_eq!(asked(None, now), None);
    }

    #[test]
    fn an_endpoint_shows_no_path() {
        let endpoint = Endpoint {
            name: "crm".parse().unwrap(),
            url: "https://crm.example.com:8443/hooks/a-token?key=b".to_owned(),
            events: HookEvents::all(),
            allow_private: false,
            keys: Vec::new(),
        };
        assert!(!format!("{endpoint:?}").contains("token"));
        let client = HookClient::new(vec![endpoint]).unwrap();
        assert_eq!(client.configured()[0].host, "https://crm.example.com:8443");
    }
}
