//! The HTTP side: own accept loop, one warp filter, one table of routes.
//!
//! warp's own server cannot cut a connection in the middle of a call, which is what a reset after acceptance is. So connections are accepted
//! here: a reply that is marked as hung up becomes an error of the service, and the socket is closed with a reset.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service;
use warp::Filter;
use warp::http::{HeaderValue, Method, Response, StatusCode};
use warp::path::FullPath;

use super::dice::mix;
use super::graph_error::GraphError;
use super::json::encode;
use super::limits::Usage;
use super::messages::{Reply, receive};
use super::twilio::{Answer, Call, create};
use super::world::World;
use super::{control, management};

/// What a call without a version is answered as; the newest that was seen (changelog, checked 2026-11-22).
const VERSION: &str = "v26.0";

/// An answer that waits for a status to arrive first waits no longer than this: the receiver may be down.
const OVERTAKEN_MAX: Duration = Duration::from_secs(5);

/// A call as the routes see it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) query: String,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    /// Of the bytes of an upload: where they begin.
    pub(super) file_offset: Option<String>,
    pub(super) body: Bytes,
    /// As the path says, or the newest.
    pub(super) version: String,
}

impl Incoming {
    /// A parameter of the query as it stands there.
    pub(super) fn raw_query(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .find_map(|part| part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    }

    /// A parameter of the query, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        self.raw_query(name).map(|value| percent_decoded(value).into_owned())
    }

    /// The access token: from the header or, as Graph also takes it, from the query.
    pub(super) fn token(&self) -> Option<Cow<'_, str>> {
        let bearer = self.authorization.as_deref().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth")).then(|| token.trim())
        });
        bearer.map(Cow::Borrowed).or_else(|| self.raw_query("access_token").map(percent_decoded))
    }
}

/// Marks a response that shall not be sent.
#[derive(Debug, Clone, Copy)]
struct HangUp;

/// The error that makes hyper drop a connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// Accepts connections until it is dropped, and all of them with it.
pub(super) async fn serve(listener: TcpListener, world: Arc<World>) {
    let service = warp::service(routes(world));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, service.clone()));
                }
                // Out of file descriptors, most likely: the connections that end meanwhile make room.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<S>(stream: TcpStream, service: S)
where
    S: Service<hyper::Request<hyper::body::Incoming>, Error = std::convert::Infallible> + Clone,
    S: Service<hyper::Request<hyper::body::Incoming>, Response = warp::reply::Response>,
{
    // A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let calls = hyper::service::service_fn(move |request| {
        let answer = service.clone().call(request);
        async move {
            let response = answer.await.unwrap_or_else(|never| match never {});
            if response.extensions().get::<HangUp>().is_some() { Err(Cut) } else { Ok(response) }
        }
    });
    let mut connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), calls);
    if (&mut connection).await.is_err() {
        // Closing with data unread or with this option set sends a reset, not an orderly end.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

fn routes(world: Arc<World>) -> impl Filter<Extract = (Response<Bytes>,), Error = warp::Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::optional::<String>("authorization"))
        .and(warp::header::optional::<String>("content-type"))
        .and(warp::header::optional::<String>("file_offset"))
        .and(warp::body::bytes())
        .and(warp::any().map(move || Arc::clone(&world)))
        .then(|method, path, query, authorization, content_type, file_offset, body, world: Arc<World>| async move {
            let version = VERSION.to_owned();
            let incoming = Incoming { method, query, authorization, content_type, file_offset, body, version };
            dispatch(&world, &path, incoming).await
        })
}

/// The table of routes.
async fn dispatch(world: &Arc<World>, path: &FullPath, mut incoming: Incoming) -> Response<Bytes> {
    let mut segments = path.as_str().split('/').filter(|segment| !segment.is_empty());
    let mut first = segments.next().unwrap_or_default();
    if first == "_simulator" {
        let (status, value) = control::answer(world, segments.next().unwrap_or_default(), &incoming).await;
        return respond(status, Bytes::from(value.to_string()), None);
    }
    if first == "2010-04-01" {
        return twilio(world, &mut segments, &incoming).await;
    }
    if first == "whatsapp_business" {
        return download(world, &incoming).await;
    }
    if first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        if first != VERSION {
            first.clone_into(&mut incoming.version);
        }
        first = segments.next().unwrap_or_default();
    }
    let edge = segments.next().unwrap_or_default();
    if edge == "messages" && incoming.method == Method::POST {
        return send(world, first, &incoming).await;
    }
    let (result, usage) = manage(world, first, edge, &incoming).await;
    let mut response = match result {
        Ok(value) => respond(200, Bytes::from(encode(&value)), Some(&incoming.version)),
        Err(error) => refuse(world, &error, &incoming.version),
    };
    let usage = usage.and_then(|(account, usage)| HeaderValue::try_from(usage_header(&account, usage)).ok());
    if let Some(usage) = usage {
        response.headers_mut().insert("x-business-use-case-usage", usage);
    }
    response
}

