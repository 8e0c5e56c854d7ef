//! The sample of a template's header on its way to Meta: a session for the file, then its bytes, which give the handle that the template brings.
//!
//! Mirrors developers.facebook.com/docs/graph-api/guides/upload (the Resumable Upload API), as checked on 2026-11-22. Its bytes go with
//! `Authorization: OAuth`, not `Bearer`, and the id of a session is part of an address, query and all.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::Client;
use super::management::Unanswered;
use crate::domain::template::SampleFile;

/// From which byte on the file comes: always from the first, because it is small and is sent again as a whole.
const FILE_OFFSET: HeaderName = HeaderName::from_static("file_offset");
/// How a session's id begins.
const SESSION: &str = "upload:";
/// How long the bytes may take: 100 MB over a slow line.
const UPLOAD_WITHIN: Duration = Duration::from_secs(10 * 60);

#[derive(Deserialize)]
struct Session {
    id: String,
}

#[derive(Deserialize)]
struct Uploaded {
    h: String,
}

/// Uploads the file as it is now; answers its handle.
pub(super) async fn upload(client: &Client, app: &str, sample: &SampleFile) -> Result<String, String> {
    let name = &sample.name;
    let bytes = tokio::fs::read(&sample.path).await;
    let bytes = bytes.map_err(|error| format!("the sample `{name}` cannot be read: {error}"))?;
    let refused = |unanswered: Unanswered| format!("Meta does not take the sample `{name}`: {}", unanswered.sentence());

    let mut url = client.below(&[app, "uploads"]);
    url.query_pairs_mut()
        .append_pair("file_name", name)
        .append_pair("file_length", &bytes.len().to_string())
        .append_pair("file_type", sample.mime_type);
    let session: Session = client.answered(Request::new(Method::POST, url)).await.map_err(refused)?;

    let url = address(&client.root, &session.id)
        .ok_or_else(|| format!("Meta does not take the sample `{name}`: it answered something else than Meta does"))?;
    let mut request = Request::new(Method::POST, url);
    *request.timeout_mut() = Some(UPLOAD_WITHIN);
    let token = client.token.load();
    let mut authorization = HeaderValue::try_from(format!("OAuth {}", token.expose_secret()))
        .map_err(|_| "the access token has a character that it cannot have; copy it again".to_owned())?;
    authorization.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    request.headers_mut().insert(FILE_OFFSET, HeaderValue::from_static("0"));
    *request.body_mut() = Some(bytes.into());
    let uploaded: Uploaded = client.answered_as_it_is(request).await.map_err(refused)?;
    Ok(uploaded.h)
}

/// The address of a session: below the version, as Meta gives it. Whatever else came must not lead the token elsewhere.
fn address(root: &Url, session: &str) -> Option<Url> {
    if !session.starts_with(SESSION) {
        return None;
    }
    let (id, query) = session.split_once('?').map_or((session, None), |(id, query)| (id, Some(query)));
    let mut url = root.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push(id);
    url.set_query(query);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_an_address_below_the_version_and_nowhere_else() {
        let root: Url = "https://graph.facebook.com/v26.0/".parse().unwrap();
        let of = |session: &str| address(&root, session).map(String::from);
        for (session, wanted) in [
            ("upload:MTph==?sig=ARZq_1", "https://graph.facebook.com/v26.0/upload:MTph==?sig=ARZq_1"),
            ("upload:MTph", "https://graph.facebook.com/v26.0/upload:MTph"),
            ("upload:../../x?y", "https://graph.facebook.com/v26.0/upload:..%2F..%2Fx?y"),
        ] {
            assert_eq!(of(session).as_deref(), Some(wanted));
        }
        assert_eq!(of("https://elsewhere.example/upload:1"), None);
    }
}
