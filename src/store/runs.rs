//! Firings of campaigns: opened once, planned page by page, fed in order, counted by differences.

use std::collections::HashSet;
use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{self, RUN_COLUMNS};
use super::journal::limited;
use super::ledger::{self, Ledger};
use super::open::unexpected;
use super::policies::Policies;
use super::request::{Outcome, PlanPart, Request};
use super::sql::{Db, Fault, Row, Sql, Table, args};
use super::tallies::Counts;
use crate::domain::campaign::Campaign;
use crate::domain::channel::Channel;
use crate::domain::delivery::{Delivery, State, SuppressedReason};
use crate::domain::ids::{CampaignName, MessageId, RunId};
use crate::domain::rollout::{LOT_STEP, LOTS};
use crate::domain::run::{Run, RunCommand, RunState, after_command};
use crate::ports::{OpenedRun, PlannedMessage, RunCount, RunTerms, Runs, StoreError, Stored};

/// Messages that one transaction plans or cancels.
const PART_ROWS: usize = 1_000;

/// Opens a run, once for each firing.
pub(super) async fn open(
    db: &Db<'_, DatabaseTransaction>,
    campaign: &CampaignName,
    due_at: Timestamp,
    definition: &str,
    now: Timestamp,
) -> Sql<OpenedRun> {
    // A definition that cannot be read sends nothing anyway: its jobs say so.
    let campaign_as_defined = serde_json::from_str::<Campaign>(definition).ok();
    let in_stages = campaign_as_defined.as_ref().is_some_and(|campaign| campaign.rollout.is_some());
    let reminders = campaign_as_defined.and_then(|campaign| campaign.reminder).map_or(0, |reminder| reminder.times);
    let new = db
        .run(
            "INSERT INTO runs (campaign, due_at, state, definition, created_at, lots, reminders_left) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (campaign, due_at) DO NOTHING",
            args![
                campaign.as_str(),
                due_at,
                RunState::Planning.name(),
                definition,
                now,
                if in_stages { 0 } else { LOTS },
                i64::from(reminders)
            ],
        )
        .await?;
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs r WHERE r.campaign = ? AND r.due_at = ?");
    let row = db.first(&sql, args![campaign.as_str(), due_at]).await?;
    let row = row.ok_or_else(|| Fault::Impossible("runs: a run that was opened is not there".to_owned()))?;
    let run = encode::run(&mut Row::of(&row, "runs"))?;
    Ok(if new > 0 { OpenedRun::New(run) } else { OpenedRun::Existing(run) })
}

/// A run, locked, and what of it may be fed.
pub(super) async fn locked(db: &Db<'_, DatabaseTransaction>, run: RunId) -> Sql<Option<(Run, Feeding)>> {
    let lock = db.lock(Lock::Exclusive, "r");
    let sql = format!("SELECT {RUN_COLUMNS}, r.fed_through, r.lots FROM runs r WHERE r.id = ?{lock}");
    let row = db.first(&sql, args![run.number()]).await?;
    row.map(|row| {
        let mut row = Row::of(&row, "runs");
        Ok((encode::run(&mut row)?, Feeding { through: row.int()?, lots: row.int()? }))
    })
    .transpose()
}

/// What of a run may be fed.
pub(super) struct Feeding {
    /// The last message that was fed.
    through: i64,
    /// Only messages of the lots below this one.
    lots: i64,
}

/// The condition that a message lies in these lots, as SQL; empty where all of them are meant.
pub(super) fn in_lots(column: &str, lots: &Range<i64>) -> String {
    if lots.contains(&0) && lots.end >= LOTS {
        return String::new();
    }
    let lot = format!("({column} % {LOTS} * {LOT_STEP} % {LOTS})");
    match lots.start {
        0 => format!(" AND {lot} < {}", lots.end),
        start => format!(" AND {lot} >= {start} AND {lot} < {}", lots.end),
    }
}

