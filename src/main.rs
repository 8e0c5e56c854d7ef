//! Parses the arguments, calls `cli`, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    barid::cli::run()
}
