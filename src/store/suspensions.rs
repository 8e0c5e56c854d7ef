//! Stops put on parts of the sending: kept as rows, and asked inside each transaction that starts something.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::{millis, storable};
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::ids::MessageId;
use crate::domain::suspension::{
    AfterLetThrough, Cause, KeptSuspension, LetThrough, NewSuspension, Probe, ReleasedBy, Rules, Scope, Suspension,
    Target, after_let_through,
};
use crate::ports::{Page, Stored, Suspensions};

/// How often a message behind an endless suspension is looked at, should nobody wake it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// After a message that was let through showed nothing, the next one goes so much later, if it was not to go sooner.
const TRY_SOON: SignedDuration = SignedDuration::from_mins(1);
/// A suspension that begins anew so shortly after its release goes on with the waits of the one before.
const SAME_TROUBLE: SignedDuration = SignedDuration::from_hours(1);
/// Messages woken in one transaction.
const WOKEN_MAX: i64 = 500;

const COLUMNS: &str = "s.id, s.scope, s.value, s.cause, s.code, s.words, s.set_by, s.since, s.until, s.probe, s.probe_at, \
                       s.probes, s.probe_message";
const IN_FORCE: &str = "s.released_at IS NULL";

/// The suspensions in force, as one transaction sees them.
#[derive(Default)]
pub(super) struct InForce {
    all: Vec<Suspension>,
    /// Places of those that let a message through.
    moved: Vec<usize>,
}

impl InForce {
    /// Reads them. The gate must have been passed before: so what is put in force meanwhile waits for us, or we have waited for it. Only
    /// those that would let a message through are locked: no other transaction may do so at the same time.
    pub(super) async fn load(db: &Db<'_, DatabaseTransaction>, now: Timestamp) -> Sql<Self> {
        let mut all = read(db, &format!("WHERE {IN_FORCE} ORDER BY s.id"), args![]).await?;
        let trying: Vec<i64> = all.iter().filter(|one| one.lets_through(now)).map(|one| one.id).collect();
        let lock = db.lock(Lock::Exclusive, "s");
        if !trying.is_empty() && !lock.is_empty() {
            let locked =
                read(db, &format!("WHERE s.id {{}} AND {IN_FORCE} ORDER BY s.id{lock}"), args![trying.clone()]).await?;
            all.retain(|one| !trying.contains(&one.id));
            all.extend(locked);
        }
        Ok(Self { all, moved: Vec::new() })
    }

    /// Whether the country of a message matters to any of them.
    pub(super) fn ask_country(&self) -> bool {
        self.all.iter().any(|suspension| matches!(suspension.scope, Scope::Country(_)))
    }

    /// Until when this message is stopped; `None` when it may go, be it as the one that is let through.
    pub(super) fn stops_until(&self, target: &Target<'_>, now: Timestamp) -> Option<Timestamp> {
        let stopping = self.all.iter().filter(|one| one.stops(target, now) && !one.lets_through(now));
        let look = now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX);
        stopping.map(|one| one.may_end_at(now).unwrap_or(look)).max()
    }

    /// Notes that this message goes: those that let one through have done so. Answers one of them.
    pub(super) fn let_through(
        &mut self,
        message: MessageId,
        target: &Target<'_>,
        rules: &Rules,
        now: Timestamp,
    ) -> Option<i64> {
        let before = self.moved.len();
        for (at, suspension) in self.all.iter_mut().enumerate() {
            if suspension.stops(target, now) && suspension.lets_through(now) {
                suspension.probes = suspension.probes.saturating_add(1);
                suspension.probe_at = rules.next_probe(suspension.probe, suspension.probes, now);
                suspension.probe_message = Some(message);
                self.moved.push(at);
            }
        }
        self.moved.get(before).map(|at| self.all[*at].id)
    }

    /// Writes what was let through.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        for at in self.moved {
            let Suspension { id, probe_at, probes, probe_message, .. } = &self.all[at];
            db.run(
                "UPDATE suspensions SET probe_at = ?, probes = ?, probe_message = ? WHERE id = ?",
                args![probe_at.map(millis), i64::from(*probes), probe_message.map(MessageId::number), *id],
            )
            .await?;
        }
        Ok(())
    }
}

