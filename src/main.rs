//! barid (بريد): parse, do, exit. Everything else is in the library.

fn main() -> std::process::ExitCode {
    barid::cli::run()
}
