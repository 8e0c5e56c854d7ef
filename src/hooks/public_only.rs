//! Looks up names and hands on only addresses of the internet.

use std::error::Error;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::network::is_public;

/// A resolver behind which private networks are not there. The connection is made to what it answers and to nothing else.
pub(super) struct PublicOnly;

/// A name that leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error(
    "barred: the name leads into a private network or to this machine; if that is meant, say `allow_private = true` in its `[[hooks]]`"
)]
struct Barred;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is put in by who connects.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(public(found.collect())?.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be called; one private among them is left out, nothing but private ones is an error.
fn public(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Barred> {
    let public: Vec<SocketAddr> = found.iter().copied().filter(|address| is_public(address.ip())).collect();
    if public.is_empty() && !found.is_empty() { Err(Barred) } else { Ok(public) }
}

/// What to say when it was us who barred the call.
pub(super) fn barred_by(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(barred) = error.downcast_ref::<Barred>() {
            return Some(barred.to_string());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_only_its_public_addresses_are_handed_on() {
        let addresses =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let mixed =
            addresses(&["10.0.0.1:0", "1.1.1.1:0", "[::1]:0", "[2606:4700:4700::1111]:0", "[::ffff:127.0.0.1]:0"]);
        assert_eq!(public(mixed).unwrap(), addresses(&["1.1.1.1:0", "[2606:4700:4700::1111]:0"]));
        assert!(public(addresses(&["127.0.0.1:0", "[::1]:0"])).is_err());
        assert_eq!(public(Vec::new()).unwrap(), []);
    }

    #[tokio::test]
    async fn the_name_of_this_machine_is_barred() {
        let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.err().is_some_and(|error| error.downcast_ref::<Barred>().is_some()));
    }
}
