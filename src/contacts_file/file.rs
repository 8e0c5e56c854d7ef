//! A contacts file that is being read: what kind it is, how far it is read, and whether it is still the same file.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::contacts_file::columns::Columns;
use crate::contacts_file::csv_rows::CsvRows;
use crate::contacts_file::row::{self, Cell, RawRow, RowError};
use crate::contacts_file::xlsx_rows::XlsxRows;
use crate::domain::contact::ContactUpdate;
use crate::domain::country::CountryCode;

/// What a file is read with.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The country of numbers that do not tell theirs.
    pub default_country: Option<CountryCode>,
    /// When the consents of the file are recorded as given.
    pub now: Timestamp,
}

/// A row of the file: a contact, or what is wrong with it.
#[derive(Debug)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it sets.
    pub update: Result<ContactUpdate, RowError>,
}

/// Why a file cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ContactsFileError {
    /// It is not there, or the system does not let us read it.
    #[error("cannot read the contacts file `{file}`; check its path and its permissions")]
    Unreadable {
        /// Which.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is there but is no list of contacts that we can read.
    #[error("cannot use the contacts file `{file}`: {problem}")]
    Unusable {
        /// Which.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl ContactsFileError {
    /// Whether the file itself is missing or not readable, as opposed to what stands in it.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}

/// What goes wrong below, before the name of the file is known to it.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

enum Rows {
    Csv(CsvRows),
    Xlsx(XlsxRows),
}

impl Rows {
    fn next(&mut self) -> Result<Option<RawRow>, Trouble> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Xlsx(rows) => rows.next(),
        }
    }
}

/// A list of contacts that is being read from its beginning to its end. Blocks while it reads.
pub struct ContactsFile {
    path: PathBuf,
    version: Version,
    rows: Rows,
    columns: Columns,
    settings: Settings,
    rows_read: u64,
}

impl ContactsFile {
    /// Opens the file and reads its header row.
    ///
    /// # Errors
    /// When it cannot be read, is neither CSV in UTF-8 nor XLSX, or its columns are wrong.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, ContactsFileError> {
        let named = |trouble| named(path, trouble);
        let mut file = File::open(path).map_err(|error| named(error.into()))?;
        let metadata = file.metadata().map_err(|error| named(error.into()))?;
        if !metadata.is_file() {
            return Err(named(Trouble::Content("it is no file; give the path of a CSV or XLSX file".to_owned())));
        }
        let mut rows = rows_of(&mut file).and_then(|kind| kind(file)).map_err(named)?;
        let header = rows.next().map_err(named)?.ok_or_else(|| {
            named(Trouble::Content(
                "it is empty; its first row must name the columns, such as `phone,name,language`".to_owned(),
            ))
        })?;
        let names: Vec<String> = header
            .cells
            .into_iter()
            .map(|cell| match cell {
                Cell::Text(text) => text,
                Cell::NotUtf8 | Cell::FormulaError => String::new(),
            })
            .collect();
        let columns = Columns::read(&names).map_err(|problems| named(Trouble::Content(problems.join("; "))))?;
        Ok(Self { path: path.to_owned(), version: Version::of(&metadata), rows, columns, settings, rows_read: 0 })
    }

    /// Reads over rows: where an earlier reader had come to, as its [`ContactsFile::rows_read`] said.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn skip_rows(&mut self, count: u64) -> Result<(), ContactsFileError> {
        for _ in 0..count {
            if self.next_raw()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The next rows, at most `limit`; rows without any value are left out. Empty only at the end.
    ///
    /// # Errors
    /// When the file cannot be read on; bad rows are no such error.
    pub fn next_page(&mut self, limit: usize) -> Result<Vec<Row>, ContactsFileError> {
        let mut page = Vec::with_capacity(limit);
        while page.len() < limit
            && let Some(raw) = self.next_raw()?
        {
            if let Some(update) = row::read(&raw, &self.columns, &self.file_name(), &self.settings) {
                page.push(Row { line: raw.line, update });
            }
        }
        Ok(page)
    }

    fn next_raw(&mut self) -> Result<Option<RawRow>, ContactsFileError> {
        let raw = self.rows.next().map_err(|trouble| named(&self.path, trouble))?;
        self.rows_read += u64::from(raw.is_some());
        Ok(raw)
    }

    /// How many rows behind the header were read, blank ones included.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// How far reading has come and what there is in all, in a unit of the file's kind; 0 in all when that is not known.
    pub fn progress(&self) -> (u64, u64) {
        match &self.rows {
            Rows::Csv(rows) => rows.progress(),
            Rows::Xlsx(rows) => rows.progress(),
        }
    }

    /// Whether the file at its path is still the one that was opened: size and time of change.
    pub fn is_unchanged(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|metadata| Version::of(&metadata) == self.version)
    }

    fn file_name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// What tells one content of a file from the next.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    bytes: u64,
    changed_at: Option<SystemTime>,
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), changed_at: metadata.modified().ok() }
    }
}

fn named(path: &Path, trouble: Trouble) -> ContactsFileError {
    let file = path.display().to_string();
    match trouble {
        Trouble::Io(source) => ContactsFileError::Unreadable { file, source },
        Trouble::Content(problem) => ContactsFileError::Unusable { file, problem },
    }
}

type OpenRows = fn(File) -> Result<Rows, Trouble>;

/// The kind of a file is told by its first bytes, whatever its name ends in.
fn rows_of(file: &mut File) -> Result<OpenRows, Trouble> {
    let mut first = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut first)?;
    file.rewind()?;
    match first.as_slice() {
        b"PK\x03\x04" => Ok(|file| XlsxRows::open(file).map(Rows::Xlsx)),
        b"\xD0\xCF\x11\xE0" => Err(Trouble::Content(
            "it is an old Excel file or protected with a password; save it without one as XLSX or as `CSV UTF-8`"
                .to_owned(),
        )),
        _ => Ok(|file| CsvRows::open(file).map(Rows::Csv)),
    }
}
