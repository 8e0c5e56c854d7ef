//! How statements are put together and rows are read: one text for both databases, in which `?` stands for one value and `{}` for many.

use std::borrow::Cow;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, ExecResult, QueryResult, Statement, Value};

use super::dialect::{Dialect, Lock, Trouble};
use super::packed::{Cell, Packed};
use crate::ports::StoreError;

/// Why a statement or a row did not do.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database said so.
    Database(DbErr),
    /// A row holds what no row can hold.
    Impossible(String),
    /// An operator's command does not fit.
    Command(crate::domain::run::RunCommandError),
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    /// As callers of the store see it.
    pub(super) fn into_error(self, dialect: Dialect) -> StoreError {
        match self {
            Self::Impossible(place) => StoreError::Inconsistent { place },
            Self::Command(error) => StoreError::Command(error),
            Self::Database(error) => match dialect.trouble(&error) {
                Trouble::Refused | Trouble::Taken => StoreError::Refused(Box::new(error)),
                Trouble::Unavailable | Trouble::Crossed => StoreError::Unavailable(Box::new(error)),
            },
        }
    }
}

/// A result inside the store.
pub(super) type Sql<T> = Result<T, Fault>;

/// One column of a table of values.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    Int(Vec<i64>),
    OptInt(Vec<Option<i64>>),
    Text(Vec<String>),
    OptText(Vec<Option<String>>),
    Bytes(Vec<Vec<u8>>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Int(cells) => cells.len(),
            Self::OptInt(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
            Self::OptText(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
        }
    }

    /// Takes the first `n` off.
    fn take(&mut self, n: usize) -> Self {
        fn off<T>(cells: &mut Vec<T>, n: usize) -> Vec<T> {
            let rest = cells.split_off(n);
            std::mem::replace(cells, rest)
        }
        match self {
            Self::Int(cells) => Self::Int(off(cells, n)),
            Self::OptInt(cells) => Self::OptInt(off(cells, n)),
            Self::Text(cells) => Self::Text(off(cells, n)),
            Self::OptText(cells) => Self::OptText(off(cells, n)),
            Self::Bytes(cells) => Self::Bytes(off(cells, n)),
        }
    }
}

/// Many rows of values, column by column, to insert or to update from; `v` in the statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<(&'static str, Cells)>,
    pub(super) rows: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn int(self, name: &'static str, cells: impl IntoIterator<Item = i64>) -> Self {
        self.with(name, Cells::Int(cells.into_iter().collect()))
    }

    pub(super) fn opt_int(self, name: &'static str, cells: impl IntoIterator<Item = Option<i64>>) -> Self {
        self.with(name, Cells::OptInt(cells.into_iter().collect()))
    }

    pub(super) fn text(self, name: &'static str, cells: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(name, Cells::Text(cells.into_iter().map(Into::into).collect()))
    }

    pub(super) fn opt_text(
        self,
        name: &'static str,
        cells: impl IntoIterator<Item = Option<impl Into<String>>>,
    ) -> Self {
        self.with(name, Cells::OptText(cells.into_iter().map(|cell| cell.map(Into::into)).collect()))
    }

    pub(super) fn bytes(self, name: &'static str, cells: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.with(name, Cells::Bytes(cells.into_iter().collect()))
    }

    fn with(mut self, name: &'static str, cells: Cells) -> Self {
        debug_assert!(self.columns.is_empty() || self.rows == cells.len(), "column `{name}` has another length");
        self.rows = cells.len();
        self.columns.push((name, cells));
        self
    }

    fn take(&mut self, rows: usize) -> Self {
        self.rows -= rows;
        Self { columns: self.columns.iter_mut().map(|(name, cells)| (*name, cells.take(rows))).collect(), rows }
    }
}

/// What stands for a `?` or a `{}`.
#[derive(Debug, Clone)]
pub(super) enum Arg {
    One(Value),
    Ids(Vec<i64>),
    Keys(Vec<String>),
    Many(Table),
}

