//! Stops put on parts of the sending: kept as rows, and asked inside each transaction that starts something.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::dialect::Lock;
use super::encode::millis;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::sql::{Db, Row, Sql, args};
use crate::domain::failure::FailureClass;
use crate::domain::suspension::{Cause, NewSuspension, Probe, Scope, Suspension, Target};
use crate::ports::{Stored, Suspensions};

/// How often a message behind an endless suspension is looked at, should nobody wake it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// After one message was let through, the next is so much later, unless the first one's answer ended the suspension.
const LET_THROUGH_PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// Messages woken in one transaction.
const WOKEN_MAX: i64 = 500;

const COLUMNS: &str = "s.id, s.scope, s.value, s.cause, s.code, s.words, s.since, s.until, s.probe, s.probe_at";
/// What stands in the column `cause` of what a person did.
const OPERATOR: &str = "operator";

/// The suspensions in force, as one transaction sees them.
#[derive(Default)]
pub(super) struct InForce {
    all: Vec<Suspension>,
    /// Places of those that let one message through.
    moved: Vec<usize>,
}

impl InForce {
    /// Reads them. Where one lets a message through, no other transaction may do so at the same time: so they are locked.
    pub(super) async fn load(db: &Db<'_, DatabaseTransaction>) -> Sql<Self> {
        let lock = db.lock(Lock::Exclusive, "s");
        let sql = format!("SELECT {COLUMNS} FROM suspensions s WHERE s.released_at IS NULL ORDER BY s.id{lock}");
        let rows = db.all(&sql, args![]).await?;
        let all = rows.iter().map(|row| suspension(&mut Row::of(row, "suspensions"))).collect::<Sql<_>>()?;
        Ok(Self { all, moved: Vec::new() })
    }

    /// Whether the country of a message matters to any of them.
    pub(super) fn ask_country(&self) -> bool {
        self.all.iter().any(|suspension| matches!(suspension.scope, Scope::Country(_)))
    }

    /// Until when this message is stopped; `None` when it may go, be it as the one that is let through.
    pub(super) fn stops_until(&self, target: &Target<'_>, now: Timestamp) -> Option<Timestamp> {
        let stopping =
            self.all.iter().filter(|suspension| suspension.stops(target, now) && !lets_through(suspension, now));
        stopping.map(|suspension| ends(suspension, now)).max()
    }

    /// Notes that this message goes: those that let one through have done so. Answers one of them.
    pub(super) fn let_through(&mut self, target: &Target<'_>, now: Timestamp) -> Option<i64> {
        let before = self.moved.len();
        for (at, suspension) in self.all.iter_mut().enumerate() {
            if suspension.stops(target, now) && lets_through(suspension, now) {
                suspension.probe_at = now.checked_add(LET_THROUGH_PAUSE).ok();
                self.moved.push(at);
            }
        }
        self.moved.get(before).map(|at| self.all[*at].id)
    }

    /// Writes what was let through.
    pub(super) async fn save(self, db: &Db<'_, DatabaseTransaction>) -> Sql<()> {
        for at in self.moved {
            let suspension = &self.all[at];
            move_probe(db, suspension.id, suspension.probe_at).await?;
        }
        Ok(())
    }
}

fn lets_through(suspension: &Suspension, now: Timestamp) -> bool {
    suspension.probe == Probe::LetOneThrough && suspension.probe_at.is_some_and(|at| at <= now)
}

fn ends(suspension: &Suspension, now: Timestamp) -> Timestamp {
    let look = now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX);
    let probe = suspension.probe_at.filter(|at| *at > now && suspension.probe == Probe::LetOneThrough);
    suspension.until.or(probe).unwrap_or(look)
}

fn suspension(row: &mut Row<'_>) -> Sql<Suspension> {
    let id = row.int()?;
    let (kind, value) = (row.text()?, row.text()?);
    let scope = Scope::of(&kind, &value).ok_or_else(|| row.impossible())?;
    let cause = row.text()?;
    let (code, words) = (row.opt_int()?, row.text()?);
    let cause = match cause.as_str() {
        OPERATOR => Cause::Operator(words),
        class => Cause::Refusal { class: FailureClass::named(class).ok_or_else(|| row.impossible())?, code },
    };
    Ok(Suspension {
        id,
        scope,
        cause,
        since: row.time()?,
        until: row.opt_time()?,
        probe: row.parsed(Probe::named)?,
        probe_at: row.opt_time()?,
    })
}

async fn move_probe(db: &Db<'_, DatabaseTransaction>, id: i64, at: Option<Timestamp>) -> Sql<()> {
    let sql = "UPDATE suspensions SET probe_at = ? WHERE id = ? AND released_at IS NULL";
    db.run(sql, args![at.map(millis), id]).await?;
    Ok(())
}

