//! Whole files, as spreadsheets and people write them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::domain::consent::{ConsentChangeKind, Purposes};
use crate::domain::language::Language;
use crate::ports::{AudienceFiles, Clock};

struct Written {
    _folder: TempDir,
    path: PathBuf,
}

fn written(name: &str, content: impl AsRef<[u8]>) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    Written { _folder: folder, path }
}

fn settings() -> Settings {
    Settings { default_country: "SA".parse().ok(), now: Timestamp::UNIX_EPOCH }
}

fn open(path: &Path) -> Result<ContactsFile, String> {
    ContactsFile::open(path, settings()).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

/// Line, and the name that the row sets or what is wrong with it.
fn rows(path: &Path) -> Vec<(u64, String)> {
    let mut file = open(path).unwrap();
    let mut all = Vec::new();
    loop {
        let page = file.next_page(2).unwrap();
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= 2);
        all.extend(page.into_iter().map(|row| {
            (row.line, row.update.map_or_else(|error| error.to_string(), |update| update.name.unwrap_or_default()))
        }));
    }
}

fn names(content: impl AsRef<[u8]>) -> Vec<(u64, String)> {
    rows(&written("list.csv", content).path)
}

fn expect(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
    pairs.iter().map(|(line, name)| (*line, (*name).to_owned())).collect()
}

#[test]
fn separator_byte_order_mark_and_line_ends_are_found_out() {
    let expected = expect(&[(2, "أمل"), (3, "Omar")]);
    for content in [
        "phone,name\n0500000101,أمل\n0500000102,Omar\n",
        "phone,name\r\n0500000101,أمل\r\n0500000102,Omar",
        "phone;name\r\n0500000101;أمل\r\n0500000102;Omar\r\n",
        "phone\tname\n0500000101\tأمل\n0500000102\tOmar\n",
        "\u{FEFF}phone,name\n0500000101,أمل\n0500000102,Omar\n",
        "\u{FEFF}\"phone\";\"name\"\r\n\"0500000101\";\"أمل\"\r\n\"0500000102\";\"Omar\"\r\n",
        "\"phone\",\"name\"\n'0500000101,أمل\n\"+966 50 000 0102\",\"Omar\"\n",
    ] {
        assert_eq!(names(content), expected, "{content:?}");
    }
    assert_eq!(names("sep=;\r\nphone;name\r\n0500000101;Amal\r\n"), expect(&[(3, "Amal")]));
    assert_eq!(names("phone\n0500000101\n"), expect(&[(2, "")]));
    assert_eq!(names("phone,tags\n0500000101,a;b;c\n"), expect(&[(2, "")]), "only the header row decides");
    assert_eq!(names("phone,name\n"), expect(&[]));
}

#[test]
fn a_row_is_reported_by_the_line_on_which_it_begins() {
    for end in ["\n", "\r\n"] {
        let content = [
            "phone,name,note",
            "0500000101,A,\"two",
            "lines\"",
            "",
            "0500000102,B,",
            " , ,",
            "12,C,",
            "\"0500000103\",\"D \"\"the\"\" D\",\"three",
            "lines",
            "here\"",
            "0500000104,E",
        ]
        .join(end);
        let wrong = "line 7, column `phone`: no such phone number exists in the numbering plan of its country; check its length and \
                     its first digits";
        let expected = expect(&[(2, "A"), (5, "B"), (7, wrong), (8, "D \"the\" D"), (11, "E")]);
        assert_eq!(names(&content), expected, "{end:?}");
        assert_eq!(names(content + end), expected, "{end:?} at the end");
    }
}

