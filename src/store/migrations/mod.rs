//! The shape of the store over time. An applied migration is never edited: a change is a new file at the end of the list.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

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
mod m0015_templates;

pub(super) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_begin::Begin),
            Box::new(m0002_never_lost::NeverLost),
            Box::new(m0003_sources::Sources),
            Box::new(m0004_suspensions::WhoSuspended),
            Box::new(m0005_campaigns::Campaigns),
            Box::new(m0006_news::PeopleChange),
            Box::new(m0007_conversation::Conversation),
            Box::new(m0008_hooks::Hooks),
            Box::new(m0009_staff::Staff),
            Box::new(m0010_media::Media),
            Box::new(m0011_erasure::Erasure),
            Box::new(m0012_consent_requests::ConsentRequests),
            Box::new(m0013_standing_jobs::StandingJobs),
            Box::new(m0014_pricing::Pricing),
            Box::new(m0015_templates::Templates),
        ]
    }
}
