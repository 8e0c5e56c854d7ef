//! Meta's door: verification, and the intake of signed callbacks.
//!
//! A callback is only taken in here. It is acknowledged when the journal has it, whatever it says; what it means is worked out
//! elsewhere, and later unless it changes consent (a body that cannot be read is set aside there, and kept). When the journal cannot take
//! it the answer is 503, and Meta sends it again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Buf;
use futures_util::Stream;
use secrecy::SecretString;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::{Reply, Response};

use super::address::{self, Peer};
use super::body::{self, NoBody};
use super::failed_signatures::{FailedSignatures, Verdict};
use super::{intake, secret};
use crate::domain::network::Network;
use crate::domain::news::Source;
use crate::ports::Services;
use crate::telemetry::Metrics;

/// Where Meta brings callbacks.
pub const META_WEBHOOK_PATH: &str = "/api/whatsapp/webhook";

/// Meta's limit of a body (page …/webhooks/overview, 2026-11-22).
const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;
/// A challenge is a number; whatever is longer is none of Meta's.
const CHALLENGE_CHARS_MAX: usize = 256;

/// What the webhook needs.
pub struct WebhookState {
    /// What taking a body in needs.
    pub services: Services,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// What Meta must show when the address is registered; without one it cannot be.
    pub verify_token: Option<SecretString>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    failed: FailedSignatures,
}

impl WebhookState {
    /// With the ports that it speaks to.
    pub fn new(services: Services, metrics: Arc<Metrics>) -> Self {
        Self { services, metrics, verify_token: None, trusted_proxies: Vec::new(), failed: FailedSignatures::default() }
    }
}

pub(super) fn routes(state: Arc<WebhookState>) -> BoxedFilter<(Response,)> {
    // As in `META_WEBHOOK_PATH`.
    let here = warp::path!("api" / "whatsapp" / "webhook");
    let for_post = Arc::clone(&state);
    let post = here
        .and(warp::post())
        .and(warp::header::optional::<String>("x-hub-signature-256"))
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::header::optional::<String>("x-forwarded-for"))
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .then(move |signature, length, forwarded_for, peer, body| {
            let state = Arc::clone(&for_post);
            async move {
                let began = Instant::now();
                let from = Origin { peer, forwarded_for };
                let (result, response) = take_in(&state, signature, length, from, body).await;
                state.metrics.count_webhook(result, began.elapsed());
                response
            }
        });
    let get = here.and(warp::get()).and(warp::query::<HashMap<String, String>>()).map(
        move |query: HashMap<String, String>| {
            let began = Instant::now();
            let (result, response) = verify(&state, &query);
            state.metrics.count_webhook(result, began.elapsed());
            response
        },
    );
    post.or(get).unify().boxed()
}

struct Origin {
    peer: Option<Peer>,
    forwarded_for: Option<String>,
}

/// The label of the result, and the reply.
async fn take_in<B: Buf, E>(
    state: &WebhookState,
    signature: Option<String>,
    length: Option<u64>,
    from: Origin,
    body: impl Stream<Item = Result<B, E>>,
) -> (&'static str, Response) {
    let body = match body::collect(body, length, BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return ("too-large", StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        Err(NoBody::CutOff) => return ("cut-off", StatusCode::REQUEST_TIMEOUT.into_response()),
    };
    if !state.services.webhook.signature_is_valid(signature.as_deref(), &body) {
        return refuse(state, signature.is_some(), &from);
    }
    intake::keep(&state.services, Source::Meta, body, StatusCode::OK).await
}

fn refuse(state: &WebhookState, signed: bool, from: &Origin) -> (&'static str, Response) {
    let client = from
        .peer
        .map(|Peer(peer)| address::of_client(peer.ip(), from.forwarded_for.as_deref(), &state.trusted_proxies));
    let unknown = IpAddr::from([0, 0, 0, 0]);
    match state.failed.count(client.unwrap_or(unknown), state.services.clock.now()) {
        Verdict::Refuse => {
            tracing::warn!(signed, "a callback with a wrong signature was refused; check `WHATSAPP_APP_SECRET`");
            ("bad-signature", StatusCode::UNAUTHORIZED.into_response())
        }
        Verdict::SlowDown => ("slowed-down", StatusCode::TOO_MANY_REQUESTS.into_response()),
    }
}

/// Answers the challenge to whoever knows the token (page …/webhooks/create-webhook-endpoint, 2026-11-22).
fn verify(state: &WebhookState, query: &HashMap<String, String>) -> (&'static str, Response) {
    let shown = query.get("hub.verify_token").map(String::as_str).unwrap_or_default();
    let is_known = state.verify_token.as_ref().is_some_and(|token| secret::is(token, shown));
    let is_subscription = query.get("hub.mode").is_some_and(|mode| mode == "subscribe");
    match query.get("hub.challenge") {
        Some(challenge) if is_known && is_subscription && challenge.len() <= CHALLENGE_CHARS_MAX => {
            let mut response = challenge.clone().into_response();
            // Plain text, so that nothing in it can become a page.
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            ("verified", response)
        }
        _ => ("bad-token", StatusCode::FORBIDDEN.into_response()),
    }
}
