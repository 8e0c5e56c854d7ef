//! CSV files that open in a spreadsheet, Arabic included, without running anything.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::screen;

/// Excel takes a file for UTF-8 only when this stands before it.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A CSV file that is being written, or standard output.
pub(super) struct CsvOut(csv::Writer<Box<dyn Write + Send>>);

/// Makes the file; readable by us only, since it holds personal data. A file that is there already is replaced.
pub(super) fn file_or_standard_output(file: Option<&Path>) -> Ended<Box<dyn Write + Send>> {
    Ok(match file {
        None => Box::new(BufWriter::new(io::stdout())),
        Some(path) => {
            use std::os::unix::fs::OpenOptionsExt as _;
            let made = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
            let what = || format!("cannot write `{}`; check the folder and its permissions", path.display());
            Box::new(BufWriter::new(made.with_context(what).or_exit(Exit::Io)?))
        }
    })
}

impl CsvOut {
    /// Makes it, as [`file_or_standard_output`] does.
    pub(super) fn create(file: Option<&Path>) -> Ended<Self> {
        let mut out = file_or_standard_output(file)?;
        if file.is_some() {
            screen::written(out.write_all(UTF8_MARK))?;
        }
        Ok(Self(csv::Writer::from_writer(out)))
    }

    /// Writes a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Ended {
        screen::written(self.0.write_record(cells).map_err(io::Error::from))
    }

    /// Writes what is still in memory.
    pub(super) fn finish(mut self) -> Ended {
        screen::written(self.0.flush())
    }
}

/// The cell as it may be written. One that a spreadsheet would take for a formula gets an apostrophe before it, which shows it as
/// text and which an import takes off again. Not for telephone numbers: `+` and digits are a number to a spreadsheet and nothing worse,
/// and `'+966…` would be read by no other program.
pub(super) fn inert(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+A1", "'+A1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("Amal", "Amal"),
            ("أمل", "أمل"),
            ("", ""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(inert(text), cell);
        }
    }
}
