//! The metrics as Prometheus reads them.

use std::sync::Arc;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::{Reply, Response};

use super::health::OpsState;

pub(super) fn routes(state: Arc<OpsState>) -> BoxedFilter<(Response,)> {
    warp::path!("metrics")
        .and(warp::get())
        .then(move || {
            let state = Arc::clone(&state);
            async move {
                // What is read from store and queues is read now: a scrape never shows an older moment.
                (state.refresh)().await;
                show(&state)
            }
        })
        .boxed()
}

fn show(state: &OpsState) -> Response {
    match state.metrics.text() {
        Ok(text) => {
            let mut response = text.into_response();
            let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, form);
            response
        }
        Err(error) => {
            tracing::error!(error = %error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
