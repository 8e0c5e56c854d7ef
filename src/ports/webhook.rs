//! Reads callback bodies: of Meta, and of the providers of other channels.

use jiff::Timestamp;

use crate::domain::news::News;

/// Reads callback bodies.
pub trait WebhookReader: Send + Sync {
    /// Whether the signature header fits the raw bytes, under any secret in force; in constant time.
    fn signature_is_valid(&self, header: Option<&str>, body: &[u8]) -> bool;
    /// Whether a person may have written something in there: a look that costs next to nothing. Yes may be wrong, no is not.
    fn may_hold_words(&self, _body: &[u8]) -> bool {
        true
    }
    /// The news in a body. Elements that cannot be read become [`News::Other`]; only a body that is no JSON object at all is an error.
    ///
    /// # Errors
    /// A sentence that names the place.
    fn read(&self, body: &[u8]) -> Result<Vec<News>, String>;
}

/// Reads the kept bodies of another provider. Whose they are was checked before they were kept.
pub trait NewsReader: Send + Sync {
    /// Whether a person may have written something in bodies of this kind. Yes may be wrong, no is not.
    fn may_hold_words(&self) -> bool {
        true
    }
    /// The news in a body that came at `received_at`, which stands in where the provider tells no time.
    ///
    /// # Errors
    /// A sentence that names the place; never personal data.
    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<Vec<News>, String>;
}

/// Checks who posts the callbacks of another provider.
pub trait CallbackCheck: Send + Sync {
    /// Whether the signature fits what was asked, under any secret in force; in constant time. `path_and_query` as they came, undecoded.
    fn is_genuine(&self, signature: Option<&str>, path_and_query: &str, body: &[u8]) -> bool;
}