/// Puts one in force, or finds the same one there already.
pub(super) async fn suspend(
    db: &Db<'_, DatabaseTransaction>,
    wanted: &NewSuspension,
    now: Timestamp,
) -> Sql<(Suspension, bool)> {
    let (cause, code, words) = match &wanted.cause {
        Cause::Operator(words) => (OPERATOR, None, words.as_str()),
        Cause::Refusal { class, code } => (class.name(), *code, ""),
    };
    // What has run out is over, so that the same cause can begin anew.
    db.run("UPDATE suspensions SET released_at = until WHERE released_at IS NULL AND until <= ?", args![now]).await?;
    let lock = db.lock(Lock::Exclusive, "s");
    let sql = format!(
        "SELECT {COLUMNS} FROM suspensions s WHERE s.released_at IS NULL AND s.scope = ? AND s.value = ? AND s.cause = ?{lock}"
    );
    let (kind, value) = (wanted.scope.kind(), wanted.scope.value());
    if let Some(row) = db.first(&sql, args![kind, value.clone(), cause]).await? {
        let mut known = suspension(&mut Row::of(&row, "suspensions"))?;
        let longer = known.until.is_some_and(|until| wanted.until.is_none_or(|wanted| wanted > until));
        if longer {
            known.until = wanted.until;
            db.run("UPDATE suspensions SET until = ? WHERE id = ?", args![known.until.map(millis), known.id]).await?;
        }
        return Ok((known, false));
    }
    let id = db.fresh_ids("suspensions", 1).await?[0];
    db.run(
        "INSERT INTO suspensions (id, scope, value, cause, code, words, since, until, probe, probe_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        args![
            id,
            kind,
            value,
            cause,
            code,
            super::encode::storable(words.to_owned()),
            now,
            wanted.until.map(millis),
            wanted.probe.name(),
            wanted.probe_at.map(millis)
        ],
    )
    .await?;
    let new = Suspension {
        id,
        scope: wanted.scope.clone(),
        cause: wanted.cause.clone(),
        since: now,
        until: wanted.until,
        probe: wanted.probe,
        probe_at: wanted.probe_at,
    };
    Ok((new, true))
}

/// Ends one.
pub(super) async fn release(db: &Db<'_, DatabaseTransaction>, id: i64, now: Timestamp) -> Sql<bool> {
    let sql = "UPDATE suspensions SET released_at = ? WHERE id = ? AND released_at IS NULL";
    Ok(db.run(sql, args![now, id]).await? > 0)
}

/// Makes some of what waits behind suspensions due; answers how many. Whatever another suspension still stops is held again.
pub(super) async fn wake_some(db: &Db<'_, DatabaseTransaction>, now: Timestamp) -> Sql<u64> {
    let sql = "UPDATE messages SET due_at = ? WHERE id IN (SELECT id FROM messages \
               WHERE due_at > ? AND state = 'held' AND reason = 'suspended' ORDER BY due_at LIMIT ?)";
    db.run(sql, args![now, now, WOKEN_MAX]).await
}

/// Moves the moment of the next probe.
pub(super) async fn probe_again(db: &Db<'_, DatabaseTransaction>, id: i64, at: Timestamp) -> Sql<()> {
    move_probe(db, id, Some(at)).await
}

#[async_trait]
impl Suspensions for SqlStore {
    async fn suspend(&self, wanted: NewSuspension, now: Timestamp) -> Stored<(Suspension, bool)> {
        match self.writers.ask(Request::Suspend { wanted: Box::new(wanted), now }).await? {
            Outcome::Suspended(suspension, is_new) => Ok((*suspension, is_new)),
            other => Err(unexpected(&other)),
        }
    }

    async fn release(&self, id: i64, now: Timestamp) -> Stored<bool> {
        let released = match self.writers.ask(Request::Release { id, now }).await? {
            Outcome::Ended(released) => released,
            other => return Err(unexpected(&other)),
        };
        if !released {
            return Ok(false);
        }
        loop {
            match self.writers.ask(Request::Wake { now }).await? {
                Outcome::Count(0) => return Ok(true),
                Outcome::Count(_) => {}
                other => return Err(unexpected(&other)),
            }
        }
    }

    async fn suspensions(&self, now: Timestamp) -> Stored<Vec<Suspension>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM suspensions s WHERE s.released_at IS NULL AND (s.until IS NULL OR s.until > ?) ORDER BY s.id"
        );
        let rows = self.read(&sql, args![now]).await?;
        self.rows(&rows, "suspensions", suspension)
    }

    async fn probe_again(&self, id: i64, at: Timestamp) -> Stored<()> {
        match self.writers.ask(Request::ProbeAgain { id, at }).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}
