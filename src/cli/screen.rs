//! What a command shows: tables and JSON on standard output, remarks on standard error. Output that nobody reads any more
//! (`barid … | head`) ends the command quietly.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};

/// A line on standard output.
pub(super) fn say(line: &str) -> Ended {
    written(writeln!(io::stdout().lock(), "{line}"))
}

/// A remark for the person at the terminal; never part of the result.
pub(super) fn remark(line: &str) {
    // When standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A value as JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Ended {
    let text = serde_json::to_string_pretty(value).or_exit(Exit::Software)?;
    say(&text)
}

/// A table with a header row; text wraps to the width of the terminal.
pub(super) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Ended {
    wide_table(header.map(str::to_owned).to_vec(), rows.into_iter().map(Vec::from))
}

/// The same with as many columns as there happen to be.
pub(super) fn wide_table(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Ended {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    say(&table.to_string())
}

/// Names and values, one pair a line.
pub(super) fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> Ended {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    say(&table.to_string())
}

/// Whether progress can be shown.
pub(super) fn shows_progress() -> bool {
    io::stderr().is_terminal()
}

/// What became of writing to standard output.
pub(super) fn written(result: io::Result<()>) -> Ended {
    match result {
        // Whoever read us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::told(Exit::Io)),
        other => other.or_exit(Exit::Io),
    }
}
