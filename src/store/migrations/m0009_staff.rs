//! What staff did in conversations, and what was chosen on the scales of flows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::Value;

use super::run;
use crate::store::dialect::Dialect;
use crate::store::sql::{Db, Fault, Row, Sql, Table, args};

/// Results that are read at once.
const RESULTS: i64 = 500;

pub(super) struct Staff;

impl MigrationName for Staff {
    fn name(&self) -> &'static str {
        "m0009_staff"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Staff {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = run(manager, statements).await?;
        fill_scores(&Db::new(manager.get_connection(), dialect)).await
    }
}

/// What the results that are there already say of the scales. Read here and not by the database, which may refuse to read what it keeps.
async fn fill_scores<C: ConnectionTrait>(db: &Db<'_, C>) -> Result<(), DbErr> {
    let mut last = 0;
    loop {
        let sql = "SELECT id, flow, version, ended_at, result FROM flow_results WHERE id > ? ORDER BY id LIMIT ?";
        let rows = db.all(sql, args![last, RESULTS]).await.map_err(failed)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut scores = Vec::new();
        for row in &rows {
            let (id, flow, version, ended_at, result) = read(Row::of(row, "flow_results")).map_err(failed)?;
            last = id;
            let result: Value = serde_json::from_str(&result).unwrap_or_default();
            for answer in result["answers"].as_array().into_iter().flatten().filter(|answer| answer["type"] == "score")
            {
                let found = (answer["step"].as_str(), answer["kind"].as_str(), answer["value"].as_i64());
                if let (Some(step), Some(scale), Some(value)) = found {
                    scores.push((id, step.to_owned(), flow.clone(), version, scale.to_owned(), value, ended_at));
                }
            }
        }
        if scores.is_empty() {
            continue;
        }
        let table = Table::new()
            .int("result_id", scores.iter().map(|score| score.0))
            .text("step", scores.iter().map(|score| score.1.as_str()))
            .text("flow", scores.iter().map(|score| score.2.as_str()))
            .int("version", scores.iter().map(|score| score.3))
            .text("scale", scores.iter().map(|score| score.4.as_str()))
            .int("value", scores.iter().map(|score| score.5))
            .int("ended_at", scores.iter().map(|score| score.6));
        let sql = "INSERT INTO flow_scores (result_id, step, flow, version, scale, value, ended_at) \
                   SELECT result_id, step, flow, version, scale, value, ended_at FROM {}";
        db.run(sql, args![table]).await.map_err(failed)?;
    }
}

fn read(mut row: Row<'_>) -> Sql<(i64, String, i64, i64, String)> {
    Ok((row.int()?, row.text()?, row.int()?, row.int()?, row.text()?))
}

fn failed(fault: Fault) -> DbErr {
    match fault {
        Fault::Database(error) => error,
        Fault::Impossible(place) => DbErr::Migration(format!("the store holds an impossible value in `{place}`")),
        Fault::Command(error) => DbErr::Migration(error.to_string()),
    }
}

fn statements(dialect: Dialect) -> Vec<String> {
    let (key, clustered) = (dialect.counted_key(), dialect.clustered());
    vec![
        // `message_id`: what they said, where they said something.
        format!(
            "CREATE TABLE staff_actions (
                id {key},
                contact_id BIGINT NOT NULL,
                sender TEXT NOT NULL,
                act TEXT NOT NULL,
                by_whom TEXT NOT NULL,
                message_id BIGINT,
                at BIGINT NOT NULL)"
        ),
        "CREATE INDEX staff_actions_of_contact ON staff_actions (contact_id, id)".to_owned(),
        "CREATE UNIQUE INDEX staff_actions_of_message ON staff_actions (message_id) WHERE message_id IS NOT NULL"
            .to_owned(),
        // What a result says of the scales, so that figures are counted by an index and no answer is read for them.
        format!(
            "CREATE TABLE flow_scores (
                result_id BIGINT NOT NULL,
                step TEXT NOT NULL,
                flow TEXT NOT NULL,
                version BIGINT NOT NULL,
                scale TEXT NOT NULL,
                value BIGINT NOT NULL,
                ended_at BIGINT NOT NULL,
                PRIMARY KEY (result_id, step)){clustered}"
        ),
        "CREATE INDEX flow_scores_of_flow ON flow_scores (flow, ended_at, version, step, scale, value)".to_owned(),
        "CREATE INDEX flow_results_by_time ON flow_results (flow, ended_at, version, state)".to_owned(),
    ]
}
