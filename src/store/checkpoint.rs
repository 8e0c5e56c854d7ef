//! Copies SQLite's write-ahead log into its file beside the writer. Left to the writer, the commit that fills the log does it, and everybody
//! who waits for that commit waits for the disk twice.

use std::time::Duration;

use sea_orm::DatabaseConnection;

use super::dialect::{self, Dialect};
use super::sql::{Db, Fault, Row, Sql, args};

/// How often is looked.
const EVERY: Duration = Duration::from_millis(500);

/// Copies what is there, again and again, on a connection of its own; never holds up a writer or a reader. Runs until it is aborted.
pub(super) async fn run(pool: DatabaseConnection, dialect: Dialect) {
    let db = Db::new(&pool, dialect);
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(Fault::Database(error)) = once(&db).await {
            // The writer does it where we cannot.
            tracing::debug!(error = %dialect::code(&error), "the log of the record was not copied");
        }
    }
}

/// Pages in the log, and how many of them are in the file.
async fn once(db: &Db<'_, DatabaseConnection>) -> Sql<Option<(i64, i64)>> {
    let Some(row) = db.first("PRAGMA wal_checkpoint(PASSIVE)", args![]).await? else { return Ok(None) };
    let mut row = Row::of(&row, "the log");
    let _is_busy = row.int()?;
    Ok(Some((row.int()?, row.int()?)))
}
