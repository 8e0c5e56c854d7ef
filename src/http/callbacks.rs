//! The doors of other providers: Twilio's statuses and what people write through it, and mail that comes back.
//!
//! As at Meta's door, a callback is only taken in here: checked, kept in the journal, acknowledged. What it means is worked out elsewhere,
//! and later unless it changes consent.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::Stream;
use secrecy::SecretString;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::path::FullPath;
use warp::reply::{Reply, Response};

use super::address::{self, Peer};
use super::body::{self, NoBody};
use super::error::Problem;
use super::failed_signatures::{FailedSignatures, Verdict};
use super::{intake, secret};
use crate::domain::network::Network;
use crate::domain::news::Source;
use crate::domain::signed_reference::ReferenceSigner;
use crate::ports::{CallbackCheck, Services};
use crate::telemetry::Metrics;

/// Twilio's forms are a few kilobytes.
const FORM_BYTES_MAX: usize = 256 * 1024;
/// Mail servers return the whole mail; ours are small, and attachments of others do not concern us.
const MAIL_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What the doors of other channels need.
pub struct ChannelDoors {
    /// What taking a body in needs; they hold the consent, too.
    pub services: Services,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Checks Twilio's signatures; without it nothing of Twilio's is taken.
    pub twilio: Option<Arc<dyn CallbackCheck>>,
    /// Knows the links under our e-mails.
    pub signer: ReferenceSigner,
    /// `BARID_API_TOKEN`, which whoever returns mail must show.
    pub token: Option<SecretString>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    failed: FailedSignatures,
}

impl ChannelDoors {
    /// With the ports that it speaks to; nothing is open but the link to unsubscribe.
    pub fn new(services: Services, metrics: Arc<Metrics>, signer: ReferenceSigner) -> Self {
        Self {
            services,
            metrics,
            signer,
            twilio: None,
            token: None,
            trusted_proxies: Vec::new(),
            failed: FailedSignatures::default(),
        }
    }
}

struct Origin {
    peer: Option<Peer>,
    forwarded_for: Option<String>,
}

pub(super) fn routes(doors: &Arc<ChannelDoors>) -> BoxedFilter<(Response,)> {
    twilio(doors, "status", Source::TwilioStatus)
        .or(twilio(doors, "inbound", Source::TwilioInbound))
        .unify()
        .or(bounce(doors))
        .unify()
        .boxed()
}

fn twilio(doors: &Arc<ChannelDoors>, last: &'static str, source: Source) -> BoxedFilter<(Response,)> {
    let doors = Arc::clone(doors);
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::path("api")
        .and(warp::path("twilio"))
        .and(warp::path(last))
        .and(warp::path::end())
        .and(warp::post())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::optional::<String>("x-twilio-signature"))
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::header::optional::<String>("x-forwarded-for"))
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .then(
            move |path: FullPath,
                  query: Option<String>,
                  signature: Option<String>,
                  length,
                  forwarded_for,
                  peer,
                  body| {
                let doors = Arc::clone(&doors);
                async move {
                    let from = Origin { peer, forwarded_for };
                    let asked = Asked { path: path.as_str(), query: query.as_deref(), signature: signature.as_deref() };
                    let (result, response) = take_in(&doors, source, &asked, length, from, body).await;
                    doors.metrics.count_callback(source, result);
                    response
                }
            },
        )
        .boxed()
}

struct Asked<'a> {
    path: &'a str,
    query: Option<&'a str>,
    signature: Option<&'a str>,
}

