//! How a campaign's newest run stands, in the shape of the API.

use crate::cli::exit::{Ended, Exit, OrExit as _};
use crate::cli::installation::Installation;
use crate::daemon::summary;
use crate::domain::ids::CampaignName;
use crate::domain::run::Run;
use crate::http::CampaignSummary;
use crate::ports::{RunCount, Runs as _};
use crate::store::SqlStore;

/// What the store knows of the newest run.
pub(super) struct Newest {
    pub(super) run: Option<Run>,
    pub(super) counts: Vec<RunCount>,
    pub(super) standing: CampaignSummary,
}

pub(super) async fn newest(store: &SqlStore, name: &CampaignName, installation: &Installation) -> Ended<Newest> {
    let currency = installation.config.pricing.template.currency;
    let run = store.newest(name).await.or_exit(Exit::Unavailable)?;
    let counts = match &run {
        Some(run) => store.counts(run.id).await.or_exit(Exit::Unavailable)?,
        None => Vec::new(),
    };
    let standing = summary::of(store, name, run.as_ref(), currency).await.or_exit(Exit::Unavailable)?;
    Ok(Newest { run, counts, standing })
}
