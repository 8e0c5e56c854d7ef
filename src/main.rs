//! barid (بريد): parse, do, exit. Everything else is in the library.

// SQLite takes its memory from it, too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    barid::cli::run()
}