#[test]
fn line_numbers_hold_across_the_pieces_in_which_a_file_is_read() {
    for end in ["\n", "\r\n"] {
        let rows: String = (0..20_000).map(|number| format!("05{number:08},N{number}{end}")).collect();
        let content = format!("phone,name{end}{rows}");
        assert!(content.len() > 5 * 64 * 1024);
        let folder = written("long.csv", content);
        let mut file = open(&folder.path).unwrap();
        let mut count = 0;
        loop {
            let page = file.next_page(500).unwrap();
            if page.is_empty() {
                break;
            }
            for row in page {
                assert_eq!(row.line, count + 2);
                count += 1;
            }
        }
        assert_eq!(count, 20_000);
        assert_eq!(file.progress().0, file.progress().1);
    }
}

#[test]
fn what_is_no_utf8_csv_is_refused_with_the_remedy() {
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain("phone\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let windows_1256 = b"phone,name\n0500000101,\xC3\xE3\xE1\n".to_vec();
    for (content, expected) in [
        (
            Vec::new(),
            "cannot use the contacts file `FILE`: it is empty; its first row must name the columns, such as `phone,name,language`",
        ),
        (utf16, "it is UTF-16; in Excel choose `Save As` and the type `CSV UTF-8`"),
        (
            windows_1256,
            "it is not UTF-8 (see line 2; Arabic text saved by older programs is `Windows-1256`); in Excel choose",
        ),
        (b"\x7FELF\0\0\0".to_vec(), "it is no text; give a CSV or XLSX file"),
        (b"PK\x03\x04 not really".to_vec(), "it is no readable XLSX file"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1".to_vec(), "it is an old Excel file or protected with a password"),
        (b"number,city\n1,2\n".to_vec(), "there is no column `phone` among `number`, `city`"),
    ] {
        let error = open(&written("list.csv", content).path).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(ContactsFile::open(&folder.path().join("missing.csv"), settings()).err().unwrap().is_unreadable());
    assert!(open(folder.path()).err().unwrap().contains("it is no file"));
}

#[test]
fn a_bad_byte_far_down_spoils_its_row_only() {
    let mut content = b"phone,name\n".to_vec();
    for _ in 0..8_000 {
        content.extend_from_slice(b"0500000101,Amal\n");
    }
    content.extend_from_slice(b"0500000101,\xC3\xE3\xE1\n0500000102,Omar\n");
    let rows = names(content);
    assert_eq!(rows[8_000].1, "line 8002, column `name`: the text is not UTF-8; save the file as `CSV UTF-8`");
    assert_eq!(rows[8_001], (8_003, "Omar".to_owned()));
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_memory() {
    let mut content = "phone,name\n0500000101,\"Amal\n".to_owned();
    content.push_str(&"0500000102,Omar\n".repeat(200_000));
    let written = written("list.csv", content);
    let mut file = open(&written.path).unwrap();
    let error = file.next_page(10).unwrap_err().to_string();
    assert!(error.contains("longer than 1048576 bytes; look for a double quote that is never closed"), "{error}");
    assert!(error.contains("the row that begins after line"), "{error}");
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contacts").join(name)
}

#[test]
fn a_workbook_is_read_from_its_first_visible_sheet() {
    let mut file = open(&fixture("buyers.xlsx")).unwrap();
    let rows = file.next_page(100).unwrap();
    let summary: Vec<_> = rows
        .iter()
        .map(|row| match &row.update {
            Ok(update) => (row.line, update.phone.e164().to_owned(), update.name.clone().unwrap_or_default()),
            Err(error) => (row.line, String::new(), error.to_string()),
        })
        .collect();
    let contact = |line, phone: &str, name: &str| (line, phone.to_owned(), name.to_owned());
    assert_eq!(
        summary,
        [
            contact(2, "+966500000101", "أمل"),
            contact(3, "+966500000102", "Omar"),
            contact(5, "+966500000103", "هدى"),
            contact(
                6,
                "",
                "line 6, column `Phone`: no such phone number exists in the numbering plan of its country; check its length and its first digits"
            ),
            contact(7, "", "line 7, column `City`: the formula in this cell has failed; correct it in the spreadsheet"),
        ]
    );
    let amal = rows[0].update.as_ref().unwrap();
    assert_eq!(
        (amal.language, amal.tags.as_deref()),
        (Some(Language::Ar), Some(&["buyer".to_owned(), "vip".to_owned()][..]))
    );
    assert_eq!(amal.consent.as_ref().unwrap().kind, ConsentChangeKind::Set(Purposes::all()));
    assert_eq!(amal.consent.as_ref().unwrap().evidence, "buyers.xlsx line 2");
    assert_eq!((amal.attributes["city"].as_str(), amal.attributes["bought_on"].as_str()), ("الرياض", "2026-11-01"));
    assert_eq!(amal.attributes["amount"], "12.5");
    assert_eq!(rows[1].update.as_ref().unwrap().attributes["bought_on"], "2026-11-02T09:30:00");
    assert!(file.next_page(100).unwrap().is_empty());
    assert_eq!(file.progress(), (7, 7));
    assert!(open(&fixture("wrong-columns.xlsx")).err().unwrap().contains("rename `mobil` to `phone`"));
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn audiences(folder: &Path) -> AudienceFileReader {
    AudienceFileReader::new(folder.to_owned(), "SA".parse().ok(), Arc::new(Stopped))
}

async fn pages(reader: &AudienceFileReader, mut skip: u64) -> (Vec<u64>, usize) {
    let (mut lines, mut errors) = (Vec::new(), 0);
    loop {
        let page = reader.page(Path::new("list.csv"), skip, 3).await.unwrap();
        lines.extend(page.updates.iter().map(|(line, _)| *line));
        errors += page.errors.len();
        match page.next {
            Some(next) => skip = next,
            None => return (lines, errors),
        }
    }
}

#[tokio::test]
async fn an_audience_is_read_in_pages_and_goes_on_after_a_restart() {
    let written =
        written("list.csv", "phone\n0500000101\n\n,\n0500000102\n12\n0500000103\n0500000104\n0500000105\nx\n");
    let folder = written.path.parent().unwrap();
    let reader = audiences(folder);
    assert_eq!(pages(&reader, 0).await, (vec![2, 5, 7, 8, 9], 2));
    assert_eq!(pages(&reader, 0).await, (vec![2, 5, 7, 8, 9], 2), "again from the beginning");
    let first = reader.page(Path::new("list.csv"), 0, 3).await.unwrap();
    assert_eq!((first.updates.len(), first.errors.len(), first.next), (2, 1, Some(4)));
    assert_eq!(pages(&audiences(folder), 4).await, (vec![7, 8, 9], 1), "another process");
    assert_eq!(pages(&reader, 4).await, (vec![7, 8, 9], 1), "the same process");
    assert_eq!(pages(&audiences(folder), 100).await, (vec![], 0), "beyond the end");
}

#[tokio::test]
async fn an_audience_file_that_changes_under_its_run_is_noticed() {
    let written = written("list.csv", "phone\n0500000101\n0500000102\n");
    let reader = audiences(written.path.parent().unwrap());
    let path = Path::new("list.csv");
    assert_eq!(reader.page(path, 0, 1).await.unwrap().next, Some(1));
    fs::write(&written.path, "phone\n0500000103\n0500000102\n0500000101\n").unwrap();
    let error = reader.page(path, 1, 1).await.unwrap_err().to_string();
    assert!(error.contains("changed while its run was being planned, after 1 of its rows were taken"), "{error}");
    assert_eq!(reader.page(path, 0, 9).await.unwrap().updates.len(), 3, "a new run takes the file as it is now");
    assert_eq!(reader.page(path, 1, 9).await.unwrap().updates.len(), 2, "resumed by the operator");
    let missing = reader.page(Path::new("gone.csv"), 0, 9).await.unwrap_err().to_string();
    assert!(missing.contains("cannot read the contacts file") && missing.contains("No such file"), "{missing}");
}
