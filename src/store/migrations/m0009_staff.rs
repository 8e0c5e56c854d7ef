//! What staff did in conversations, and what was chosen on the scales of flows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::store::dialect::Dialect;

pub(super) struct Staff;

impl MigrationName for Staff {
    fn name(&self) -> &'static str {
        "m0009_staff"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Staff {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = match manager.get_database_backend() {
            DbBackend::Postgres => Dialect::Postgres,
            _ => Dialect::Sqlite,
        };
        for statement in statements(dialect) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
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
        dialect.scores_of_results().to_owned(),
    ]
}
