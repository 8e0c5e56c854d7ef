//! `/api/v1/feedback/{reference}/media`: the file that a person sent, as it came. It is a stranger's: no browser is to show it, run it or
//! guess what it is.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use warp::reply::{Reply, Response};

use super::feedback::found;
use super::{ApiState, with};
use crate::domain::feedback::Feedback;
use crate::domain::media::{FileType, MediaFile, MediaKey, MediaState};
use crate::http::error::Problem;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) fn routes(state: &Arc<ApiState>) -> BoxedFilter<(Response,)> {
    warp::path!("api" / "v1" / "feedback" / String / "media")
        .and(warp::get())
        .and(with(state))
        .then(|reference: String, state: Arc<ApiState>| async move {
            file(&state, &reference).await.unwrap_or_else(Reply::into_response)
        })
        .boxed()
}

async fn file(state: &ApiState, reference: &str) -> Result<Response, Problem> {
    let feedback = found(state, reference).await?;
    let media = feedback.media.as_ref().ok_or_else(|| Problem::not_found("no file came with this feedback"))?;
    if media.state != MediaState::Kept {
        return Err(Problem::not_found(why_not(media)));
    }
    let key = MediaKey { tag: state.store.tag().to_owned(), feedback: feedback.id };
    let kept = state.media.open(&key).await?;
    let kept = kept.ok_or_else(|| {
        tracing::error!(feedback.id = %feedback.id, "a file that is kept is not where files are kept; see `[media] keep`");
        Problem::not_found("the file is not where files are kept; see `[media] keep` and the log of barid")
    })?;
    let bytes = kept.bytes;
    let mut response = warp::reply::stream(kept.pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(media));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(CONTENT_DISPOSITION, disposition(&feedback, media));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

fn why_not(media: &MediaFile) -> String {
    let detail = media.detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}"));
    match media.state {
        MediaState::Wanted => format!("the file is not fetched yet{detail}"),
        MediaState::Lost => format!("the file is lost{detail}"),
        MediaState::Unwanted => format!("the file was not fetched{detail}"),
        MediaState::Kept => format!("the file is kept{detail}"),
    }
}

fn content_type(media: &MediaFile) -> HeaderValue {
    let known = media.file_type.as_deref().and_then(|text| text.parse::<FileType>().ok());
    let known = known.and_then(|file_type| HeaderValue::try_from(file_type.as_str()).ok());
    known.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// To be saved, under the name that it had with its sender, else under its reference (RFC 6266, RFC 8187).
fn disposition(feedback: &Feedback, media: &MediaFile) -> HeaderValue {
    let plain = format!("{}{}", feedback.reference, extension(media.file_type.as_deref()));
    let name = media.name.as_deref().unwrap_or(&plain);
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", percent_encoded(name));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// RFC 8187's `value-chars`: letters, digits and few others stand for themselves.
fn percent_encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn extension(file_type: Option<&str>) -> &'static str {
    match file_type.unwrap_or_default() {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/webp" => ".webp",
        "audio/ogg" => ".ogg",
        "audio/mpeg" => ".mp3",
        "audio/mp4" => ".m4a",
        "audio/aac" => ".aac",
        "audio/amr" => ".amr",
        "video/mp4" => ".mp4",
        "video/3gpp" => ".3gp",
        "application/pdf" => ".pdf",
        "text/plain" => ".txt",
        "text/csv" => ".csv",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_cannot_leave_their_header() {
        assert_eq!(percent_encoded("a b\"\r\nX: y;.pdf"), "a%20b%22%0D%0AX%3A%20y%3B.pdf");
        assert_eq!(percent_encoded("صورة.jpg"), "%D8%B5%D9%88%D8%B1%D8%A9.jpg");
    }
}
