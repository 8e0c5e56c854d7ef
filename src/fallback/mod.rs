//! The channels that take over where WhatsApp gave up.
//!
//! | module | owns |
//! |---|---|
//! | `twilio_codes` | Twilio's codes, each with our failure class |
//! | `email::replies` | replies of mail servers, each with our failure class |

pub mod email;
pub mod twilio_codes;