macro_rules! arg_from {
    ($($from:ty => $arg:expr),* $(,)?) => {
        $(impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                let make: fn($from) -> Arg = $arg;
                make(value)
            }
        })*
    };
}

arg_from! {
    i64 => |value| Arg::One(value.into()),
    Option<i64> => |value| Arg::One(value.into()),
    &str => |value| Arg::One(value.into()),
    String => |value| Arg::One(value.into()),
    Option<String> => |value| Arg::One(value.into()),
    Timestamp => |value| Arg::One(value.as_millisecond().into()),
    Vec<i64> => Arg::Ids,
    Vec<String> => Arg::Keys,
    Table => Arg::Many,
}

/// A list of arguments.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Arg::from($value)),*] };
}
pub(super) use args;

/// A connection or a transaction, with the dialect that it speaks.
pub(super) struct Db<'a, C: ConnectionTrait> {
    connection: &'a C,
    pub(super) dialect: Dialect,
}

impl<'a, C: ConnectionTrait> Db<'a, C> {
    pub(super) const fn new(connection: &'a C, dialect: Dialect) -> Self {
        Self { connection, dialect }
    }

    /// Every row that the statement answers.
    pub(super) async fn all(&self, sql: &str, args: Vec<Arg>) -> Sql<Vec<QueryResult>> {
        let mut found = Vec::new();
        for statement in statements(self.dialect, sql, args) {
            let rows = self.connection.query_all_raw(statement).await?;
            if found.is_empty() {
                found = rows;
            } else {
                found.extend(rows);
            }
        }
        Ok(found)
    }

    /// Every row that `SELECT columns rest` answers, in any order, at the least cost for many of them. The columns have no names.
    pub(super) async fn packed(&self, columns: &str, rest: &str, args: Vec<Arg>) -> Sql<Packed> {
        let rows = self.all(&self.dialect.packed(columns, rest), args).await?;
        match (self.dialect, rows.first()) {
            (Dialect::Sqlite, Some(row)) => Ok(Packed::Text(row.try_get_by(0)?)),
            _ => Ok(Packed::Rows(rows)),
        }
    }

    /// The first row that the statement answers.
    pub(super) async fn first(&self, sql: &str, args: Vec<Arg>) -> Sql<Option<QueryResult>> {
        Ok(self.all(sql, args).await?.into_iter().next())
    }

    /// Runs the statement; answers how many rows it touched.
    pub(super) async fn run(&self, sql: &str, args: Vec<Arg>) -> Sql<u64> {
        let mut touched = 0;
        for statement in statements(self.dialect, sql, args) {
            touched += self.connection.execute_raw(statement).await.map(|done: ExecResult| done.rows_affected())?;
        }
        Ok(touched)
    }

    /// The end of a SELECT that locks.
    pub(super) fn lock(&self, lock: Lock, alias: &str) -> String {
        self.dialect.lock(lock, alias)
    }

    /// Passes the gate: until we commit, nothing is put in force that every start must see.
    pub(super) async fn pass_gate(&self) -> Sql<()> {
        if let Some(sql) = self.dialect.gate(Lock::Shared) {
            self.run(sql, Vec::new()).await?;
        }
        Ok(())
    }

    /// Closes the gate: waits for the starts that are being written, and keeps others waiting until we commit.
    pub(super) async fn close_gate(&self) -> Sql<()> {
        if let Some(sql) = self.dialect.gate(Lock::Exclusive) {
            self.run(sql, Vec::new()).await?;
        }
        Ok(())
    }

    /// Waits its turn to write feedback, or to take some back.
    pub(super) async fn pass_gate_of_feedback(&self, lock: Lock) -> Sql<()> {
        if let Some(sql) = self.dialect.gate_of_feedback(lock) {
            self.run(sql, Vec::new()).await?;
        }
        Ok(())
    }

