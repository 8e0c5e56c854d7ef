//! What differs between SQLite and PostgreSQL, all of it: connections, placeholders, many rows in one statement, locks, types of
//! columns, fresh ids, and which errors mean what. Every other file of the store writes one SQL for both.

use std::fmt::Write as _;
use std::time::Duration;

use sea_orm::sea_query::ArrayType;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions, Value, sqlx};

use super::sql::{Cells, Table};

/// Rows in one statement on SQLite.
const SQLITE_ROWS_MAX: usize = 256;
/// How long SQLite waits for another process that writes.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection before the store counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for so long is tried before it is used.
const IDLE_TEST: Duration = Duration::from_secs(1);
/// Pages of write-ahead log after which SQLite copies them into the file: 16 MB, so that a page that changes often is copied once.
const SQLITE_CHECKPOINT_PAGES: &str = "4000";
/// An integer that stands for NULL on its way through a PostgreSQL array, whose elements cannot be null here.
const NO_INTEGER: i64 = i64::MIN;
/// A text that does the same; control characters cannot begin any text that we keep.
const NO_TEXT: &str = "\u{1}null";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A file of our own.
    Sqlite,
    /// A server.
    Postgres,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The group-committing writers.
    Write,
    /// Everything else.
    Read,
}

/// What an error means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The database is away, full or busy: later.
    Unavailable,
    /// Two transactions crossed: at once, from the beginning.
    Crossed,
    /// A unique key is taken. If somebody else took it in the same moment, it looks different when it is read again.
    Taken,
    /// This statement with these values will never do.
    Refused,
}

/// A lock on the rows that a SELECT finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// Nobody else may change them until we commit.
    Exclusive,
    /// They stay as they are until we commit.
    Shared,
}

impl Dialect {
    /// The database that a URL names.
    pub(super) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The file that a URL names, for a database that is one.
    pub(super) fn file(self, url: &str) -> Option<std::path::PathBuf> {
        match self {
            Self::Sqlite => url.parse::<SqliteConnectOptions>().ok().map(|options| options.get_filename().to_owned()),
            Self::Postgres => None,
        }
    }

