//! Reports that are kept as files: `state_dir/reports`.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::civil::Date;

use crate::domain::report::ReportFile;
use crate::ports::ReportFiles;

/// The folder of reports; made when something is kept.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The one in `state_dir`.
    pub fn inside(state_dir: &Path) -> Self {
        Self(state_dir.join("reports"))
    }

    /// Writes files, each whole or not at all, for us only; answers where. One of the same name is replaced.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn write(&self, files: &[ReportFile]) -> io::Result<Vec<PathBuf>> {
        std::fs::create_dir_all(&self.0)?;
        let mut paths = Vec::new();
        for ReportFile { name, text } in files {
            let path = self.0.join(name);
            // Two processes may write the same report at the same time.
            let draft = self.0.join(format!("{name}.{}.draft", std::process::id()));
            let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, &path)?;
            paths.push(path);
        }
        Ok(paths)
    }

    fn remove(&self, before: Date) -> io::Result<u64> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry?;
            let is_old = entry.file_name().to_str().and_then(ReportFile::last_day).is_some_and(|day| day < before);
            if is_old {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Disks are waited for beside everything else.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[async_trait]
impl ReportFiles for Folder {
    async fn keep(&self, files: Vec<ReportFile>) -> io::Result<()> {
        let folder = self.clone();
        beside(move || folder.write(&files).map(drop)).await
    }

    async fn remove_before(&self, day: Date) -> io::Result<u64> {
        let folder = self.clone();
        beside(move || folder.remove(day)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_for_us_only_and_goes_when_it_is_old() {
        use std::os::unix::fs::PermissionsExt as _;
        let state_dir = tempfile::tempdir().unwrap();
        let folder = Folder::inside(state_dir.path());
        assert_eq!(folder.remove_before(Date::MAX).await.unwrap(), 0, "without a folder there is nothing");
        let file = |name: &str, text: &str| ReportFile { name: name.to_owned(), text: text.to_owned() };
        let (old, young) = ("costs-2026-10-01-2026-10-31.en.html", "costs-2026-11-01-2026-11-01.csv");
        folder.keep(vec![file(old, "a"), file(young, "b"), file("notes.txt", "c")]).await.unwrap();
        folder.keep(vec![file(young, "bb")]).await.unwrap();
        let kept = state_dir.path().join("reports");
        assert_eq!(std::fs::read_to_string(kept.join(young)).unwrap(), "bb", "it is replaced");
        assert_eq!(std::fs::metadata(kept.join(young)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.remove_before("2026-11-01".parse().unwrap()).await.unwrap(), 1);
        let mut left: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [young, "notes.txt"]);
    }
}
