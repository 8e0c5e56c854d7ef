//! The daemon's HTTP API, as commands use it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};

/// How long a daemon on this machine may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long one call may take: an import of 500 rows waits for the disk.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long a file of 100 MB may take.
const FILE_WITHIN: Duration = Duration::from_secs(10 * 60);

/// A daemon that runs and takes our token.
pub(super) struct DaemonApi {
    http: reqwest::Client,
    base: String,
    token: SecretString,
}

/// RFC 9457, as far as we show it.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// A list of the API.
#[derive(Deserialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

impl DaemonApi {
    /// The daemon that listens there; `None` when nobody does.
    pub(super) async fn find(listen: SocketAddr, token: &SecretString) -> Ended<Option<Self>> {
        let address = reachable(listen);
        let connecting = tokio::net::TcpStream::connect(address);
        if !matches!(tokio::time::timeout(CONNECT_WITHIN, connecting).await, Ok(Ok(_))) {
            return Ok(None);
        }
        crate::whatsapp::install_tls_provider();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .no_proxy()
            .tls_certs_only([])
            .build()
            .or_exit(Exit::Software)?;
        Ok(Some(Self { http, base: format!("http://{address}"), token: token.clone() }))
    }

    /// Asks it something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Ended<T> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret());
        self.answer(request).await
    }

    /// Tells it something.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: String) -> Ended<T> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret());
        self.answer(request.body(body)).await
    }

    /// Takes something away.
    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Ended<T> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base)).or_exit(Exit::Software)?;
        url.query_pairs_mut().extend_pairs(query);
        self.answer(self.http.delete(url).bearer_auth(self.token.expose_secret())).await
    }

    /// Writes what it answers to a file, piece by piece.
    pub(super) async fn save(&self, path: &str, out: &mut impl Write) -> Ended {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.token.expose_secret());
        let broke_off = || format!("the daemon at {} broke off; try again", self.base);
        let sent = request.timeout(FILE_WITHIN).send().await;
        let mut response = sent.with_context(|| self.silent()).or_exit(Exit::Unavailable)?;
        if !response.status().is_success() {
            return self.answered(response).await;
        }
        while let Some(piece) = response.chunk().await.with_context(broke_off).or_exit(Exit::Unavailable)? {
            out.write_all(&piece).context("cannot write the file; is the disk full?").or_exit(Exit::Io)?;
        }
        Ok(())
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Ended<T> {
        let response = request.send().await.with_context(|| self.silent()).or_exit(Exit::Unavailable)?;
        self.answered(response).await
    }

    fn silent(&self) -> String {
        format!("the daemon at {} did not answer; see its log, or stop it to work on the store directly", self.base)
    }

    async fn answered<T: DeserializeOwned>(&self, response: Response) -> Ended<T> {
        let status = response.status();
        let body = response.bytes().await.with_context(|| self.silent()).or_exit(Exit::Unavailable)?;
        if status.is_success() {
            let foreign =
                || format!("what listens on {} is no barid of this version; see `[server] listen`", self.base);
            return serde_json::from_slice(&body).with_context(foreign).or_exit(Exit::Unavailable);
        }
        let detail = serde_json::from_slice::<Problem>(&body).map(|problem| problem.detail);
        let detail =
            detail.unwrap_or_else(|_| format!("what listens on {} answers {status}; see `[server] listen`", self.base));
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::because(
                Exit::Config,
                format!(
                    "the daemon at {} does not take our BARID_API_TOKEN; use the one that it was started with",
                    self.base
                ),
            ),
            StatusCode::NOT_FOUND => Failure::because(Exit::NoInput, detail),
            StatusCode::SERVICE_UNAVAILABLE => Failure::because(Exit::Temporary, detail),
            StatusCode::NOT_IMPLEMENTED => Failure::because(Exit::Unavailable, detail),
            status if status.is_client_error() => Failure::because(Exit::Data, detail),
            _ => Failure::because(Exit::Unavailable, detail),
        })
    }
}

/// Where to connect to reach who listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
