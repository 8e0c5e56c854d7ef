//! From the cells of a row to what it sets on a contact.

use std::collections::BTreeMap;

use crate::contacts_file::columns::{Column, Columns, Known};
use crate::contacts_file::file::Settings;
use crate::domain::consent::{ConsentChange, ConsentChangeKind, Purpose, Purposes};
use crate::domain::contact::ContactUpdate;
use crate::domain::language::Language;
use crate::domain::phone_number::{PhoneNumber, PhoneNumberError};
use crate::domain::schedule::Zone;
use crate::domain::time_zone_of_number::time_zone_of_number;

/// Longer values are no attribute of a person, and would not fit a message.
const VALUE_CHARS_MAX: usize = 1_000;

/// A row as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawRow {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    pub(super) cells: Vec<Cell>,
}

/// A cell as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The result of a formula that failed, such as `#N/A`.
    FormulaError,
}

/// Why a row cannot be taken, and where. Says nothing of what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// The column, by the name that the file gives it; `None` when the row as a whole is wrong.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub problem: String,
}

impl std::error::Error for RowError {}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What the row sets; `None` for a row without any value.
pub(super) fn read(
    row: &RawRow,
    columns: &Columns,
    file_name: &str,
    settings: &Settings,
) -> Option<Result<ContactUpdate, RowError>> {
    let empty = |cell: &Cell| matches!(cell, Cell::Text(text) if text.trim().is_empty());
    if row.cells.iter().all(empty) {
        return None;
    }
    if row.cells.iter().skip(columns.len()).any(|cell| !empty(cell)) {
        let problem = format!(
            "the row has {} cells, but there are {} columns; put a value that contains the separator in double quotes",
            row.cells.len(),
            columns.len()
        );
        return Some(Err(RowError { line: row.line, column: None, problem }));
    }
    Some(update(row, columns, file_name, settings))
}

fn update(row: &RawRow, columns: &Columns, file_name: &str, settings: &Settings) -> Result<ContactUpdate, RowError> {
    let mut phone = Err(PhoneNumberError::Empty);
    let mut phone_column = "";
    let (mut name, mut language, mut timezone, mut email, mut tags, mut consent) = (None, None, None, None, None, None);
    let mut attributes = BTreeMap::new();
    for (index, (column_name, column)) in columns.iter().enumerate() {
        let wrong = |problem: String| RowError { line: row.line, column: Some(column_name.to_owned()), problem };
        let text = match row.cells.get(index) {
            None => "",
            Some(Cell::Text(text)) => unguarded(text.trim()),
            Some(Cell::NotUtf8) => return Err(wrong("the text is not UTF-8; save the file as `CSV UTF-8`".to_owned())),
            Some(Cell::FormulaError) => {
                return Err(wrong("the formula in this cell has failed; correct it in the spreadsheet".to_owned()));
            }
        };
        if *column == Column::Known(Known::Phone) {
            phone = PhoneNumber::parse(text, settings.default_country);
            phone_column = column_name;
            continue;
        }
        // An empty cell says nothing: what is known stays.
        if text.is_empty() {
            continue;
        }
        if text.chars().nth(VALUE_CHARS_MAX).is_some() {
            return Err(wrong(format!("the value is longer than {VALUE_CHARS_MAX} characters; shorten it")));
        }
        match column {
            Column::Known(Known::Phone) | Column::LeftAlone => {}
            Column::Known(Known::Name) => name = Some(text.to_owned()),
            Column::Known(Known::Language) => language = Some(read_language(text).map_err(wrong)?),
            Column::Known(Known::Timezone) => timezone = Some(read_timezone(text).map_err(wrong)?),
            Column::Known(Known::Email) => email = Some(read_email(text).map_err(wrong)?),
            Column::Known(Known::Tags) => tags = Some(read_tags(text)),
            Column::Known(Known::Consent) => consent = Some(read_consent(text).map_err(wrong)?),
            Column::Attribute(name) => {
                attributes.insert(name.clone(), text.to_owned());
            }
        }
    }
    let phone = phone.map_err(|error| RowError {
        line: row.line,
        column: Some(phone_column.to_owned()),
        problem: error.to_string(),
    })?;
    Ok(ContactUpdate {
        timezone_of_number: time_zone_of_number(&phone).to_owned(),
        phone,
        name,
        language,
        timezone,
        email,
        tags,
        attributes,
        consent: consent.map(|purposes| ConsentChange {
            kind: ConsentChangeKind::Set(purposes),
            at: settings.now,
            source: "import".to_owned(),
            evidence: format!("{file_name} line {}", row.line),
        }),
    })
}

/// Without the apostrophe that keeps a spreadsheet from taking the cell for a formula: exports put it there.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => text,
    }
}

fn read_language(text: &str) -> Result<Language, String> {
    text.parse().map_err(|_| "this is not a language that barid writes; use `ar` or `en`".to_owned())
}

fn read_timezone(text: &str) -> Result<String, String> {
    let zone: Result<Zone, _> = text.parse();
    zone.map(|zone| zone.name().to_owned())
        .map_err(|_| "this is not a time zone; use an IANA name such as `Asia/Riyadh`".to_owned())
}

/// Only what is certainly no address is refused; whether it exists shows at the first mail.
fn read_email(text: &str) -> Result<String, String> {
    let parts = text.split_once('@');
    let plausible = parts.is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
    });
    if plausible && !text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        Ok(text.to_owned())
    } else {
        Err("this is not an e-mail address; write one address as in `amal@example.com`".to_owned())
    }
}

/// The separator in cells that hold several values; the Arabic semicolon is what an Arabic keyboard gives.
fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '؛']).map(str::trim).filter(|value| !value.is_empty())
}

