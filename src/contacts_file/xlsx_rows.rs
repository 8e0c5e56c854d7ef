//! Rows of the first visible sheet of an XLSX file.
//!
//! The reader of cells borrows the workbook, so both live in a thread of their own that is a few rows ahead and ends when nobody
//! takes them any more. Rows are streamed; the table of texts that an XLSX file shares between its cells is in memory as a whole,
//! which is why the size of the file is limited.

use std::fs::File;
use std::io::BufReader;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::contacts_file::file::Trouble;
use crate::contacts_file::row::{Cell, RawRow};

/// Larger workbooks would take a multiple of this in memory.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Cells further to the right count as standing here: beyond any allowed column, and memory stays bounded.
const COLUMNS_READ_MAX: usize = 1024;

const ROWS_IN_BATCH: usize = 64;
const BATCHES_AHEAD: usize = 4;

pub(super) struct XlsxRows {
    batches: Receiver<Result<Vec<RawRow>, Trouble>>,
    batch: std::vec::IntoIter<RawRow>,
    rows_total: u64,
    row_now: u64,
}

impl XlsxRows {
    pub(super) fn open(file: File) -> Result<Self, Trouble> {
        if file.metadata()?.len() > FILE_BYTES_MAX {
            return Err(Trouble::Content(format!(
                "it is larger than {} MiB, too large for an XLSX file; save it as `CSV UTF-8`",
                FILE_BYTES_MAX / 1024 / 1024
            )));
        }
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        let (opened, rows_total) = sync_channel(1);
        std::thread::Builder::new().name("xlsx-rows".to_owned()).spawn(move || {
            if let Err(trouble) = read(file, &opened, &sender) {
                // One of the two is listened to; when neither is, nobody wants to know.
                let _ = sender.send(Err(trouble));
            }
        })?;
        match rows_total.recv() {
            Ok(rows_total) => Ok(Self { batches, batch: Vec::new().into_iter(), rows_total, row_now: 0 }),
            Err(_) => match batches.recv() {
                Ok(Err(trouble)) => Err(trouble),
                _ => Err(Trouble::Content("it cannot be read; save it again as XLSX or as `CSV UTF-8`".to_owned())),
            },
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<RawRow>, Trouble> {
        loop {
            if let Some(row) = self.batch.next() {
                self.row_now = row.line;
                return Ok(Some(row));
            }
            match self.batches.recv() {
                Ok(batch) => self.batch = batch?.into_iter(),
                Err(_) => return Ok(None),
            }
        }
    }

    /// Rows read and in all; 0 in all when the file does not say.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.row_now, self.rows_total)
    }
}

type Batches = SyncSender<Result<Vec<RawRow>, Trouble>>;

fn read(file: File, opened: &SyncSender<u64>, batches: &Batches) -> Result<(), Trouble> {
    let mut workbook = Xlsx::new(BufReader::new(file)).map_err(refused)?;
    let first = workbook
        .sheets_metadata()
        .iter()
        .find(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .ok_or_else(|| Trouble::Content("it has no visible sheet; put the contacts on the first sheet".to_owned()))?;
    let mut cells = workbook.worksheet_cells_reader(&first).map_err(refused)?;
    if opened.send(u64::from(cells.dimensions().end.0) + 1).is_err() {
        return Ok(());
    }
    let mut left_edge = None;
    let mut batch: Vec<RawRow> = Vec::with_capacity(ROWS_IN_BATCH);
    while let Some(cell) = cells.next_cell().map_err(refused)? {
        let (row, column) = cell.get_position();
        let Some(value) = read_cell(cell.get_value()) else { continue };
        // A list may begin further right than at column A: its first named column is where it begins.
        let left_edge = *left_edge.get_or_insert(column);
        let Some(column) = column.checked_sub(left_edge) else { continue };
        let column = usize::try_from(column).unwrap_or(COLUMNS_READ_MAX).min(COLUMNS_READ_MAX);
        let line = u64::from(row) + 1;
        if batch.last().is_none_or(|last| last.line != line) {
            if batch.len() == ROWS_IN_BATCH && batches.send(Ok(std::mem::take(&mut batch))).is_err() {
                return Ok(());
            }
            batch.push(RawRow { line, cells: Vec::new() });
        }
        let row = batch.last_mut().expect("a row was pushed where there was none");
        if row.cells.len() <= column {
            row.cells.resize(column + 1, Cell::Text(String::new()));
        }
        row.cells[column] = value;
    }
    // When nobody takes it, nobody wants it.
    let _ = batches.send(Ok(batch));
    Ok(())
}

/// The text of a cell as a person sees it, numbers without grouping or exponent; `None` for an empty one.
fn read_cell(value: &DataRef<'_>) -> Option<Cell> {
    let text = match value {
        DataRef::Empty => return None,
        DataRef::Error(_) => return Some(Cell::FormulaError),
        DataRef::Int(number) => number.to_string(),
        // Written out in full: a phone number stored as a quantity keeps all its digits.
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::DateTime(moment) => date_text(moment),
    };
    (!text.is_empty()).then_some(Cell::Text(text))
}

/// `2026-11-22`, with the time behind it where there is one; durations as days.
fn date_text(moment: &ExcelDateTime) -> String {
    if moment.is_duration() {
        return moment.as_f64().to_string();
    }
    match moment.to_ymd_hms_milli() {
        (year, month, day, 0, 0, 0, _) => format!("{year:04}-{month:02}-{day:02}"),
        (year, month, day, hour, minute, second, _) => {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
        }
    }
}

fn refused(error: XlsxError) -> Trouble {
    match error {
        XlsxError::Io(error) => Trouble::Io(error),
        XlsxError::Password => Trouble::Content("it is protected with a password; save a copy without one".to_owned()),
        other => {
            Trouble::Content(format!("it is no readable XLSX file ({other}); save it again as XLSX or as `CSV UTF-8`"))
        }
    }
}