    /// `n` ids of a table that were never given before, rising.
    pub(super) async fn fresh_ids(&self, table: &'static str, n: usize) -> Sql<Vec<i64>> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let wanted = i64::try_from(n).expect("a batch is small");
        let rows = self.all(self.dialect.fresh_ids(), args![table, wanted]).await?;
        match self.dialect {
            Dialect::Sqlite => {
                let last = rows.first().map(|row| Row::of(row, table).int()).transpose()?.unwrap_or(0);
                Ok((last + 1..=last + wanted).collect())
            }
            Dialect::Postgres => rows.iter().map(|row| Row::of(row, table).int()).collect(),
        }
    }
}

/// The statement with its values: more than one only where a table is cut into parts.
fn statements(dialect: Dialect, sql: &str, mut args: Vec<Arg>) -> Vec<Statement> {
    let table = args.iter().position(|arg| matches!(arg, Arg::Many(_)));
    let Some(table) = table else { return vec![statement(dialect, sql, args)] };
    let Arg::Many(mut whole) = std::mem::replace(&mut args[table], Arg::Ids(Vec::new())) else {
        unreachable!("its position was just looked up")
    };
    let mut made = Vec::new();
    while whole.rows > 0 {
        let mut args = args.clone();
        args[table] = Arg::Many(whole.take(whole.rows.min(dialect.rows_max())));
        made.push(statement(dialect, sql, args));
    }
    made
}

fn statement(dialect: Dialect, sql: &str, args: Vec<Arg>) -> Statement {
    let mut args = args.into_iter();
    let mut next = || args.next().expect("a statement has an argument for each `?` and `{}`");
    let mut text = String::with_capacity(sql.len() + 64);
    let mut values = Vec::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '{']) {
        text.push_str(&rest[..at]);
        let length = if rest.as_bytes()[at] == b'?' { 1 } else { "{}".len() };
        match next() {
            Arg::One(value) => {
                values.push(value);
                dialect.placeholder(&mut text, values.len());
            }
            Arg::Ids(ids) => dialect.one_of_ids(&mut text, &mut values, ids),
            Arg::Keys(keys) => dialect.one_of_keys(&mut text, &mut values, keys),
            Arg::Many(table) => dialect.table(&mut text, &mut values, table),
        }
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    debug_assert!(args.next().is_none(), "too many arguments for {sql}");
    Statement::from_sql_and_values(dialect.backend(), text, values)
}

/// Reads the columns of a row from left to right.
pub(super) struct Row<'a> {
    source: Source<'a>,
    at: usize,
    /// What it is a row of, for the error about an impossible value.
    table: &'static str,
}

/// Where a row's columns are.
#[derive(Clone, Copy)]
enum Source<'a> {
    Row(&'a QueryResult),
    Cells(&'a [Cell<'a>]),
}

impl<'a> Row<'a> {
    pub(super) const fn of(row: &'a QueryResult, table: &'static str) -> Self {
        Self { source: Source::Row(row), at: 0, table }
    }

