//! The receiver's address: verified as Meta verifies it, and the client that calls it.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint, checked 2026-11-22.

use super::dice::{Dice, Stream};
use super::settings::Millis;
use super::world::World;

/// The client for callbacks. Redirects are not followed, and no proxy stands between: the receiver is on this machine.
pub(super) fn client(timeout: Millis, connections: usize) -> Result<reqwest::Client, reqwest::Error> {
    install_crypto();
    reqwest::Client::builder()
        .connect_timeout(timeout.duration())
        .timeout(timeout.duration())
        .pool_max_idle_per_host(connections)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// TLS needs its provider named once for each process; someone else may have done it.
fn install_crypto() {
    // An error means that one is installed already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Asks the address for the challenge, as Meta does when it is saved.
///
/// # Errors
/// With what went wrong, in words for the caller.
pub(super) async fn verify(world: &World, url: &str, verify_token: &str) -> Result<(), String> {
    let client = client(world.settings.callbacks.timeout, 1).map_err(|error| error.to_string())?;
    let challenge = challenge(world);
    let query = [("hub.mode", "subscribe"), ("hub.challenge", &challenge), ("hub.verify_token", verify_token)];
    let response = client.get(url).query(&query).send().await;
    let response = response.map_err(|_| "the callback URL could not be reached".to_owned())?;
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    if !status.is_success() {
        return Err(format!("the callback URL answered HTTP {}", status.as_u16()));
    }
    if body == challenge { Ok(()) } else { Err("the callback URL did not answer with the challenge".to_owned()) }
}

/// A challenge for the verification of a callback address.
fn challenge(world: &World) -> String {
    (Dice::new(world.settings.seed, Stream::Trace, world.clock.micros().unsigned_abs()).next() % 9_000_000_000
        + 1_000_000_000)
        .to_string()
}
