//! Reads callback bodies.

use crate::domain::news::News;

/// Reads callback bodies.
pub trait WebhookReader: Send + Sync {
    /// Whether the signature header fits the raw bytes, under any secret in force; in constant time.
    fn signature_is_valid(&self, header: Option<&str>, body: &[u8]) -> bool;
    /// The news in a body. Elements that cannot be read become [`News::Other`]; only a body that is no JSON object at all is an error.
    ///
    /// # Errors
    /// A sentence that names the place.
    fn read(&self, body: &[u8]) -> Result<Vec<News>, String>;
}
