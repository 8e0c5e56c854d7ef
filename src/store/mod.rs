//! The record in SQL: one implementation for SQLite and PostgreSQL, chosen by URL.
//!
//! Writing goes through `writer`: callers wait for a shared transaction. Reading by id goes through `loader`: callers share a
//! SELECT. What differs between the databases stands in `dialect` and nowhere else; nothing outside this folder knows a column.

mod dialect;
mod encode;
mod migrations;
mod packed;
mod sql;

mod callback_samples;
mod changes;
mod charges;
mod consent_requests;
mod feedback;
mod forgotten;
mod ledger;
mod news;
mod one_person;
mod people;
mod policies;
mod request;
mod tallies;
mod tidy;
mod windows;

mod loader;
mod writer;

mod alerts;
mod contacts;
mod conversations;
mod costs;
mod dead_letters;
mod erasures;
mod exchanges;
mod flow_results;
mod hook_deliveries;
mod job_runs;
mod journal;
mod kept;
mod limit_facts;
mod links;
mod media;
mod message_times;
mod messages;
mod open;
mod outbox;
mod readings;
mod reminders;
mod report_mails;
mod runs;
mod stages;
mod suspensions;
mod templates;

pub use open::{SqlStore, StoreOpenError, StoreSettings};
