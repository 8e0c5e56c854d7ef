//! What the record knows of limits that are used up: read in the same transaction that begins a new generation of permits.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::budget::{day_number, day_of_number};
use crate::domain::ids::{ContactId, RunId, SenderName};
use crate::domain::limit::{PAIR_BURST, PAIR_INTERVAL, TIER_SPAN};
use crate::domain::pricing::Tariff;
use crate::ports::{LimitFacts, LimitFactsOf, Stored};

/// A pair's debt is paid back in this time.
const PAIR_SPAN: SignedDuration = SignedDuration::from_secs(PAIR_INTERVAL.as_secs() * PAIR_BURST as i64);
/// For so long the budget of an ended run is known: a late failure or an operator may open it again.
const BUDGETS_KNOWN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Begins a new generation and reads the facts.
pub(super) async fn read(
    db: &Db<'_, DatabaseTransaction>,
    portfolio: &str,
    senders: &[SenderName],
    tier: Option<u32>,
    tariff: &Tariff,
    now: Timestamp,
) -> Sql<LimitFacts> {
    // Whoever marks an attempt holds this row shared until it is committed: so everything older is seen here, and nothing newer
    // is marked with an older permit.
    db.run(
        "INSERT INTO limit_generations (portfolio, generation) VALUES (?, 1) \
         ON CONFLICT (portfolio) DO UPDATE SET generation = limit_generations.generation + 1",
        args![portfolio],
    )
    .await?;
    let row = db.first("SELECT generation FROM limit_generations WHERE portfolio = ?", args![portfolio]).await?;
    let generation = row.map_or(Ok(1), |row| Row::of(&row, "limit_generations").int())?;

    let names: Vec<String> = senders.iter().map(ToString::to_string).collect();
    let counted_since = now.saturating_sub(TIER_SPAN).unwrap_or(Timestamp::MIN);
    let pairs_since = now.saturating_sub(PAIR_SPAN).unwrap_or(Timestamp::MIN);
    let since = if tier.is_some() { counted_since } else { pairs_since };
    let mut facts = LimitFacts { generation, ..LimitFacts::default() };

    // Runs that ended before that called nobody since, so what lies before the first message of all others is left alone.
    let sql = "SELECT MIN(first_message) FROM runs WHERE ended_at IS NULL OR ended_at >= ?";
    let first = match db.first(sql, args![since]).await? {
        Some(row) => Row::of(&row, "runs").opt_int()?,
        None => None,
    };
    let mut rows = Vec::new();
    const WANTED: &str = "SELECT contact_id, sender, called_at, counted_at FROM messages";
    if let Some(first) = first {
        let sql = format!("{WANTED} WHERE id >= ? AND run_id IS NOT NULL AND called_at >= ? AND sender {{}}");
        rows.extend(db.all(&sql, args![first, since, names.clone()]).await?);
    }
    let sql = format!("{WANTED} WHERE run_id IS NULL AND called_at >= ? AND sender {{}}");
    rows.extend(db.all(&sql, args![since, names]).await?);
    let mut people: HashMap<ContactId, Timestamp> = HashMap::new();
    for row in rows {
        let mut row = Row::of(&row, "messages");
        let contact = ContactId::new(row.int()?);
        let sender: SenderName = row.parsed(|text| text.parse().ok())?;
        let (called_at, counted_at) = (row.time()?, row.opt_time()?);
        if let Some(counted_at) = counted_at.filter(|at| tier.is_some() && *at >= counted_since) {
            people.entry(contact).and_modify(|at| *at = (*at).max(counted_at)).or_insert(counted_at);
        }
        if called_at >= pairs_since {
            facts.pairs.push((sender, contact, called_at));
        }
    }
    facts.people.extend(people);

    let sql = "SELECT c.run_id, CAST(SUM(c.micros + c.reserved) AS BIGINT) FROM run_costs c JOIN runs r ON r.id = c.run_id \
               WHERE r.ended_at IS NULL OR r.ended_at >= ? GROUP BY c.run_id";
    let known_since = now.saturating_sub(BUDGETS_KNOWN).unwrap_or(Timestamp::MIN);
    for row in db.all(sql, args![known_since]).await? {
        let mut row = Row::of(&row, "run_costs");
        facts.budgets.push((RunId::new(row.int()?), row.int()?));
    }

    let sql = "SELECT day, CAST(SUM(micros + reserved) AS BIGINT) FROM budget_days WHERE day >= ? GROUP BY day";
    for row in db.all(sql, args![day_number(tariff.day(now).first_of_month())]).await? {
        let mut row = Row::of(&row, "budget_days");
        let day = row.int()?;
        facts.days.push((day_of_number(day).ok_or_else(|| row.impossible())?, row.int()?));
    }
    Ok(facts)
}

#[async_trait]
impl LimitFactsOf for SqlStore {
    async fn limit_facts(
        &self,
        portfolio: &str,
        senders: &[SenderName],
        tier: Option<u32>,
        now: Timestamp,
    ) -> Stored<LimitFacts> {
        let request = Request::LimitFacts { portfolio: portfolio.to_owned(), senders: senders.to_vec(), tier, now };
        match self.writers.ask(request).await? {
            Outcome::LimitFacts(facts) => Ok(*facts),
            other => Err(unexpected(&other)),
        }
    }

    async fn limit_generation(&self, portfolio: &str) -> Stored<i64> {
        let sql = "SELECT generation FROM limit_generations WHERE portfolio = ?";
        let rows = self.read(sql, args![portfolio]).await?;
        let generations = self.rows(&rows, "limit_generations", |row| row.int())?;
        Ok(generations.first().copied().unwrap_or(0))
    }
}