    pub(super) const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// How many transactions write side by side, beside the one for bulk work: SQLite has one writer by nature.
    pub(super) const fn writers(self, wanted: usize) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => wanted,
        }
    }

    /// Whether bulk work has a writer of its own.
    pub(super) const fn has_bulk_writer(self) -> bool {
        matches!(self, Self::Postgres)
    }

    /// How to connect.
    pub(super) fn connect_options(self, url: &str, purpose: Purpose, connections: u32) -> ConnectOptions {
        let mut options = ConnectOptions::new(url);
        options
            .sqlx_logging(false)
            .record_stmt_in_spans(false)
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_timeout(ACQUIRE_TIMEOUT)
            // With one of these the pool looks after idle connections, and sqlx 0.9 may then take a count below zero for very many and look for
            // them for ever, on a thread of ours.
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(false);
        match self {
            Self::Sqlite => options.min_connections(1).map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite = sqlite
                    .create_if_missing(purpose == Purpose::Write)
                    .journal_mode(SqliteJournalMode::Wal)
                    // A journal row is on the disk before Meta gets its 200, a started mark before the call: FULL, not NORMAL.
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT)
                    .foreign_keys(true)
                    .statement_cache_capacity(512)
                    .row_buffer_size(1024)
                    // 8 MB. A larger cache costs more than it saves: after each commit that reordered pages SQLite walks over all of it.
                    .pragma("cache_size", "-8192")
                    .pragma("temp_store", "MEMORY")
                    .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES);
                match purpose {
                    // What was erased must not stay readable in the slack of a page. Nothing on the way of a message deletes.
                    Purpose::Write => sqlite.pragma("secure_delete", "1"),
                    Purpose::Read => sqlite.pragma("query_only", "1"),
                }
            }),
            // A server that was started anew is noticed before a connection of old is used.
            Self::Postgres => {
                options.test_before_acquire_if_idle_for(IDLE_TEST).map_sqlx_postgres_pool_opts(move |pool| {
                    pool.after_connect(move |connection, _| {
                        Box::pin(async move {
                            use sqlx::Executor as _;
                            // Writers touch rows by key only. A plan made while a table was empty must not scan it when it is not.
                            let settings = match purpose {
                                Purpose::Write => {
                                    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                                 SET plan_cache_mode = force_generic_plan; SET deadlock_timeout = '200ms'"
                                }
                                Purpose::Read => "SET default_transaction_read_only = on; SET enable_seqscan = off",
                            };
                            // Only a superuser may set `deadlock_timeout`; without it a deadlock is merely noticed later.
                            let settings: Vec<&str> = settings.split(';').map(str::trim).collect();
                            for setting in settings {
                                if let Err(error) = connection.execute(setting).await {
                                    let forbidden = error
                                        .as_database_error()
                                        .and_then(|error| error.code())
                                        .is_some_and(|code| code == "42501");
                                    if !forbidden {
                                        return Err(error);
                                    }
                                }
                            }
                            Ok(())
                        })
                    })
                })
            }
        };
        options
    }

    /// How a writer's transaction begins. On SQLite it takes the write lock at once, so that it cannot fail half way for having read first.
    pub(super) fn write_transaction(self) -> TransactionOptions {
        match self {
            Self::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            },
            Self::Postgres => TransactionOptions::default(),
        }
    }

    /// Writes the placeholder of the parameter that was added last.
    pub(super) fn placeholder(self, sql: &mut String, number: usize) {
        match self {
            Self::Sqlite => sql.push('?'),
            Self::Postgres => write!(sql, "${number}").expect("writing to a String cannot fail"),
        }
    }

    /// Writes "is one of these numbers" as one parameter, so that the text of the statement does not depend on how many there are.
    pub(super) fn one_of_ids(self, sql: &mut String, values: &mut Vec<Value>, ids: Vec<i64>) {
        match self {
            Self::Sqlite => {
                sql.push_str("IN (SELECT value FROM json_each(?))");
                let mut json = String::with_capacity(ids.len() * 8 + 2);
                json.push('[');
                for (at, id) in ids.into_iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(json, "{comma}{id}").expect("writing to a String cannot fail");
                }
                json.push(']');
                values.push(json.into());
            }
            Self::Postgres => {
                values
                    .push(Value::Array(ArrayType::BigInt, Some(Box::new(ids.into_iter().map(Value::from).collect()))));
                write!(sql, "= ANY(${}::BIGINT[])", values.len()).expect("writing to a String cannot fail");
            }
        }
    }

    /// Writes "is one of these texts", likewise.
    pub(super) fn one_of_keys(self, sql: &mut String, values: &mut Vec<Value>, keys: Vec<String>) {
        match self {
            Self::Sqlite => {
                sql.push_str("IN (SELECT value FROM json_each(?))");
                values.push(serde_json::to_string(&keys).expect("a list of texts is always JSON").into());
            }
            Self::Postgres => {
                let keys = keys.into_iter().map(Value::from).collect();
                values.push(Value::Array(ArrayType::String, Some(Box::new(keys))));
                write!(sql, "= ANY(${}::TEXT[])", values.len()).expect("writing to a String cannot fail");
            }
        }
    }

    /// How many rows of a table go into one statement.
    pub(super) const fn rows_max(self) -> usize {
        match self {
            Self::Sqlite => SQLITE_ROWS_MAX,
            Self::Postgres => usize::MAX,
        }
    }

    /// Writes a table of values that can be selected from, named `v`.
    pub(super) fn table(self, sql: &mut String, values: &mut Vec<Value>, table: Table) {
        let columns = table.columns.len();
        match self {
            Self::Sqlite => {
                sql.push_str("(SELECT ");
                for (at, (name, _)) in table.columns.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(sql, "{comma}column{} AS {name}", at + 1).expect("writing to a String cannot fail");
                }
                // Compiled statements are kept, by their text. So there are few texts: the table is filled up with empty rows, which
                // the first column, never null in a real one, tells apart.
                let rows = filled_up(table.rows);
                sql.push_str(" FROM (VALUES ");
                for row in 0..rows {
                    sql.push_str(if row == 0 { "(" } else { ",(" });
                    for column in 0..columns {
                        sql.push_str(if column == 0 { "?" } else { ",?" });
                    }
                    sql.push(')');
                }
                sql.push_str(") WHERE column1 IS NOT NULL) AS v");
                let mut columns: Vec<_> = table.columns.into_iter().map(|(_, cells)| cells.into_values()).collect();
                values.reserve(rows * columns.len());
                for _ in 0..table.rows {
                    for cells in &mut columns {
                        values.push(cells.next().expect("all columns of a table are equally long"));
                    }
                }
                values.resize(values.len() + (rows - table.rows) * columns.len(), Value::BigInt(None));
            }
            Self::Postgres => {
                let mut arrays = String::new();
                let mut names = String::new();
                sql.push_str("(SELECT ");
                for (at, (name, cells)) in table.columns.into_iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    let number = values.len() + 1;
                    let (kind, null) = match cells {
                        Cells::Int(_) => ("BIGINT", ""),
                        Cells::OptInt(_) => ("BIGINT", "-9223372036854775808"),
                        Cells::Text(_) => ("TEXT", ""),
                        Cells::OptText(_) => ("TEXT", "E'\\x01null'"),
                        Cells::Bytes(_) => ("BYTEA", ""),
                    };
                    let written = match null {
                        "" => write!(sql, "{comma}{name}"),
                        null => write!(sql, "{comma}NULLIF({name}, {null}) AS {name}"),
                    };
                    written
                        .and_then(|()| write!(arrays, "{comma}${number}::{kind}[]"))
                        .and_then(|()| write!(names, "{comma}{name}"))
                        .expect("writing to a String cannot fail");
                    values.push(cells.into_array());
                }
                write!(sql, " FROM unnest({arrays}) AS u({names})) AS v").expect("writing to a String cannot fail");
            }
        }
    }

    /// A SELECT whose rows come in one piece where the database hands over single values at a high price: see `packed.rs`.
    pub(super) fn packed(self, columns: &str, rest: &str) -> String {
        match self {
            Self::Sqlite => format!("SELECT json_group_array(json_array({columns})) {rest}"),
            Self::Postgres => format!("SELECT {columns} {rest}"),
        }
    }

    /// The end of a SELECT that locks rows of the table with that alias. SQLite's one writer needs none.
    pub(super) fn lock(self, lock: Lock, alias: &str) -> String {
        match (self, lock) {
            (Self::Sqlite, _) => String::new(),
            (Self::Postgres, Lock::Exclusive) => format!(" FOR NO KEY UPDATE OF {alias}"),
            (Self::Postgres, Lock::Shared) => format!(" FOR SHARE OF {alias}"),
        }
    }

    /// A statement that takes the one lock of all starts, until the transaction ends: shared by those who start, exclusive for who changes
    /// what each of them must see. SQLite's one writer needs none.
    pub(super) const fn gate(self, lock: Lock) -> Option<&'static str> {
        match (self, lock) {
            (Self::Sqlite, _) => None,
            // "start" as a number.
            (Self::Postgres, Lock::Shared) => Some("SELECT pg_advisory_xact_lock_shared(495874929268)"),
            (Self::Postgres, Lock::Exclusive) => Some("SELECT pg_advisory_xact_lock(495874929268)"),
        }
    }

    /// The same for feedback: shared by those who write some, exclusive for who takes some back. So what is taken back is there, or whoever
    /// writes it finds that it was.
    pub(super) const fn gate_of_feedback(self, lock: Lock) -> Option<&'static str> {
        match (self, lock) {
            (Self::Sqlite, _) => None,
            // "back" as a number.
            (Self::Postgres, Lock::Shared) => Some("SELECT pg_advisory_xact_lock_shared(1650549611)"),
            (Self::Postgres, Lock::Exclusive) => Some("SELECT pg_advisory_xact_lock(1650549611)"),
        }
    }

    /// A query for the next free ids of a table: parameters are the table's name and how many. On SQLite it answers the highest id ever
    /// given (nothing before the first), on PostgreSQL each new id.
    pub(super) const fn fresh_ids(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT seq FROM sqlite_sequence WHERE name = ? AND ? > 0",
            Self::Postgres => "SELECT nextval(pg_get_serial_sequence(?, 'id')) FROM generate_series(1, ?)",
        }
    }

    /// The type of a primary key that counts up and is never given twice.
    pub(super) const fn counted_key(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            Self::Postgres => "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        }
    }

    /// Whether a column of bytes holds the text of one `?`.
    pub(super) fn contains(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({column}, CAST(? AS BLOB)) > 0"),
            Self::Postgres => format!("position(convert_to(?, 'UTF8') in {column}) > 0"),
        }
    }

    /// The type of a column of bytes.
    pub(super) const fn bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }

    /// The end of a CREATE TABLE whose rows lie in the order of their primary key, where the database can do that.
    pub(super) const fn clustered(self) -> &'static str {
        match self {
            Self::Sqlite => " WITHOUT ROWID",
            Self::Postgres => "",
        }
    }

    /// A statement that makes migrations of several processes wait for each other.
    pub(super) const fn migration_lock(self) -> Option<&'static str> {
        match self {
            // The write lock of the transaction does it.
            Self::Sqlite => None,
            // "barid" as a number.
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(422441574500)"),
        }
    }

    /// Whether a BEGIN failed because its connection had died, which is out of the pool now. Not: no connection could be had.
    pub(super) fn was_dead(self, error: &DbErr) -> bool {
        self == Self::Postgres && matches!(error, DbErr::Query(_)) && self.trouble(error) == Trouble::Unavailable
    }

    /// What an error means.
    pub(super) fn trouble(self, error: &DbErr) -> Trouble {
        let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
            return match error {
                DbErr::ConnectionAcquire(_) => Trouble::Unavailable,
                _ => Trouble::Refused,
            };
        };
        let RuntimeErr::SqlxError(cause) = cause else { return Trouble::Unavailable };
        let Some(code) = cause.as_database_error().and_then(|error| error.code()) else {
            return match **cause {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => Trouble::Refused,
                _ => Trouble::Unavailable,
            };
        };
        match self {
            // The lower byte is the primary code: 19 a constraint, 20 a wrong type, 25 a parameter out of range, 1 wrong SQL, 18 too big.
            Self::Sqlite => match code.parse::<u32>().map(|code| code & 0xFF) {
                Ok(1 | 18 | 19 | 20 | 25) => Trouble::Refused,
                _ => Trouble::Unavailable,
            },
            Self::Postgres => match code.as_ref() {
                "40001" | "40P01" => Trouble::Crossed,
                "23505" => Trouble::Taken,
                code if code.starts_with("22") || code.starts_with("23") || code.starts_with("42") => Trouble::Refused,
                _ => Trouble::Unavailable,
            },
        }
    }
}

