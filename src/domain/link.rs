//! Links that we send to people: https, a host, and one that the operator allows.

use crate::domain::problem::listed;

/// Longer than any link a person should get; Meta takes 2000 in a button.
const LENGTH_MAX: usize = 2000;

/// Hosts that links may point to; empty allows every host. `*.example.com` allows the hosts below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedHosts(Vec<String>);

/// Why a link may not be sent. The link itself is not repeated: it may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not https.
    #[error("the link must begin with `https://`")]
    NotHttps,
    /// No address at all.
    #[error("the link is not a proper address: {0}")]
    Malformed(&'static str),
    /// A host that is not on the list.
    #[error("the link points to `{host}`, which `[links] allowed_hosts` does not allow; it allows {allowed}")]
    HostNotAllowed {
        /// Where it points.
        host: String,
        /// Where it may point.
        allowed: String,
    },
}

impl AllowedHosts {
    /// The list as configured.
    ///
    /// # Errors
    /// The entry that is not a host.
    pub fn new(hosts: Vec<String>) -> Result<Self, String> {
        let hosts: Vec<String> = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        match hosts.iter().find(|host| !is_host(host.strip_prefix("*.").unwrap_or(host))) {
            Some(wrong) => Err(format!("`{wrong}` is not a host; write `example.com` or `*.example.com`")),
            None => Ok(Self(hosts)),
        }
    }

    /// Checks a link.
    ///
    /// # Errors
    /// Why it may not be sent.
    pub fn check(&self, link: &str) -> Result<(), LinkError> {
        let rest = match link.get(..8) {
            Some(scheme) if scheme.eq_ignore_ascii_case("https://") => &link[8..],
            _ => return Err(LinkError::NotHttps),
        };
        if link.len() > LENGTH_MAX {
            return Err(LinkError::Malformed("it is longer than 2000 characters"));
        }
        // Browsers read a backslash as a slash and drop line breaks: what is checked here must be what they open.
        if link.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(LinkError::Malformed("it contains a space, a line break or a backslash"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(LinkError::Malformed("it contains a user name"));
        }
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
        if !is_host(host) || port.parse::<u16>().is_err() {
            return Err(LinkError::Malformed("it has no proper host"));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if self.0.is_empty() || self.0.iter().any(|allowed| allows(allowed, &host)) {
            Ok(())
        } else {
            Err(LinkError::HostNotAllowed { host, allowed: listed(self.0.iter().map(String::as_str)) })
        }
    }
}

fn allows(allowed: &str, host: &str) -> bool {
    match allowed.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => host == allowed,
    }
}

/// A host name in ASCII (Arabic ones in their `xn--` form).
fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !host.is_empty() && host.len() <= 253 && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> AllowedHosts {
        AllowedHosts::new(hosts.iter().map(|host| (*host).to_owned()).collect()).unwrap()
    }

    #[test]
    fn only_https_to_a_real_host_passes() {
        for good in
            ["https://survey.example.com/s", "HTTPS://Example.com", "https://e.com:8443/a?b=c#d", "https://e.com./x"]
        {
            assert_eq!(allowed(&[]).check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://e.com",
            "e.com",
            "",
            "https://",
            "https:///x",
            "https://a b.com",
            "https://e.com\\@evil.com",
            "https://u@e.com",
            "https://e.com:99999/",
            "https://-e.com",
            "https://e..com",
            "https://e.com/\n",
            "javascript:alert(1)",
        ] {
            assert!(allowed(&[]).check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_host_must_be_on_the_list_if_there_is_one() {
        let list = allowed(&["survey.example.com", "*.example.org"]);
        for (link, passes) in [
            ("https://survey.example.com/s", true),
            ("https://SURVEY.example.com./s", true),
            ("https://a.example.org", true),
            ("https://example.org", false),
            ("https://evilexample.org", false),
            ("https://survey.example.com.evil.com", false),
            ("https://evil.com/survey.example.com", false),
            ("https://evil.com?https://survey.example.com", false),
        ] {
            assert_eq!(list.check(link).is_ok(), passes, "{link}");
        }
        assert!(AllowedHosts::new(vec!["https://e.com".into()]).is_err());
    }
}