async fn read(db: &Db<'_, DatabaseTransaction>, rest: &str, args: Vec<super::sql::Arg>) -> Sql<Vec<Suspension>> {
    let rows = db.all(&format!("SELECT {COLUMNS} FROM suspensions s {rest}"), args).await?;
    rows.iter().map(|row| suspension(&mut Row::of(row, "suspensions"))).collect()
}

fn suspension(row: &mut Row<'_>) -> Sql<Suspension> {
    let id = row.int()?;
    let (kind, value) = (row.text()?, row.text()?);
    let scope = Scope::of(&kind, &value).ok_or_else(|| row.impossible())?;
    let (cause, code, words) = (row.text()?, row.opt_int()?, row.text()?);
    let cause = Cause::of(&cause, code, words).ok_or_else(|| row.impossible())?;
    Ok(Suspension {
        id,
        scope,
        cause,
        by: row.text()?,
        since: row.time()?,
        until: row.opt_time()?,
        probe: row.parsed(Probe::named)?,
        probe_at: row.opt_time()?,
        probes: row.small()?,
        probe_message: row.opt_int()?.map(MessageId::new),
    })
}

fn kept(row: &mut Row<'_>) -> Sql<KeptSuspension> {
    let suspension = suspension(row)?;
    let (at, by) = (row.opt_time()?, row.opt_parsed(ReleasedBy::of)?);
    Ok(KeptSuspension { suspension, released: at.zip(by) })
}

/// Puts one in force, or finds the same one there already.
pub(super) async fn suspend(
    db: &Db<'_, DatabaseTransaction>,
    wanted: &NewSuspension,
    rules: &Rules,
    now: Timestamp,
) -> Sql<(Suspension, bool)> {
    db.close_gate().await?;
    // What has run out is over, so that the same cause can begin anew.
    end_those_over(db, now).await?;
    let (kind, value) = (wanted.scope.kind(), wanted.scope.value());
    let words = storable(wanted.cause.words().to_owned());
    let same = "s.scope = ? AND s.value = ? AND s.cause = ? AND (s.cause <> 'operator' OR s.words = ?)";
    let of_wanted = || args![kind, value.clone(), wanted.cause.name(), words.clone()];
    let known = read(db, &format!("WHERE {IN_FORCE} AND {same} ORDER BY s.id LIMIT 1"), of_wanted()).await?;
    if let Some(mut known) = known.into_iter().next() {
        let longer = known.until.is_some_and(|until| wanted.until.is_none_or(|wanted| wanted > until));
        if longer {
            known.until = wanted.until;
            db.run("UPDATE suspensions SET until = ? WHERE id = ?", args![known.until.map(millis), known.id]).await?;
        }
        return Ok((known, false));
    }
    let before = format!(
        "SELECT {COLUMNS}, s.released_at, s.released_by FROM suspensions s WHERE s.released_at IS NOT NULL AND {same} \
         ORDER BY s.released_at DESC, s.id DESC LIMIT 1"
    );
    let before = db.first(&before, of_wanted()).await?;
    let before = before.map(|row| kept(&mut Row::of(&row, "suspensions"))).transpose()?;
    let (mut probe, mut probe_at, mut probes) = (wanted.probe, wanted.probe_at, 0);
    if let Some(KeptSuspension { suspension, released: Some((released_at, by)) }) = before {
        if wanted.shown_at.is_some_and(|shown_at| shown_at <= released_at) {
            return Ok((suspension, false));
        }
        let is_recent = now.duration_since(released_at) < SAME_TROUBLE;
        if is_recent && wanted.probe != Probe::Never && matches!(by, ReleasedBy::Asked | ReleasedBy::LetThrough) {
            // A question that is answered shows nothing where messages are refused all the same.
            if by == ReleasedBy::Asked {
                probe = Probe::LetOneThrough;
            }
            probes = suspension.probes;
            probe_at = rules.next_probe(probe, probes, now);
        }
    }
    let id = db.fresh_ids("suspensions", 1).await?[0];
    let new = Suspension {
        id,
        scope: wanted.scope.clone(),
        cause: wanted.cause.clone(),
        by: storable(wanted.by.clone()),
        since: now,
        until: wanted.until,
        probe,
        probe_at,
        probes,
        probe_message: None,
    };
    db.run(
        "INSERT INTO suspensions (id, scope, value, cause, code, words, set_by, since, until, probe, probe_at, probes) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        args![
            id,
            kind,
            value,
            new.cause.name(),
            new.cause.code(),
            words,
            new.by.clone(),
            now,
            new.until.map(millis),
            new.probe.name(),
            new.probe_at.map(millis),
            i64::from(probes)
        ],
    )
    .await?;
    Ok((new, true))
}

