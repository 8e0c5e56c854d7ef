//! Rows of a SELECT, handed over in one piece.
//!
//! On its way out of SQLite every value of every row is copied into an object of its own, which costs more than finding the row.
//! So what is read for each message comes as one JSON text, and is cut into cells here without copying again. PostgreSQL sends
//! rows that are cheap to read as they are.

use std::borrow::Cow;
use std::fmt;

use sea_orm::QueryResult;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::sql::{Fault, Row, Sql};

/// Every row that a statement answered.
pub(super) enum Packed {
    /// A JSON list of rows, each a list of cells.
    Text(String),
    Rows(Vec<QueryResult>),
}

/// One value of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

impl Packed {
    /// Reads row after row; `table` is named when one holds what it cannot hold.
    pub(super) fn read<T>(&self, table: &'static str, mut decode: impl FnMut(&mut Row<'_>) -> Sql<T>) -> Sql<Vec<T>> {
        match self {
            Self::Rows(rows) => rows.iter().map(|row| decode(&mut Row::of(row, table))).collect(),
            Self::Text(text) => {
                let cells =
                    cells(text).map_err(|error| Fault::Impossible(format!("{table}, rows as JSON ({error})")))?;
                cells.rows().map(|cells| decode(&mut Row::of_cells(cells, table))).collect()
            }
        }
    }
}

/// All cells of all rows, one after the other.
#[derive(Default)]
struct Cells<'a> {
    cells: Vec<Cell<'a>>,
    rows: usize,
}

impl<'a> Cells<'a> {
    fn rows(&self) -> impl Iterator<Item = &[Cell<'a>]> {
        // Every row of a statement has the same columns.
        self.cells.chunks_exact((self.cells.len() / self.rows.max(1)).max(1))
    }
}

fn cells(text: &str) -> serde_json::Result<Cells<'_>> {
    let mut found = Cells { cells: Vec::with_capacity(text.len() / 8), rows: 0 };
    let mut json = serde_json::Deserializer::from_str(text);
    Rows(&mut found).deserialize(&mut json)?;
    json.end()?;
    Ok(found)
}

struct Rows<'c, 'a>(&'c mut Cells<'a>);

impl<'de> DeserializeSeed<'de> for Rows<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(OneRow(self.0))?.is_some() {
            self.0.rows += 1;
        }
        Ok(())
    }
}

struct OneRow<'c, 'a>(&'c mut Cells<'a>);

impl<'de> DeserializeSeed<'de> for OneRow<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cells")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        while let Some(cell) = cells.next_element_seed(OneCell)? {
            self.0.cells.push(cell);
        }
        Ok(())
    }
}

struct OneCell;

impl<'de> DeserializeSeed<'de> for OneCell {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneCell {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, a text or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cell::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cell::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number).map(Cell::Int).map_err(E::custom)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (i64, Option<i64>, String, Option<String>);

    fn read(text: &str) -> Sql<Vec<Read>> {
        Packed::Text(text.to_owned())
            .read("things", |row| Ok((row.int()?, row.opt_int()?, row.text()?, row.opt_text()?)))
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let rows = read(r#"[[1,null,"",null],[-2,9223372036854775807,"a\"b\\n","رسالة"]]"#).unwrap();
        assert_eq!(
            rows,
            [(1, None, String::new(), None), (-2, Some(i64::MAX), "a\"b\\n".to_owned(), Some("رسالة".to_owned()))]
        );
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn a_cell_of_another_kind_names_its_row_and_column() {
        let Err(Fault::Impossible(place)) = read(r#"[[1,null,"a",null],[7,"b","a",null]]"#) else { panic!("was read") };
        assert_eq!(place, "things, column 2 of row 7");
        assert!(matches!(read("[[1,2.5]]"), Err(Fault::Impossible(_))));
        assert!(matches!(read("[[1"), Err(Fault::Impossible(_))));
    }
}
