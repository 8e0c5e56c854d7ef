//! The telling of events to endpoints: what is due, what a call brought, what is given up, told once more, or old enough to be forgotten.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{DatabaseTransaction, QueryResult};

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{millis, storable};
use super::journal::{limited, page};
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Arg, Db, Row, Sql, args};
use crate::domain::hook::delivery::{DeliveryState, GaveUp, HookHealth, Next, Progress, after_attempt};
use crate::domain::hook::{HookEvent, WebhookId};
use crate::domain::ids::{HookDeliveryId, HookEventId, HookName};
use crate::ports::{
    HookAttempt, HookDelivery, HookFilter, HookRecorded, ListedDelivery, Outbox, Page, Store as _, Stored,
};

/// Deliveries or events that one transaction changes.
const PART_ROWS: u64 = 500;

const HEALTH_COLUMNS: &str = "h.failures, h.failing_since, h.rests, h.rest_until, h.gone";

/// Reads [`HEALTH_COLUMNS`] of a row that is there.
fn health(row: &mut Row<'_>) -> Sql<HookHealth> {
    Ok(HookHealth {
        failures: row.small()?,
        failing_since: row.opt_time()?,
        rests: row.small()?,
        rest_until: row.opt_time()?,
        gone: row.opt_text()?,
    })
}

/// Writes down what a call brought, and what follows from it.
pub(super) async fn record(db: &Db<'_, DatabaseTransaction>, attempt: &HookAttempt) -> Sql<Option<HookRecorded>> {
    let HookAttempt { id, attempts_before, answer, fingerprint, now } = attempt;
    let sql = format!(
        "SELECT d.hook, e.event, d.waits_used, d.since FROM hook_deliveries d JOIN hook_events e ON e.id = d.event_id \
         WHERE d.id = ? AND d.state = 'waiting' AND d.attempt = ?{}",
        db.lock(Lock::Exclusive, "d")
    );
    let Some(row) = db.first(&sql, args![id.number(), i64::from(*attempts_before)]).await? else { return Ok(None) };
    let mut row = Row::of(&row, "hook_deliveries");
    let (hook, event) = (row.text()?, row.text()?);
    let progress =
        Progress { is_test: event == HookEvent::HookTest.name(), waits_used: row.small()?, since: row.time()? };
    let next = after_attempt(progress, answer, id.number().unsigned_abs(), *now);
    let (state, due_at, waits, why) = match next {
        Next::Delivered => (DeliveryState::Delivered, None, 0, String::new()),
        Next::Again { at, takes_wait } => {
            (DeliveryState::Waiting, Some(millis(at)), i64::from(takes_wait), answer.words())
        }
        Next::GiveUp(because) => (DeliveryState::Dead, None, 0, format!("{}; {}", answer.words(), because.words())),
    };
    db.run(
        "UPDATE hook_deliveries SET state = ?, attempt = attempt + 1, waits_used = waits_used + ?, due_at = ?, changed_at = ?, \
         status = ?, why = ? WHERE id = ?",
        args![state.name(), waits, due_at, *now, answer.status().map(i64::from), storable(why), id.number()],
    )
    .await?;
    let (before, after) = record_health(db, &hook, attempt, fingerprint).await?;
    Ok(Some(HookRecorded { next, before, after }))
}

/// How the endpoint did and does.
async fn record_health(
    db: &Db<'_, DatabaseTransaction>,
    hook: &str,
    attempt: &HookAttempt,
    fingerprint: &str,
) -> Sql<(HookHealth, HookHealth)> {
    // So that there is a row to lock: an endpoint that does well has none.
    if !attempt.answer.is_success() {
        db.run(
            "INSERT INTO hook_healths (hook, failures, rests) VALUES (?, 0, 0) ON CONFLICT (hook) DO NOTHING",
            args![hook],
        )
        .await?;
    }
    let sql = format!("SELECT {HEALTH_COLUMNS} FROM hook_healths h WHERE h.hook = ?{}", db.lock(Lock::Exclusive, "h"));
    let Some(row) = db.first(&sql, args![hook]).await? else { return Ok(Default::default()) };
    let before = health(&mut Row::of(&row, "hook_healths"))?;
    let after = before.after(&attempt.answer, fingerprint, attempt.now);
    if after == HookHealth::default() {
        db.run("DELETE FROM hook_healths WHERE hook = ?", args![hook]).await?;
    } else if after != before {
        db.run(
            "UPDATE hook_healths SET failures = ?, failing_since = ?, rests = ?, rest_until = ?, gone = ? WHERE hook = ?",
            args![
                i64::from(after.failures),
                after.failing_since.map(millis),
                i64::from(after.rests),
                after.rest_until.map(millis),
                after.gone.clone(),
                hook
            ],
        )
        .await?;
    }
    Ok((before, after))
}

