//! What all doors do with a body that is genuine: it is acknowledged when the journal has it.

use bytes::Bytes;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use crate::domain::news::Source;
use crate::jobs::take_in;
use crate::ports::Services;

/// The label of the result, and the reply.
pub(super) async fn keep(
    services: &Services,
    source: Source,
    body: Bytes,
    acknowledged: StatusCode,
) -> (&'static str, Response) {
    match take_in::run(services, source, body).await {
        Ok(()) => ("kept", acknowledged.into_response()),
        Err(error) => {
            let source = source.name();
            tracing::warn!(source, error = %error, "a callback could not be kept; its sender will bring it again");
            ("store-unavailable", StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
    }
}
