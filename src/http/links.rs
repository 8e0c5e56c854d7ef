//! `GET /r/{token}`: a link of ours in a message. It counts who opens it and leads on.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, REFERRER_POLICY};
use warp::http::{Method, StatusCode};
use warp::reply::{Reply, Response};

use super::error::Problem;
use crate::ports::{Clock, Store};

/// Programs that fetch a link to show a card of it, not for anybody who opened it. WhatsApp's own say so in their first word.
const PREVIEWERS: [&str; 4] = ["whatsapp/", "facebookexternalhit", "facebot", "twitterbot"];

/// What the links need.
pub struct LinkState {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where they lead.
    pub store: Arc<dyn Store>,
}

pub(super) fn routes(state: Arc<LinkState>) -> BoxedFilter<(Response,)> {
    warp::path!("r" / String)
        .and(warp::method())
        .and(warp::header::optional::<String>("user-agent"))
        .then(move |token: String, method: Method, agent: Option<String>| {
            let state = Arc::clone(&state);
            async move {
                if method != Method::GET && method != Method::HEAD {
                    return StatusCode::METHOD_NOT_ALLOWED.into_response();
                }
                follow(&state, &token, is_a_person(&method, agent.as_deref()))
                    .await
                    .unwrap_or_else(Reply::into_response)
            }
        })
        .boxed()
}

/// Whether somebody opened the link, as far as can be told.
fn is_a_person(method: &Method, agent: Option<&str>) -> bool {
    let agent = agent.unwrap_or_default().to_ascii_lowercase();
    method == Method::GET && !PREVIEWERS.iter().any(|previewer| agent.contains(previewer))
}

async fn follow(state: &LinkState, token: &str, count: bool) -> Result<Response, Problem> {
    // What is not one of our words is no reason to ask the record.
    let may_be_ours = token.len() == 24 && token.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let unknown = || Problem::not_found("this link is not valid; copy the whole link from the message");
    if !may_be_ours {
        return Err(unknown());
    }
    let (url, message) = state.store.open_link(token, count, state.clock.now()).await?.ok_or_else(unknown)?;
    let location = HeaderValue::from_str(&url).map_err(|_| {
        tracing::error!(message.id = %message, "a link leads to what cannot stand in a header");
        unknown()
    })?;
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_show_a_card_of_a_link_are_not_people() {
        for (method, agent, person) in [
            (Method::GET, Some("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"), true),
            (Method::GET, None, true),
            (Method::HEAD, Some("Mozilla/5.0"), false),
            (Method::GET, Some("WhatsApp/2.24.6.77 A"), false),
            (Method::GET, Some("facebookexternalhit/1.1"), false),
        ] {
            assert_eq!(is_a_person(&method, agent), person, "{method} {agent:?}");
        }
    }
}
