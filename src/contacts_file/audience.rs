//! Audience files of campaigns, page by page for the job that resolves an audience.
//!
//! Between two pages the file stays open where it was, so that a long file is read once and not from its beginning for each page; only
//! after a restart is it read over from the beginning.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::contacts_file::file::{ContactsFile, Settings};
use crate::domain::country::CountryCode;
use crate::ports::{AudienceFileError, AudienceFiles, AudiencePage, Clock};

/// Files kept open between two pages; more than runs are ever planned at once. The one opened first gives way.
const OPEN_FILES_MAX: usize = 8;

/// Reads audience files below the folder of campaign files. Implements [`AudienceFiles`].
pub struct AudienceFileReader(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    default_country: Option<CountryCode>,
    clock: Arc<dyn Clock>,
    open: Mutex<Vec<(PathBuf, ContactsFile)>>,
}

impl AudienceFileReader {
    /// A reader of the files below `folder`; a path that begins at the root is taken as it is.
    pub fn new(folder: PathBuf, default_country: Option<CountryCode>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { folder, default_country, clock, open: Mutex::new(Vec::new()) }))
    }
}

#[async_trait]
impl AudienceFiles for AudienceFileReader {
    async fn page(&self, path: &Path, skip_rows: u64, limit: usize) -> Result<AudiencePage, AudienceFileError> {
        let shared = Arc::clone(&self.0);
        let path = shared.folder.join(path);
        tokio::task::spawn_blocking(move || shared.page(&path, skip_rows, limit))
            .await
            .map_err(|error| AudienceFileError(format!("reading the audience file was interrupted: {error}")))?
    }
}

impl Shared {
    fn page(&self, path: &Path, skip_rows: u64, limit: usize) -> Result<AudiencePage, AudienceFileError> {
        let mut file = match self.take(path, skip_rows) {
            Some(file) => file,
            None => self.open(path, skip_rows)?,
        };
        let rows = file.next_page(limit).map_err(told)?;
        // Asked after reading: what was read before a change is then known to be from before it.
        if !file.is_unchanged() {
            return Err(AudienceFileError(format!(
                "the audience file `{}` changed while its run was being planned, after {skip_rows} of its rows were taken; put the old \
                 file back and resume the run, or cancel the run and start it again (resuming with the new file goes on behind row \
                 {skip_rows} of it)",
                path.display()
            )));
        }
        let mut page = AudiencePage::default();
        if !rows.is_empty() {
            page.next = Some(file.rows_read());
        }
        for row in rows {
            match row.update {
                Ok(update) => page.updates.push((row.line, update)),
                Err(error) => page.errors.push((row.line, error.to_string())),
            }
        }
        if page.next.is_some() {
            self.keep(path, file);
        }
        Ok(page)
    }

    fn open(&self, path: &Path, skip_rows: u64) -> Result<ContactsFile, AudienceFileError> {
        let settings = Settings { default_country: self.default_country, now: self.clock.now() };
        let mut file = ContactsFile::open(path, settings).map_err(told)?;
        file.skip_rows(skip_rows).map_err(told)?;
        Ok(file)
    }

    /// The open file that stands there, if there is one. It is the caller's alone until it is kept again.
    fn take(&self, path: &Path, rows_read: u64) -> Option<ContactsFile> {
        // A run that begins at the beginning wants the file as it is now.
        if rows_read == 0 {
            return None;
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().position(|(opened, file)| opened == path && file.rows_read() == rows_read)?;
        Some(open.remove(found).1)
    }

    fn keep(&self, path: &Path, file: ContactsFile) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_FILES_MAX {
            open.remove(0);
        }
        open.push((path.to_owned(), file));
    }
}

/// With what lies beneath: this is all that the operator gets to see.
fn told(error: crate::contacts_file::ContactsFileError) -> AudienceFileError {
    use std::error::Error;
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    AudienceFileError(format!("{error}{cause}"))
}
