//! Secrets and signatures of the Standard Webhooks scheme (specification version 1.0.0, checked 2026-11-27): HMAC-SHA256 over id, time and
//! body, `v1,` and base64; a secret is `whsec_` and base64 of 24 to 64 random bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The bytes of a secret: fewer could be guessed, more are not part of the scheme.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is not a secret. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// Something else.
    #[error(
        "must begin with `whsec_`; make one with `echo whsec_$(openssl rand -base64 32)` and give the same to the receiver"
    )]
    Prefix,
    /// It was cut off or mistyped.
    #[error("is not base64 behind `whsec_`; copy it again, whole")]
    Base64,
    /// Too easy, or not of this scheme.
    #[error("must hold 24 to 64 bytes behind `whsec_`, not {0}; make one with `echo whsec_$(openssl rand -base64 32)`")]
    Length(usize),
}

/// A secret that we share with a receiver. `Debug` does not show it.
#[derive(Clone)]
pub struct HookKey(Hmac<Sha256>);

impl std::fmt::Debug for HookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookKey(…)")
    }
}

impl HookKey {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// What is wrong with it and how to make a right one.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(NotASecret::Prefix)?;
        let key = STANDARD.decode(encoded).map_err(|_| NotASecret::Base64)?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err(NotASecret::Length(key.len()));
        }
        Ok(Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")))
    }

    /// The signature of one call: `timestamp` in whole seconds, the body byte for byte as it is sent.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: one signature for each key in force, so that a receiver may know either while a secret is changed.
pub fn signatures(keys: &[HookKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_published_vector_of_the_standard() {
        // standard-webhooks/standard-webhooks, libraries/go/webhook_test.go, TestWebhookSign (checked 2026-11-27).
        let signature = HookKey::parse(SECRET).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_key_in_force_signs() {
        let (new, old) =
            (HookKey::parse(SECRET).unwrap(), HookKey::parse(&format!("whsec_{}", "A".repeat(32))).unwrap());
        let both = signatures(&[new.clone(), old.clone()], "evt_k7q2_00000001", 7, b"{}");
        let each = [new, old].map(|key| key.sign("evt_k7q2_00000001", 7, b"{}"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn every_part_is_signed() {
        let key = HookKey::parse(SECRET).unwrap();
        let one = key.sign("a", 1, b"{}");
        for other in [key.sign("b", 1, b"{}"), key.sign("a", 2, b"{}"), key.sign("a", 1, b"{ }")] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_is_no_secret_is_told_without_showing_it() {
        let of_bytes = |n: usize| format!("whsec_{}", STANDARD.encode(vec![7_u8; n]));
        for (text, wrong) in [
            ("hush".to_owned(), Some(NotASecret::Prefix)),
            ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), Some(NotASecret::Prefix)),
            ("whsec_".to_owned(), Some(NotASecret::Length(0))),
            ("whsec_!!!".to_owned(), Some(NotASecret::Base64)),
            (of_bytes(23), Some(NotASecret::Length(23))),
            (of_bytes(24), None),
            (of_bytes(64), None),
            (of_bytes(65), Some(NotASecret::Length(65))),
            (format!("{SECRET}\n"), None),
        ] {
            assert_eq!(HookKey::parse(&text).err(), wrong);
        }
        assert_eq!(format!("{:?}", HookKey::parse(SECRET).unwrap()), "HookKey(…)");
    }
}
