//! Rows of a CSV file: separator, encoding and line numbers found out from the file itself.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::contacts_file::file::Trouble;
use crate::contacts_file::row::{Cell, RawRow};

/// How much of the file is looked at before it is read.
const SAMPLE_BYTES: usize = 64 * 1024;

/// A row beyond this is no row: somewhere a double quote was never closed, and the rest of the file would be read as one value.
const ROW_BYTES_MAX: u64 = 1024 * 1024;

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

pub(super) struct CsvRows {
    reader: csv::Reader<Watched>,
    record: csv::ByteRecord,
    /// Lines before the part that the reader sees.
    lines_before: u64,
    bytes_before: u64,
    bytes_total: u64,
}

impl CsvRows {
    pub(super) fn open(mut file: File) -> Result<Self, Trouble> {
        let bytes_total = file.metadata()?.len();
        let mut sample = Vec::with_capacity(SAMPLE_BYTES);
        file.by_ref().take(SAMPLE_BYTES as u64).read_to_end(&mut sample)?;
        refuse_other_encodings(&sample)?;
        let text = sample.strip_prefix(UTF8_MARK).unwrap_or(&sample);
        // Excel writes and reads a first line that only names the separator.
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let (separator, skipped) = match first_line.trim_ascii_end() {
            [b's', b'e', b'p', b'=', separator] => (*separator, first_line.len() + 1),
            _ => (separator(text), 0),
        };
        let bytes_before = (sample.len() - text.len() + skipped).min(sample.len()) as u64;
        file.seek(SeekFrom::Start(bytes_before))?;
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(SAMPLE_BYTES)
            .from_reader(Watched::new(file));
        Ok(Self {
            reader,
            record: csv::ByteRecord::new(),
            lines_before: u64::from(skipped > 0),
            bytes_before,
            bytes_total,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<RawRow>, Trouble> {
        self.reader.get_mut().taken = 0;
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(_) if self.reader.get_ref().taken > ROW_BYTES_MAX => {
                return Err(Trouble::Content(format!(
                    "the row that begins after line {} is longer than {ROW_BYTES_MAX} bytes; look for a double quote that is never closed",
                    self.reader.position().line() + self.lines_before
                )));
            }
            Err(error) => return Err(Trouble::Io(error.into())),
        }
        let cells = self.record.iter().map(|cell| match std::str::from_utf8(cell) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::NotUtf8,
        });
        Ok(Some(RawRow { line: self.line_of_record(), cells: cells.collect() }))
    }

    /// The reader knows the line on which it stands now, behind the record. From there back: a line end that was read already (of
    /// `\r\n` only the first half is, and at the end of a file there may be none), and the lines inside quoted values.
    fn line_of_record(&self) -> u64 {
        let position = self.reader.position();
        let ended = self.reader.get_ref().byte_before(position.byte()) == Some(b'\n');
        let inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        (position.line() + self.lines_before).saturating_sub(inside + u64::from(ended)).max(1)
    }

    /// Bytes read and in all.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.bytes_before + self.reader.position().byte(), self.bytes_total)
    }
}

fn refuse_other_encodings(sample: &[u8]) -> Result<(), Trouble> {
    let as_utf8 = "in Excel choose `Save As` and the type `CSV UTF-8`";
    if sample.starts_with(b"\xFF\xFE") || sample.starts_with(b"\xFE\xFF") {
        return Err(Trouble::Content(format!("it is UTF-16; {as_utf8}")));
    }
    if sample.contains(&0) {
        return Err(Trouble::Content(format!("it is no text; give a CSV or XLSX file ({as_utf8})")));
    }
    match std::str::from_utf8(sample) {
        Ok(_) => Ok(()),
        // The sample may end in the middle of a letter.
        Err(error) if error.error_len().is_none() && sample.len() == SAMPLE_BYTES => Ok(()),
        Err(error) => {
            let line = sample[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Trouble::Content(format!(
                "it is not UTF-8 (see line {line}; Arabic text saved by older programs is `Windows-1256`); {as_utf8}"
            )))
        }
    }
}

/// The separator that the header row uses most, outside quotes.
fn separator(text: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.trim_ascii_start() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(separator, _)| separator == byte).for_each(|(_, count)| *count += 1),
        }
    }
    // In a tie the comma: it stands first, and `max_by_key` takes the last.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

/// A file that remembers the last piece it gave, and stops when one row takes too much.
struct Watched {
    file: File,
    /// Where the last piece began, counted from where reading began.
    piece_at: u64,
    piece: Vec<u8>,
    /// Bytes given since the row began.
    taken: u64,
}

impl Watched {
    fn new(file: File) -> Self {
        Self { file, piece_at: 0, piece: Vec::new(), taken: 0 }
    }

    fn byte_before(&self, position: u64) -> Option<u8> {
        let index = usize::try_from(position.checked_sub(self.piece_at + 1)?).ok()?;
        self.piece.get(index).copied()
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken > ROW_BYTES_MAX {
            return Err(io::Error::other("the row is too long"));
        }
        let count = self.file.read(buffer)?;
        self.taken += count as u64;
        if count > 0 {
            self.piece_at += self.piece.len() as u64;
            self.piece.clear();
            self.piece.extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }
}
