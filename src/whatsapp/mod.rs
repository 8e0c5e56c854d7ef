//! The adapter to Meta's WhatsApp Cloud API. Nothing else knows a field name, a code or a signature of Meta's.
//!
//! | module | owns |
//! |---|---|
//! | `client` | one call, and what its outcome proves |
//! | `management` | questions about what is ours at Meta |
//! | `wire` | the bodies of requests |
//! | `reception` | the bodies of answers |
//! | `error_codes` | Meta's codes, each with our failure class |
//! | `media` | files: where they lie, and fetching them |
//! | `samples` | the sample of a template's header, uploaded |
//! | `templates` | templates as they are handed in and listed |
//! | `wait` | how long a refusal asks us to wait |
//! | `webhook` | signature and content of callbacks |

mod client;
pub mod error_codes;
mod management;
mod media;
mod reception;
mod samples;
pub mod templates;
mod wait;
pub mod webhook;
mod wire;

pub use crate::outgoing::install_tls_provider;
pub use client::{Client, ClientError, Settings};
pub use media::MediaClient;
pub use webhook::Reader;
