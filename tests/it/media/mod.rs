//! Files that people send: fetched from Meta, checked, kept whole or not at all, and gone when they are taken back.

mod files;
mod job;
mod meta;
mod service;
