//! The one place where something that went wrong becomes a reply: problem details (RFC 9457). Causes stay in the log.

use std::convert::Infallible;

use serde::Serialize;
use warp::Rejection;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::reject::{InvalidHeader, InvalidQuery, MethodNotAllowed};
use warp::reply::{Reply, Response};

use super::operations::OperationError;
use crate::ports::{MediaStoreError, QueueUnavailable, StoreError};

/// What went wrong, as the caller reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    /// The word that programs decide by; the last part of `type`.
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "bad-request", detail: detail.into() }
    }

    pub(super) fn unauthorised(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "unauthorised", detail: detail.into() }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not-found", detail: detail.into() }
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the body is longer than {bytes_max} bytes; send less at once");
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: "too-large", detail }
    }

    pub(super) fn not_yet_supported(what: &str) -> Self {
        let detail = format!("{what} is not yet supported by this version");
        Self { status: StatusCode::NOT_IMPLEMENTED, code: "not-yet-supported", detail }
    }

    fn unavailable(detail: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", detail: detail.to_owned() }
    }
}

impl Reply for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let body = Body {
            r#type: format!("urn:barid:problem:{}", self.code),
            title,
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = warp::reply::json(&body).into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => headers.insert(RETRY_AFTER, HeaderValue::from_static("5")),
            _ => None,
        };
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "an API call failed: the store is not available");
                Self::unavailable("the store is not available; try again in a moment")
            }
            StoreError::Command(error) => {
                Self { status: StatusCode::CONFLICT, code: "conflict", detail: error.to_string() }
            }
            StoreError::Refused(source) => {
                tracing::warn!(error = %source, "an API call failed: the store refuses it");
                let detail = "the store cannot hold this; see the log of barid".to_owned();
                Self { status: StatusCode::UNPROCESSABLE_ENTITY, code: "refused", detail }
            }
            StoreError::Inconsistent { place } => {
                tracing::error!(place, "an API call failed: the store holds an impossible value");
                let detail = format!("the store holds an impossible value in `{place}`");
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "inconsistent", detail }
            }
        }
    }
}

impl From<MediaStoreError> for Problem {
    fn from(error: MediaStoreError) -> Self {
        tracing::warn!(error = %error.source, "an API call failed: where files are kept does not answer");
        Self::unavailable("where files are kept does not answer; try again in a moment")
    }
}

impl From<QueueUnavailable> for Problem {
    fn from(error: QueueUnavailable) -> Self {
        tracing::warn!(error = %error.0, "an API call failed: the queue is not available");
        Self::unavailable("the queue is not available; try again in a moment")
    }
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NotFound(detail) => Self::not_found(detail),
            OperationError::Conflict(detail) => Self { status: StatusCode::CONFLICT, code: "conflict", detail },
            OperationError::Invalid { code, detail } => Self { status: StatusCode::UNPROCESSABLE_ENTITY, code, detail },
            OperationError::Unavailable(source) => {
                tracing::warn!(error = %source, "an operator's command failed");
                Self::unavailable("store or queue is not available; try again in a moment")
            }
        }
    }
}

/// The token that an API call must carry is missing or wrong.
#[derive(Debug)]
pub(super) struct Unauthorised(pub(super) &'static str);

impl warp::reject::Reject for Unauthorised {}

/// What no route answered.
pub(super) async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if let Some(Unauthorised(detail)) = rejection.find() {
        Problem::unauthorised(*detail)
    } else if rejection.find::<InvalidQuery>().is_some() {
        Problem::bad_request("the query cannot be read; write it as `?name=value&name=value`, percent-encoded")
    } else if let Some(header) = rejection.find::<InvalidHeader>() {
        Problem::bad_request(format!("the header `{}` cannot be read", header.name()))
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        let detail = "this address does not know this method".to_owned();
        Problem { status: StatusCode::METHOD_NOT_ALLOWED, code: "method-not-allowed", detail }
    } else if rejection.is_not_found() {
        Problem::not_found("there is nothing at this address")
    } else {
        tracing::error!(rejection = ?rejection, "a rejection has no reply of its own");
        let detail = "this request could not be answered".to_owned();
        Problem { status: StatusCode::INTERNAL_SERVER_ERROR, code: "internal", detail }
    };
    Ok(problem.into_response())
}
