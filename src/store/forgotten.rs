//! What outlives people who were forgotten: that their number is not to be brought back by what was on its way, and their stops.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::sql::{Db, Row, Sql, Table, args};
use crate::domain::erasure::PersonDigest;

/// What is still known of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgot {
    /// The empty contact.
    pub(super) contact: i64,
    /// When they were forgotten.
    pub(super) at: Timestamp,
    /// Whether they had said stop.
    pub(super) stopped: bool,
    /// Whether they had told their provider that they want no marketing.
    pub(super) marketing_stopped: bool,
}

/// Those of some people who were forgotten, by number and user id.
#[derive(Debug, Default)]
pub(super) struct Forgotten(HashMap<String, Forgot>);

impl Forgotten {
    /// Looks whether some of these numbers and user ids are of people who were forgotten.
    pub(super) async fn among<'a>(
        db: &Db<'_, DatabaseTransaction>,
        digest: &PersonDigest,
        addresses: impl Iterator<Item = &'a str>,
    ) -> Sql<Self> {
        // Most installations have forgotten nobody, and digests cost something.
        if db.first("SELECT contact_id FROM forgotten LIMIT 1", args![]).await?.is_none() {
            return Ok(Self::default());
        }
        let mut asked: HashMap<String, &str> = addresses.map(|address| (digest.of(address), address)).collect();
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let digests: Vec<String> = asked.keys().cloned().collect();
        let sql = "SELECT digest, contact_id, at, stopped, marketing_stopped FROM forgotten WHERE digest {}";
        let mut found = HashMap::new();
        for row in db.all(sql, args![digests]).await? {
            let mut row = Row::of(&row, "forgotten");
            let Some(address) = asked.remove(&row.text()?) else { continue };
            let (contact, at) = (row.int()?, row.time()?);
            let forgot = Forgot { contact, at, stopped: row.flag()?, marketing_stopped: row.flag()? };
            found.insert(address.to_owned(), forgot);
        }
        Ok(Self(found))
    }

    /// The empty contacts.
    pub(super) fn contacts(&self) -> Vec<i64> {
        self.0.values().map(|forgot| forgot.contact).collect()
    }

    /// What is known of whoever has this number or user id.
    pub(super) fn of(&self, phone: Option<&str>, bsuid: Option<&str>) -> Option<&Forgot> {
        let by = |address: Option<&str>| address.and_then(|address| self.0.get(address));
        by(phone).or_else(|| by(bsuid))
    }
}

/// Keeps that these are forgotten; of somebody who is forgotten again the newer counts.
pub(super) async fn keep(
    db: &Db<'_, DatabaseTransaction>,
    digest: &PersonDigest,
    people: &[(String, Forgot)],
) -> Sql<()> {
    if people.is_empty() {
        return Ok(());
    }
    let digests: Vec<String> = people.iter().map(|(address, _)| digest.of(address)).collect();
    db.run("DELETE FROM forgotten WHERE digest {}", args![digests.clone()]).await?;
    let table = Table::new()
        .text("digest", digests)
        .int("contact_id", people.iter().map(|(_, forgot)| forgot.contact))
        .int("at", people.iter().map(|(_, forgot)| forgot.at.as_millisecond()))
        .int("stopped", people.iter().map(|(_, forgot)| i64::from(forgot.stopped)))
        .int("marketing_stopped", people.iter().map(|(_, forgot)| i64::from(forgot.marketing_stopped)));
    let sql = "INSERT INTO forgotten (digest, contact_id, at, stopped, marketing_stopped) \
               SELECT digest, contact_id, at, stopped, marketing_stopped FROM {}";
    db.run(sql, args![table]).await.map(drop)
}