/// The condition behind a filter, of deliveries `d` and events `e`.
fn matching(filter: &HookFilter) -> (String, Vec<Arg>) {
    let mut sql = "FROM hook_deliveries d JOIN hook_events e ON e.id = d.event_id WHERE d.id > 0".to_owned();
    let mut values = Vec::new();
    if let Some(id) = filter.id {
        sql.push_str(" AND d.event_id = ?");
        values.extend(args![id.number()]);
    }
    if let Some(hook) = &filter.hook {
        sql.push_str(" AND d.hook = ?");
        values.extend(args![hook.as_str()]);
    }
    if let Some(event) = filter.event {
        sql.push_str(" AND e.event = ?");
        values.extend(args![event.name()]);
    }
    if let Some(since) = filter.since {
        sql.push_str(" AND e.at >= ?");
        values.extend(args![since]);
    }
    if let Some(state) = filter.state {
        sql.push_str(" AND d.state = ?");
        values.extend(args![state.name()]);
    }
    (sql, values)
}

/// Likewise, without what a replay leaves out.
fn replayable(filter: &HookFilter) -> (String, Vec<Arg>) {
    let (mut sql, mut values) = matching(filter);
    sql.push_str(" AND e.event <> ?");
    values.extend(args![HookEvent::HookTest.name()]);
    (sql, values)
}

fn ids(rows: &[QueryResult], table: &'static str) -> Sql<Vec<i64>> {
    rows.iter().map(|row| Row::of(row, table).int()).collect()
}

/// Makes some deliveries due again.
pub(super) async fn replay(
    db: &Db<'_, DatabaseTransaction>,
    filter: &HookFilter,
    after: Option<HookDeliveryId>,
    now: Timestamp,
) -> Sql<(u64, Option<HookDeliveryId>)> {
    let (matching, mut values) = replayable(filter);
    let sql = format!("SELECT d.id {matching} AND d.id > ? ORDER BY d.id LIMIT ?{}", db.lock(Lock::Exclusive, "d"));
    values.extend(args![after.map_or(0, HookDeliveryId::number), limited(PART_ROWS)]);
    let found = ids(&db.all(&sql, values).await?, "hook_deliveries")?;
    let n = found.len() as u64;
    let next = found.last().filter(|_| n >= PART_ROWS).map(|id| HookDeliveryId::new(*id));
    if n > 0 {
        db.run(
            "UPDATE hook_deliveries SET state = 'waiting', waits_used = 0, since = ?, due_at = ?, changed_at = ?, why = '' \
             WHERE id {}",
            args![now, now, now, found],
        )
        .await?;
    }
    Ok((n, next))
}

/// Gives up some deliveries that wait for too long. Not a test that is being made: it is to find out whether the endpoint is there again.
pub(super) async fn give_up(
    db: &Db<'_, DatabaseTransaction>,
    hook: &HookName,
    before: Timestamp,
    because: GaveUp,
    now: Timestamp,
) -> Sql<u64> {
    db.run(
        "UPDATE hook_deliveries SET state = 'dead', due_at = NULL, changed_at = ?, \
         why = CASE WHEN why = '' THEN ? ELSE why || '; ' || ? END WHERE id IN \
         (SELECT d.id FROM hook_deliveries d JOIN hook_events e ON e.id = d.event_id \
         WHERE d.hook = ? AND d.state = 'waiting' AND d.since <= ? AND (e.event <> ? OR d.due_at <= ?) ORDER BY d.due_at, d.id LIMIT ?)",
        args![
            now,
            because.words(),
            because.words(),
            hook.as_str(),
            before,
            HookEvent::HookTest.name(),
            now,
            limited(PART_ROWS)
        ],
    )
    .await
}

