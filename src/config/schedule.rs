//! `jobs/schedule.toml`: when standing jobs fire. An installation without the file has the one that ships.

use std::path::Path;

use super::layers::cannot_read;
use super::{FileErrors, problem_of};
use crate::domain::document::{Node, Table};
use crate::domain::standing_job::{ScheduledJob, read_schedule};

/// The file that ships: documentation cannot disagree with behaviour.
const SHIPPED: &str = include_str!("../../jobs/schedule.toml");
/// What it is called where it is not there.
const SHIPPED_PATH: &str = "jobs/schedule.toml (built in)";

/// Loads the schedule. `None` where the file cannot be read at all; entries that are wrong are left out, and never stop the others.
pub fn load(file: &Path) -> (Option<Vec<ScheduledJob>>, Option<FileErrors>) {
    let wrong = |problems| Some(FileErrors { file: file.to_owned(), problems });
    let (path, text) = match std::fs::read_to_string(file) {
        Ok(text) => (file.display().to_string(), text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (SHIPPED_PATH.to_owned(), SHIPPED.to_owned()),
        Err(error) => return (None, wrong(vec![problem_of(file, cannot_read(&error))])),
    };
    let node = match Node::parse(&path, &text) {
        Ok(node) => node,
        Err(problems) => return (None, wrong(problems)),
    };
    let (entries, mut problems, _) = Table::read_document(&node, read_schedule);
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    (Some(entries), if problems.is_empty() { None } else { wrong(problems) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::standing_job::StandingJob;

    #[test]
    fn the_shipped_schedule_is_in_order_has_every_job_and_holds_where_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (without, wrong) = load(&folder.path().join("schedule.toml"));
        assert_eq!(wrong, None);
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/schedule.toml");
        assert_eq!(load(&shipped), (without.clone(), None));
        let jobs: Vec<_> = without.unwrap().into_iter().map(|entry| entry.job).collect();
        assert!(StandingJob::ALL.iter().all(|job| jobs.contains(job)), "{jobs:?}");
    }

    #[test]
    fn a_file_that_is_no_document_leaves_no_schedule_and_says_where_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schedule.toml");
        std::fs::write(&file, "timezone = \"Asia/Riyadh\"\n[[jobs]\n").unwrap();
        let (entries, wrong) = load(&file);
        assert_eq!(entries, None);
        assert!(wrong.unwrap().to_string().contains("schedule.toml:2"));
    }
}
