//! Addresses of services, which may carry a password and are therefore never printed whole.

use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::document::{Node, Read};

/// The address of a service such as `redis://:password@host`.
#[derive(Clone)]
pub struct ServiceUrl(SecretString);

impl ServiceUrl {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The whole of it, for connecting.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What stands before the `:`.
    pub fn scheme(&self) -> &str {
        self.expose().split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Whether a password is part of it.
    pub fn has_password(&self) -> bool {
        let authority = self.authority();
        authority.rsplit_once('@').is_some_and(|(who, _)| who.split_once(':').is_some_and(|(_, word)| !word.is_empty()))
            || self.expose().contains("password=")
    }

    /// Without user, password and options: for messages.
    pub fn masked(&self) -> String {
        let without_options = self.expose().split(['?', '#']).next().unwrap_or_default();
        match (without_options.split_once("://"), self.authority().rsplit_once('@')) {
            (Some((scheme, rest)), Some((who, _))) => format!("{scheme}://…@{}", &rest[who.len() + 1..]),
            _ => without_options.to_owned(),
        }
    }

    fn authority(&self) -> &str {
        let rest = self.expose().split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

impl std::fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Read for ServiceUrl {
    fn read(node: &Node) -> Result<Self, String> {
        String::read(node).map(Self::new)
    }
}

/// An address of the web, without the slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUrl(String);

impl WebUrl {
    /// As text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there can be read on the way: plain http to another machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        self.0.strip_prefix("http://").is_some_and(|rest| {
            let host = rest.split('/').next().unwrap_or_default();
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            !(host == "localhost" || host == "[::1]" || host.starts_with("127."))
        })
    }
}

impl Read for WebUrl {
    fn read(node: &Node) -> Result<Self, String> {
        let text = String::read(node)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_address = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && !rest.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#' | '@'))
        });
        if is_address {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("must be an address of the web such as `https://voice.example.com`, without user, `?` and `#`"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_seen_and_not_shown() {
        for (text, has_password, masked) in [
            ("redis://:p%40ss@host:6379/0", true, "redis://…@host:6379/0"),
            ("postgres://barid:p@ss@host/barid?sslmode=require", true, "postgres://…@host/barid"),
            ("postgres://barid@host/barid", false, "postgres://…@host/barid"),
            ("postgres://host/barid?user=a&password=b", true, "postgres://host/barid"),
            ("sqlite:///var/lib/barid/barid.db", false, "sqlite:///var/lib/barid/barid.db"),
            ("redis+unix:///run/redis.sock", false, "redis+unix:///run/redis.sock"),
        ] {
            let url = ServiceUrl::new(text);
            assert_eq!((url.has_password(), format!("{url:?}").as_str()), (has_password, masked));
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (text, readable) in [
            ("http://127.0.0.1:8600", false),
            ("http://localhost/x", false),
            ("https://e.com", false),
            ("http://e.com", true),
        ] {
            assert_eq!(WebUrl(text.to_owned()).is_readable_on_the_way(), readable, "{text}");
        }
    }
}
