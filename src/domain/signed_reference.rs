//! A reference of ours that comes back from outside (in an unsubscribe link, in a bounce's address) signed, so that nobody can make one
//! up or turn one kind into another.
//!
//! The text has only lower-case letters, digits and `-`: mail servers change the case of addresses, and addresses of the web should
//! survive being copied.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::ids::{CallbackReference, MessageId};

/// How many bytes of the signature are kept: 96 bits, which nobody guesses over a network.
const SIGNATURE_BYTES: usize = 12;

/// What a signed reference may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The link under an e-mail that stops all messages.
    Unsubscribe,
    /// The address to which an e-mail bounces, and its headers.
    Mail,
}

impl Use {
    const fn name(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsubscribe",
            Self::Mail => "mail",
        }
    }
}

/// Signs references and knows its own again. `Debug` does not show the key.
#[derive(Clone)]
pub struct ReferenceSigner(Hmac<Sha256>);

impl std::fmt::Debug for ReferenceSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReferenceSigner(…)")
    }
}

impl ReferenceSigner {
    /// With the key of the store that holds the messages.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The reference as text for that use.
    pub fn sign(&self, of: &CallbackReference, for_use: Use) -> String {
        let plain = plain(of);
        let signature = self.mac(&plain, for_use).finalize().into_bytes();
        format!("{plain}-{}", hex::encode(&signature[..SIGNATURE_BYTES]))
    }

    /// The reference in a text that [`Self::sign`] made for that use; in constant time, in whatever case it comes back.
    pub fn verify(&self, text: &str, for_use: Use) -> Option<CallbackReference> {
        let text = text.to_ascii_lowercase();
        let (plain, signature) = text.rsplit_once('-')?;
        let mut claimed = [0_u8; SIGNATURE_BYTES];
        hex::decode_to_slice(signature, &mut claimed).ok()?;
        self.mac(plain, for_use).verify_truncated_left(&claimed).ok()?;
        let mut parts = plain.split('-');
        let (store, message, attempt) = (parts.next()?, parts.next()?, parts.next()?);
        let message = format!("msg_{message}").parse::<MessageId>().ok()?;
        Some(CallbackReference { store: store.to_owned(), message, attempt: attempt.parse().ok()? })
    }

    fn mac(&self, plain: &str, for_use: Use) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(for_use.name().as_bytes());
        mac.update(b":");
        mac.update(plain.as_bytes());
        mac
    }
}

fn plain(of: &CallbackReference) -> String {
    let message = of.message.to_string();
    let message = message.strip_prefix("msg_").unwrap_or(&message);
    format!("{}-{message}-{}", of.store, of.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> CallbackReference {
        CallbackReference { store: "k7q2".to_owned(), message: MessageId::new(77), attempt: 3 }
    }

    #[test]
    fn what_was_signed_comes_back_in_any_case_and_only_for_its_use() {
        let signer = ReferenceSigner::new(b"a key of the store");
        for for_use in [Use::Unsubscribe, Use::Mail] {
            let text = signer.sign(&reference(), for_use);
            assert!(
                text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{text}"
            );
            assert!(text.len() <= 50, "it is part of an address, whose local part has 64 characters: {text}");
            assert_eq!(signer.verify(&text, for_use), Some(reference()));
            assert_eq!(signer.verify(&text.to_uppercase(), for_use), Some(reference()));
        }
        let unsubscribe = signer.sign(&reference(), Use::Unsubscribe);
        assert_eq!(signer.verify(&unsubscribe, Use::Mail), None);
    }

    #[test]
    fn what_was_changed_or_signed_by_another_is_not_known() {
        let signer = ReferenceSigner::new(b"a key of the store");
        let text = signer.sign(&reference(), Use::Mail);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(signer.verify(&String::from_utf8(bytes).unwrap(), Use::Mail), None, "changed at {at}");
        }
        assert_eq!(ReferenceSigner::new(b"another key").verify(&text, Use::Mail), None);
        for short in ["", "-", "k7q2-0000002d-3", "k7q2-0000002d-3-", "k7q2-0000002d-3-00", &text[..text.len() - 2]] {
            assert_eq!(signer.verify(short, Use::Mail), None, "{short}");
        }
    }
}
