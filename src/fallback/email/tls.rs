//! TLS to the mail server: whose certificates are trusted, and which failures are about how we are set up.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{Certificate, TlsParameters, TlsParametersBuilder};

use super::server::{Security, SmtpServer};
use crate::domain::failure::{FailureClass, Refusal};

/// What the conversation is kept from others with; `None` where it is held in the open.
pub(super) fn parameters(server: &SmtpServer, authorities: Option<&[u8]>) -> Result<Option<TlsParameters>, Error> {
    if server.security == Security::Open {
        return Ok(None);
    }
    let mut builder = TlsParametersBuilder::new(server.host.clone());
    if let Some(pem) = authorities {
        builder = builder.add_root_certificate(Certificate::from_pem(pem)?);
    }
    builder.build().map(Some)
}

/// The refusal that an error of connecting amounts to where every further mail would meet it until somebody changes a setting: a server
/// that does not offer what we insist on, or a certificate that nobody we trust vouches for. `None`: it may be otherwise with the next.
pub(super) fn misconfigured(error: &Error) -> Option<Refusal> {
    let refused = |because: &str| Refusal::new(FailureClass::Misconfigured, None, because);
    if error.is_client() {
        // No STARTTLS, or no way to log in that both know: the library never goes on without.
        let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        return Some(refused(&words));
    }
    Some(match failure_of_tls(error)? {
        rustls::Error::InvalidCertificate(why) => refused(&format!(
            "the mail server's certificate is not trusted ({why}); check the name in SMTP_URL, and `[email] ca_file` for an authority of \
             your own"
        )),
        other => refused(&format!(
            "the mail server does not speak TLS as we do ({other}); check scheme and port of SMTP_URL"
        )),
    })
}

/// TLS's own word on what failed, wherever it is wrapped.
fn failure_of_tls<'a>(error: &'a Error) -> Option<&'a rustls::Error> {
    let mut cause: Option<&'a (dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An error of input and output passes over what it wraps when asked for its source.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