/// The next number of rows for which SQLite keeps a statement: powers of two and one step between each.
const fn filled_up(rows: usize) -> usize {
    let whole = rows.next_power_of_two();
    if rows <= whole / 4 * 3 { whole / 4 * 3 } else { whole }
}

/// Whether somebody else holds an SQLite file.
pub(super) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return false };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    // 5: busy, 6: locked.
    let code = cause.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xFF), Some(5 | 6))
}

/// An error in a word or two, without the values that its text may quote.
pub(super) fn code(error: &DbErr) -> String {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return match error {
            DbErr::ConnectionAcquire(_) => "no connection".to_owned(),
            _ => "not a database error".to_owned(),
        };
    };
    let RuntimeErr::SqlxError(cause) = cause else { return "internal".to_owned() };
    match &**cause {
        sqlx::Error::Database(error) => {
            error.code().map_or_else(|| "no code".to_owned(), |code| format!("code {code}"))
        }
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
        sqlx::Error::PoolClosed => "closed".to_owned(),
        _ => "internal".to_owned(),
    }
}

impl Cells {
    /// For PostgreSQL: the column as one array.
    fn into_array(self) -> Value {
        let array = |kind, values| Value::Array(kind, Some(Box::new(values)));
        match self {
            Self::Int(cells) => array(ArrayType::BigInt, cells.into_iter().map(Value::from).collect()),
            Self::OptInt(cells) => array(
                ArrayType::BigInt,
                cells.into_iter().map(|cell| Value::from(cell.unwrap_or(NO_INTEGER))).collect(),
            ),
            Self::Text(cells) => array(ArrayType::String, cells.into_iter().map(Value::from).collect()),
            Self::OptText(cells) => {
                let cells = cells.into_iter().map(|cell| cell.map_or_else(|| Value::from(NO_TEXT), Value::from));
                array(ArrayType::String, cells.collect())
            }
            Self::Bytes(cells) => array(ArrayType::Bytes, cells.into_iter().map(Value::from).collect()),
        }
    }