/// Ends one.
pub(super) async fn release(db: &Db<'_, DatabaseTransaction>, id: i64, by: &ReleasedBy, now: Timestamp) -> Sql<bool> {
    let sql = "UPDATE suspensions SET released_at = ?, released_by = ?, waking = 1 \
               WHERE id = ? AND released_at IS NULL AND (until IS NULL OR until > ?)";
    Ok(db.run(sql, args![now, storable(by.words()), id, now]).await? > 0)
}

/// Notes of those whose end has come that it has.
pub(super) async fn end_those_over(db: &Db<'_, DatabaseTransaction>, now: Timestamp) -> Sql<()> {
    let sql = "UPDATE suspensions SET released_at = until, released_by = ? WHERE released_at IS NULL AND until <= ?";
    db.run(sql, args![ReleasedBy::Time.words(), now]).await?;
    Ok(())
}

/// Makes some of what waits behind suspensions due, in the order of the messages; answers the last of them. Whatever another suspension still
/// stops is held again. Once nothing is left, the suspensions that ended until `now` have woken all that they held.
pub(super) async fn wake_some(db: &Db<'_, DatabaseTransaction>, after: i64, now: Timestamp) -> Sql<Option<i64>> {
    let sql = "UPDATE messages SET due_at = ? WHERE state = 'held' AND reason = 'suspended' AND id IN (SELECT id FROM messages \
               WHERE state = 'held' AND reason = 'suspended' AND id > ? ORDER BY id LIMIT ?) RETURNING id";
    let woken = db.all(sql, args![now, after, WOKEN_MAX]).await?;
    let mut last = None;
    for row in &woken {
        last = last.max(Some(Row::of(row, "messages").int()?));
    }
    if last.is_none() {
        db.run("UPDATE suspensions SET waking = 0 WHERE waking = 1 AND released_at <= ?", args![now]).await?;
    }
    Ok(last)
}

/// Takes a probe, unless somebody else has.
pub(super) async fn take_probe(
    db: &Db<'_, DatabaseTransaction>,
    id: i64,
    planned: Timestamp,
    next: Timestamp,
) -> Sql<bool> {
    let sql = "UPDATE suspensions SET probe_at = ?, probes = probes + 1 WHERE id = ? AND probe_at = ? AND released_at IS NULL";
    Ok(db.run(sql, args![next, id, planned]).await? > 0)
}

/// Draws what follows from what became of a message that was let through; answers the suspensions that it ended.
pub(super) async fn let_through(
    db: &Db<'_, DatabaseTransaction>,
    message: i64,
    became: LetThrough,
    now: Timestamp,
) -> Sql<Vec<Suspension>> {
    let lock = db.lock(Lock::Exclusive, "s");
    let sql = format!("WHERE {IN_FORCE} AND s.probe_message = ? ORDER BY s.id{lock}");
    let mut released = Vec::new();
    for suspension in read(db, &sql, args![message]).await? {
        match after_let_through(&suspension, became) {
            AfterLetThrough::Release => {
                if release(db, suspension.id, &ReleasedBy::LetThrough, now).await? {
                    released.push(suspension);
                }
            }
            AfterLetThrough::Wait => {
                if matches!(became, LetThrough::Refused(_)) {
                    db.run("UPDATE suspensions SET probe_message = NULL WHERE id = ?", args![suspension.id]).await?;
                }
            }
            AfterLetThrough::TrySoon => {
                let soon = now.saturating_add(TRY_SOON).unwrap_or(Timestamp::MAX);
                let sql = "UPDATE suspensions SET probe_message = NULL, probe_at = ? WHERE id = ?";
                let at = suspension.probe_at.map_or(soon, |at| at.min(soon));
                db.run(sql, args![at, suspension.id]).await?;
            }
        }
    }
    Ok(released)
}

