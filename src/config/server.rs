//! `[server]`: where requests come in.

use std::net::SocketAddr;
use std::time::Duration;

use super::address::WebUrl;
use crate::domain::document::{Node, Read, Table};
use crate::domain::network::Network;

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

impl Read for Network {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        text.parse().map_err(|_| format!("is `{text}`, but must be an address or a network such as `10.0.0.0/8`"))
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