/// Deletes some events of old for which nothing waits.
pub(super) async fn tidy(db: &Db<'_, DatabaseTransaction>, before: Timestamp) -> Sql<u64> {
    let sql = "SELECT e.id FROM hook_events e WHERE e.at < ? AND NOT EXISTS \
               (SELECT 1 FROM hook_deliveries d WHERE d.event_id = e.id AND d.state = 'waiting') ORDER BY e.at, e.id LIMIT ?";
    let old = ids(&db.all(sql, args![before, limited(PART_ROWS)]).await?, "hook_events")?;
    if !old.is_empty() {
        db.run("DELETE FROM hook_deliveries WHERE event_id {}", args![old.clone()]).await?;
        db.run("DELETE FROM hook_events WHERE id {}", args![old.clone()]).await?;
    }
    Ok(old.len() as u64)
}

impl SqlStore {
    fn webhook_id(&self, event: i64) -> WebhookId {
        WebhookId { store: self.tag().to_owned(), event: HookEventId::new(event) }
    }

    async fn counted(&self, request: Request) -> Stored<u64> {
        match self.writers.ask(request).await? {
            Outcome::Count(n) => Ok(n),
            other => Err(unexpected(&other)),
        }
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn due_deliveries(&self, hook: &HookName, now: Timestamp, limit: u64) -> Stored<Vec<(HookDeliveryId, u16)>> {
        let sql = "SELECT id, attempt FROM hook_deliveries WHERE hook = ? AND state = 'waiting' AND due_at <= ? \
                   ORDER BY due_at, id LIMIT ?";
        let rows = self.read(sql, args![hook.as_str(), now, limited(limit)]).await?;
        self.rows(&rows, "hook_deliveries", |row| Ok((HookDeliveryId::new(row.int()?), row.small()?)))
    }

    async fn delivery(&self, id: HookDeliveryId) -> Stored<Option<HookDelivery>> {
        let sql = format!(
            "SELECT d.hook, d.event_id, e.event, e.version, e.at, e.data, d.state, d.attempt, d.waits_used, d.since, \
             CAST(CASE WHEN h.hook IS NULL THEN 0 ELSE 1 END AS BIGINT), {HEALTH_COLUMNS} \
             FROM hook_deliveries d JOIN hook_events e ON e.id = d.event_id LEFT JOIN hook_healths h ON h.hook = d.hook \
             WHERE d.id = ?"
        );
        let rows = self.read(&sql, args![id.number()]).await?;
        let found = self.rows(&rows, "hook_deliveries", |row| {
            let (hook, webhook_id) = (row.parsed(|text| text.parse().ok())?, self.webhook_id(row.int()?));
            let (event, version, at, data) = (row.text()?, row.int()?, row.time()?, row.text()?);
            let (state, attempts) = (row.parsed(DeliveryState::named)?, row.small()?);
            let is_test = event == HookEvent::HookTest.name();
            let progress = Progress { is_test, waits_used: row.small()?, since: row.time()? };
            let health = if row.flag()? { health(row)? } else { HookHealth::default() };
            Ok(HookDelivery { id, hook, webhook_id, event, version, at, data, state, attempts, progress, health })
        })?;
        Ok(found.into_iter().next())
    }

    async fn record_attempt(&self, attempt: HookAttempt) -> Stored<Option<HookRecorded>> {
        let recorded = match self.writers.ask(Request::RecordHook(Box::new(attempt))).await? {
            Outcome::HookRecorded(recorded) => recorded.map(|recorded| *recorded),
            other => return Err(unexpected(&other)),
        };
        // Its place is free for the next one.
        self.wanted.stir();
        Ok(recorded)
    }

    async fn hook_healths(&self) -> Stored<Vec<(HookName, HookHealth)>> {
        let sql = format!("SELECT h.hook, {HEALTH_COLUMNS} FROM hook_healths h ORDER BY h.hook");
        let rows = self.read(&sql, args![]).await?;
        self.rows(&rows, "hook_healths", |row| Ok((row.parsed(|text| text.parse().ok())?, health(row)?)))
    }

    async fn hook_counts(&self) -> Stored<Vec<(HookName, DeliveryState, u64)>> {
        let of = |state: &str| {
            format!("SELECT hook, '{state}', COUNT(*) FROM hook_deliveries WHERE state = '{state}' GROUP BY hook")
        };
        let rows = self.read(&format!("{} UNION ALL {}", of("waiting"), of("dead")), args![]).await?;
        self.rows(&rows, "hook_deliveries", |row| {
            Ok((row.parsed(|text| text.parse().ok())?, row.parsed(DeliveryState::named)?, row.small()?))
        })
    }

    async fn deliveries(&self, filter: &HookFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedDelivery>> {
        let (matching, mut values) = matching(filter);
        let sql = format!(
            "SELECT d.id, d.event_id, e.event, d.hook, d.state, d.attempt, e.at, d.due_at, d.changed_at, d.status, d.why {matching} \
             AND d.id < ? ORDER BY d.id DESC LIMIT ?"
        );
        values.extend(args![before.unwrap_or(i64::MAX), limited(limit)]);
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "hook_deliveries", |row| {
            Ok(ListedDelivery {
                id: HookDeliveryId::new(row.int()?),
                webhook_id: self.webhook_id(row.int()?),
                event: row.text()?,
                hook: row.parsed(|text| text.parse().ok())?,
                state: row.parsed(DeliveryState::named)?,
                attempts: row.small()?,
                at: row.time()?,
                due_at: row.opt_time()?,
                changed_at: row.time()?,
                status: row.opt_int()?.and_then(|status| u16::try_from(status).ok()),
                why: row.text()?,
            })
        })?;
        Ok(page(items, limit, |delivery: &ListedDelivery| delivery.id.number()))
    }

    async fn replayable_deliveries(&self, filter: &HookFilter) -> Stored<u64> {
        let (matching, values) = replayable(filter);
        let rows = self.read(&format!("SELECT COUNT(*) {matching}"), values).await?;
        Ok(self.rows(&rows, "hook_deliveries", |row| row.small())?.into_iter().next().unwrap_or(0))
    }

    async fn replay_deliveries(
        &self,
        filter: &HookFilter,
        after: Option<HookDeliveryId>,
        now: Timestamp,
    ) -> Stored<(u64, Option<HookDeliveryId>)> {
        let request = Request::ReplayHooks { filter: Box::new(filter.clone()), after, now };
        let replayed = match self.writers.ask(request).await? {
            Outcome::ReplayedHooks(n, next) => (n, next),
            other => return Err(unexpected(&other)),
        };
        self.wanted.stir();
        Ok(replayed)
    }

    async fn give_up_deliveries(
        &self,
        hook: &HookName,
        before: Timestamp,
        because: GaveUp,
        now: Timestamp,
    ) -> Stored<u64> {
        self.counted(Request::GiveUpHooks { hook: hook.clone(), before, because, now }).await
    }

    async fn add_test(&self, hook: &HookName, now: Timestamp) -> Stored<HookDeliveryId> {
        match self.writers.ask(Request::TestHook { hook: hook.clone(), now }).await? {
            Outcome::Last(Some(id)) => Ok(HookDeliveryId::new(id)),
            other => Err(unexpected(&other)),
        }
    }

    async fn tidy_events(&self, before: Timestamp) -> Stored<u64> {
        // Read first: there is next to never something to delete.
        let sql = "SELECT COUNT(*) FROM (SELECT id FROM hook_events WHERE at < ? LIMIT 1) AS old";
        let rows = self.read(sql, args![before]).await?;
        if self.rows(&rows, "hook_events", |row| row.int())? == [0] {
            return Ok(0);
        }
        self.counted(Request::TidyHooks { before }).await
    }

    async fn stirred(&self) {
        self.wanted.stirred().await;
    }
}