pub(super) fn missing(run: RunId) -> Fault {
    Fault::Impossible(format!("runs: no row {}", run.number()))
}

/// Which of these messages are there.
async fn there(db: &Db<'_, DatabaseTransaction>, ids: Vec<i64>) -> Sql<HashSet<i64>> {
    let rows = db.all("SELECT id FROM messages WHERE id {}", args![ids]).await?;
    rows.iter().map(|row| Row::of(row, "messages").int()).collect()
}

/// Adds a part of the audience.
pub(super) async fn plan(db: &Db<'_, DatabaseTransaction>, part: &PlanPart, shard: i64) -> Sql<u64> {
    let (run, _) = locked(db, part.run).await?.ok_or_else(|| missing(part.run))?;
    if run.state.has_ended() {
        return Ok(0);
    }
    let state = |person: &PlannedMessage| person.suppressed.map_or(State::Planned, |_| State::Suppressed).name();
    let people = &part.people;
    let ids = db.fresh_ids("messages", people.len()).await?;
    let table = Table::new()
        .int("id", ids.iter().copied())
        .int("contact_id", people.iter().map(|person| person.contact.number()))
        .text("language", people.iter().map(|person| person.language.code()))
        .text("state", people.iter().map(state))
        .opt_text("reason", people.iter().map(|person| person.suppressed.map(SuppressedReason::name)))
        .int("n_events", people.iter().map(|person| i64::from(person.suppressed.is_some())));
    let terms = &part.terms;
    let sql = "INSERT INTO messages (run_id, sender, purpose, marketing, price_micros, expires_at, planned_at, changed_at, id, contact_id, language, \
               state, reason, n_events) SELECT ?, ?, ?, ?, ?, ?, ?, ?, id, contact_id, language, state, reason, n_events FROM {} WHERE TRUE \
               ON CONFLICT (contact_id, run_id) DO NOTHING";
    let values = args![
        part.run.number(),
        terms.sender.as_str(),
        terms.purpose.name(),
        i64::from(terms.marketing),
        terms.price_micros,
        terms.expires_at,
        part.now,
        part.now,
        table
    ];
    let new = if people.is_empty() { 0 } else { db.run(sql, values).await? };
    // Only where somebody was planned before it must be asked who.
    let written: Option<HashSet<i64>> =
        if new < people.len() as u64 { Some(there(db, ids.clone()).await?) } else { None };
    let mut counts = Counts::default();
    let mut born_suppressed = Vec::new();
    let mut first_and_last: Option<(i64, i64)> = None;
    for (id, person) in ids.into_iter().zip(people) {
        if written.as_ref().is_some_and(|written| !written.contains(&id)) {
            continue;
        }
        let delivery = person.suppressed.map_or(Delivery::Planned, Delivery::Suppressed);
        if let Some(reason) = person.suppressed {
            born_suppressed.push((id, reason.name().to_owned()));
        }
        counts.add(part.run.number(), person.language, Channel::Whatsapp, &delivery, 1);
        first_and_last = Some(first_and_last.map_or((id, id), |(first, last)| (first.min(id), last.max(id))));
    }
    ledger::write_born_suppressed(db, born_suppressed, part.now).await?;
    counts.save(db, shard).await?;
    let next = match run.state {
        RunState::Planning if part.whole => RunState::Running,
        state => state,
    };
    let (first, last) = first_and_last.map_or((None, None), |(first, last)| (Some(first), Some(last)));
    db.run(
        "UPDATE runs SET planning_cursor = COALESCE(?, planning_cursor), planned_whole = CASE WHEN ? = 1 THEN 1 ELSE planned_whole END, \
         state = ?, first_message = COALESCE(first_message, ?), last_message = COALESCE(?, last_message) WHERE id = ?",
        args![part.cursor.clone(), i64::from(part.whole), next.name(), first, last, part.run.number()],
    )
    .await?;
    Ok(new)
}

