//! Whose mail server: `SMTP_URL` taken apart.

use secrecy::SecretString;

/// A mail server with how to log in. `Debug` shows neither user nor password.
#[derive(Clone)]
pub struct SmtpServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<(String, SecretString)>,
}

/// How the conversation is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Tls,
    /// Begun in the open, then TLS, without which nothing is said.
    StartTls,
    /// In the open, to this machine only, where nothing else is asked for.
    Open,
}

impl std::fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpServer({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// Why an address is not one of a mail server. Never shows it: it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "SMTP_URL {0}; write it as in `smtps://user:password@mail.example.com:465`, special characters percent-encoded"
)]
pub struct ServerError(&'static str);

impl SmtpServer {
    /// From `smtps://…` (TLS, port 465) or `smtp://…` (STARTTLS, port 587; in the open only to this machine, unless `?tls=required` stands
    /// behind it).
    ///
    /// # Errors
    /// With what is wrong and never the address itself.
    pub fn of(url: &str) -> Result<Self, ServerError> {
        let url = reqwest::Url::parse(url).map_err(|_| ServerError("is not an address"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ServerError("names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_here =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let (security, usual_port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" if is_here && url.query().is_none() => (Security::Open, 587),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(ServerError("must begin with `smtps://` or `smtp://`")),
        };
        if !matches!(url.query(), None | Some("tls=required")) {
            return Err(ServerError("has options; TLS is always required"));
        }
        let user = decoded(url.username()).ok_or(ServerError("has a user that is not UTF-8"))?;
        let password =
            decoded(url.password().unwrap_or_default()).ok_or(ServerError("has a password that is not UTF-8"))?;
        let login = (!user.is_empty()).then(|| (user, SecretString::from(password)));
        Ok(Self { host, port: url.port().unwrap_or(usual_port), security, login })
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                bytes.push(16 * digit(*high) + digit(*low));
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (url, host, port, security, login) in [
            ("smtps://u:p@mail.example.com", "mail.example.com", 465, Security::Tls, Some(("u", "p"))),
            ("smtps://mail.example.com:4465?tls=required", "mail.example.com", 4465, Security::Tls, None),
            (
                "smtp://u%40e.com:p%3A%2F@mail.example.com",
                "mail.example.com",
                587,
                Security::StartTls,
                Some(("u@e.com", "p:/")),
            ),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Security::Open, None),
            ("smtp://localhost:25", "localhost", 25, Security::Open, None),
            ("smtp://[::1]:25", "::1", 25, Security::Open, None),
            ("smtp://localhost:25?tls=required", "localhost", 25, Security::StartTls, None),
        ] {
            let server = SmtpServer::of(url).unwrap();
            let found = server.login.as_ref().map(|(user, password)| (user.as_str(), password.expose_secret()));
            assert_eq!(
                (server.host.as_str(), server.port, server.security, found),
                (host, port, security, login),
                "{url}"
            );
            assert!(!format!("{server:?}").contains("p%3A") && !format!("{server:?}").contains("p:/"));
        }
        for bad in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://h?tls=opportunistic",
            "smtps://%ff@h",
        ] {
            assert!(SmtpServer::of(bad).is_err(), "{bad}");
        }
    }
}