    /// For SQLite: one value after the other.
    fn into_values(self) -> Box<dyn Iterator<Item = Value>> {
        match self {
            Self::Int(cells) => Box::new(cells.into_iter().map(Value::from)),
            Self::OptInt(cells) => Box::new(cells.into_iter().map(Value::from)),
            Self::Text(cells) => Box::new(cells.into_iter().map(Value::from)),
            Self::OptText(cells) => Box::new(cells.into_iter().map(Value::from)),
            Self::Bytes(cells) => Box::new(cells.into_iter().map(Value::from)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_filled_up_to_few_sizes_and_never_by_half() {
        let sizes: std::collections::BTreeSet<usize> = (1..=SQLITE_ROWS_MAX).map(filled_up).collect();
        assert_eq!(
            sizes.into_iter().collect::<Vec<_>>(),
            [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]
        );
        assert!((1..=SQLITE_ROWS_MAX).all(|rows| filled_up(rows) >= rows && filled_up(rows) < rows + rows / 2 + 1));
    }

    #[test]
    fn the_url_says_which_database() {
        assert_eq!(Dialect::of("sqlite:/var/lib/barid/barid.db"), Some(Dialect::Sqlite));
        assert_eq!(Dialect::of("postgres://h/db"), Some(Dialect::Postgres));
        assert_eq!(Dialect::of("postgresql://h/db"), Some(Dialect::Postgres));
        assert_eq!(Dialect::of("mysql://h/db"), None);
        assert_eq!(Dialect::of("barid.db"), None);
    }
}