/// Pauses, resumes or begins to cancel.
pub(super) async fn command(db: &Db<'_, DatabaseTransaction>, id: RunId, command: RunCommand) -> Sql<Run> {
    let (run, _) = locked(db, id).await?.ok_or_else(|| missing(id))?;
    let next = after_command(run.state, run.planned_whole, command).map_err(Fault::Command)?;
    if command == RunCommand::Cancel {
        db.run("UPDATE runs SET reminders_left = 0 WHERE id = ?", args![id.number()]).await?;
    }
    if next != run.state {
        // Whatever was fed is fed again: a wake-up too many is harmless, one too few is not.
        db.run("UPDATE runs SET state = ?, fed_through = 0 WHERE id = ?", args![next.name(), id.number()]).await?;
    }
    Ok(Run { state: next, ..run })
}

/// Suppresses some messages of a cancelled run; answers how many were found. When none are left, the run has ended.
pub(super) async fn cancel_some(
    db: &Db<'_, DatabaseTransaction>,
    policies: &Policies,
    id: RunId,
    now: Timestamp,
    shard: i64,
) -> Sql<u64> {
    let limit = limited(PART_ROWS as u64);
    // Two statements, because each has its index.
    let planned = "SELECT id FROM messages WHERE run_id = ? AND state = 'planned' ORDER BY id LIMIT ?";
    let held = "SELECT id FROM messages WHERE due_at IS NOT NULL AND state = 'held' AND run_id = ? LIMIT ?";
    let mut rows = db.all(planned, args![id.number(), limit]).await?;
    if rows.is_empty() {
        rows = db.all(held, args![id.number(), limit]).await?;
    }
    let ids =
        rows.iter().map(|row| Row::of(row, "messages").int()).collect::<Sql<std::collections::BTreeSet<i64>>>()?;
    if ids.is_empty() {
        let sql = "UPDATE runs SET ended_at = ? WHERE id = ? AND state = 'cancelled' AND ended_at IS NULL";
        db.run(sql, args![now, id.number()]).await?;
        return Ok(0);
    }
    let mut ledger = Ledger::load(db, policies, &ids, &[]).await?;
    for message in &ids {
        ledger.suppress(*message, SuppressedReason::Cancelled, "", now);
    }
    ledger.save(db, shard).await?;
    Ok(ids.len() as u64)
}

/// The next messages for the lane.
pub(super) async fn feed(db: &Db<'_, DatabaseTransaction>, id: RunId, limit: u64) -> Sql<Vec<(MessageId, u16)>> {
    // The lock makes feeding and planning of one run take turns, so no smaller id can appear behind the mark.
    let Some((run, feeding)) = locked(db, id).await? else { return Ok(Vec::new()) };
    if !run.state.sends() || feeding.lots == 0 {
        return Ok(Vec::new());
    }
    let rows = db.all(&waiting_in(feeding.lots), args![id.number(), feeding.through, i64::MAX, limited(limit)]).await?;
    let fed = rows.iter().map(|row| waiting(&mut Row::of(row, "messages"))).collect::<Sql<Vec<_>>>()?;
    if let Some((last, _)) = fed.last() {
        db.run("UPDATE runs SET fed_through = ? WHERE id = ?", args![last.number(), id.number()]).await?;
    }
    Ok(fed)
}

/// Messages of a run that wait, in these lots, between two of them.
fn waiting_in(lots: i64) -> String {
    let in_lots = in_lots("id", &(0..lots));
    format!(
        "SELECT id, attempt FROM messages WHERE run_id = ? AND state = 'planned' AND id > ? AND id <= ?{in_lots} ORDER BY id LIMIT ?"
    )
}

fn waiting(row: &mut Row<'_>) -> Sql<(MessageId, u16)> {
    Ok((MessageId::new(row.int()?), row.small()?))
}

