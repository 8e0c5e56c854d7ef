//! The shape of the store over time. An applied migration is never edited: a change is a new file at the end of the list.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::store::dialect::Dialect;

mod m0001_begin;
mod m0002_never_lost;
mod m0003_sources;
mod m0004_suspensions;
mod m0005_campaigns;
mod m0006_news;
mod m0007_conversation;
mod m0008_hooks;
mod m0009_staff;
mod m0010_media;
mod m0011_erasure;
mod m0012_consent_requests;
mod m0013_standing_jobs;
mod m0014_pricing;
mod m0015_reports;
mod m0016_tiers;
mod m0017_templates;
mod m0018_took_over;

/// The statements of a migration, in the words of a database.
type Statements = fn(Dialect) -> Vec<String>;

/// A migration that is statements and nothing else.
struct Step(&'static str, Statements);

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, self.1).await.map(drop)
    }
}

/// Runs the statements; answers which database they were for.
async fn run(manager: &SchemaManager<'_>, statements: Statements) -> Result<Dialect, DbErr> {
    let dialect = match manager.get_database_backend() {
        DbBackend::Postgres => Dialect::Postgres,
        _ => Dialect::Sqlite,
    };
    for statement in statements(dialect) {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(dialect)
}

pub(super) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Step("m0001_begin", m0001_begin::statements)),
            Box::new(Step("m0002_never_lost", m0002_never_lost::statements)),
            Box::new(Step("m0003_sources", m0003_sources::statements)),
            Box::new(Step("m0004_suspensions", m0004_suspensions::statements)),
            Box::new(Step("m0005_campaigns", m0005_campaigns::statements)),
            Box::new(Step("m0006_news", m0006_news::statements)),
            Box::new(Step("m0007_conversation", m0007_conversation::statements)),
            Box::new(Step("m0008_hooks", m0008_hooks::statements)),
            Box::new(m0009_staff::Staff),
            Box::new(Step("m0010_media", m0010_media::statements)),
            Box::new(Step("m0011_erasure", m0011_erasure::statements)),
            Box::new(Step("m0012_consent_requests", m0012_consent_requests::statements)),
            Box::new(Step("m0013_standing_jobs", m0013_standing_jobs::statements)),
            Box::new(Step("m0014_pricing", m0014_pricing::statements)),
            Box::new(Step("m0015_reports", m0015_reports::statements)),
            Box::new(Step("m0016_tiers", m0016_tiers::statements)),
            Box::new(Step("m0017_templates", m0017_templates::statements)),
            Box::new(Step("m0018_took_over", m0018_took_over::statements)),
        ]
    }
}