impl SqlStore {
    /// Makes due what ended suspensions held, in bounded steps. Should we be interrupted, [`Suspensions::settle_suspensions`] goes on.
    async fn wake_all(&self, now: Timestamp) -> Stored<()> {
        let mut after = 0;
        loop {
            match self.writers.ask(Request::Wake { after, now }).await? {
                Outcome::Last(Some(last)) => after = last,
                Outcome::Last(None) => return Ok(()),
                other => return Err(unexpected(&other)),
            }
        }
    }
}

#[async_trait]
impl Suspensions for SqlStore {
    async fn suspend(&self, wanted: NewSuspension, now: Timestamp) -> Stored<(Suspension, bool)> {
        match self.writers.ask(Request::Suspend { wanted: Box::new(wanted), now }).await? {
            Outcome::Suspended(suspension, is_new) => Ok((*suspension, is_new)),
            other => Err(unexpected(&other)),
        }
    }

    async fn release(&self, id: i64, by: ReleasedBy, now: Timestamp) -> Stored<bool> {
        let released = match self.writers.ask(Request::Release { id, by, now }).await? {
            Outcome::Ended(released) => released,
            other => return Err(unexpected(&other)),
        };
        if released {
            self.wake_all(now).await?;
        }
        Ok(released)
    }

    async fn suspensions(&self, now: Timestamp) -> Stored<Vec<Suspension>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM suspensions s WHERE {IN_FORCE} AND (s.until IS NULL OR s.until > ?) ORDER BY s.id"
        );
        let rows = self.read(&sql, args![now]).await?;
        self.rows(&rows, "suspensions", suspension)
    }

    async fn suspension(&self, id: i64) -> Stored<Option<KeptSuspension>> {
        let sql = format!("SELECT {COLUMNS}, s.released_at, s.released_by FROM suspensions s WHERE s.id = ?");
        let rows = self.read(&sql, args![id]).await?;
        Ok(self.rows(&rows, "suspensions", kept)?.into_iter().next())
    }

    async fn all_suspensions(&self, before: Option<i64>, limit: u64) -> Stored<Page<KeptSuspension>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {COLUMNS}, s.released_at, s.released_by FROM suspensions s WHERE s.id < ? ORDER BY s.id DESC LIMIT ?"
        );
        let rows = self.read(&sql, args![before.unwrap_or(i64::MAX), limit]).await?;
        let items = self.rows(&rows, "suspensions", kept)?;
        let is_full = i64::try_from(items.len()).is_ok_and(|n| n == limit);
        let next = items.last().filter(|_| is_full).map(|last| last.suspension.id);
        Ok(Page { items, next })
    }

    async fn suspension_counts(&self) -> Stored<Vec<(String, u64)>> {
        let rows = self.read("SELECT cause, COUNT(*) FROM suspensions GROUP BY cause ORDER BY cause", args![]).await?;
        self.rows(&rows, "suspensions", |row| Ok((row.text()?, row.small()?)))
    }

    async fn take_probe(&self, id: i64, planned: Timestamp, next: Timestamp) -> Stored<bool> {
        match self.writers.ask(Request::TakeProbe { id, planned, next }).await? {
            Outcome::Ended(taken) => Ok(taken),
            other => Err(unexpected(&other)),
        }
    }

    async fn let_through(&self, message: MessageId, became: LetThrough, now: Timestamp) -> Stored<Vec<Suspension>> {
        let released = match self.writers.ask(Request::LetThrough { message, became, now }).await? {
            Outcome::Released(released) => released,
            other => return Err(unexpected(&other)),
        };
        if !released.is_empty() {
            self.wake_all(now).await?;
        }
        Ok(released)
    }

    async fn settle_suspensions(&self, now: Timestamp) -> Stored<()> {
        // Read first: there is next to never something to write.
        let sql = "SELECT CAST(CASE WHEN waking = 1 THEN 1 ELSE 0 END AS BIGINT) FROM suspensions \
                   WHERE waking = 1 OR (released_at IS NULL AND until <= ?)";
        let rows = self.read(sql, args![now]).await?;
        let to_do = self.rows(&rows, "suspensions", |row| row.flag())?;
        if to_do.contains(&false) {
            match self.writers.ask(Request::EndSuspensions { now }).await? {
                Outcome::Done => {}
                other => return Err(unexpected(&other)),
            }
        }
        if to_do.contains(&true) {
            self.wake_all(now).await?;
        }
        Ok(())
    }
}
