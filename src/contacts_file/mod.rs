//! Reads contacts from CSV and XLSX files, row by row and in bounded memory: for `barid contacts import` and for the audience files
//! of campaigns.
//!
//! A folder of its own because it is a driven adapter like the store: it answers with domain values, knows file formats, and nothing
//! else needs to. It neither prints nor stores anything, and no message of it contains a value from the file.

mod audience;
mod columns;
mod csv_rows;
mod file;
mod row;
mod xlsx_rows;

#[cfg(test)]
mod tests;

pub use audience::AudienceFileReader;
pub use file::{ContactsFile, ContactsFileError, Row, Settings};
pub use row::RowError;
