//! Comparing what a caller shows with what we know, in constant time.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether it is the secret. Digests are compared, so that not even the length shows in the time. An empty secret is nobody's.
pub(super) fn is(secret: &SecretString, shown: &str) -> bool {
    let secret = secret.expose_secret();
    let same = Sha256::digest(secret.as_bytes()).ct_eq(&Sha256::digest(shown.as_bytes()));
    bool::from(same) && !secret.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_the_secret() {
        let secret = "correct horse".into();
        assert!(is(&secret, "correct horse"));
        for other in ["", "correct", "correct horse ", "Correct horse"] {
            assert!(!is(&secret, other), "{other}");
        }
        assert!(!is(&"".into(), ""));
    }
}
