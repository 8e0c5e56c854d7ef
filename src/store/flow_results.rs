//! What came of conversations: written where they end, read one by one, and counted by indexes.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::DatabaseTransaction;

use super::SqlStore;
use super::encode::{self, millis};
use super::journal::{limited, page};
use super::sql::{Arg, Db, Sql, Table, args};
use crate::domain::flow::{FlowCounts, FlowResult, ResultState, Scale};
use crate::domain::ids::ContactId;
use crate::ports::{FlowResults, KeptResult, Page, ResultFilter, Stored};

/// Adds results of one person's conversations, and what they say of the scales.
pub(super) async fn add(
    db: &Db<'_, DatabaseTransaction>,
    contact: ContactId,
    results: &[FlowResult],
    now: Timestamp,
) -> Sql<()> {
    if results.is_empty() {
        return Ok(());
    }
    let ids = db.fresh_ids("flow_results", results.len()).await?;
    let ended_at = |result: &FlowResult| millis(result.ended_at.unwrap_or(now));
    let text = |result: &FlowResult| {
        encode::storable(serde_json::to_string(result).expect("texts, numbers and times are always JSON"))
    };
    let table = Table::new()
        .int("id", ids.iter().copied())
        .int("contact_id", results.iter().map(|_| contact.number()))
        .text("flow", results.iter().map(|result| result.flow.as_str()))
        .int("version", results.iter().map(|result| i64::from(result.version)))
        .text("state", results.iter().map(|result| result.state.map_or("", ResultState::name)))
        .text("result", results.iter().map(text))
        .int("ended_at", results.iter().map(ended_at));
    let sql = "INSERT INTO flow_results (id, contact_id, flow, version, state, result, ended_at) \
               SELECT id, contact_id, flow, version, state, result, ended_at FROM {}";
    db.run(sql, args![table]).await?;
    let scores: Vec<_> = ids
        .iter()
        .zip(results)
        .flat_map(|(id, result)| {
            result.answers.iter().filter_map(move |answer| Some((*id, result, answer, answer.score()?)))
        })
        .collect();
    if scores.is_empty() {
        return Ok(());
    }
    let table = Table::new()
        .int("result_id", scores.iter().map(|(id, ..)| *id))
        .text("step", scores.iter().map(|(_, _, answer, _)| answer.step.as_str()))
        .text("flow", scores.iter().map(|(_, result, ..)| result.flow.as_str()))
        .int("version", scores.iter().map(|(_, result, ..)| i64::from(result.version)))
        .text("scale", scores.iter().map(|(.., score)| score.scale.name()))
        .int("value", scores.iter().map(|(.., score)| i64::from(score.value)))
        .int("ended_at", scores.iter().map(|(_, result, ..)| ended_at(result)));
    let sql = "INSERT INTO flow_scores (result_id, step, flow, version, scale, value, ended_at) \
               SELECT result_id, step, flow, version, scale, value, ended_at FROM {}";
    db.run(sql, args![table]).await.map(drop)
}

/// Flow and time as conditions on the table, and their values.
fn conditions(filter: &ResultFilter) -> (&'static str, Vec<Arg>) {
    let since = filter.since.map_or(i64::MIN, millis);
    let until = filter.until.map_or(i64::MAX, millis);
    ("flow = ? AND ended_at >= ? AND ended_at < ?", args![filter.flow.as_str(), since, until])
}

#[async_trait]
impl FlowResults for SqlStore {
    async fn flow_results(&self, filter: &ResultFilter, before: Option<i64>, limit: u64) -> Stored<Page<KeptResult>> {
        let (conditions, mut values) = conditions(filter);
        let mut conditions = format!("{conditions} AND r.id < ?");
        values.extend(args![before.unwrap_or(i64::MAX)]);
        if let Some(state) = filter.state {
            conditions.push_str(" AND state = ?");
            values.extend(args![state.name()]);
        }
        values.extend(args![limited(limit)]);
        let sql = format!(
            "SELECT r.id, r.contact_id, c.phone, r.result FROM flow_results r JOIN contacts c ON c.id = r.contact_id \
             WHERE {conditions} ORDER BY r.id DESC LIMIT ?"
        );
        let rows = self.read(&sql, values).await?;
        let items = self.rows(&rows, "flow_results", |row| {
            Ok(KeptResult {
                id: row.int()?,
                contact: ContactId::new(row.int()?),
                phone: row.opt_text()?,
                result: row.parsed(|text| serde_json::from_str(text).ok())?,
            })
        })?;
        Ok(page(items, limit, |kept| kept.id))
    }

    async fn flow_counts(&self, filter: &ResultFilter) -> Stored<FlowCounts> {
        let (conditions, values) = conditions(filter);
        let sql = format!(
            "SELECT version, state, COUNT(*) FROM flow_results WHERE {conditions} GROUP BY version, state \
             ORDER BY version, state"
        );
        let rows = self.read(&sql, values).await?;
        let ended =
            self.rows(&rows, "flow_results", |row| Ok((row.small()?, row.parsed(ResultState::named)?, row.small()?)))?;
        let (_, values) = self::conditions(filter);
        let sql = format!(
            "SELECT version, step, scale, value, COUNT(*) FROM flow_scores WHERE {conditions} \
             GROUP BY version, step, scale, value ORDER BY version, step, scale, value"
        );
        let rows = self.read(&sql, values).await?;
        let scale = |text: &str| Scale::ALL.into_iter().find(|scale| scale.name() == text);
        let chosen = self.rows(&rows, "flow_scores", |row| {
            let (version, step) = (row.small()?, row.parsed(|text| text.parse().ok())?);
            Ok((version, step, row.parsed(scale)?, row.small()?, row.small()?))
        })?;
        Ok(FlowCounts { ended, chosen })
    }
}