    pub(super) const fn of_cells(cells: &'a [Cell<'a>], table: &'static str) -> Self {
        Self { source: Source::Cells(cells), at: 0, table }
    }

    pub(super) fn int(&mut self) -> Sql<i64> {
        self.opt_int()?.ok_or_else(|| self.impossible())
    }

    pub(super) fn opt_int(&mut self) -> Sql<Option<i64>> {
        let at = self.at;
        self.at += 1;
        match self.source {
            Source::Row(row) => Ok(row.try_get_by(at)?),
            Source::Cells(cells) => match cells.get(at) {
                Some(Cell::Int(number)) => Ok(Some(*number)),
                Some(Cell::Null) => Ok(None),
                Some(Cell::Text(_)) | None => Err(self.impossible()),
            },
        }
    }

    pub(super) fn flag(&mut self) -> Sql<bool> {
        Ok(self.int()? != 0)
    }

    pub(super) fn text(&mut self) -> Sql<String> {
        self.opt_text()?.ok_or_else(|| self.impossible())
    }

    pub(super) fn opt_text(&mut self) -> Sql<Option<String>> {
        Ok(self.opt_str()?.map(Cow::into_owned))
    }

    fn opt_str(&mut self) -> Sql<Option<Cow<'a, str>>> {
        let at = self.at;
        self.at += 1;
        match self.source {
            Source::Row(row) => Ok(row.try_get_by::<Option<String>, usize>(at)?.map(Cow::Owned)),
            Source::Cells(cells) => match cells.get(at) {
                Some(Cell::Text(text)) => Ok(Some(Cow::Borrowed(text))),
                Some(Cell::Null) => Ok(None),
                Some(Cell::Int(_)) | None => Err(self.impossible()),
            },
        }
    }

    pub(super) fn bytes(&mut self) -> Sql<Vec<u8>> {
        let at = self.at;
        self.at += 1;
        match self.source {
            Source::Row(row) => Ok(row.try_get_by(at)?),
            // JSON has no bytes: a statement that reads some must not be packed.
            Source::Cells(_) => Err(self.impossible()),
        }
    }

    pub(super) fn time(&mut self) -> Sql<Timestamp> {
        let milliseconds = self.int()?;
        Timestamp::from_millisecond(milliseconds).map_err(|_| self.impossible())
    }

    pub(super) fn opt_time(&mut self) -> Sql<Option<Timestamp>> {
        let milliseconds = self.opt_int()?;
        milliseconds.map(Timestamp::from_millisecond).transpose().map_err(|_| self.impossible())
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Sql<T> {
        let text = self.opt_str()?;
        text.and_then(|text| parse(&text)).ok_or_else(|| self.impossible())
    }

    /// Likewise, where there may be none.
    pub(super) fn opt_parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Sql<Option<T>> {
        match self.opt_str()? {
            None => Ok(None),
            Some(text) => parse(&text).map(Some).ok_or_else(|| self.impossible()),
        }
    }

    /// A number that fits.
    pub(super) fn small<T: TryFrom<i64>>(&mut self) -> Sql<T> {
        let number = self.int()?;
        T::try_from(number).map_err(|_| self.impossible())
    }

    /// The column just read holds what it cannot hold.
    pub(super) fn impossible(&self) -> Fault {
        // The first column is the key wherever a whole row is read.
        let key = match self.source {
            Source::Row(row) => row.try_get_by::<i64, usize>(0).ok(),
            Source::Cells([Cell::Int(key), ..]) => Some(*key),
            Source::Cells(_) => None,
        };
        let key = key.map_or_else(String::new, |key| format!(" of row {key}"));
        Fault::Impossible(format!("{}, column {}{key}", self.table, self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dialect: Dialect, sql: &str, args: Vec<Arg>) -> Vec<String> {
        statements(dialect, sql, args).into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn one_text_becomes_a_statement_for_either_database() {
        let sql = "SELECT id FROM messages WHERE id {} AND state = ?";
        let args = || args![vec![1, 2], "planned"];
        assert_eq!(
            text(Dialect::Sqlite, sql, args()),
            ["SELECT id FROM messages WHERE id IN (SELECT value FROM json_each(?)) AND state = ?"]
        );
        assert_eq!(
            text(Dialect::Postgres, sql, args()),
            ["SELECT id FROM messages WHERE id = ANY($1::BIGINT[]) AND state = $2"]
        );
    }

    #[test]
    fn a_table_of_values_is_cut_where_the_database_needs_it() {
        let table = || Table::new().int("id", 1..=300).opt_text("name", (1..=300).map(|n| (n % 2 == 0).then_some("a")));
        let sql = "INSERT INTO t (id, name) SELECT id, name FROM {}";
        let sqlite = statements(Dialect::Sqlite, sql, args![table()]);
        assert_eq!(
            sqlite.iter().map(|statement| statement.values.as_ref().unwrap().0.len()).collect::<Vec<_>>(),
            [512, 96]
        );
        assert!(sqlite[1].sql.ends_with(",(?,?)) WHERE column1 IS NOT NULL) AS v"), "44 rows, filled up to 48");
        let postgres = text(Dialect::Postgres, sql, args![table()]);
        assert!(postgres[0].contains("FROM unnest($1::BIGINT[], $2::TEXT[]) AS u(id, name)"), "{}", postgres[0]);
    }
}