async fn send(world: &World, phone_number_id: &str, incoming: &Incoming) -> Response<Bytes> {
    let authorized = management::authorize(world, incoming);
    let number = world.number(phone_number_id).ok_or_else(|| GraphError::unknown_object("post", phone_number_id));
    let number = match authorized.and(number) {
        Ok(number) => number,
        Err(error) => {
            world.tally.refuse(error.code);
            return refuse(world, &error, &incoming.version);
        }
    };
    let answer = receive(world, number, &incoming.body);
    if answer.after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(answer.after_ms)).await;
    }
    if let Some(arrived) = answer.not_before {
        // Too late or never: then the answer comes first, as it mostly does.
        let _ = tokio::time::timeout(OVERTAKEN_MAX, arrived).await;
    }
    match answer.reply {
        Reply::Json(status, body) => respond(status, Bytes::from(body), Some(&incoming.version)),
        Reply::Exhausted(status, body) => {
            let account = &world.settings.numbers[usize::from(number)].business_account_id;
            let usage = usage_header(account, Usage { percent: 100, regain_minutes: REGAIN_MINUTES });
            let mut response = respond(status, Bytes::from(body), Some(&incoming.version));
            if let Ok(usage) = HeaderValue::try_from(usage) {
                response.headers_mut().insert("x-business-use-case-usage", usage);
            }
            response
        }
        Reply::Html(status, page) => {
            let mut response = respond(status, Bytes::from_static(page.as_bytes()), None);
            response.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        Reply::HangUp => {
            let mut response = Response::new(Bytes::new());
            response.extensions_mut().insert(HangUp);
            response
        }
    }
}

