//! barid (بريد): one daemon that runs an organisation's WhatsApp Business messaging.
//!
//! The journey of a message: a campaign file becomes a *run*; the run's audience is frozen as *messages* in the store; a *lane* in
//! Redis says "look at this message now"; the job loads, decides, marks the attempt as started, calls Meta, records the answer;
//! Meta's callbacks go into the *journal* before they are acknowledged and then into the record.
//!
//! Modules in reading order; `tests/it/architecture.rs` holds who may import whom.

pub mod cli;
pub mod config;
pub mod contacts_file;
pub mod daemon;
pub mod domain;
pub mod fallback;
pub mod hooks;
pub mod http;
pub mod jobs;
pub mod limits;
pub mod media;
pub mod nlp;
pub mod outgoing;
pub mod ports;
pub mod queue;
pub mod simulator;
pub mod store;
pub mod telemetry;
pub mod whatsapp;
