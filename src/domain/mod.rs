//! What is true and what follows. Pure: no Redis, HTTP, SQL, files, environment, clock or tasks; every time is a parameter.

pub mod audience;
pub mod campaign;
pub mod consent;
pub mod contact;
pub mod country;
pub mod delivery;
pub mod document;
pub mod failure;
pub mod feedback;
pub mod ids;
pub mod language;
pub mod link;
pub mod message;
pub mod money;
pub mod network;
pub mod news;
pub mod phone_number;
pub mod problem;
pub mod run;
pub mod schedule;
pub mod share;
pub mod silence;
pub mod start;
pub mod stop_words;
pub mod template;
pub mod time_zone_of_number;
