//! The only integration binary: the list of what is tested from outside.

mod contracts;
mod postgres;
