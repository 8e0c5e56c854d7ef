//! Who brought a callback body, over which channel feedback came, and the key of links that come back to us.

use sea_orm_migration::prelude::*;

pub(super) struct Sources;

impl MigrationName for Sources {
    fn name(&self) -> &'static str {
        "m0003_sources"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sources {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

const STATEMENTS: [&str; 2] = [
    "ALTER TABLE journal ADD COLUMN source TEXT NOT NULL DEFAULT 'meta'",
    "ALTER TABLE feedback ADD COLUMN channel TEXT NOT NULL DEFAULT 'whatsapp'",
];