/// The label of the result, and the reply.
async fn take_in<B: Buf, E>(
    doors: &ChannelDoors,
    source: Source,
    asked: &Asked<'_>,
    length: Option<u64>,
    from: Origin,
    body: impl Stream<Item = Result<B, E>>,
) -> (&'static str, Response) {
    let body = match collected(body, length, FORM_BYTES_MAX).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let path_and_query = match asked.query {
        Some(query) => format!("{}?{query}", asked.path),
        None => asked.path.to_owned(),
    };
    let Some(check) = &doors.twilio else {
        tracing::warn!(
            "a callback of Twilio was refused; set TWILIO_AUTH_TOKEN and `[server] public_url` to take them"
        );
        return ("not-genuine", StatusCode::UNAUTHORIZED.into_response());
    };
    if !check.is_genuine(asked.signature, &path_and_query, &body) {
        return refuse(
            doors,
            source,
            &from,
            "check TWILIO_AUTH_TOKEN, and that `[server] public_url` is the address that Twilio calls",
        );
    }
    // The reader finds our reference in the query.
    let query = asked.query.unwrap_or_default();
    let mut kept = BytesMut::with_capacity(query.len() + 1 + body.len());
    kept.put_slice(query.as_bytes());
    kept.put_u8(b'\n');
    kept.put_slice(&body);
    let (result, mut response) = intake::keep(&doors.services, source, kept.freeze(), StatusCode::NO_CONTENT).await;
    if result == "kept" {
        // An answer in Twilio's language: nothing is to be said to the person now.
        response = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    }
    (result, response)
}

fn bounce(doors: &Arc<ChannelDoors>) -> BoxedFilter<(Response,)> {
    let doors = Arc::clone(doors);
    warp::path!("api" / "email" / "bounce")
        .and(warp::post())
        .and(warp::header::optional::<String>("authorization"))
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::header::optional::<String>("x-forwarded-for"))
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .then(move |authorization: Option<String>, length, forwarded_for, peer, body| {
            let doors = Arc::clone(&doors);
            async move {
                let from = Origin { peer, forwarded_for };
                let (result, response) = take_mail(&doors, authorization.as_deref(), length, from, body).await;
                doors.metrics.count_callback(Source::EmailBounce, result);
                response
            }
        })
        .boxed()
}

async fn take_mail<B: Buf, E>(
    doors: &ChannelDoors,
    authorization: Option<&str>,
    length: Option<u64>,
    from: Origin,
    body: impl Stream<Item = Result<B, E>>,
) -> (&'static str, Response) {
    let body = match collected(body, length, MAIL_BYTES_MAX).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let shown = authorization.and_then(|header| header.split_once(' '));
    let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let is_known = doors.token.as_ref().zip(shown).is_some_and(|(token, shown)| secret::is(token, shown));
    if !is_known {
        let (result, response) =
            refuse(doors, Source::EmailBounce, &from, "send `Authorization: Bearer …`, the value of `BARID_API_TOKEN`");
        let response = if response.status() == StatusCode::UNAUTHORIZED {
            Problem::unauthorised("send the API token: `Authorization: Bearer …`, the value of `BARID_API_TOKEN`")
                .into_response()
        } else {
            response
        };
        return (result, response);
    }
    intake::keep(&doors.services, Source::EmailBounce, body, StatusCode::NO_CONTENT).await
}

async fn collected<B: Buf, E>(
    body: impl Stream<Item = Result<B, E>>,
    length: Option<u64>,
    bytes_max: usize,
) -> Result<Bytes, (&'static str, Response)> {
    body::collect(body, length, bytes_max).await.map_err(|error| match error {
        NoBody::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        NoBody::CutOff => ("cut-off", StatusCode::REQUEST_TIMEOUT.into_response()),
    })
}

fn refuse(doors: &ChannelDoors, source: Source, from: &Origin, remedy: &str) -> (&'static str, Response) {
    let client = from
        .peer
        .map(|Peer(peer)| address::of_client(peer.ip(), from.forwarded_for.as_deref(), &doors.trusted_proxies));
    match doors.failed.count(client.unwrap_or(IpAddr::from([0, 0, 0, 0])), doors.services.clock.now()) {
        Verdict::Refuse => {
            tracing::warn!(source = source.name(), "a callback that is not genuine was refused; {remedy}");
            ("not-genuine", StatusCode::UNAUTHORIZED.into_response())
        }
        Verdict::SlowDown => ("slowed-down", StatusCode::TOO_MANY_REQUESTS.into_response()),
    }
}
