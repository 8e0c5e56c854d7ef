//! The stages of runs that begin with a pilot.

use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode;
use super::open::unexpected;
use super::request::{Outcome, Request};
use super::runs::{in_lots, locked, missing};
use super::sql::{Db, Row, Sql, args};
use crate::domain::ids::RunId;
use crate::domain::rollout::StageStanding;
use crate::domain::run::RunState;
use crate::ports::{Stages, Stored};

/// Opens a stage, unless somebody else moved the run on.
pub(super) async fn open(
    db: &Db<'_, DatabaseTransaction>,
    id: RunId,
    before: Option<&StageStanding>,
    stage: usize,
    lots: &Range<i64>,
    now: Timestamp,
) -> Sql<bool> {
    // The lock keeps feeding and planning away, so that the counts below and the lots change together.
    let (run, _) = locked(db, id).await?.ok_or_else(|| missing(id))?;
    if !run.state.sends() || !run.planned_whole || run.stages.as_ref() != before {
        return Ok(false);
    }
    let planned = |lots: Range<i64>| {
        format!("SELECT COUNT(*) FROM messages WHERE run_id = ? AND state = 'planned'{}", in_lots("id", &lots))
    };
    let counted = async |sql: String| {
        let row = db.first(&sql, args![id.number()]).await?;
        row.map_or(Ok(0), |row| Row::of(&row, "messages").small::<u64>())
    };
    // People of earlier stages who still wait to be called belong to this one, too.
    let people = counted(planned(0..lots.end)).await?;
    let all = counted(planned(0..i64::MAX)).await?;
    let after = StageStanding { stage, people, later: all - people, opened_at: now, called_at: None, halted: None };
    db.run(
        "UPDATE runs SET lots = ?, stages = ?, fed_through = 0 WHERE id = ?",
        args![lots.end, encode::stages(&after), id.number()],
    )
    .await?;
    Ok(true)
}

/// Writes what became of the open stage, unless somebody else moved the run on.
pub(super) async fn note(
    db: &Db<'_, DatabaseTransaction>,
    id: RunId,
    before: &StageStanding,
    after: &StageStanding,
) -> Sql<bool> {
    let (run, _) = locked(db, id).await?.ok_or_else(|| missing(id))?;
    if !run.state.sends() || run.stages.as_ref() != Some(before) {
        return Ok(false);
    }
    let state = if after.halted.is_some() { RunState::Paused } else { run.state };
    db.run(
        "UPDATE runs SET stages = ?, state = ? WHERE id = ?",
        args![encode::stages(after), state.name(), id.number()],
    )
    .await?;
    Ok(true)
}

#[async_trait]
impl Stages for SqlStore {
    async fn open_stage(
        &self,
        run: RunId,
        before: Option<&StageStanding>,
        stage: usize,
        lots: Range<i64>,
        now: Timestamp,
    ) -> Stored<bool> {
        match self.writers.ask(Request::OpenStage { run, before: before.cloned(), stage, lots, now }).await? {
            Outcome::Ended(opened) => Ok(opened),
            other => Err(unexpected(&other)),
        }
    }

    async fn note_stage(&self, run: RunId, before: &StageStanding, after: &StageStanding) -> Stored<bool> {
        match self.writers.ask(Request::NoteStage { run, before: before.clone(), after: after.clone() }).await? {
            Outcome::Ended(noted) => Ok(noted),
            other => Err(unexpected(&other)),
        }
    }

    async fn stage_outcome(&self, run: RunId, since: Timestamp) -> Stored<(u64, u64)> {
        // The index of failed messages begins with their ids, and a run notes its first and last.
        let failed = "SELECT COUNT(*) FROM messages m WHERE m.state = 'failed' AND m.run_id = ? \
                      AND m.id >= (SELECT first_message FROM runs WHERE id = ?) \
                      AND m.id <= (SELECT last_message FROM runs WHERE id = ?) AND m.called_at >= ?";
        let withdrawn = "SELECT COUNT(DISTINCT c.contact_id) FROM consent_changes c \
                         JOIN messages m ON m.contact_id = c.contact_id AND m.run_id = ? \
                         WHERE c.kind IN ('stop', 'withdraw', 'stop-marketing') AND c.at >= ? AND m.called_at >= ?";
        let id = run.number();
        let failed = self.read(failed, args![id, id, id, since]).await?;
        let withdrawn = self.read(withdrawn, args![id, since, since]).await?;
        let failed = self.rows(&failed, "messages", |row| row.small())?.into_iter().next();
        let withdrawn = self.rows(&withdrawn, "consent_changes", |row| row.small())?.into_iter().next();
        Ok((failed.unwrap_or(0), withdrawn.unwrap_or(0)))
    }
}