/// Ends a run in which nothing is left to do.
pub(super) async fn finish(db: &Db<'_, DatabaseTransaction>, id: RunId, now: Timestamp) -> Sql<bool> {
    let ended = db
        .run(
            "UPDATE runs SET state = 'finished', ended_at = ? WHERE id = ? AND planned_whole = 1 \
             AND state IN ('planning', 'running', 'paused') \
             AND (SELECT COALESCE(SUM(n), 0) FROM run_counts WHERE run_id = ? \
                  AND (state IN ('planned', 'held', 'calling', 'unknown') OR reason = 'awaiting-delivery')) = 0",
            args![now, id.number(), id.number()],
        )
        .await?;
    Ok(ended > 0)
}

impl SqlStore {
    /// Suppresses what is left of a cancelled run, part by part.
    async fn cancel_rest(&self, run: RunId, now: Timestamp) -> Stored<()> {
        loop {
            match self.writers.ask(Request::Cancel { run, now }).await? {
                Outcome::Count(0) => return Ok(()),
                Outcome::Count(_) => {}
                other => return Err(unexpected(&other)),
            }
        }
    }

    async fn feeding(&self, run: RunId) -> Stored<Option<Feeding>> {
        let rows = self.read("SELECT fed_through, lots FROM runs WHERE id = ?", args![run.number()]).await?;
        let feeding = self.rows(&rows, "runs", |row| Ok(Feeding { through: row.int()?, lots: row.int()? }))?;
        Ok(feeding.into_iter().next())
    }

    async fn one_run(&self, rest: &str, args: Vec<super::sql::Arg>) -> Stored<Option<Run>> {
        let rows = self.read(&format!("SELECT {RUN_COLUMNS} FROM runs r {rest}"), args).await?;
        Ok(self.rows(&rows, "runs", encode::run)?.into_iter().next())
    }
}

#[async_trait]
impl Runs for SqlStore {
    async fn open(
        &self,
        campaign: &CampaignName,
        due_at: Timestamp,
        definition: &str,
        now: Timestamp,
    ) -> Stored<OpenedRun> {
        let request = Request::Open { campaign: campaign.clone(), due_at, definition: definition.to_owned(), now };
        match self.writers.ask(request).await? {
            Outcome::Opened(opened) => Ok(opened),
            other => Err(unexpected(&other)),
        }
    }

    async fn run(&self, id: RunId) -> Stored<Option<Run>> {
        self.one_run("WHERE r.id = ?", args![id.number()]).await
    }

