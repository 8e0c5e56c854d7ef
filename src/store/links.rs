//! Links of ours that lead on to other addresses, and how often they were opened.

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::millis;
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::ids::MessageId;
use crate::ports::{Clicks, Stored, TrackedLink};

/// Adds the links of messages that are created in this transaction.
pub(super) async fn add(db: &Db<'_, DatabaseTransaction>, links: &[(&TrackedLink, i64)]) -> Sql<()> {
    if links.is_empty() {
        return Ok(());
    }
    let table = Table::new()
        .text("token", links.iter().map(|(link, _)| link.token.as_str()))
        .text("url", links.iter().map(|(link, _)| link.url.as_str()))
        .int("message_id", links.iter().map(|(_, message)| *message));
    let sql = "INSERT INTO links (token, url, message_id) SELECT token, url, message_id FROM {}";
    db.run(sql, args![table]).await.map(drop)
}

/// Counts that a link was opened; answers where it leads, and its message.
pub(super) async fn open(
    db: &Db<'_, DatabaseTransaction>,
    token: &str,
    now: Timestamp,
) -> Sql<Option<(String, MessageId)>> {
    let sql = "UPDATE links SET clicks = clicks + 1, last_at = ?, first_at = COALESCE(first_at, ?) WHERE token = ? \
               RETURNING url, message_id";
    let found = db.first(sql, args![millis(now), millis(now), token]).await?;
    found.map(|row| target(&mut Row::of(&row, "links"))).transpose()
}

fn target(row: &mut Row<'_>) -> Sql<(String, MessageId)> {
    Ok((row.text()?, MessageId::new(row.int()?)))
}

impl SqlStore {
    /// Where a link leads, and its message.
    pub(super) async fn link(&self, token: &str) -> Stored<Option<(String, MessageId)>> {
        let rows = self.read("SELECT url, message_id FROM links WHERE token = ?", args![token]).await?;
        Ok(self.rows(&rows, "links", target)?.into_iter().next())
    }

    /// How often the link of a message was opened.
    pub(super) async fn clicks_of(&self, message: MessageId) -> Stored<Option<Clicks>> {
        let sql = "SELECT clicks, first_at, last_at FROM links WHERE message_id = ?";
        let rows = self.read(sql, args![message.number()]).await?;
        let clicks = self.rows(&rows, "links", |row| {
            Ok(Clicks { n: row.small()?, first_at: row.opt_time()?, last_at: row.opt_time()? })
        })?;
        Ok(clicks.into_iter().next())
    }
}