fn read_tags(text: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for tag in values(text) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

fn read_consent(text: &str) -> Result<Purposes, String> {
    let words: Vec<String> = values(text).map(str::to_lowercase).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["yes" | "نعم"] => return Ok(Purposes::all()),
        ["no" | "لا"] => return Ok(Purposes::NONE),
        _ => {}
    }
    let purposes: Option<Purposes> = words.iter().map(|word| Purpose::named(word)).collect();
    purposes.filter(|purposes| !purposes.is_empty()).ok_or_else(|| {
        let meant = words.iter().find_map(|word| {
            let near = |purpose: &Purpose| (1..=2).contains(&strsim::damerau_levenshtein(word, purpose.name()));
            Purpose::ALL.into_iter().find(near)
        });
        let meant = meant.map(|purpose| format!("; did you mean `{}`?", purpose.name())).unwrap_or_default();
        format!(
            "this says nothing about consent{meant}; use `yes`, `no`, or purposes out of `survey;marketing;utility`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    const HEADER: &str = "phone,name,language,timezone,email,tags,consent,city";

    fn row(cells: &str) -> Option<Result<ContactUpdate, RowError>> {
        let columns = Columns::read(&HEADER.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap();
        let cells = cells.split('|').map(|cell| Cell::Text(cell.to_owned())).collect();
        let settings = Settings { default_country: "SA".parse().ok(), now: Timestamp::UNIX_EPOCH };
        read(&RawRow { line: 7, cells }, &columns, "list.csv", &settings)
    }

    #[test]
    fn a_full_row_sets_everything() {
        let update = row("0500000101| Amal |AR|asia/dubai|amal@example.com|buyer; vip ;buyer|survey؛utility|Riyadh")
            .unwrap()
            .unwrap();
        assert_eq!(update.phone.e164(), "+966500000101");
        assert_eq!(update.name.as_deref(), Some("Amal"));
        assert_eq!(update.language, Some(Language::Ar));
        assert_eq!(
            (update.timezone.as_deref(), update.timezone_of_number.as_str()),
            (Some("Asia/Dubai"), "Asia/Riyadh")
        );
        assert_eq!(update.email.as_deref(), Some("amal@example.com"));
        assert_eq!(update.tags, Some(vec!["buyer".to_owned(), "vip".to_owned()]));
        assert_eq!(update.attributes["city"], "Riyadh");
        let consent = update.consent.unwrap();
        assert_eq!(consent.kind, ConsentChangeKind::Set([Purpose::Survey, Purpose::Utility].into_iter().collect()));
        assert_eq!((consent.source.as_str(), consent.evidence.as_str()), ("import", "list.csv line 7"));
        assert_eq!(consent.at, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn an_empty_cell_leaves_what_is_known() {
        let update = row("0500000101|||").unwrap().unwrap();
        assert!(
            update.name.is_none() && update.language.is_none() && update.tags.is_none() && update.consent.is_none()
        );
        assert!(update.attributes.is_empty());
        assert!(row("| || |").is_none(), "a row without any value is no row");
        assert!(row("0500000101||||||||| ").unwrap().is_ok(), "empty cells beyond the columns are nothing");
    }

    #[test]
    fn the_apostrophe_of_an_export_is_taken_off_again() {
        let update = row("'0500000101|'=1+1||||'-5;b||'quoted'").unwrap().unwrap();
        assert_eq!(update.name.as_deref(), Some("=1+1"));
        assert_eq!(update.tags, Some(vec!["-5".to_owned(), "b".to_owned()]));
        assert_eq!(update.attributes["city"], "'quoted'");
    }

    #[test]
    fn consent_is_yes_no_or_purposes() {
        for (text, expected) in [
            ("yes", Purposes::all()),
            (" YES ", Purposes::all()),
            ("نعم", Purposes::all()),
            ("no", Purposes::NONE),
            ("لا", Purposes::NONE),
            ("Survey", Purposes::NONE.with(Purpose::Survey)),
            ("survey;marketing;utility", Purposes::all()),
        ] {
            assert_eq!(read_consent(text).unwrap(), expected, "{text}");
        }
        for wrong in ["maybe", "yes;survey", "no;survey", ";", "survey,marketing", "1"] {
            assert!(read_consent(wrong).is_err(), "{wrong}");
        }
        assert!(read_consent("surveys").unwrap_err().contains("did you mean `survey`?"));
    }

    #[test]
    fn a_bad_row_names_line_and_column_and_remedy_but_not_the_value() {
        let error = |cells: &str| row(cells).unwrap().unwrap_err().to_string();
        for (cells, expected) in [
            (
                "|Amal",
                "line 7, column `phone`: the phone number is empty; give it with its country code, as in `+966500000101`",
            ),
            (
                "12|Amal",
                "line 7, column `phone`: no such phone number exists in the numbering plan of its country; check its length and its first digits",
            ),
            ("0500000101||fr", "line 7, column `language`: this is not a language that barid writes; use `ar` or `en`"),
            (
                "0500000101|||Riyadh",
                "line 7, column `timezone`: this is not a time zone; use an IANA name such as `Asia/Riyadh`",
            ),
            (
                "0500000101||||amal@",
                "line 7, column `email`: this is not an e-mail address; write one address as in `amal@example.com`",
            ),
            (
                "0500000101|a|ar||||yes|Riyadh|north",
                "line 7: the row has 9 cells, but there are 8 columns; put a value that contains the separator in double quotes",
            ),
        ] {
            assert_eq!(error(cells), expected);
        }
        assert!(error(&format!("0500000101|{}", "x".repeat(1_001))).contains("longer than 1000 characters"));
    }
}
