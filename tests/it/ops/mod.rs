//! What operators rely on, against the real binary: a log without people in it, an end that loses nothing, refusals that say what to
//! do, a door that stands abuse, files that change while the service runs.

mod door;
mod end;
mod files;
mod postgres;
mod privacy;
mod start;
mod unit;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::PATIENCE;

/// Polls until `is_so`; fails the test after the harness's patience.
async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Processes whose command line names something in this folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&*folder))
        .collect()
}

/// Runs a command that should end by itself; one that does not is killed, and the test fails.
async fn ends(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program is there");
    let begin = Instant::now();
    while child.try_wait().expect("it is ours").is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().expect("it is ours");
            panic!("{command:?} goes on and on: {:?}", child.wait_with_output());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.wait_with_output().expect("it is ours")
}
