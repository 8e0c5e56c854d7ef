//! SHA-256 of a file as providers write it: Meta in base64 in callbacks (page …/webhooks/reference/messages/image, 2026-11-22), and in
//! hexadecimal when asked about a file, which no page states; so either is read anywhere.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// A text that is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no SHA-256, in base64 or in hexadecimal")]
pub struct InvalidDigest;

impl Digest {
    /// From its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads base64 or hexadecimal.
    ///
    /// # Errors
    /// When it is neither, or not of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => hex::decode(text).map_err(|_| InvalidDigest)?,
            _ => BASE64.decode(text).map_err(|_| InvalidDigest)?,
        };
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|_| InvalidDigest)
    }
}

/// In hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_hexadecimal_are_the_same() {
        // Of the empty file.
        let hexadecimal = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let all = [
            hexadecimal,
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ];
        for text in all {
            assert_eq!(Digest::parse(text).unwrap().to_string(), hexadecimal, "{text}");
        }
        for wrong in ["", "47DEQ", "zz", &hexadecimal[2..], &format!("{hexadecimal}00"), "صورة"] {
            assert_eq!(Digest::parse(wrong), Err(InvalidDigest), "{wrong}");
        }
    }
}
