//! `[server]`: where requests come in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::address::WebUrl;
use crate::domain::document::{Node, Read, Table};

/// Where requests come in.
#[derive(Debug, Clone)]
pub struct Server {
    /// Callbacks, API, dashboard.
    pub listen: SocketAddr,
    /// Metrics and health.
    pub ops_listen: SocketAddr,
    /// How the world reaches `listen`.
    pub public_url: Option<WebUrl>,
    /// Whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<Network>,
    /// How long calls under way may take to end when stopping.
    pub drain: Duration,
}

/// An address or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address lies in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u32| {
            let shift = bits - u32::from(self.prefix);
            // A shift by the whole width is no shift at all in Rust; a prefix of 0 means every address.
            shift >= bits || a >> shift == b >> shift
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(u128::from(a), u128::from(b), 128),
            _ => false,
        }
    }
}

impl Read for Network {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(a, prefix)| (a, Some(prefix)));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(most), |prefix| prefix.parse().ok().filter(|prefix| *prefix <= most))?;
            Some(Self { address, prefix })
        });
        parsed.ok_or_else(|| format!("is `{text}`, but must be an address or a network such as `10.0.0.0/8`"))
    }
}

impl Server {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let (listen, ops_listen) = (table.required("listen"), table.required("ops_listen"));
        let (public_url, trusted_proxies) = (table.optional("public_url"), table.required("trusted_proxies"));
        let drain = table.required("drain");
        let same = listen.zip(ops_listen).is_some_and(|(a, b): (SocketAddr, SocketAddr)| a == b && a.port() != 0);
        if same {
            table.problem(
                "ops_listen",
                "`ops_listen` is the same as `listen`; metrics must have an address of their own",
            );
        }
        Some(Self {
            listen: listen?,
            ops_listen: ops_listen?,
            public_url,
            trusted_proxies: trusted_proxies?,
            drain: drain?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses() {
        let network = |text: &str| Network::read(&Node::from_variable("V", text));
        for (net, address, inside) in [
            ("10.0.0.0/8", "10.200.1.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "10.0.0.1", false),
        ] {
            assert_eq!(network(net).unwrap().contains(address.parse().unwrap()), inside, "{net} {address}");
        }
        for bad in ["10.0.0.0/33", "10.0.0", "x", "10.0.0.0/"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }
}
