//! Whose request it is: the address of the connection, or what trusted proxies say behind which it came.

use std::net::{IpAddr, SocketAddr};

use crate::domain::network::Network;

/// The other end of a connection; put on each request by the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The address of whoever asks. `forwarded_for` counts only on a connection from a trusted proxy, and is read from the right, past
/// further trusted proxies: what stands left of them anybody may have written.
pub(super) fn of_client(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let mut hops = forwarded_for.unwrap_or_default().rsplit(',').map(|hop| hop.trim().parse::<IpAddr>());
    while is_trusted(client) {
        match hops.next() {
            Some(Ok(hop)) => client = hop,
            _ => break,
        }
    }
    client.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_shares_their_prefix() {
        let table = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fd12::1", true),
            ("::/0", "192.0.2.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ];
        for (network, address, contains) in table {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), contains, "{network:?} {address}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "::1/129", "10.0.0.0/"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let table = [
            ("192.0.2.1", Some("203.0.113.9"), "192.0.2.1"),
            ("10.0.0.1", Some("203.0.113.9"), "203.0.113.9"),
            ("10.0.0.1", Some("1.1.1.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9"),
            ("10.0.0.1", Some("nonsense"), "10.0.0.1"),
            ("10.0.0.1", None, "10.0.0.1"),
        ];
        for (peer, forwarded, client) in table {
            let found = of_client(peer.parse().unwrap(), forwarded, &trusted);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }
}