    async fn active(&self) -> Stored<Vec<Run>> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM runs r WHERE r.ended_at IS NULL ORDER BY r.id");
        let rows = self.read(&sql, args![]).await?;
        self.rows(&rows, "runs", encode::run)
    }

    async fn newest(&self, campaign: &CampaignName) -> Stored<Option<Run>> {
        let rest = "WHERE r.campaign = ? AND r.reminder_of IS NULL ORDER BY r.due_at DESC LIMIT 1";
        self.one_run(rest, args![campaign.as_str()]).await
    }

    async fn plan(
        &self,
        run: RunId,
        terms: &RunTerms,
        mut people: Vec<PlannedMessage>,
        cursor: &str,
        whole: bool,
        now: Timestamp,
    ) -> Stored<u64> {
        let mut new = 0;
        loop {
            let rest = people.split_off(people.len().min(PART_ROWS));
            let last = rest.is_empty();
            let part = PlanPart {
                run,
                terms: terms.clone(),
                people,
                // Only the last part moves the cursor: a crash between two parts plans the page again and skips who is there.
                cursor: last.then(|| cursor.to_owned()),
                whole: last && whole,
                now,
            };
            match self.writers.ask(Request::Plan(part)).await? {
                Outcome::Count(n) => new += n,
                other => return Err(unexpected(&other)),
            }
            if last {
                return Ok(new);
            }
            people = rest;
        }
    }

    async fn command(&self, run: RunId, command: RunCommand, now: Timestamp) -> Stored<Run> {
        let after = match self.writers.ask(Request::Command { run, command }).await? {
            Outcome::Run(after) => after,
            other => return Err(unexpected(&other)),
        };
        if command == RunCommand::Cancel {
            self.cancel_rest(run, now).await?;
        }
        Ok(self.run(run).await?.unwrap_or(after))
    }

    async fn feed(&self, run: RunId, limit: u64) -> Stored<Vec<(MessageId, u16)>> {
        match self.writers.ask(Request::Feed { run, limit }).await? {
            Outcome::Fed(fed) => Ok(fed),
            other => Err(unexpected(&other)),
        }
    }

    async fn fed_and_waiting(&self, run: RunId, after: Option<MessageId>, limit: u64) -> Stored<Vec<(MessageId, u16)>> {
        let Some(feeding) = self.feeding(run).await? else { return Ok(Vec::new()) };
        let after = after.map_or(0, MessageId::number);
        let sql = waiting_in(feeding.lots);
        let rows = self.read(&sql, args![run.number(), after, feeding.through, limited(limit)]).await?;
        self.rows(&rows, "messages", waiting)
    }

    async fn queued(&self, run: RunId) -> Stored<u64> {
        Ok(self.queued_from(run, None).await?.0)
    }

    async fn queued_from(&self, run: RunId, from: Option<MessageId>) -> Stored<(u64, Option<MessageId>)> {
        let Some(feeding) = self.feeding(run).await? else { return Ok((0, None)) };
        let from = from.map_or(0, MessageId::number);
        let from = if from > feeding.through { 0 } else { from };
        // Served by the index of planned messages alone.
        let in_lots = in_lots("id", &(0..feeding.lots));
        let sql = format!(
            "SELECT COUNT(*), MIN(id) FROM messages WHERE run_id = ? AND state = 'planned' AND id >= ? AND id <= ?{in_lots}"
        );
        let rows = self.read(&sql, args![run.number(), from, feeding.through]).await?;
        let found = self.rows(&rows, "messages", |row| Ok((row.small()?, row.opt_int()?)))?.into_iter().next();
        let (count, first) = found.unwrap_or_default();
        Ok((count, first.map(MessageId::new)))
    }

    async fn finish_if_done(&self, run: RunId, now: Timestamp) -> Stored<bool> {
        // A cancellation that a crash interrupted is brought to its end by whoever looks after active runs.
        let interrupted =
            self.run(run).await?.is_some_and(|run| run.state == RunState::Cancelled && run.ended_at.is_none());
        if interrupted {
            self.cancel_rest(run, now).await?;
            return Ok(true);
        }
        match self.writers.ask(Request::Finish { run, now }).await? {
            Outcome::Ended(ended) => Ok(ended),
            other => Err(unexpected(&other)),
        }
    }

    async fn counts(&self, run: RunId) -> Stored<Vec<RunCount>> {
        let sql = "SELECT language, channel, state, reason, CAST(SUM(n) AS BIGINT) FROM run_counts WHERE run_id = ? \
                   GROUP BY language, channel, state, reason HAVING SUM(n) <> 0 ORDER BY language, channel, state, reason";
        let rows = self.read(sql, args![run.number()]).await?;
        self.rows(&rows, "run_counts", |row| {
            Ok(RunCount {
                language: row.parsed(encode::language)?,
                channel: row.parsed(Channel::named)?,
                state: row.parsed(State::named)?,
                reason: row.text()?,
                n: row.small()?,
            })
        })
    }

    async fn cost_micros(&self, run: RunId) -> Stored<i64> {
        let sql = "SELECT CAST(COALESCE(SUM(micros), 0) AS BIGINT) FROM run_costs WHERE run_id = ?";
        let rows = self.read(sql, args![run.number()]).await?;
        self.rows(&rows, "run_costs", |row| row.int())?
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::Inconsistent { place: "run_costs: a sum without a row".to_owned() })
    }
}