/// Twilio's API, of which only the creation of messages is played.
async fn twilio<'a>(
    world: &World,
    segments: &mut impl Iterator<Item = &'a str>,
    incoming: &Incoming,
) -> Response<Bytes> {
    let (accounts, account_sid, last) = (segments.next(), segments.next(), segments.next());
    let (Some("Accounts"), Some(account_sid), Some("Messages.json"), "POST") =
        (accounts, account_sid, last, incoming.method.as_str())
    else {
        let error = json!({"code": 20_404, "message": "The requested resource was not found", "status": 404});
        return respond(404, Bytes::from(error.to_string()), None);
    };
    let call = Call { account_sid, authorization: incoming.authorization.as_deref(), body: &incoming.body };
    match create(&world.twilio, call).await {
        Answer::Json(status, value) => respond(status, Bytes::from(value.to_string()), None),
        Answer::Broken(text) => respond(201, Bytes::from(text), None),
        Answer::Html(status) => {
            let mut response = respond(status, Bytes::from_static(b"<html>unavailable</html>"), None);
            response.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        Answer::HangUp => {
            let mut response = Response::new(Bytes::new());
            response.extensions_mut().insert(HangUp);
            response
        }
    }
}

/// How long an account must wait whose budget of calls a fault declares used up.
const REGAIN_MINUTES: i64 = 3;

type Managed = (Result<Value, GraphError>, Option<(String, Usage)>);

async fn manage(world: &World, id: &str, edge: &str, incoming: &Incoming) -> Managed {
    if id == "debug_token" && incoming.method == Method::GET {
        return (management::debug_token(world, incoming), None);
    }
    if let Err(error) = management::authorize(world, incoming) {
        return (Err(error), None);
    }
    let (budget, usage) = management::budget(world, id);
    if let Err(error) = budget {
        return (Err(error), usage);
    }
    (node(world, id, edge, incoming).await, usage)
}

async fn node(world: &World, id: &str, edge: &str, incoming: &Incoming) -> Result<Value, GraphError> {
    let method = incoming.method.as_str();
    let unknown = || GraphError::unknown_object(&method.to_ascii_lowercase(), id);
    if let Some(number) = world.number(id) {
        return match (method, edge) {
            ("GET", "") => Ok(management::number(world, number, incoming)),
            ("POST", "media") => management::upload(world, number, incoming),
            ("POST", "register" | "deregister") => Ok(json!({"success": true})),
            _ => Err(unknown()),
        };
    }
    if world.account(id).is_some() {
        return match (method, edge) {
            ("GET", "") => management::account(world, id, incoming),
            ("GET", "phone_numbers") => management::numbers(world, id, incoming),
            ("GET", "message_templates") => management::templates(world, id, incoming),
            ("POST", "message_templates") => management::create_template(world, &incoming.body),
            ("DELETE", "message_templates") => {
                let name =
                    incoming.query("name").ok_or_else(|| GraphError::invalid("The parameter name is required."))?;
                if world.templates.remove(&name) { Ok(json!({"success": true})) } else { Err(unknown()) }
            }
            ("GET" | "POST" | "DELETE", "subscribed_apps") => management::subscribed_apps(world, id, incoming).await,
            _ => Err(unknown()),
        };
    }
    if id == world.settings.app_id && (method, edge) == ("POST", "uploads") {
        return management::open_upload(world, incoming);
    }
    if id.starts_with("upload:") && (method, edge) == ("POST", "") {
        return management::upload_bytes(world, &percent_decoded(id), incoming);
    }
    let fault = if method == "GET" { world.media.lookup_fault(id) } else { None };
    if let Some(code) = fault {
        return Err(GraphError::new(code, ""));
    }
    match (method, edge) {
        ("GET", "") => management::media(world, id, incoming)
            .or_else(|| management::template(world, id, incoming))
            .ok_or_else(unknown),
        ("POST", "") => management::edit_template(world, id, &incoming.body).unwrap_or_else(|| Err(unknown())),
        ("DELETE", "") if world.media.remove(id) => Ok(json!({"success": true})),
        _ => Err(unknown()),
    }
}

async fn download(world: &World, incoming: &Incoming) -> Response<Bytes> {
    world.tally.media_downloads.fetch_add(1, Ordering::Relaxed);
    if management::authorize(world, incoming).is_err() {
        return respond(401, Bytes::new(), None);
    }
    let Some(item) = world.media.at(&incoming.query, world.clock.millis()) else {
        return respond(404, Bytes::new(), None);
    };
    let (fault, stall_ms) = world.media.download_fault(&incoming.query);
    if let Some(status) = fault {
        return respond(status, Bytes::new(), None);
    }
    if stall_ms > 0 {
        tokio::time::sleep(Duration::from_millis(stall_ms)).await;
    }
    let mut response = respond(200, item.bytes, None);
    if let Ok(mime_type) = HeaderValue::try_from(item.mime_type) {
        response.headers_mut().insert("content-type", mime_type);
    }
    response
}

fn refuse(world: &World, error: &GraphError, version: &str) -> Response<Bytes> {
    let status = error.http_status(world.settings.limits.http_status);
    let trace = mix(world.settings.seed, world.clock.micros().unsigned_abs());
    respond(status, Bytes::from(error.body(trace)), Some(version))
}

fn respond(status: u16, body: Bytes, version: Option<&str>) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json; charset=UTF-8"));
    match version {
        Some(VERSION) => {
            headers.insert("facebook-api-version", HeaderValue::from_static(VERSION));
        }
        Some(version) => {
            if let Ok(version) = HeaderValue::from_str(version) {
                headers.insert("facebook-api-version", version);
            }
        }
        None => {}
    }
    response
}

fn usage_header(account: &str, usage: Usage) -> String {
    let entry = json!({
        "type": "whatsapp_business_management", "call_count": usage.percent, "total_cputime": 1, "total_time": 1,
        "estimated_time_to_regain_access": usage.regain_minutes,
    });
    json!({account: [entry]}).to_string()
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_broken_ones_left_as_they_are() {
        for (coded, plain) in
            [("a%20b+c", "a b c"), ("%D9%85", "م"), ("100%", "100%"), ("%zz", "%zz"), ("plain", "plain")]
        {
            assert_eq!(percent_decoded(coded), plain);
        }
    }
}
