//! What is true of every call to a provider over HTTP: what an error or a status proves about how far the request came. Knows no provider.

use std::error::Error as _;

use reqwest::StatusCode;

use crate::domain::causes::in_one_line;

/// Installs the TLS implementation of this process; further calls do nothing. reqwest is built without one, see `Cargo.toml`.
pub fn install_tls_provider() {
    // The error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether the error proves that no byte of the request left: there was no connection, or hyper gives the request back because its
/// connection closed before it was taken up.
pub fn was_never_written(error: &reqwest::Error) -> bool {
    if error.is_builder() || error.is_connect() {
        return true;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<hyper::Error>() {
            // hyper 1.12: `canceled` is made only where the request is handed back before it was serialised, `closed` only where
            // a connection ended before a request was given to it (client/dispatch.rs, proto/h1/dispatch.rs).
            return cause.is_canceled() || cause.is_closed();
        }
        source = cause.source();
    }
    false
}

/// What went wrong, from the outside in, without the address (which may hold an id of ours).
pub fn chain(error: reqwest::Error) -> String {
    in_one_line(&error.without_url())
}

/// Whether a status without the provider's own error proves that the provider did not take the message.
///
/// Providers explain every refusal in JSON, so such an answer comes from something between us. These statuses speak about the request
/// (its size, its path, its credentials for the proxy, the speed of requests), which whoever says so has not passed on; the usual
/// cause is a wrong address in the configuration or a proxy, and a message that waits for its repair is better than one called unknown for ever.
/// Not among them: 403, 451 and temporary redirects, which filters also put in the place of an *answer* that they dislike, and 408,
/// 409, 425, which say nothing certain about how far the request came.
pub fn speaks_of_the_request(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        301 | 308 | 400 | 401 | 404 | 405 | 406 | 407 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 429 | 431
    )
}
