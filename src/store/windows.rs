//! Service windows of people with our numbers, and the messages that wait for one to open.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::encode::millis;
use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::ids::SenderName;
use crate::domain::service_window::ServiceWindow;

/// A person and one of our numbers.
pub(super) type Pair = (i64, SenderName);

/// Keeps these windows open until then; none closes earlier than it did.
pub(super) async fn open(db: &Db<'_, DatabaseTransaction>, opened: &BTreeMap<Pair, Timestamp>) -> Sql<()> {
    if opened.is_empty() {
        return Ok(());
    }
    let table = Table::new()
        .int("contact_id", opened.keys().map(|(contact, _)| *contact))
        .text("sender", opened.keys().map(|(_, sender)| sender.as_str()))
        .int("open_until", opened.values().copied().map(millis));
    db.run(
        "INSERT INTO windows (contact_id, sender, open_until) SELECT contact_id, sender, open_until FROM {} WHERE TRUE \
         ON CONFLICT (contact_id, sender) DO UPDATE SET open_until = \
         CASE WHEN excluded.open_until > windows.open_until THEN excluded.open_until ELSE windows.open_until END",
        args![table],
    )
    .await?;
    Ok(())
}

/// The messages that wait for one of these windows.
pub(super) async fn parked(
    db: &Db<'_, DatabaseTransaction>,
    opened: &BTreeMap<Pair, Timestamp>,
) -> Sql<Vec<(Pair, i64)>> {
    if opened.is_empty() {
        return Ok(Vec::new());
    }
    let contacts: Vec<i64> = opened.keys().map(|(contact, _)| *contact).collect();
    let sql = "SELECT contact_id, sender, id FROM messages WHERE contact_id {} AND state = 'held' AND reason = 'window' ORDER BY id";
    let mut found = Vec::new();
    for row in db.all(sql, args![contacts]).await? {
        let mut row = Row::of(&row, "messages");
        let pair = (row.int()?, row.parsed(|text| text.parse().ok())?);
        if opened.contains_key(&pair) {
            found.push((pair, row.int()?));
        }
    }
    Ok(found)
}

/// The windows of these people.
pub(super) async fn of(db: &Db<'_, DatabaseTransaction>, contacts: Vec<i64>) -> Sql<HashMap<Pair, ServiceWindow>> {
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT contact_id, sender, open_until FROM windows WHERE contact_id {}";
    let rows = db.all(sql, args![contacts]).await?;
    rows.iter()
        .map(|row| {
            let mut row = Row::of(row, "windows");
            let pair = (row.int()?, row.parsed(|text| text.parse().ok())?);
            Ok((pair, ServiceWindow { open_until: Some(row.time()?) }))
        })
        .collect()
}
